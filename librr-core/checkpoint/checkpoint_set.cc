// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/checkpoint_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace librr {
namespace {

// Farther from the cursor than this all distances count alike.
constexpr uint64_t kFar = uint64_t{1} << 26;
// Nearer than this too.
constexpr uint64_t kNear = 512;

uint64_t BytesOf(const Checkpoint& checkpoint) {
  return sizeof(checkpoint) + checkpoint.state.size();
}

uint64_t Distance(Position a, Position b) { return a < b ? b - a : a - b; }

}  // namespace

void CheckpointSet::Add(std::shared_ptr<const Checkpoint> checkpoint,
                        Position cursor) {
  std::shared_ptr<const Checkpoint>& slot = checkpoints_[checkpoint->position];
  if (slot != nullptr) state_bytes_ -= BytesOf(*slot);
  state_bytes_ += BytesOf(*checkpoint);
  slot = std::move(checkpoint);
  if (bytes() > budget_ || count() > kMaxCount) Thin(cursor);
}

// Somewhat below the budget, so that this is not needed at each Add.
void CheckpointSet::Thin(Position cursor) {
  const uint64_t goal = budget_ - budget_ / 16;
  const size_t count_goal = kMaxCount - kMaxCount / 16;
  while (checkpoints_.size() > 1 &&
         (bytes() > goal || checkpoints_.size() > count_goal)) {
    auto victim = checkpoints_.end();
    double least = 0;
    for (auto it = std::next(checkpoints_.begin()); it != checkpoints_.end();
         ++it) {
      const Position before = std::prev(it)->first;
      const auto after = std::next(it);
      // What would have to be replayed without it, for each step of distance.
      const uint64_t gap = after == checkpoints_.end()
                               ? 2 * (it->first - before)
                               : after->first - before;
      const double loss = static_cast<double>(gap) /
                          static_cast<double>(std::clamp(
                              Distance(it->first, cursor), kNear, kFar));
      if (victim != checkpoints_.end() && loss >= least) continue;
      victim = it;
      least = loss;
    }
    state_bytes_ -= BytesOf(*victim->second);
    checkpoints_.erase(victim);
  }
}

std::shared_ptr<const Checkpoint> CheckpointSet::AtOrBefore(
    Position position) const {
  auto it = checkpoints_.upper_bound(position);
  if (it == checkpoints_.begin()) return nullptr;
  return std::prev(it)->second;
}

Position CheckpointSet::FirstAfter(Position position) const {
  const auto it = checkpoints_.upper_bound(position);
  return it == checkpoints_.end() ? Position::Max() : it->first;
}

}  // namespace librr
