// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/range_exits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace librr {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(RangeExits, ALoopStaysInside) {
  // add eax, 1; jne 0x1000; nop
  const std::vector<uint8_t> code = {0x83, 0xc0, 0x01, 0x75, 0xfb, 0x90};
  const auto exits = FindRangeExits(code, 0x1000, 64);
  ASSERT_TRUE(exits.has_value());
  EXPECT_THAT(exits->outside, ElementsAre(0x1006));
  EXPECT_THAT(exits->inside, IsEmpty());
}

TEST(RangeExits, JumpsOutAreFollowedInAllTheirLengths) {
  // jmp +0x10; je +0x100; jmp -5 - 0x1000; loop -0x20
  const std::vector<uint8_t> code = {0xeb, 0x10, 0x0f, 0x84, 0x00,
                                     0x01, 0x00, 0x00, 0xe9, 0xfb,
                                     0xef, 0xff, 0xff, 0xe2, 0xe0};
  const auto exits = FindRangeExits(code, 0x401000, 64);
  ASSERT_TRUE(exits.has_value());
  EXPECT_THAT(exits->outside,
              ElementsAre(0x40100f, 0x401012, 0x401108, 0x400008, 0x400fef));
}

TEST(RangeExits, WhatLeadsElsewhereIsStoppedAt) {
  // call; syscall; jmp *rax; rep stosb; int 0x80; ret; notrack jmp *rdx
  const std::vector<uint8_t> code = {0xe8, 0,    0,    0,    0,    0x0f,
                                     0x05, 0xff, 0xe0, 0xf3, 0xaa, 0xcd,
                                     0x80, 0xc3, 0x3e, 0xff, 0xe2};
  const auto exits = FindRangeExits(code, 0, 64);
  ASSERT_TRUE(exits.has_value());
  EXPECT_THAT(exits->inside, ElementsAre(0, 5, 7, 11, 13, 14));
}

TEST(RangeExits, JumpsWrapAroundIn32BitCode) {
  const std::vector<uint8_t> code = {0xeb, 0xf0};
  const auto exits = FindRangeExits(code, 0, 32);
  ASSERT_TRUE(exits.has_value());
  EXPECT_THAT(exits->outside, ElementsAre(2, 0xfffffff2));
}

TEST(RangeExits, CodeThatIsNotUnderstoodHasNone) {
  EXPECT_FALSE(FindRangeExits(std::vector<uint8_t>{0x90, 0x0f}, 0, 64));
  EXPECT_FALSE(FindRangeExits(std::vector<uint8_t>{0x90}, 0, 16));
}

}  // namespace
}  // namespace librr
