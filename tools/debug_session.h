// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What `vmrr serve`, `vmrr gdb` and `vmrr lastwrite` have in common: a
// recording opened as a debug target, at the position that was asked for.
//
//   absl::StatusOr<std::unique_ptr<DebugSession>> session =
//       DebugSession::Open(arguments, "at");
//   (*session)->target()
#ifndef LIBRR_TOOLS_DEBUG_SESSION_H_
#define LIBRR_TOOLS_DEBUG_SESSION_H_

#include <unistd.h>

#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/linux_target.h"
#include "librr/timeline.h"
#include "librr/timeline_target.h"
#include "librr/trace.h"
#include "tools/command_line.h"
#include "tools/progress_bar.h"

namespace librr::tools {

// --checkpoint-memory, --jobs, --engine
extern const absl::Span<const Option> kTimelineOptions;
// --threads, for commands that serve a debugger
extern const absl::Span<const Option> kThreadOption;

// What a long operation shows on a terminal, between `Show` and `Hide`.
class DebugProgress final : public TimelineObserver {
 public:
  void Show(const char* phase) { bar_.emplace(STDERR_FILENO, phase); }
  void Hide() { bar_.reset(); }
  void OnProgress(uint64_t done, uint64_t total) override {
    if (!bar_.has_value()) return;
    bar_->OnProgress(Position(done), VirtualTime(0), Position(total));
  }

 private:
  std::optional<ProgressBar> bar_;
};

class DebugSession {
 public:
  // Opens the first word's trace and goes to the position that an option
  // names, by default to the end. Cancelled if ^C came on the way.
  static absl::StatusOr<std::unique_ptr<DebugSession>> Open(
      const Arguments& arguments, std::string_view position_option);

  const TraceReader& trace() const { return *trace_; }
  Timeline& timeline() { return *timeline_; }
  // Threads are the guest's tasks, unless --threads says otherwise.
  DebugTarget& target() { return *target_; }
  DebugProgress& progress() { return progress_; }

 private:
  DebugSession() = default;

  DebugProgress progress_;
  std::unique_ptr<TraceReader> trace_;
  std::unique_ptr<Timeline> timeline_;
  std::unique_ptr<TimelineTarget> machine_;
  std::unique_ptr<LinuxTarget> target_;
};

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_DEBUG_SESSION_H_
