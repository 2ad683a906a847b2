// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/ladder.h"

#include <algorithm>
#include <utility>

namespace librr {
namespace {

// A page costs about a microsecond to keep, 50 steps' time; checkpoints may
// take a thirtieth of a replay's.
constexpr uint64_t kStepsPerPage = 1'500;

}  // namespace

Ladder::Start Ladder::AtOrBefore(Position position) const {
  const std::optional<size_t> stored = loader_.AtOrBefore(position);
  const std::lock_guard lock(mutex_);
  std::shared_ptr<const Checkpoint> kept = set_.AtOrBefore(position);
  if (stored.has_value()) {
    const Position there = loader_.position(*stored);
    if (there > kept->position && there - kept->position > kLoadSteps) {
      return {there, nullptr, *stored};
    }
  }
  const Position there = kept->position;
  return {there, std::move(kept)};
}

void Ladder::Discard(const Start& start) {
  loader_.Discard(start.stored);
  const std::lock_guard lock(mutex_);
  ++discarded_;
}

Position Ladder::NextStop(Position here, Position goal, bool with_rungs) const {
  const std::lock_guard lock(mutex_);
  const Position next = NextOfGrid(here);
  return with_rungs ? std::min(next, NextRung(here, goal)) : next;
}

// A spacing beyond the last checkpoint before there.
Position Ladder::NextOfGrid(Position here) const {
  Position next = here + spacing_;
  while (true) {
    // There may be others on the way.
    const std::shared_ptr<const Checkpoint> last = set_.AtOrBefore(next);
    if (last == nullptr || last->position + spacing_ <= next) {
      // The last one may be far behind; but not one at each step then.
      const Position due = last == nullptr ? next : last->position + spacing_;
      return std::max(due, here + spacing_ / 4);
    }
    next = last->position + spacing_;
  }
}

Position Ladder::NextRung(Position here, Position goal) const {
  for (uint64_t distance = kLastRung; distance >= kFirstRung;
       distance /= kRungFactor) {
    if (goal.value() < distance || goal.value() - distance <= here.value())
      continue;
    const Position rung(goal.value() - distance);
    // One that is nearly there will do.
    if (set_.AtOrBefore(rung)->position + distance / kRungFactor >= rung)
      continue;
    return rung;
  }
  return goal;
}

void Ladder::SetCursor(Position cursor) {
  const std::lock_guard lock(mutex_);
  cursor_ = cursor;
}

void Ladder::Take(MachineImage& image) {
  std::shared_ptr<const Checkpoint> checkpoint = image.Capture();
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<const Checkpoint> last =
      set_.AtOrBefore(checkpoint->position);
  if (last == nullptr || checkpoint->position - last->position >= spacing_) {
    spacing_ = std::clamp(image.copied_pages() * kStepsPerPage, kMinSpacing,
                          kMaxSpacing);
    // More than will fit would be taken in vain.
    if (set_.bytes() > set_.budget() / 2) {
      spacing_ = std::max(spacing_, end_.value() / (2 * set_.count()));
    }
  }
  Add(std::move(checkpoint));
}

void Ladder::Keep(MachineImage& image) {
  std::shared_ptr<const Checkpoint> checkpoint = image.Capture();
  const std::lock_guard lock(mutex_);
  Add(std::move(checkpoint));
}

void Ladder::Add(std::shared_ptr<const Checkpoint> checkpoint) {
  // What can be loaded again goes first.
  if (set_.bytes() > set_.budget() - set_.budget() / 8) loader_.ForgetPages();
  set_.Add(std::move(checkpoint), cursor_);
}

void Ladder::Fill(CheckpointStatistics* statistics) const {
  const std::lock_guard lock(mutex_);
  statistics->count = set_.count();
  statistics->bytes = set_.bytes();
  statistics->discarded = discarded_;
}

}  // namespace librr
