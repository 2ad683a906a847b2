// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/step_search.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"
#include "replayer/state_difference.h"

namespace librr {
namespace {

constexpr uint64_t kParts = 64;

// A machine that cannot follow the trace any further is a difference, not an
// error.
absl::StatusOr<bool> CanSeek(Replayer& replayer, Position position) {
  const absl::Status status = replayer.SeekTo(position);
  if (absl::IsAborted(status)) return false;
  LIBRR_RETURN_IF_ERROR(status);
  return true;
}

std::vector<std::string> NextInstructions(const Machine& machine) {
  std::vector<std::string> instructions;
  for (int vcpu = 0; vcpu < machine.vcpu_count(); ++vcpu) {
    instructions.push_back(DescribeNextInstruction(machine, vcpu));
  }
  return instructions;
}

}  // namespace

StepSearch::StepSearch(const TraceReader* trace, const MachineFactory& factory,
                       const ReplayOptions& first, const ReplayOptions& second)
    : trace_(trace),
      factory_(factory),
      first_options_(first),
      second_options_(second) {
  first_options_.check = false;
  second_options_.check = false;
}

absl::StatusOr<bool> StepSearch::AgreeAt(Position position) {
  LIBRR_ASSIGN_OR_RETURN(const bool first_came, CanSeek(*first_, position));
  LIBRR_ASSIGN_OR_RETURN(const bool second_came, CanSeek(*second_, position));
  if (!first_came || !second_came) return false;
  return first_->machine().time() == second_->machine().time() &&
         first_->machine().ComputeDigest() ==
             second_->machine().ComputeDigest();
}

absl::StatusOr<bool> StepSearch::Narrow() {
  first_.reset();  // before the memory of the next ones is needed
  second_.reset();
  LIBRR_ASSIGN_OR_RETURN(first_,
                         Replayer::Create(trace_, factory_, first_options_));
  LIBRR_ASSIGN_OR_RETURN(second_,
                         Replayer::Create(trace_, factory_, second_options_));
  LIBRR_ASSIGN_OR_RETURN(const bool agree, AgreeAt(good_));
  if (!agree) return false;
  const Position begin = good_;
  Position last = begin;
  const uint64_t length = bad_ - begin;
  const uint64_t parts = std::min(kParts, length);
  for (uint64_t part = 1; part <= parts; ++part) {
    const uint64_t offset =
        length / parts * part + length % parts * part / parts;
    const Position position = begin + offset;
    DifferingStep step;
    step.position = last;
    const bool single_step = position - last == 1;
    if (single_step) step.instructions = NextInstructions(first_->machine());
    LIBRR_ASSIGN_OR_RETURN(const bool still_agree, AgreeAt(position));
    if (still_agree) {
      last = position;
      continue;
    }
    good_ = last;
    bad_ = position;
    if (single_step) {
      step.after = CompareMachines(first_->machine(), second_->machine());
      step_ = std::move(step);
    }
    return true;
  }
  return false;
}

absl::Status StepSearch::Search(Position good, Position bad) {
  good_ = good;
  bad_ = bad;
  while (bad_ > good_ && !step_.has_value()) {
    LIBRR_ASSIGN_OR_RETURN(const bool found, Narrow());
    if (!found) break;
  }
  return absl::OkStatus();
}

}  // namespace librr
