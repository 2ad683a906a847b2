// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/checkpoint_pacer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace librr {
namespace {

constexpr uint64_t kMillion = 1'000'000;
constexpr uint64_t kStepsPerPage = 50'000;
constexpr uint64_t kPlenty = uint64_t{1} << 40;
constexpr uint64_t kPageBytes = 4096;

// Executes a guest that changes pages, of `working_set` different ones, and
// takes checkpoints as the pacer says.
class PacedGuest {
 public:
  PacedGuest(uint64_t file_bytes, uint64_t working_set)
      : pacer_(file_bytes, kStepsPerPage), working_set_(working_set) {}

  void Execute(uint64_t million_steps, uint64_t pages_per_million) {
    for (uint64_t i = 0; i < million_steps; ++i) {
      here_ = here_ + kMillion;
      changed_ = std::min(changed_ + pages_per_million, working_set_);
      if (!pacer_.IsDue(here_, changed_, bytes_)) continue;
      EXPECT_LE(pacer_.NextCheck(here_, changed_, bytes_), here_ + 1);
      pacer_.Taken(here_, changed_, bytes_);
      bytes_ += changed_ * kPageBytes;
      stored_ += changed_;
      changed_ = 0;
      taken_.push_back(here_);
    }
  }

  const std::vector<Position>& taken() const { return taken_; }
  uint64_t stored_pages() const { return stored_; }
  uint64_t bytes() const { return bytes_; }

 private:
  CheckpointPacer pacer_;
  const uint64_t working_set_;
  Position here_;
  uint64_t changed_ = 0;  // pages, since the last checkpoint
  uint64_t stored_ = 0;   // pages in checkpoints
  uint64_t bytes_ = 0;    // in the file
  std::vector<Position> taken_;
};

TEST(CheckpointPacerTest, CalmGuestsHaveThemEvenlySpaced) {
  PacedGuest guest(kPlenty, 10);
  guest.Execute(2'000, 1);
  ASSERT_EQ(guest.taken().size(),
            2'000 * kMillion / CheckpointPacer::kMinSpacing);
  for (size_t i = 0; i < guest.taken().size(); ++i) {
    EXPECT_EQ(guest.taken()[i],
              Position((i + 1) * CheckpointPacer::kMinSpacing));
  }
}

TEST(CheckpointPacerTest, ABootIsPaidForLater) {
  PacedGuest guest(kPlenty, 100'000);
  guest.Execute(400, 75);
  EXPECT_EQ(guest.taken().size(),
            400 * kMillion / CheckpointPacer::kMinSpacing);
}

TEST(CheckpointPacerTest, PagesCostNoMoreThanWasEarnedAndLent) {
  PacedGuest guest(kPlenty, 1000);
  guest.Execute(10'000, 500);
  EXPECT_LT(guest.stored_pages(),
            CheckpointPacer::kCreditPages + 10'000 * kMillion / kStepsPerPage);
  // But what was earned is spent.
  EXPECT_GT(guest.stored_pages(), 9'000 * kMillion / kStepsPerPage);
}

TEST(CheckpointPacerTest, TheFileLastsForEver) {
  constexpr uint64_t kFile = uint64_t{1} << 30;
  PacedGuest guest(kFile, 1000);
  guest.Execute(20'000, 100);
  const size_t early = guest.taken().size();
  EXPECT_GT(early, 20u);
  guest.Execute(2'000'000, 100);
  EXPECT_LT(guest.bytes(), kFile);
  EXPECT_GT(guest.taken().size(), early);
  EXPECT_GT(guest.taken().back(), Position(1'500'000 * kMillion));
}

TEST(CheckpointPacerTest, NothingOverflows) {
  constexpr uint64_t kHuge = ~uint64_t{0};
  CheckpointPacer pacer(kHuge, kStepsPerPage);
  EXPECT_FALSE(pacer.IsDue(Position(kMillion), kHuge, 0));
  pacer.Taken(Position(kMillion), kHuge, kHuge);
  EXPECT_GT(pacer.NextCheck(Position(kMillion), kHuge, kHuge),
            Position(kMillion));
}

}  // namespace
}  // namespace librr
