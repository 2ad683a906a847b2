// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs a machine along a trace from wherever it is put: applies the inputs,
// compares each recorded digest once, and stops for the machine's stop
// conditions.
//
//   TracePlayer player(&trace, machine.get());
//   LIBRR_ASSIGN_OR_RETURN(PlayResult result, player.RunTo(Position(1'000)));
//   ... the machine is restored to a checkpoint ...
//   LIBRR_ASSIGN_OR_RETURN(result, player.RunTo(Position(500)));
//
// At each position there is one complete state: after the idle time and the
// inputs that belong to it, before the next step. `RunTo` always leaves the
// machine in a complete state unless it is interrupted or fails; checkpoints
// are of complete states only. Belongs to the machine's thread.
#ifndef LIBRR_REPLAYER_TIMELINE_PLAYER_H_
#define LIBRR_REPLAYER_TIMELINE_PLAYER_H_

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/machine.h"
#include "librr/stop_condition.h"
#include "librr/trace.h"
#include "librr/units.h"

namespace librr {

struct PlayResult {
  enum class Kind {
    kArrived,
    kCondition,    // `hits` were met; the machine may be before its goal
    kInterrupted,  // RunTo may be called again
  };
  Kind kind = Kind::kArrived;
  std::vector<StopHit> hits;
};

class TracePlayer {
 public:
  // `machine` is new, or at a checkpoint of this trace. Both must outlive the
  // player. `stop` interrupts it once it is set.
  TracePlayer(const TraceReader* trace, Machine* machine,
              const std::atomic<bool>* stop, bool check);

  // Called now and then while a run goes on.
  void SetProgress(std::function<void()> progress) {
    progress_ = std::move(progress);
  }

  // Goes forward to a position, at most the trace's end and not behind the
  // machine. Aborted at a divergence, DataLoss if the trace is damaged.
  absl::StatusOr<PlayResult> RunTo(Position goal, Position skip_breakpoints_at);

  // After an interruption: completes the state at the machine's position,
  // uninterruptibly, and without another step. There may be hits.
  absl::StatusOr<PlayResult> Complete();

  // How many of the trace's events have happened, at least: all that follow
  // belong to later positions. The state is complete.
  absl::StatusOr<uint64_t> AppliedEvents();

  // The machine was restored to a checkpoint.
  void MachineWasRestored() {
    applied_ = machine_->position();
    resume_at_.reset();
  }
  // The same, but what belongs to the position may have to be completed: of the
  // trace's events, `event_count` have happened.
  void MachineWasRestored(uint64_t event_count) {
    applied_.reset();
    resume_at_ = event_count;
  }

 private:
  // The next event to come to: nullptr at the end.
  absl::StatusOr<const Event*> NextEvent();
  absl::Status Apply(const Event& event);
  absl::Status CheckDigest(const Event& event);
  absl::StatusOr<PlayResult> Run(Position goal, bool interruptible);
  absl::StatusOr<PlayResult> RunMachine(Position goal, VirtualTime idle_until,
                                        bool exact_time, bool interruptible);
  absl::Status Diverged(const std::string& what) const;

  const TraceReader* const trace_;
  Machine* const machine_;
  const std::atomic<bool>* const stop_;
  const bool check_;
  std::function<void()> progress_;
  EventCursor events_;
  // Between `gap_begin_` and the event that the cursor stands at there is no
  // other one.
  const Event* event_ = nullptr;
  bool has_event_ = false;
  Position gap_begin_;
  // All events up to here were applied; nullopt: none was.
  std::optional<Position> applied_;
  // The next event is this one, at the machine's position or later.
  std::optional<uint64_t> resume_at_;
  Position skip_breakpoints_at_ = Position::Max();
  absl::flat_hash_set<uint64_t> checked_digests_;  // their positions
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_TIMELINE_PLAYER_H_
