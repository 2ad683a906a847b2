// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/machine.h"

namespace librr {

std::string_view EndReasonName(EndReason reason) {
  switch (reason) {
    case EndReason::kNone:
      return "none";
    case EndReason::kPowerOff:
      return "poweroff";
    case EndReason::kReset:
      return "reset";
    case EndReason::kHalt:
      return "halt";
    case EndReason::kIdle:
      return "idle";
    case EndReason::kExit:
      return "exit";
    case EndReason::kTripleFault:
      return "triple_fault";
    case EndReason::kUnsupported:
      return "unsupported";
    case EndReason::kStopped:
      return "stopped";
    case EndReason::kLimit:
      return "limit";
    case EndReason::kTruncated:
      return "truncated";
  }
  return "unknown";  // a value from a file of a later version
}

}  // namespace librr
