// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Decides where checkpoints are taken while a machine executes, so that they
// cost little and the file stays small.
//
// They are evenly spaced as long as that is paid for. A checkpoint costs the
// pages that have changed since the last one; steps earn pages. Some may be
// spent before they are earned: a guest that boots changes many pages in few
// steps and few in the many that follow, and people want to go to both. But
// where many pages change, checkpoints are fewer. When half of what the file
// may hold is used up, the next half of the rest has to last twice as long, and
// so on.
//
//   CheckpointPacer pacer(file_bytes, steps_per_page);
//   if (pacer.IsDue(position, encoder.changed_pages(), used_bytes)) {
//     pacer.Taken(position, encoder.changed_pages(), used_bytes);
//     ... a checkpoint is taken ...
//   }
#ifndef LIBRR_CORE_TRACE_CHECKPOINT_PACER_H_
#define LIBRR_CORE_TRACE_CHECKPOINT_PACER_H_

#include <algorithm>
#include <cstdint>

#include "librr/units.h"

namespace librr {

class CheckpointPacer {
 public:
  // An eighth of a second's worth of steps.
  static constexpr uint64_t kMinSpacing = 26'000'000;
  // A recording whose end is farther than this from the last checkpoint gets
  // one there: that is where people begin.
  static constexpr uint64_t kWorthAnEnd = 5'000'000;
  // Pages that may be spent before they are earned: a quarter of a second's
  // work.
  static constexpr uint64_t kCreditPages = 48 * 1024;

  // A page of a checkpoint is worth so many steps.
  CheckpointPacer(uint64_t file_bytes, uint64_t steps_per_page)
      : file_bytes_(file_bytes), steps_per_page_(steps_per_page) {}

  bool IsDue(Position position, uint64_t pages, uint64_t used_bytes) const {
    return position >= Due(pages, used_bytes);
  }
  // The first position at which one is due if no page is dirtied before.
  Position NextCheck(Position position, uint64_t pages,
                     uint64_t used_bytes) const {
    return std::max(position + 1, Due(pages, used_bytes));
  }
  bool IsEndWorthIt(Position end) const { return end - last_ >= kWorthAnEnd; }
  void Taken(Position position, uint64_t pages, uint64_t used_bytes) {
    last_ = position;
    spent_pages_ = Spent(pages, used_bytes);
  }
  Position last() const { return last_; }

 private:
  // More pages than a machine has, and more steps than any recording.
  static constexpr uint64_t kMostPages = uint64_t{1} << 32;
  static constexpr uint64_t kLongest = uint64_t{1} << 60;
  // How many times faster than they are earned pages may be spent.
  static constexpr uint64_t kHaste = 4;

  Position Due(uint64_t pages, uint64_t used_bytes) const {
    const uint64_t spent = Spent(pages, used_bytes);
    const Position earned(std::min(spent - std::min(spent, kCreditPages),
                                   kLongest / steps_per_page_) *
                          steps_per_page_);
    const uint64_t spacing =
        std::max(kMinSpacing * Scarcity(used_bytes),
                 std::min(pages, kMostPages) * steps_per_page_ / kHaste);
    return std::max(last_ + spacing, earned);
  }

  uint64_t Spent(uint64_t pages, uint64_t used_bytes) const {
    return std::min(
        spent_pages_ + std::min(pages, kMostPages) * Scarcity(used_bytes),
        kLongest);
  }

  // How many times as dear as at the beginning a page is.
  uint64_t Scarcity(uint64_t used_bytes) const {
    constexpr uint64_t kMost = uint64_t{1} << 24;
    uint64_t scarcity = 1;
    uint64_t left = file_bytes_ / 2;
    for (uint64_t used = used_bytes; used > left && scarcity < kMost;
         left /= 2) {
      used -= left;
      scarcity *= 4;
    }
    return scarcity;
  }

  const uint64_t file_bytes_;
  const uint64_t steps_per_page_;
  Position last_;
  uint64_t spent_pages_ = 0;
};

}  // namespace librr

#endif  // LIBRR_CORE_TRACE_CHECKPOINT_PACER_H_
