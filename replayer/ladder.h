// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where a timeline takes checkpoints, and which it has.
//
// While a recording is replayed a checkpoint is taken every few million steps;
// the spacing follows from what one costs. On the way to a position where a
// person will look around there are further ones, as rungs of a ladder: the
// last is 256 steps before, and each other one four times as far away as the
// next. So a step back is a restore and at most a few hundred steps, and going
// on backwards costs another such ladder now and then.
//
// The trace's own checkpoints are there from the beginning; they are loaded
// when they are needed, and proven by who restores them.
//
// Thread-safe: the machines of a search share it.
#ifndef LIBRR_REPLAYER_LADDER_H_
#define LIBRR_REPLAYER_LADDER_H_

#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "librr-core/checkpoint/checkpoint_set.h"
#include "librr-core/checkpoint/machine_image.h"
#include "librr-core/checkpoint/page_store.h"
#include "librr/timeline.h"
#include "librr/trace.h"
#include "librr/units.h"
#include "replayer/checkpoint_loader.h"

namespace librr {

class Ladder {
 public:
  // Where a machine can begin: a checkpoint in memory, or one of the trace.
  struct Start {
    Position position;
    std::shared_ptr<const Checkpoint> kept;
    size_t stored = 0;  // if `kept` is nullptr
  };

  Ladder(uint64_t budget_bytes, const TraceReader* trace)
      : end_(trace->info().end.position),
        loader_(trace, &store_),
        set_(&store_, budget_bytes) {}

  PageStore* store() { return &store_; }

  // There is one, once one was taken at the recording's begin.
  Start AtOrBefore(Position position) const;

  absl::StatusOr<LoadedCheckpoint> Load(const Start& start,
                                        const std::atomic<bool>& stop) {
    return loader_.Load(start.stored, stop);
  }
  // The trace's checkpoint has turned out to be damaged.
  void Discard(const Start& start);

  // Where a machine that is at `here` and goes to `goal` shall take its next
  // checkpoint; `goal` or beyond if nowhere.
  Position NextStop(Position here, Position goal, bool with_rungs) const;

  void Take(MachineImage& image);
  // The same for a checkpoint of the trace that was just restored.
  void Keep(MachineImage& image);

  // Where a person is or is going: there checkpoints are kept densely.
  void SetCursor(Position cursor);

  void Fill(CheckpointStatistics* statistics) const;

 private:
  static constexpr uint64_t kFirstRung = 256;
  static constexpr uint64_t kRungFactor = 4;
  static constexpr uint64_t kLastRung = kFirstRung << 14;

  Position NextOfGrid(Position here) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Position NextRung(Position here, Position goal) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(std::shared_ptr<const Checkpoint> checkpoint)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // What executing so many steps takes, loading a checkpoint takes as well.
  static constexpr uint64_t kLoadSteps = 2'000'000;

  const Position end_;
  PageStore store_;
  CheckpointLoader loader_;
  mutable std::mutex mutex_;
  CheckpointSet set_ ABSL_GUARDED_BY(mutex_);
  Position cursor_ ABSL_GUARDED_BY(mutex_);
  uint64_t discarded_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t spacing_ ABSL_GUARDED_BY(mutex_) = kMinSpacing;

  static constexpr uint64_t kMinSpacing = 2'000'000;
  static constexpr uint64_t kMaxSpacing = 256'000'000;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_LADDER_H_
