// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What commands that look into a trace have in common: opening it, reading a
// position from the command line, and going there.
#ifndef LIBRR_TOOLS_TRACE_ARGUMENT_H_
#define LIBRR_TOOLS_TRACE_ARGUMENT_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/replayer.h"
#include "librr/timeline.h"
#include "librr/trace.h"
#include "tools/command_line.h"

namespace librr::tools {

extern const absl::Span<const Option> kReplayOptions;  // --engine, --budget
extern const absl::Span<const Option> kAtOption;

// Errors name the file.
absl::StatusOr<std::unique_ptr<TraceReader>> OpenTraceArgument(
    const std::string& path);

// The machine that the trace holds; errors name the file.
MachineFactory FactoryFor(const TraceReader& trace);

// --engine and --budget.
absl::StatusOr<ReplayOptions> ReplayOptionsFrom(const Arguments& arguments);

// The position that an option names: a number or `end`; nullopt if the option
// was not given. OutOfRange, naming the end, if the trace does not reach so
// far.
absl::StatusOr<std::optional<Position>> PositionOption(
    const Arguments& arguments, std::string_view option,
    const TraceReader& trace);

// Opens the first word's trace, and goes to --at, which has to be given, with a
// progress bar, in the sandbox: from the nearest checkpoint, or with --budget
// from the beginning.
struct OpenedAt {
  std::unique_ptr<TraceReader> trace;
  std::unique_ptr<Timeline> timeline;  // one of the two
  std::unique_ptr<Replayer> replayer;

  Machine& machine() const {
    return timeline != nullptr ? timeline->machine() : replayer->machine();
  }
};
absl::StatusOr<OpenedAt> OpenAtPosition(const Arguments& arguments);

// A replay's error for people: Cancelled and Aborted as they are, else with the
// trace's name.
absl::Status ReplayError(const absl::Status& status, const TraceReader& trace);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_TRACE_ARGUMENT_H_
