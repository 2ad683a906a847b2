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
#include "librr/units.h"

namespace librr {

class Ladder {
 public:
  // `end` is the recording's.
  Ladder(uint64_t budget_bytes, Position end)
      : end_(end), set_(&store_, budget_bytes) {}

  PageStore* store() { return &store_; }

  // Never nullptr once one was taken at the recording's begin.
  std::shared_ptr<const Checkpoint> AtOrBefore(Position position) const;

  // Where a machine that is at `here` and goes to `goal` shall take its next
  // checkpoint; `goal` or beyond if nowhere.
  Position NextStop(Position here, Position goal, bool with_rungs) const;

  void Take(MachineImage& image);

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

  const Position end_;
  PageStore store_;
  mutable std::mutex mutex_;
  CheckpointSet set_ ABSL_GUARDED_BY(mutex_);
  Position cursor_ ABSL_GUARDED_BY(mutex_);
  uint64_t spacing_ ABSL_GUARDED_BY(mutex_) = kMinSpacing;

  static constexpr uint64_t kMinSpacing = 2'000'000;
  static constexpr uint64_t kMaxSpacing = 256'000'000;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_LADDER_H_
