// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One machine that moves along a trace: restores checkpoints, replays from
// them, and takes new ones on its way.
//
//   LIBRR_ASSIGN_OR_RETURN(auto worker, TimelineWorker::Create(...));
//   LIBRR_RETURN_IF_ERROR(worker->Restore(ladder.AtOrBefore(position)));
//   LIBRR_ASSIGN_OR_RETURN(PlayResult result, worker->Advance(position, {}));
//
// Belongs to one thread at a time. The ladder and the trace must outlive it.
#ifndef LIBRR_REPLAYER_TIMELINE_WORKER_H_
#define LIBRR_REPLAYER_TIMELINE_WORKER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr-core/checkpoint/machine_image.h"
#include "librr/replayer.h"
#include "librr/stop_condition.h"
#include "librr/trace.h"
#include "replayer/ladder.h"
#include "replayer/timeline_player.h"

namespace librr {

// The hits of an interval, the latest ones if there were too many.
struct IntervalHits {
  static constexpr size_t kMaxHits = 1 << 14;

  bool interrupted = false;  // then the rest says nothing
  Position from;             // none before `from` was kept or looked for
  std::deque<StopHit> hits;  // in order of position
};

class TimelineWorker {
 public:
  struct Options {
    std::string engine;
    bool check = true;
    // Interrupts what is going on.
    const std::atomic<bool>* stop = nullptr;
    // Only scans: an interruption may leave its machine in no state at all.
    bool only_scans = false;
  };

  // Its machine is new: before the inputs of position 0.
  static absl::StatusOr<std::unique_ptr<TimelineWorker>> Create(
      const TraceReader* trace, const MachineFactory& factory, Ladder* ladder,
      const Options& options);

  Machine& machine() { return *machine_; }
  const Machine& machine() const { return *machine_; }
  TracePlayer& player() { return player_; }

  // The machine's stop conditions must be none. If a checkpoint of the trace is
  // damaged, an earlier one is taken. Cancelled if it was interrupted: the
  // machine is as it was, unless it only scans.
  absl::Status Restore(Ladder::Start start);
  void TakeCheckpoint() { ladder_->Take(image_); }

  struct Move {
    // Whether checkpoints are taken as a ladder before the goal.
    bool with_rungs = false;
    Position skip_breakpoints_at = Position::Max();
  };
  // Goes forward to `goal`, or to a stop condition of the machine.
  absl::StatusOr<PlayResult> Advance(Position goal, const Move& move);

  // The hits of the steps from a checkpoint on up to `to`.
  absl::StatusOr<IntervalHits> Scan(const Ladder::Start& from, Position to,
                                    const StopConditions& conditions);

  uint64_t replayed_steps() const { return replayed_steps_; }
  uint64_t restores() const { return restores_; }

 private:
  TimelineWorker(const TraceReader* trace, std::unique_ptr<Machine> machine,
                 Ladder* ladder, const Options& options);

  absl::Status RestoreImage(const Checkpoint& checkpoint) {
    return image_.Restore(checkpoint, only_scans_ ? stop_ : nullptr);
  }
  absl::Status RestoreKept(const Checkpoint& checkpoint);
  absl::Status RestoreStored(const Ladder::Start& start);

  Ladder* const ladder_;
  const std::atomic<bool>* const stop_;
  const bool only_scans_;
  const std::unique_ptr<Machine> machine_;
  MachineImage image_;
  TracePlayer player_;
  std::atomic<uint64_t> replayed_steps_ = 0;
  std::atomic<uint64_t> restores_ = 0;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_TIMELINE_WORKER_H_
