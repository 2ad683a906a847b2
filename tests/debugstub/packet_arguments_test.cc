// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/packet_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace librr {
namespace {

using ::testing::ElementsAre;

TEST(PacketArguments, MemoryRangeIsTwoNumbers) {
  const auto range = ParseMemoryRange("ffffffff81000000,40");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->address, 0xffffffff81000000);
  EXPECT_EQ(range->length, 0x40u);
}

TEST(PacketArguments, NumbersOfMoreThan64BitsAreRefused) {
  EXPECT_FALSE(ParseMemoryRange("10000000000000000,1").has_value());
  EXPECT_FALSE(ParseMemoryRange("-1,1").has_value());
  EXPECT_FALSE(ParseMemoryRange(",1").has_value());
  EXPECT_FALSE(ParseMemoryRange("1,").has_value());
  EXPECT_FALSE(ParseMemoryRange("1").has_value());
}

TEST(PacketArguments, WriteMustHaveAsManyBytesAsItSays) {
  EXPECT_THAT(ParseMemoryWrite("10,2:abcd")->bytes, ElementsAre(0xab, 0xcd));
  EXPECT_FALSE(ParseMemoryWrite("10,3:abcd").has_value());
  EXPECT_FALSE(ParseMemoryWrite("10,2:abc").has_value());
  EXPECT_THAT(ParseBinaryWrite("10,2:a:")->bytes, ElementsAre('a', ':'));
  EXPECT_TRUE(ParseBinaryWrite("10,0:")->bytes.empty());
  EXPECT_FALSE(ParseBinaryWrite("10,ffffffff:a").has_value());
}

TEST(PacketArguments, ThreadsMayBeNamedWithTheirProcess) {
  EXPECT_EQ(ParseThread("p1f.20"), (ThreadId{31, 32}));
  EXPECT_EQ(ParseThread("p1f"), (ThreadId{31, kAll}));
  EXPECT_EQ(ParseThread("p1f.-1"), (ThreadId{31, kAll}));
  EXPECT_EQ(ParseThread("p-1.-1"), (ThreadId{kAll, kAll}));
  EXPECT_EQ(ParseThread("p0.0"), (ThreadId{kAny, kAny}));
  for (const char* text : {"p", "p.", "p1.", "p.1", "p1.2.3", "1.2", "p-2",
                           "pffffffff.1", "p1.ffffffff"}) {
    EXPECT_FALSE(ParseThread(text).has_value()) << text;
  }
  EXPECT_EQ((*ParseResumeActions("s:p1.2;c:p1.-1"))[0].id, (ThreadId{1, 2}));
}

TEST(PacketArguments, ThreadsAreNumbersOrAll) {
  EXPECT_EQ(ParseThread("-1"), (ThreadId{kAny, kAll}));
  EXPECT_EQ(ParseThread("0"), (ThreadId{kAny, kAny}));
  EXPECT_EQ(ParseThread("1f"), (ThreadId{kAny, 31}));
  EXPECT_FALSE(ParseThread("ffffffff").has_value());
  EXPECT_EQ(ParseThreadSelection("g2")->id.thread, 2);
  EXPECT_FALSE(ParseThreadSelection("x2").has_value());
}

TEST(PacketArguments, ResumeActionsKeepTheirOrder) {
  const auto actions = ParseResumeActions("s:2;r1000,1010:1;C05;t:1;c");
  ASSERT_TRUE(actions.has_value());
  ASSERT_EQ(actions->size(), 5u);
  EXPECT_EQ((*actions)[0].kind, ResumeAction::Kind::kStep);
  EXPECT_EQ((*actions)[0].id.thread, 2);
  EXPECT_EQ((*actions)[1].kind, ResumeAction::Kind::kRangeStep);
  EXPECT_EQ((*actions)[1].range_begin, 0x1000u);
  EXPECT_EQ((*actions)[1].range_end, 0x1010u);
  EXPECT_EQ((*actions)[2].kind, ResumeAction::Kind::kContinue);
  EXPECT_EQ((*actions)[3].kind, ResumeAction::Kind::kStop);
  EXPECT_EQ((*actions)[4].id.thread, kAll);
}

TEST(PacketArguments, ImpossibleResumeActionsAreRefused) {
  for (const char* text : {"", "x", "s;", "C", "c05", "r1000", "s:", "s:g"}) {
    EXPECT_FALSE(ParseResumeActions(text).has_value()) << text;
  }
}

TEST(PacketArguments, StopPointMayHaveConditionsBehindIt) {
  const auto point = ParseStopPoint("2,7ffe1000,8;X1,0");
  ASSERT_TRUE(point.has_value());
  EXPECT_EQ(point->type, StopPointPacket::Type::kWriteWatch);
  EXPECT_EQ(point->address, 0x7ffe1000u);
  EXPECT_EQ(point->length, 8u);
  EXPECT_FALSE(ParseStopPoint("5,7ffe1000,8").has_value());
  EXPECT_FALSE(ParseStopPoint("10,7ffe1000,8").has_value());
}

TEST(PacketArguments, TransferRangeHasAnAnnexThatMayBeEmpty) {
  EXPECT_EQ(ParseTransferRange("target.xml:0,ffb")->annex, "target.xml");
  EXPECT_EQ(ParseTransferRange(":10,ffb")->offset, 0x10u);
  EXPECT_FALSE(ParseTransferRange("target.xml").has_value());
}

}  // namespace
}  // namespace librr
