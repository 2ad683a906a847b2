// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Finds the first step after which two ways of replaying one trace differ.
//
// Both are replayed from the start up to a position where they agree, and then
// side by side through the interval, compared at 64 points; the part in which
// they begin to differ is searched in the same way until it is a single step.
// Each level is one replay from the start to there, so an interval of 10^9
// steps takes five.
//
//   StepSearch search(&trace, factory, first_options, second_options);
//   LIBRR_RETURN_IF_ERROR(search.Search(good, bad));
//   if (search.step().has_value()) ...
#ifndef LIBRR_REPLAYER_STEP_SEARCH_H_
#define LIBRR_REPLAYER_STEP_SEARCH_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/replayer.h"
#include "librr/verify.h"

namespace librr {

class StepSearch {
 public:
  StepSearch(const TraceReader* trace, const MachineFactory& factory,
             const ReplayOptions& first, const ReplayOptions& second);

  // The replays are supposed to agree at `good` and to differ at `bad`. Fails
  // only if it was cancelled or the trace or the machine cannot be used.
  absl::Status Search(Position good, Position bad);

  // Where they agree and differ, as close as it was found.
  Position good() const { return good_; }
  Position bad() const { return bad_; }
  // The step between the two, if they are next to each other.
  const std::optional<DifferingStep>& step() const { return step_; }

 private:
  // Whether both are in the same state at `position`.
  absl::StatusOr<bool> AgreeAt(Position position);
  // Narrows the interval once; false if no difference was found in it.
  absl::StatusOr<bool> Narrow();

  const TraceReader* const trace_;
  const MachineFactory& factory_;
  ReplayOptions first_options_;
  ReplayOptions second_options_;
  std::unique_ptr<Replayer> first_;
  std::unique_ptr<Replayer> second_;
  Position good_;
  Position bad_;
  std::optional<DifferingStep> step_;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_STEP_SEARCH_H_
