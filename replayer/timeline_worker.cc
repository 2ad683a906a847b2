// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/timeline_worker.h"

#include <algorithm>
#include <utility>

#include "librr-core/base/status_macros.h"

namespace librr {

absl::StatusOr<std::unique_ptr<TimelineWorker>> TimelineWorker::Create(
    const TraceReader* trace, const MachineFactory& factory, Ladder* ladder,
    const Options& options) {
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Machine> machine,
                         factory(options.engine));
  const TraceHeader& header = trace->info().header;
  if (machine->memory_bytes() != header.memory_bytes ||
      machine->vcpu_count() != static_cast<int>(header.vcpus)) {
    return absl::FailedPreconditionError(
        "the machine differs from the recorded one in memory or vCPUs");
  }
  if (!machine->has_pages()) {
    return absl::FailedPreconditionError(
        "this kind of machine cannot be put back to a checkpoint");
  }
  return std::unique_ptr<TimelineWorker>(
      new TimelineWorker(trace, std::move(machine), ladder, options));
}

TimelineWorker::TimelineWorker(const TraceReader* trace,
                               std::unique_ptr<Machine> machine, Ladder* ladder,
                               const Options& options)
    : ladder_(ladder),
      stop_(options.stop),
      only_scans_(options.only_scans),
      machine_(std::move(machine)),
      image_(machine_.get(), ladder->store()),
      player_(trace, machine_.get(), options.stop, options.check) {}

absl::Status TimelineWorker::Restore(Ladder::Start start) {
  ++restores_;
  while (start.kept == nullptr) {
    const absl::Status status = RestoreStored(start);
    if (status.ok() || absl::IsCancelled(status)) return status;
    ladder_->Discard(start);
    start = ladder_->AtOrBefore(start.position);
  }
  return RestoreKept(*start.kept);
}

absl::Status TimelineWorker::RestoreStored(const Ladder::Start& start) {
  LIBRR_ASSIGN_OR_RETURN(const LoadedCheckpoint loaded,
                         ladder_->Load(start, *stop_));
  LIBRR_RETURN_IF_ERROR(RestoreImage(loaded.checkpoint));
  if (machine_->position() != loaded.checkpoint.position ||
      machine_->time() != loaded.checkpoint.time ||
      machine_->ComputeDigest() != loaded.digest) {
    return absl::DataLossError("a checkpoint is not what it says");
  }
  player_.MachineWasRestored(loaded.event_count);
  LIBRR_RETURN_IF_ERROR(player_.Complete().status());
  ladder_->Keep(image_);
  return absl::OkStatus();
}

absl::Status TimelineWorker::RestoreKept(const Checkpoint& checkpoint) {
  LIBRR_RETURN_IF_ERROR(RestoreImage(checkpoint));
  player_.MachineWasRestored();
  return absl::OkStatus();
}

absl::StatusOr<PlayResult> TimelineWorker::Advance(Position goal,
                                                   const Move& move) {
  while (true) {
    const Position here = machine_->position();
    const Position checkpoint = ladder_->NextStop(here, goal, move.with_rungs);
    const bool last = checkpoint >= goal;
    LIBRR_ASSIGN_OR_RETURN(
        PlayResult result,
        player_.RunTo(last ? goal : checkpoint, move.skip_breakpoints_at));
    replayed_steps_ += machine_->position() - here;
    if (last || result.kind != PlayResult::Kind::kArrived) return result;
    TakeCheckpoint();
  }
}

absl::StatusOr<IntervalHits> TimelineWorker::Scan(
    const Ladder::Start& from, Position to, const StopConditions& conditions) {
  IntervalHits found;
  found.from = from.position;
  LIBRR_RETURN_IF_ERROR(machine_->SetStopConditions({}));
  if (absl::Status status = Restore(from); absl::IsCancelled(status)) {
    found.interrupted = true;
    return found;
  } else if (!status.ok()) {
    return status;
  }
  if (machine_->position() < from.position) {
    LIBRR_ASSIGN_OR_RETURN(const PlayResult result, Advance(from.position, {}));
    if (result.kind == PlayResult::Kind::kInterrupted) {
      found.interrupted = true;
      LIBRR_RETURN_IF_ERROR(player_.Complete().status());
      return found;
    }
  }
  LIBRR_RETURN_IF_ERROR(machine_->SetStopConditions(conditions));
  Move move;
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(PlayResult result, Advance(to, move));
    if (result.kind == PlayResult::Kind::kArrived) break;
    if (result.kind == PlayResult::Kind::kInterrupted) {
      found.interrupted = true;
      LIBRR_RETURN_IF_ERROR(player_.Complete().status());
      break;
    }
    for (StopHit& hit : result.hits) {
      if (hit.kind == StopHit::Kind::kBreakpoint)
        move.skip_breakpoints_at = hit.position;
      found.hits.push_back(std::move(hit));
    }
    // At the trace's end the machine may idle with its last hits for ever.
    if (machine_->position() == to) break;
    while (found.hits.size() > IntervalHits::kMaxHits) {
      // All of one step go together.
      const Position dropped = found.hits.front().position;
      while (!found.hits.empty() && found.hits.front().position == dropped)
        found.hits.pop_front();
      found.from = dropped + 1;
    }
  }
  LIBRR_RETURN_IF_ERROR(machine_->SetStopConditions({}));
  return found;
}

}  // namespace librr
