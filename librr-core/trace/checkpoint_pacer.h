// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Decides where checkpoints are taken while a machine executes, so that they
// cost little and the file stays small.
//
// What a checkpoint costs is the number of pages that were dirtied since the
// last one, so it is put off until enough steps were executed to pay for them.
// When half of what the file may hold is used up, the next half of the rest
// has to last twice as long, and so on.
//
//   CheckpointPacer pacer(file_bytes, steps_per_page);
//   if (pacer.IsDue(position, machine.DirtiedPages(), used_bytes)) {
//     ... pacer.Taken(position, machine.DirtiedPages());
//   }
#ifndef LIBRR_CORE_TRACE_CHECKPOINT_PACER_H_
#define LIBRR_CORE_TRACE_CHECKPOINT_PACER_H_

#include <algorithm>
#include <cstdint>

#include "librr/units.h"

namespace librr {

class CheckpointPacer {
 public:
  static constexpr uint64_t kMinSpacing = 20'000'000;
  // A recording whose end is farther than this from the last checkpoint gets
  // one there.
  static constexpr uint64_t kWorthAnEnd = 20'000'000;

  // A page of a checkpoint is worth so many steps.
  CheckpointPacer(uint64_t file_bytes, uint64_t steps_per_page)
      : file_bytes_(file_bytes), steps_per_page_(steps_per_page) {}

  bool IsDue(Position position, uint64_t dirtied_pages,
             uint64_t used_bytes) const {
    return position - last_ >= Spacing(dirtied_pages, used_bytes);
  }
  // The first position at which one is due if no page is dirtied before.
  Position NextCheck(Position position, uint64_t dirtied_pages,
                     uint64_t used_bytes) const {
    return std::max(position + 1, last_ + Spacing(dirtied_pages, used_bytes));
  }
  bool IsEndWorthIt(Position end) const { return end - last_ >= kWorthAnEnd; }
  void Taken(Position position, uint64_t dirtied_pages) {
    last_ = position;
    last_dirtied_ = dirtied_pages;
  }
  Position last() const { return last_; }

 private:
  uint64_t Spacing(uint64_t dirtied_pages, uint64_t used_bytes) const {
    constexpr uint64_t kLongest = uint64_t{1} << 48;
    uint64_t spacing = std::max(
        kMinSpacing, std::min(dirtied_pages - last_dirtied_, kLongest >> 24) *
                         steps_per_page_);
    uint64_t left = file_bytes_ / 2;
    for (uint64_t used = used_bytes; used > left && spacing < kLongest;
         left /= 2) {
      used -= left;
      spacing *= 2;
    }
    return spacing;
  }

  const uint64_t file_bytes_;
  const uint64_t steps_per_page_;
  Position last_;
  uint64_t last_dirtied_ = 0;
};

}  // namespace librr

#endif  // LIBRR_CORE_TRACE_CHECKPOINT_PACER_H_
