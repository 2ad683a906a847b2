// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/base/coding.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace librr {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

std::string Varint(uint64_t value) {
  std::string out;
  PutVarint(out, value);
  return out;
}

TEST(CodingTest, FixedIntegersAreLittleEndian) {
  std::string out;
  PutFixed32(out, 0x04030201);
  PutFixed(out, 0xaabb, 2);
  EXPECT_EQ(out, "\x01\x02\x03\x04\xbb\xaa");
  std::string_view in = out;
  EXPECT_EQ(GetFixed(in, 4), 0x04030201u);
  EXPECT_EQ(GetFixed(in, 2), 0xaabbu);
  EXPECT_TRUE(in.empty());
}

TEST(CodingTest, FixedIntegerThatIsCutOffIsRefused) {
  std::string_view in = "\x01\x02\x03";
  EXPECT_EQ(GetFixed(in, 4), std::nullopt);
}

TEST(CodingTest, VarintsRoundTripAtEveryLength) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const uint64_t value :
         {uint64_t{1} << shift, (uint64_t{1} << shift) - 1, kMax >> shift}) {
      const std::string bytes = Varint(value);
      EXPECT_LE(bytes.size(), 10u);
      std::string_view in = bytes;
      EXPECT_EQ(GetVarint(in), value);
      EXPECT_TRUE(in.empty());
    }
  }
  EXPECT_EQ(Varint(300), "\xac\x02");
}

TEST(CodingTest, VarintThatIsCutOffIsRefused) {
  const std::string bytes = Varint(kMax);
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view in = std::string_view(bytes).substr(0, size);
    EXPECT_EQ(GetVarint(in), std::nullopt);
  }
}

TEST(CodingTest, VarintOfMoreThan64BitsIsRefused) {
  const std::string too_large = std::string(9, '\xff') + '\x02';
  const std::string too_long = std::string(10, '\x80') + '\0';
  std::string_view in = too_large;
  EXPECT_EQ(GetVarint(in), std::nullopt);
  in = too_long;
  EXPECT_EQ(GetVarint(in), std::nullopt);
}

TEST(CodingTest, LengthBeyondTheDataIsRefused) {
  std::string bytes = Varint(kMax);
  bytes += "abc";
  std::string_view in = bytes;
  EXPECT_EQ(GetLengthPrefixed(in), std::nullopt);
}

TEST(CodingTest, LengthPrefixedBytesRoundTrip) {
  std::string bytes;
  PutLengthPrefixed(bytes, "guest");
  PutLengthPrefixed(bytes, "");
  std::string_view in = bytes;
  EXPECT_EQ(GetLengthPrefixed(in), "guest");
  EXPECT_EQ(GetLengthPrefixed(in), "");
  EXPECT_TRUE(in.empty());
}

TEST(CodingTest, ZigZagKeepsSmallNumbersSmall) {
  EXPECT_EQ(ZigZag(0), 0u);
  EXPECT_EQ(ZigZag(-1), 1u);
  EXPECT_EQ(ZigZag(1), 2u);
  EXPECT_EQ(ZigZag(std::numeric_limits<int64_t>::min()), kMax);
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{12345},
                              std::numeric_limits<int64_t>::min(),
                              std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(UnZigZag(ZigZag(value)), value);
  }
}

}  // namespace
}  // namespace librr
