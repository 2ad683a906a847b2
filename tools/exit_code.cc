// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/exit_code.h"

namespace librr::tools {

absl::Status FromInput(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return absl::DataLossError(status.message());
    default:
      return status;
  }
}

absl::Status FromHost(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kInvalidArgument:
      return status;
    default:
      return absl::UnavailableError(status.message());
  }
}

absl::Status FromGuest(const absl::Status& status) {
  return absl::IsNotFound(status) ? absl::AbortedError(status.message())
                                  : status;
}

int ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return kExitFalse;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kNotFound:
      return kExitUse;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return kExitInput;
    default:
      return kExitHost;
  }
}

}  // namespace librr::tools
