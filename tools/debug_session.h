// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What `vmrr serve` and `vmrr gdb` have in common: a recording opened as a
// debug target, at the position that was asked for.
//
//   absl::StatusOr<std::unique_ptr<DebugSession>> session =
//       DebugSession::Open(arguments);
//   (*session)->target()
#ifndef LIBRR_TOOLS_DEBUG_SESSION_H_
#define LIBRR_TOOLS_DEBUG_SESSION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/timeline.h"
#include "librr/timeline_target.h"
#include "librr/trace.h"
#include "tools/command_line.h"

namespace librr::tools {

// --at (default: end), --checkpoint-memory, --jobs, --engine
extern const absl::Span<const Option> kDebugOptions;

class DebugSession {
 public:
  // Opens the first word's trace and goes to --at, with a progress bar.
  // Cancelled if ^C came on the way.
  static absl::StatusOr<std::unique_ptr<DebugSession>> Open(
      const Arguments& arguments);

  const TraceReader& trace() const { return *trace_; }
  Timeline& timeline() { return *timeline_; }
  TimelineTarget& target() { return *target_; }

 private:
  DebugSession() = default;

  std::unique_ptr<TraceReader> trace_;
  std::unique_ptr<Timeline> timeline_;
  std::unique_ptr<TimelineTarget> target_;
};

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_DEBUG_SESSION_H_
