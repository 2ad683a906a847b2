// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The checkpoints of a recording, within a budget of memory.
//
//   CheckpointSet set(&store, options.checkpoint_memory);
//   set.Add(image.Capture(), cursor);
//   std::shared_ptr<const Checkpoint> nearest = set.AtOrBefore(position);
//
// When the budget is used up, checkpoints go where they are missed least: far
// from the cursor the rest are spaced evenly, and towards it ever more densely.
// The first one, of the recording's begin, always stays. Belongs to one thread.
#ifndef LIBRR_CORE_CHECKPOINT_CHECKPOINT_SET_H_
#define LIBRR_CORE_CHECKPOINT_CHECKPOINT_SET_H_

#include <cstdint>
#include <map>
#include <memory>

#include "librr-core/checkpoint/machine_image.h"
#include "librr-core/checkpoint/page_store.h"
#include "librr/units.h"

namespace librr {

class CheckpointSet {
 public:
  // More would not fit in a list that is searched at each eviction.
  static constexpr size_t kMaxCount = 4096;

  // Counts all of the store's memory as its own. The store must outlive it.
  CheckpointSet(const PageStore* store, uint64_t budget_bytes)
      : store_(store), budget_(budget_bytes) {}

  // Replaces one at the same position. `cursor` is where the person is.
  void Add(std::shared_ptr<const Checkpoint> checkpoint, Position cursor);
  // nullptr if there is none.
  std::shared_ptr<const Checkpoint> AtOrBefore(Position position) const;
  // Position::Max() if there is none.
  Position FirstAfter(Position position) const;

  size_t count() const { return checkpoints_.size(); }
  uint64_t bytes() const { return store_->bytes() + state_bytes_; }
  uint64_t budget() const { return budget_; }

 private:
  void Thin(Position cursor);

  const PageStore* const store_;
  const uint64_t budget_;
  uint64_t state_bytes_ = 0;
  std::map<Position, std::shared_ptr<const Checkpoint>> checkpoints_;
};

}  // namespace librr

#endif  // LIBRR_CORE_CHECKPOINT_CHECKPOINT_SET_H_
