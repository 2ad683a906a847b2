// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a debugger's commands look for in a trace's log.
//
//   LIBRR_ASSIGN_OR_RETURN(Position position,
//                          FindConsoleOutput(trace, "login:"));
//
// Functions without state. DataLoss if the trace is damaged.
#ifndef LIBRR_DEBUGSTUB_TRACE_SEARCH_H_
#define LIBRR_DEBUGSTUB_TRACE_SEARCH_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/debug_target.h"
#include "librr/trace.h"

namespace librr {

absl::StatusOr<std::vector<TargetMark>> RecordedMarks(const TraceReader& trace);

// Where the console has first printed `text` to its end. NotFound.
absl::StatusOr<Position> FindConsoleOutput(const TraceReader& trace,
                                           std::string_view text);

// Positions between which the guest's clock passes `time`. OutOfRange.
absl::StatusOr<std::pair<Position, Position>> EventsAround(
    const TraceReader& trace, VirtualTime time);

// Inputs, outputs and marks in [from, to], a line each, at most `max`.
absl::StatusOr<std::vector<std::string>> EventLines(const TraceReader& trace,
                                                    Position from, Position to,
                                                    size_t max);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_TRACE_SEARCH_H_
