// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/machine/ram_digest.h"

#include <gtest/gtest.h>

#include <vector>

namespace librr {
namespace {

constexpr uint64_t kPages = 1000;
using Page = std::vector<uint8_t>;

Page PageOf(uint8_t byte) { return Page(RamDigest::kPageSize, byte); }

TEST(RamDigestTest, ZeroedRamHasZeroBuckets) {
  RamDigest digest(kPages * RamDigest::kPageSize);
  EXPECT_EQ(digest.buckets(), (std::array<uint64_t, kRamBuckets>{}));
  digest.PageChanged(5, PageOf(0).data());
  EXPECT_EQ(digest.buckets(), (std::array<uint64_t, kRamBuckets>{}));
}

TEST(RamDigestTest, DependsOnContentNotOnHistory) {
  RamDigest one(kPages * RamDigest::kPageSize);
  RamDigest two(kPages * RamDigest::kPageSize);
  one.PageChanged(10, PageOf(1).data());
  one.PageChanged(999, PageOf(2).data());
  two.PageChanged(999, PageOf(3).data());
  two.PageChanged(11, PageOf(4).data());
  two.PageChanged(999, PageOf(2).data());
  two.PageChanged(10, PageOf(1).data());
  EXPECT_NE(one.buckets(), two.buckets());
  two.PageChanged(11, PageOf(0).data());
  EXPECT_EQ(one.buckets(), two.buckets());
}

TEST(RamDigestTest, ChangesOnlyThePagesBucket) {
  RamDigest digest(kPages * RamDigest::kPageSize);
  Page page = PageOf(0);
  page.back() = 1;
  digest.PageChanged(500, page.data());
  for (int i = 0; i < kRamBuckets; ++i) {
    EXPECT_EQ(digest.buckets()[i] != 0, i == 500 * kRamBuckets / 1000) << i;
  }
}

TEST(RamDigestTest, TwoPagesThatSwapContentsDiffer) {
  RamDigest one(kPages * RamDigest::kPageSize);
  RamDigest two(kPages * RamDigest::kPageSize);
  one.PageChanged(0, PageOf(1).data());
  one.PageChanged(1, PageOf(2).data());
  two.PageChanged(0, PageOf(2).data());
  two.PageChanged(1, PageOf(1).data());
  EXPECT_NE(one.buckets(), two.buckets());
}

}  // namespace
}  // namespace librr
