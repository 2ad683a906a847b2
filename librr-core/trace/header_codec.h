// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The trace header and the end record, as bytes and back. Both are protobuf
// messages (trace_header.proto); what is read is checked against the format's
// limits, so that the rest of librr may rely on them.
#ifndef LIBRR_CORE_TRACE_HEADER_CODEC_H_
#define LIBRR_CORE_TRACE_HEADER_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/trace.h"

namespace librr::trace {

// InvalidArgument, naming the field, if a limit of the format is broken.
absl::Status CheckHeader(const TraceHeader& header);

// `header` must pass `CheckHeader`.
std::string EncodeHeader(const TraceHeader& header);
// DataLoss if malformed; FailedPrecondition, naming it, if the trace needs a
// feature that this build lacks. Messages have no file name.
absl::StatusOr<TraceHeader> DecodeHeader(std::string_view bytes);

std::string EncodeEnd(const EndRecord& end);
// DataLoss if malformed.
absl::StatusOr<EndRecord> DecodeEnd(std::string_view bytes, uint32_t vcpus);

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_HEADER_CODEC_H_
