// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/timeline_player.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// How soon an interruption is seen: at 50 million steps a second, 200 times a
// second.
constexpr uint64_t kSliceSteps = uint64_t{1} << 18;

}  // namespace

TracePlayer::TracePlayer(const TraceReader* trace, Machine* machine,
                         const std::atomic<bool>* stop, bool check)
    : trace_(trace),
      machine_(machine),
      stop_(stop),
      check_(check),
      events_(
          trace->Events({.kinds = {EventKind::kInput, EventKind::kDigest}})) {}

absl::StatusOr<PlayResult> TracePlayer::RunTo(Position goal,
                                              Position skip_breakpoints_at) {
  skip_breakpoints_at_ = skip_breakpoints_at;
  return Run(goal, /*interruptible=*/true);
}

absl::StatusOr<PlayResult> TracePlayer::Complete() {
  return Run(machine_->position(), /*interruptible=*/false);
}

absl::StatusOr<PlayResult> TracePlayer::Run(Position goal, bool interruptible) {
  std::vector<StopHit> hits;
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(const Event* event, NextEvent());
    const bool to_event = event != nullptr && event->position <= goal;
    const Position next = to_event ? event->position : goal;
    const VirtualTime idle_until =
        event != nullptr ? event->time : trace_->info().end.time;
    LIBRR_ASSIGN_OR_RETURN(
        PlayResult result,
        RunMachine(next, idle_until, to_event, interruptible && hits.empty()));
    if (result.kind == PlayResult::Kind::kInterrupted) return result;
    if (!result.hits.empty() && hits.empty()) {
      // Completes the state at this position, without another step.
      hits = std::move(result.hits);
      goal = machine_->position();
    }
    if (result.kind == PlayResult::Kind::kCondition) continue;
    if (!to_event) break;
    LIBRR_RETURN_IF_ERROR(Apply(*event));
    // More events may follow at the same position.
    gap_begin_ = event->position;
    has_event_ = false;
  }
  applied_ = machine_->position();
  if (hits.empty()) return PlayResult{};
  return PlayResult{PlayResult::Kind::kCondition, std::move(hits)};
}

absl::StatusOr<const Event*> TracePlayer::NextEvent() {
  if (resume_at_.has_value()) {
    LIBRR_RETURN_IF_ERROR(events_.SeekTo(machine_->position()));
    do {
      LIBRR_ASSIGN_OR_RETURN(event_, events_.Next());
    } while (event_ != nullptr && event_->index < *resume_at_);
    has_event_ = true;
    gap_begin_ = machine_->position();
    resume_at_.reset();
  }
  if (applied_.has_value()) {
    // The machine may have been put elsewhere.
    const Position from = *applied_ + 1;
    const bool stands_right = has_event_ && gap_begin_ < from &&
                              (event_ == nullptr || event_->position >= from);
    if (!stands_right) {
      LIBRR_RETURN_IF_ERROR(events_.SeekTo(from));
      LIBRR_ASSIGN_OR_RETURN(event_, events_.Next());
      has_event_ = true;
      gap_begin_ = *applied_;
    }
    applied_.reset();
  }
  if (!has_event_) {
    LIBRR_ASSIGN_OR_RETURN(event_, events_.Next());
    has_event_ = true;
  }
  return event_;
}

absl::StatusOr<uint64_t> TracePlayer::AppliedEvents() {
  LIBRR_ASSIGN_OR_RETURN(const Event* next, NextEvent());
  return next != nullptr ? next->index : trace_->info().event_count;
}

absl::Status TracePlayer::Apply(const Event& event) {
  if (event.kind == EventKind::kDigest) return CheckDigest(event);
  const Input input{static_cast<InputKind>(event.subkind), event.payload};
  const absl::Status applied = machine_->ApplyInput(input);
  if (applied.ok()) return absl::OkStatus();
  return Diverged(
      absl::StrCat("a recorded input is refused: ", applied.message()));
}

absl::Status TracePlayer::CheckDigest(const Event& event) {
  if (!check_) return absl::OkStatus();
  if (!checked_digests_.insert(event.position.value()).second) {
    return absl::OkStatus();
  }
  const std::string difference = FirstDifference(
      *event.digest, machine_->ComputeDigest(), machine_->memory_bytes());
  if (difference.empty()) return absl::OkStatus();
  checked_digests_.erase(event.position.value());
  return Diverged(absl::StrCat(difference, " differs"));
}

absl::StatusOr<PlayResult> TracePlayer::RunMachine(Position goal,
                                                   VirtualTime idle_until,
                                                   bool exact_time,
                                                   bool interruptible) {
  while (true) {
    if (interruptible && stop_->load(std::memory_order_relaxed)) {
      return PlayResult{PlayResult::Kind::kInterrupted, {}};
    }
    const Position here = machine_->position();
    RunLimits limits;
    limits.until = goal - here > kSliceSteps ? here + kSliceSteps : goal;
    limits.idle_until = idle_until;
    limits.skip_breakpoints_at = skip_breakpoints_at_;
    StopState stop = machine_->Run(limits);
    if (progress_) progress_();
    const bool arrived = machine_->position() == goal &&
                         (!exact_time || machine_->time() == idle_until);
    switch (stop.kind) {
      case StopKind::kInterrupted:
        continue;  // by whoever has set `stop_`, or by nobody any more
      case StopKind::kCondition:
        return PlayResult{PlayResult::Kind::kCondition, std::move(stop.hits)};
      case StopKind::kPosition:
        if (machine_->position() < goal) continue;
        break;
      case StopKind::kIdle:
      case StopKind::kEnded:
        break;
    }
    if (arrived) {
      return PlayResult{PlayResult::Kind::kArrived, std::move(stop.hits)};
    }
    return Diverged(absl::StrCat(stop.kind == StopKind::kEnded ? "it has ended"
                                 : stop.kind == StopKind::kIdle
                                     ? "it idles"
                                     : "its clock is another",
                                 " instead of being at position ", goal.value(),
                                 ", ", idle_until.value(), " ns"));
  }
}

absl::Status TracePlayer::Diverged(const std::string& what) const {
  return absl::AbortedError(
      absl::StrCat("the replay diverged from the recording at position ",
                   machine_->position().value(), " (", machine_->time().value(),
                   " ns): ", what, "; `vmrr verify` looks for the cause"));
}

}  // namespace librr
