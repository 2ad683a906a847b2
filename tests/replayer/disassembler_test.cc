// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/disassembler.h"

#include "gtest/gtest.h"
#include "librr/inspection.h"
#include "tests/recorder/fake_machine.h"

namespace librr {
namespace {

TEST(DisassemblerTest, WalksInstructions) {
  const uint8_t code[] = {0x48, 0x01, 0xd8, 0xc3};
  const auto out = DisassembleX86(code, 0x1000, 64, 10);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].text, "add rax, rbx");
  EXPECT_EQ(out[0].bytes.size(), 3u);
  EXPECT_EQ(out[1].address, 0x1003u);
  EXPECT_EQ(out[1].text, "ret");
}

TEST(DisassemblerTest, ModeDecidesTheMeaning) {
  const uint8_t code[] = {0x40};
  EXPECT_EQ(DisassembleX86(code, 0, 32, 1)[0].text, "inc eax");
  EXPECT_EQ(DisassembleX86(code, 0, 16, 1)[0].text, "inc ax");
  EXPECT_EQ(DisassembleX86(code, 0, 64, 1)[0].text, ".byte 0x40");
}

TEST(DisassemblerTest, WhatIsNoInstructionComesAsBytes) {
  const uint8_t code[] = {0x06, 0x90, 0x48};
  const auto out = DisassembleX86(code, 0, 64, 10);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].text, ".byte 0x06");
  EXPECT_EQ(out[1].text, "nop");
  EXPECT_EQ(out[2].text, ".byte 0x48");
}

TEST(DisassemblerTest, StopsAtTheCount) {
  const std::vector<uint8_t> nops(100, 0x90);
  EXPECT_EQ(DisassembleX86(nops, 0, 64, 7).size(), 7u);
  EXPECT_TRUE(DisassembleX86({}, 0, 64, 7).empty());
}

TEST(InspectionTest, NextInstructionIsNamed) {
  FakeMachine machine;
  EXPECT_EQ(DescribeNextInstruction(machine, 0), "0x1000: add rax, rbx");
}

TEST(InspectionTest, ReadStopsWhereTheMappingEnds) {
  FakeMachine machine;
  EXPECT_EQ(ReadVirtual(machine, 0, GuestVirtual(FakeMachine::kMemory - 5), 99)
                .size(),
            5u);
  EXPECT_TRUE(
      ReadVirtual(machine, 0, GuestVirtual(FakeMachine::kMemory), 9).empty());
  EXPECT_TRUE(ReadVirtual(machine, 0, GuestVirtual::Max(), 9).empty());
}

}  // namespace
}  // namespace librr
