// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/digest.h"

#include <gtest/gtest.h>

namespace librr {
namespace {

constexpr uint64_t kMemory = 64 << 20;

Digest MakeDigest() {
  Digest digest;
  digest.components = {{"cpu0", 1}, {"uart0", 2}};
  digest.ram.fill(7);
  return digest;
}

TEST(DigestTest, EqualDigestsHaveNoFirstDifference) {
  EXPECT_EQ(FirstDifference(MakeDigest(), MakeDigest(), kMemory), "");
  EXPECT_EQ(MakeDigest().Summary(), MakeDigest().Summary());
}

TEST(DigestTest, NamesTheComponentThatDiffers) {
  Digest other = MakeDigest();
  other.components[1].hash = 3;
  other.ram[0] = 0;
  EXPECT_EQ(FirstDifference(MakeDigest(), other, kMemory), "uart0");
}

TEST(DigestTest, NamesTheRangeOfRamThatDiffers) {
  Digest other = MakeDigest();
  other.ram[16] ^= 1;
  EXPECT_EQ(FirstDifference(MakeDigest(), other, kMemory),
            "RAM 0x1000000-0x10fffff");
}

TEST(DigestTest, NamesTheLastRangeOfRamWhenPagesDoNotDivideEvenly) {
  Digest other = MakeDigest();
  other.ram[63] ^= 1;
  // 100 pages: bucket 63 holds the pages from ceil(63 * 100 / 64) = 99.
  EXPECT_EQ(FirstDifference(MakeDigest(), other, 100 * 4096),
            "RAM 0x63000-0x63fff");
}

TEST(DigestTest, NamesComponentsThatOneSideLacks) {
  Digest fewer = MakeDigest();
  fewer.components.pop_back();
  EXPECT_EQ(FirstDifference(MakeDigest(), fewer, kMemory), "uart0 (missing)");
  EXPECT_EQ(FirstDifference(fewer, MakeDigest(), kMemory),
            "uart0 (unexpected)");
}

TEST(DigestTest, EveryPartChangesTheSummary) {
  const uint64_t summary = MakeDigest().Summary();
  Digest other = MakeDigest();
  other.components[0].name = "cpu1";
  EXPECT_NE(other.Summary(), summary);
  other = MakeDigest();
  other.components[0].hash = 9;
  EXPECT_NE(other.Summary(), summary);
  other = MakeDigest();
  other.ram[63] = 9;
  EXPECT_NE(other.Summary(), summary);
}

}  // namespace
}  // namespace librr
