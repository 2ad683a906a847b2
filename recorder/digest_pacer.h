// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Decides where digests are taken, so that they cost about a hundredth of the
// run and few bytes.
//
// The spacing starts small, so that an early divergence is found in a short
// interval, and doubles with each digest up to a bound. What a digest costs is
// the number of pages that were dirtied since the last one, so it is put off
// until enough steps were executed to pay for them.
//
//   DigestPacer pacer;
//   if (pacer.IsDue(position, machine.DirtiedPages())) {
//     ... pacer.Taken(position, machine.DirtiedPages());
//   }
#ifndef LIBRR_RECORDER_DIGEST_PACER_H_
#define LIBRR_RECORDER_DIGEST_PACER_H_

#include <algorithm>
#include <cstdint>

#include "librr/units.h"

namespace librr {

class DigestPacer {
 public:
  static constexpr uint64_t kFirstSpacing = uint64_t{1} << 20;
  static constexpr uint64_t kMaxSpacing = uint64_t{1} << 27;
  // Hashing a page takes about 0.5 us, a step about 10 ns: a hundred times as
  // long as a page are about 5000 steps.
  static constexpr uint64_t kStepsPerPage = 8192;

  // However many pages are dirtied, an interval is not longer.
  static constexpr uint64_t kLongestSpacing = uint64_t{1} << 30;

  bool IsDue(Position position, uint64_t dirtied_pages) const {
    return position - last_ >= Spacing(dirtied_pages);
  }
  // The first position at which a digest is due if no page is dirtied before.
  Position NextCheck(Position position, uint64_t dirtied_pages) const {
    return std::max(position + 1, last_ + Spacing(dirtied_pages));
  }
  // Whether the pages that were dirtied are paid for.
  bool IsAffordable(Position position, uint64_t dirtied_pages) const {
    return position - last_ >= PageCost(dirtied_pages);
  }
  void Taken(Position position, uint64_t dirtied_pages) {
    last_ = position;
    last_dirtied_ = dirtied_pages;
    if (position > Position(0)) spacing_ = std::min(2 * spacing_, kMaxSpacing);
  }
  Position last() const { return last_; }

 private:
  uint64_t PageCost(uint64_t dirtied_pages) const {
    return std::min((dirtied_pages - last_dirtied_) * kStepsPerPage,
                    kLongestSpacing);
  }
  uint64_t Spacing(uint64_t dirtied_pages) const {
    return std::max(spacing_, PageCost(dirtied_pages));
  }

  uint64_t spacing_ = kFirstSpacing;
  Position last_;
  uint64_t last_dirtied_ = 0;
};

}  // namespace librr

#endif  // LIBRR_RECORDER_DIGEST_PACER_H_
