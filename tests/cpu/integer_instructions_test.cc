// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Documented values of what the SDM leaves undefined, and the corners of
// integer instructions that a comparison with the host's CPU cannot show.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/cpu/cpu_fixture.h"

namespace librr::pc {
namespace {

constexpr uint64_t kAll = kArithmeticFlags;

class IntegerInstructions : public testing::Test {
 protected:
  uint64_t& Gpr(GprIndex i) { return bare.cpu.gpr(i); }
  uint64_t Flags() { return bare.cpu.regs.flags.word(); }
  void SetFlags(uint64_t flags) { bare.cpu.regs.flags.SetWord(flags); }

  BareCpu bare;
};

TEST_F(IntegerInstructions, LogicClearsTheAdjustFlag) {
  SetFlags(kAll);
  Gpr(kRax) = 0x80;
  EXPECT_EQ(bare.Execute({0x84, 0xc0}), -1);  // test al, al
  EXPECT_EQ(Flags(), kSf);
}

TEST_F(IntegerInstructions, ShiftByZeroKeepsFlagsButZeroExtends) {
  SetFlags(kAll);
  Gpr(kRax) = 0xaaaaaaaabbbbbbbb;
  EXPECT_EQ(bare.Execute({0xc1, 0xe0, 0x20}), -1);  // shl eax, 32
  EXPECT_EQ(Gpr(kRax), 0xbbbbbbbbu);
  EXPECT_EQ(Flags(), kAll);
}

TEST_F(IntegerInstructions, ByteShiftBeyondItsWidthShiftsOutZeros) {
  SetFlags(kAll);
  Gpr(kRax) = 0xff;
  EXPECT_EQ(bare.Execute({0xc0, 0xe0, 9}), -1);  // shl al, 9
  EXPECT_EQ(Gpr(kRax), 0u);
  EXPECT_EQ(Flags(), kZf | kPf);
}

TEST_F(IntegerInstructions, RotateThroughCarryByNineIsIdentityForBytes) {
  SetFlags(kCf);
  Gpr(kRax) = 0x5a;
  EXPECT_EQ(bare.Execute({0xc0, 0xd0, 9}), -1);  // rcl al, 9
  EXPECT_EQ(Gpr(kRax), 0x5au);
  EXPECT_TRUE(Flags() & kCf);
}

TEST_F(IntegerInstructions,
       WordDoubleShiftPastSixteenTakesTheDestinationAgain) {
  Gpr(kRax) = 0xdef0;
  Gpr(kRdx) = 0x8421;
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0xa4, 0xd0, 18}), -1);  // shld ax, dx, 18
  EXPECT_EQ(Gpr(kRax), 0x1087u);
  Gpr(kRax) = 0xdef0;
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0xac, 0xd0, 20}), -1);  // shrd ax, dx, 20
  EXPECT_EQ(Gpr(kRax), 0x0842u);
}

TEST_F(IntegerInstructions, BitScanOfZeroLeavesTheWholeRegister) {
  Gpr(kRax) = 0xaaaaaaaabbbbbbbb;
  Gpr(kRdx) = 0;
  EXPECT_EQ(bare.Execute({0x0f, 0xbc, 0xc2}), -1);  // bsf eax, edx
  EXPECT_EQ(Gpr(kRax), 0xaaaaaaaabbbbbbbbu);
  EXPECT_TRUE(Flags() & kZf);
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0xbc, 0xc2}), -1);  // hidden TZCNT
  EXPECT_EQ(Gpr(kRax), 0xaaaaaaaabbbbbbbbu);
}

TEST_F(IntegerInstructions, BitTestWithRegisterReachesBeyondItsOperand) {
  Gpr(kRbx) = kData + 0x100;
  Gpr(kRcx) = static_cast<uint64_t>(-1);
  EXPECT_EQ(bare.Execute({0x48, 0x0f, 0xab, 0x0b}), -1);  // bts [rbx], rcx
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 0xf8), 1ull << 63);
  EXPECT_FALSE(Flags() & kCf);
  EXPECT_EQ(bare.Execute({0x48, 0x0f, 0xb3, 0x0b}), -1);  // btr [rbx], rcx
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 0xf8), 0u);
  EXPECT_TRUE(Flags() & kCf);
}

TEST_F(IntegerInstructions, DivisionOverflowFaultsAndChangesNothing) {
  Gpr(kRax) = 0x8000000000000000;
  Gpr(kRdx) = ~0ull;
  Gpr(kRbx) = ~0ull;
  EXPECT_EQ(bare.Execute({0x48, 0xf7, 0xfb}), kDivideError);  // idiv rbx
  EXPECT_EQ(Gpr(kRax), 0x8000000000000000u);
  bare.ResetRegisters();
  Gpr(kRdx) = 5;
  Gpr(kRbx) = 5;
  EXPECT_EQ(bare.Execute({0x48, 0xf7, 0xf3}), kDivideError);  // div rbx
}

TEST_F(IntegerInstructions, SignedDivisionTruncatesTowardsZero) {
  Gpr(kRax) = static_cast<uint64_t>(-7);
  Gpr(kRdx) = ~0ull;
  Gpr(kRbx) = 2;
  EXPECT_EQ(bare.Execute({0x48, 0xf7, 0xfb}), -1);
  EXPECT_EQ(Gpr(kRax), static_cast<uint64_t>(-3));
  EXPECT_EQ(Gpr(kRdx), static_cast<uint64_t>(-1));
}

TEST_F(IntegerInstructions, NopDoesNotZeroExtendButXchgOfR8Does) {
  Gpr(kRax) = 0x1111111122222222;
  Gpr(kR8) = 0x3333333344444444;
  EXPECT_EQ(bare.Execute({0x90}), -1);
  EXPECT_EQ(Gpr(kRax), 0x1111111122222222u);
  EXPECT_EQ(bare.Execute({0x41, 0x90}), -1);
  EXPECT_EQ(Gpr(kRax), 0x44444444u);
  EXPECT_EQ(Gpr(kR8), 0x22222222u);
}

TEST_F(IntegerInstructions, PauseCostsTime) {
  EXPECT_EQ(bare.Execute({0xf3, 0x90}), -1);
  EXPECT_EQ(bare.host.extra_ns, kPauseSurchargeNs);
}

TEST_F(IntegerInstructions, CompareExchangeWritesOneRegisterOnly) {
  Gpr(kRax) = 0x1111111122222222;
  Gpr(kRdx) = 0x3333333344444444;
  Gpr(kRcx) = 5;
  EXPECT_EQ(bare.Execute({0x0f, 0xb1, 0xca}), -1);  // cmpxchg edx, ecx
  EXPECT_EQ(Gpr(kRax), 0x44444444u);
  EXPECT_EQ(Gpr(kRdx), 0x3333333344444444u);
  EXPECT_FALSE(Flags() & kZf);
  EXPECT_EQ(bare.Execute({0x0f, 0xb1, 0xca}), -1);
  EXPECT_EQ(Gpr(kRdx), 5u);
  EXPECT_TRUE(Flags() & kZf);
}

TEST_F(IntegerInstructions, CompareExchangeOfSixteenBytesNeedsAlignment) {
  Gpr(kRdi) = kData;
  Gpr(kRax) = Gpr(kRdx) = 0;
  Gpr(kRbx) = 7;
  Gpr(kRcx) = 8;
  EXPECT_EQ(bare.Execute({0xf0, 0x48, 0x0f, 0xc7, 0x0f}), -1);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData), 7u);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 8), 8u);
  EXPECT_TRUE(Flags() & kZf);
  Gpr(kRdi) = kData + 8;
  EXPECT_EQ(bare.Execute({0xf0, 0x48, 0x0f, 0xc7, 0x0f}), kGeneralProtection);
}

TEST_F(IntegerInstructions,
       PopToMemoryAddressesWithTheIncrementedStackPointer) {
  Gpr(kRsp) = kData;
  bare.WriteRam(kData, {0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0});
  EXPECT_EQ(bare.Execute({0x8f, 0x04, 0x24}), -1);  // pop [rsp]
  EXPECT_EQ(Gpr(kRsp), kData + 8);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 8), 0x12345678u);
}

TEST_F(IntegerInstructions,
       PushAndPopOfTheStackPointerUseTheOldAndTheReadValue) {
  Gpr(kRsp) = kStack;
  EXPECT_EQ(bare.Execute({0x54}), -1);  // push rsp
  EXPECT_EQ(bare.ReadRam<uint64_t>(kStack - 8), kStack);
  EXPECT_EQ(bare.Execute({0x5c}), -1);  // pop rsp
  EXPECT_EQ(Gpr(kRsp), kStack);
}

TEST_F(IntegerInstructions, CallToNonCanonicalTargetPushesNothing) {
  Gpr(kRax) = 0x8000000000000000;
  Gpr(kRsp) = kStack;
  EXPECT_EQ(bare.Execute({0xff, 0xd0}), kGeneralProtection);  // call rax
  // The frame holds the stack pointer and the address of the call.
  EXPECT_EQ(bare.ReadRam<uint64_t>(kStack - 16), kStack);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kStack - 40), kCode);
}

TEST_F(IntegerInstructions, EnterCopiesOuterFrames) {
  Gpr(kRsp) = kStack;
  Gpr(kRbp) = kStack + 0x100;
  bare.WriteRam(kStack + 0xf8, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(bare.Execute({0xc8, 0x10, 0, 2}), -1);  // enter 16, 2
  EXPECT_EQ(Gpr(kRbp), kStack - 8);
  EXPECT_EQ(Gpr(kRsp), kStack - 24 - 16);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kStack - 8), kStack + 0x100);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kStack - 16), 0x0807060504030201u);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kStack - 24), kStack - 8);
  EXPECT_EQ(bare.Execute({0xc9}), -1);  // leave
  EXPECT_EQ(Gpr(kRsp), kStack);
  EXPECT_EQ(Gpr(kRbp), kStack + 0x100);
}

TEST_F(IntegerInstructions, MoffsUsesAllBitsOfItsAddress) {
  bare.WriteRam(kData + 3, {0x5a});
  EXPECT_EQ(bare.Execute({0xa0, 3, 0, 0x40, 0, 0, 0, 0, 0}), -1);
  EXPECT_EQ(Gpr(kRax) & 0xff, 0x5au);
  EXPECT_EQ(bare.Execute({0xa0, 3, 0, 0x40, 0, 0, 0, 0, 0x80}),
            kGeneralProtection);
}

TEST_F(IntegerInstructions, Crc32OfTheCheckString) {
  bare.WriteRam(kData, {'1', '2', '3', '4', '5', '6', '7', '8', '9'});
  Gpr(kRbx) = kData;
  Gpr(kRax) = 0xffffffff;
  EXPECT_EQ(bare.Execute({0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x03}), -1);
  EXPECT_EQ(bare.Execute({0xf2, 0x0f, 0x38, 0xf0, 0x43, 0x08}), -1);
  EXPECT_EQ(Gpr(kRax) ^ 0xffffffff, 0xe3069283u);
}

TEST_F(IntegerInstructions, CmovReadsMemoryAndZeroExtendsInAnyCase) {
  SetFlags(0);
  Gpr(kRax) = 0xaaaaaaaabbbbbbbb;
  Gpr(kRbx) = kData;
  EXPECT_EQ(bare.Execute({0x0f, 0x44, 0x03}), -1);  // cmove eax, [rbx]
  EXPECT_EQ(Gpr(kRax), 0xbbbbbbbbu);
  Gpr(kRbx) = 0x8000000000;  // not mapped
  EXPECT_EQ(bare.Execute({0x0f, 0x44, 0x03}), kPageFault);
}

class StringInstructions : public IntegerInstructions {
 protected:
  void Fill(uint64_t at, size_t size) {
    std::vector<uint8_t> bytes(size);
    for (size_t i = 0; i < size; ++i)
      bytes[i] = static_cast<uint8_t>(i * 7 + 3);
    bare.WriteRam(at, bytes);
  }
};

TEST_F(StringInstructions, EachIterationIsAStep) {
  Fill(kData, 100);
  Gpr(kRsi) = kData;
  Gpr(kRdi) = kData + 0x2000;
  Gpr(kRcx) = 100;
  bare.Execute({0xf3, 0xa4}, 40);  // rep movsb
  EXPECT_EQ(Gpr(kRcx), 60u);
  EXPECT_EQ(Gpr(kRsi), kData + 40);
  EXPECT_EQ(Gpr(kRdi), kData + 0x2000 + 40);
  EXPECT_EQ(bare.cpu.rip(), kCode);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kData + 0x2000 + 40), 0u);
  bare.Run(60);
  EXPECT_EQ(Gpr(kRcx), 0u);
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  EXPECT_EQ(bare.ReadRam(kData, 100), bare.ReadRam(kData + 0x2000, 100));
}

TEST_F(StringInstructions, ResultDoesNotDependOnBudgets) {
  for (uint64_t budget : {1, 3, 1000, 100000}) {
    BareCpu other;
    std::vector<uint8_t> bytes(9000);
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<uint8_t>(i * 13);
    other.WriteRam(kData + 5, bytes);
    other.WriteRam(kCode, {0xf3, 0x48, 0xa5});  // rep movsq
    other.cpu.rip() = kCode;
    other.cpu.gpr(kRsi) = kData + 5;
    other.cpu.gpr(kRdi) = kData + 0x4003;
    other.cpu.gpr(kRcx) = 1100;
    for (uint64_t done = 0; done < 1100; done += budget)
      other.Run(std::min(budget, 1100 - done));
    EXPECT_EQ(other.cpu.rip(), kCode + 3);
    bytes.resize(8800);
    EXPECT_EQ(other.ReadRam(kData + 0x4003, 8800), bytes);
    EXPECT_EQ(other.cpu.position(), 1100u);
  }
}

TEST_F(StringInstructions, OverlappingCopyRepeatsItsFirstElements) {
  bare.WriteRam(kData, {1, 2, 3});
  Gpr(kRsi) = kData;
  Gpr(kRdi) = kData + 3;
  Gpr(kRcx) = 9;
  bare.Execute({0xf3, 0xa4}, 9);
  EXPECT_EQ(bare.ReadRam(kData, 12),
            (std::vector<uint8_t>{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
}

TEST_F(StringInstructions, DownwardCopyMovesPointersDown) {
  Fill(kData, 64);
  Gpr(kRsi) = kData + 56;
  Gpr(kRdi) = kData + 64;
  Gpr(kRcx) = 8;
  bare.cpu.regs.system_flags |= kDf;
  const auto before = bare.ReadRam(kData, 64);
  bare.Execute({0xf3, 0x48, 0xa5}, 8);
  EXPECT_EQ(bare.ReadRam(kData + 8, 64), before);
  EXPECT_EQ(Gpr(kRsi), kData - 8);
}

TEST_F(StringInstructions, FaultLeavesTheStateAfterTheIterationBefore) {
  Fill(kRamBytes - 0x10, 0x10);
  const uint64_t table = kPageTables + 0x10000;
  bare.WriteRam(table + 0x400 * 8 + 8, {0, 0, 0, 0, 0, 0, 0, 0});
  Gpr(kRdi) = kData + 0xff8;
  Gpr(kRax) = 0x11;
  Gpr(kRcx) = 32;
  // The page after kData's first is not present.
  EXPECT_EQ(bare.Execute({0xf3, 0xaa}, 9), kPageFault);  // rep stosb
  EXPECT_EQ(Gpr(kRcx), 24u);
  EXPECT_EQ(Gpr(kRdi), kData + 0x1000);
  EXPECT_EQ(bare.cpu.regs.cr2, kData + 0x1000);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 0xff8), 0x1111111111111111u);
}

TEST_F(StringInstructions, CountOfZeroIsOneStepAndKeepsFlags) {
  SetFlags(kCf | kSf);
  Gpr(kRcx) = 0;
  bare.Execute({0xf3, 0xa6}, 1);  // repe cmpsb
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  EXPECT_EQ(Flags(), kCf | kSf);
}

TEST_F(StringInstructions, ScanStopsBehindTheFirstMatch) {
  Fill(kData, 200);
  Gpr(kRdi) = kData;
  Gpr(kRax) = static_cast<uint8_t>(20 * 7 + 3);
  Gpr(kRcx) = 200;
  bare.Execute({0xf2, 0xae}, 21);  // repne scasb
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  EXPECT_EQ(Gpr(kRdi), kData + 21);
  EXPECT_EQ(Gpr(kRcx), 179u);
  EXPECT_TRUE(Flags() & kZf);
}

TEST_F(StringInstructions, CompareStopsBehindTheFirstDifference) {
  Fill(kData, 100);
  Fill(kData + 0x1000, 100);
  bare.WriteRam(kData + 0x1000 + 30, {0});
  Gpr(kRsi) = kData;
  Gpr(kRdi) = kData + 0x1000;
  Gpr(kRcx) = 100;
  bare.Execute({0xf3, 0xa6}, 31);  // repe cmpsb
  EXPECT_EQ(bare.cpu.rip(), kCode + 2);
  EXPECT_EQ(Gpr(kRsi), kData + 31);
  EXPECT_FALSE(Flags() & kZf);
}

TEST_F(StringInstructions, TrapFlagTrapsAfterEachIteration) {
  Gpr(kRdi) = kData;
  Gpr(kRcx) = 10;
  bare.cpu.regs.system_flags |= kTf;
  EXPECT_EQ(bare.Execute({0xf3, 0xaa}, 2), kDebug);
  EXPECT_EQ(Gpr(kRcx), 9u);
}

TEST_F(StringInstructions, AddressSizePrefixUsesTheLowHalves) {
  Fill(kData, 16);
  Gpr(kRsi) = 0xffffffff00000000 | kData;
  Gpr(kRdi) = 0xffffffff00000000 | (kData + 0x1000);
  Gpr(kRcx) = 0xffffffff00000002;
  bare.Execute({0x67, 0xf3, 0x48, 0xa5}, 2);  // rep movsq, 32-bit addresses
  EXPECT_EQ(Gpr(kRcx), 0u);
  EXPECT_EQ(Gpr(kRsi), kData + 16);
  EXPECT_EQ(bare.ReadRam(kData, 16), bare.ReadRam(kData + 0x1000, 16));
}

TEST(LegacyInteger, PushaThatFaultsWritesNothing) {
  BareCpu bare(CpuMode::kCompat32);
  bare.cpu.gpr(kRsp) = kData + 0x1010;
  bare.cpu.gpr(kRax) = 0x12345678;
  const uint64_t entry = kPageTables + 0x10000 + 0x400 * 8;
  bare.WriteRam(entry, {0, 0, 0, 0, 0, 0, 0, 0});
  bare.WriteRam(kCode, {0x60});
  bare.cpu.rip() = kCode;
  bare.Run(1);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kData + 0x100c), 0u);
}

TEST(LegacyInteger, PushaAndPopaKeepAllButTheStackPointer) {
  BareCpu bare(CpuMode::kCompat32);
  for (int i = 0; i < 8; ++i)
    if (i != kRsp) bare.cpu.regs.gpr[i] = 0x1000u + i;
  EXPECT_EQ(bare.Execute({0x60}), -1);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kStack - 32);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kStack - 20), kStack);
  for (int i = 0; i < 8; ++i)
    if (i != kRsp) bare.cpu.regs.gpr[i] = 0;
  EXPECT_EQ(bare.Execute({0x61}), -1);
  EXPECT_EQ(bare.cpu.gpr(kRsp), kStack);
  EXPECT_EQ(bare.cpu.gpr(kRdi), 0x1007u);
  EXPECT_EQ(bare.cpu.gpr(kRax), 0x1000u);
}

TEST(LegacyInteger, DecimalAdjustOfPackedDigits) {
  BareCpu bare(CpuMode::kCompat32);
  bare.cpu.gpr(kRax) = 0xae;
  bare.cpu.regs.flags.SetWord(0);
  EXPECT_EQ(bare.Execute({0x27}), -1);  // daa
  EXPECT_EQ(bare.cpu.gpr(kRax), 0x14u);
  EXPECT_EQ(bare.cpu.regs.flags.word(), kCf | kAf | kPf);
}

TEST(LegacyInteger, AamByZeroIsADivideError) {
  BareCpu bare(CpuMode::kCompat32);
  bare.cpu.gpr(kRax) = 0x4b;
  EXPECT_EQ(bare.Execute({0xd4, 0x0a}), -1);
  EXPECT_EQ(bare.cpu.gpr(kRax), 0x0705u);
  EXPECT_EQ(bare.Execute({0xd4, 0}), kDivideError);
}

}  // namespace
}  // namespace librr::pc
