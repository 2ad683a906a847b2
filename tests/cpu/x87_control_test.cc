// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 behaviour that one host instruction cannot show: #MF and #NM, the formats
// of the environment, and the machine model's fixed values.
#include <cstring>
#include <initializer_list>

#include "gtest/gtest.h"
#include "machines/pc/cpu/decoder.h"
#include "tests/cpu/cpu_fixture.h"

namespace librr::pc {
namespace {

constexpr uint16_t kPendingZeroDivide = 0x8084;
constexpr int kMf = kX87Error;
constexpr int kNm = kDeviceNotAvailable;
constexpr int kUd = kInvalidOpcode;

constexpr Float80 kOne{0x8000000000000000, 0x3fff};
constexpr Float80 kZero{0, 0};

void SetPending(Cpu& cpu) {
  cpu.regs.x87.control = 0x037b;
  cpu.regs.x87.status = kPendingZeroDivide;
}

// Loads a register from the top down.
void PushValue(Cpu& cpu, const Float80& value) {
  X87State& fpu = cpu.regs.x87;
  fpu.set_top(fpu.top() - 1);
  fpu.physical[fpu.top()] = value;
  fpu.valid |= 1 << fpu.top();
}

Float80 Top(const Cpu& cpu) {
  return cpu.regs.x87.physical[cpu.regs.x87.top()];
}

TEST(X87ControlTest, PendingExceptionFaultsAtTheNextWaitingInstruction) {
  BareCpu bare;
  for (auto code : {std::initializer_list<uint8_t>{0x9b},  // wait
                    {0xd9, 0xd0},                          // fnop
                    {0xd9, 0xe8},                          // fld1
                    {0xdd, 0xc0}}) {                       // ffree st(0)
    bare.ResetRegisters();
    SetPending(bare.cpu);
    EXPECT_EQ(bare.Execute(code), kMf);
    // The saved RIP is the instruction's.
    EXPECT_EQ(bare.ReadRam<uint64_t>(bare.cpu.gpr(kRsp)), kCode);
  }
}

TEST(X87ControlTest, NonWaitingInstructionsIgnorePendingException) {
  BareCpu bare;
  for (auto code : {std::initializer_list<uint8_t>{0xdf, 0xe0},  // fnstsw ax
                    {0xd9, 0x3e},                                // fnstcw
                    {0xdd, 0x3e},                                // fnstsw m16
                    {0xdb, 0xe2},                                // fnclex
                    {0xdb, 0xe3},                                // fninit
                    {0xdb, 0xe0},                                // fneni
                    {0xd9, 0x36},                                // fnstenv
                    {0xdd, 0x36}}) {                             // fnsave
    bare.ResetRegisters();
    SetPending(bare.cpu);
    bare.cpu.gpr(kRsi) = kData;
    EXPECT_EQ(bare.Execute(code), -1);
  }
}

TEST(X87ControlTest, PendingExceptionStaysQuietWithoutNumericErrorMode) {
  BareCpu bare;
  bare.cpu.regs.cr0 &= ~kCr0Ne;
  bare.cpu.StateChanged();
  SetPending(bare.cpu);
  EXPECT_EQ(bare.Execute({0xd9, 0xe8}), -1);  // fld1
  EXPECT_EQ(Top(bare.cpu).sign_exponent, kOne.sign_exponent);
  EXPECT_TRUE(bare.cpu.regs.x87.status & 0x80);
}

TEST(X87ControlTest, UnmaskedZeroDivideKeepsOperandsAndSetsSummary) {
  BareCpu bare;
  PushValue(bare.cpu, kZero);
  PushValue(bare.cpu, kOne);
  bare.cpu.regs.x87.control = 0x037b;
  EXPECT_EQ(bare.Execute({0xde, 0xf1}), -1);  // fdivrp: st1 = st0 / st1
  EXPECT_EQ(bare.cpu.regs.x87.top(), 6);
  EXPECT_EQ(Top(bare.cpu).mantissa, kOne.mantissa);
  EXPECT_EQ(bare.cpu.regs.x87.status & 0x80ff, kPendingZeroDivide);
  EXPECT_EQ(bare.Execute({0x9b}), kMf);
}

TEST(X87ControlTest, ChangingTheMaskMakesAnOldExceptionPending) {
  BareCpu bare;
  bare.cpu.regs.x87.status = 0x0004;
  bare.cpu.gpr(kRsi) = kData;
  const uint8_t control[2] = {0x7b, 0x03};
  bare.WriteRam(kData, control);
  EXPECT_EQ(bare.Execute({0xd9, 0x2e}), -1);  // fldcw
  EXPECT_EQ(bare.cpu.regs.x87.status, kPendingZeroDivide);
}

TEST(X87ControlTest, WaitNeedsMonitorAndTaskSwitchedToTrap) {
  BareCpu bare;
  const uint64_t cr0 = bare.cpu.regs.cr0;
  const auto wait = [&](uint64_t extra, uint64_t without) {
    bare.ResetRegisters();
    bare.cpu.regs.cr0 = (cr0 | extra) & ~without;
    bare.cpu.StateChanged();
    return bare.Execute({0x9b});
  };
  EXPECT_EQ(wait(kCr0Mp | kCr0Ts, 0), kNm);
  EXPECT_EQ(wait(kCr0Ts, kCr0Mp), -1);
  EXPECT_EQ(wait(kCr0Mp | kCr0Em, kCr0Ts), -1);
}

TEST(X87ControlTest, EmulationAndTaskSwitchedTrapX87Instructions) {
  BareCpu bare;
  for (uint64_t bit : {kCr0Em, kCr0Ts}) {
    bare.ResetRegisters();
    bare.cpu.regs.cr0 |= bit;
    bare.cpu.StateChanged();
    EXPECT_EQ(bare.Execute({0xdb, 0xe3}), kNm);  // fninit
  }
}

TEST(X87ControlTest, ReservedEncodingsAreInvalidOpcodes) {
  BareCpu bare;
  for (auto code : {std::initializer_list<uint8_t>{0xd9, 0x0e},
                    {0xd9, 0xd1},
                    {0xd9, 0xe2},
                    {0xd9, 0xe6},
                    {0xd9, 0xef},
                    {0xda, 0xe0},
                    {0xda, 0xe8},
                    {0xda, 0xf0},
                    {0xdb, 0x26},
                    {0xdb, 0x36},
                    {0xdb, 0xe5},
                    {0xdb, 0xf8},
                    {0xdd, 0x2e},
                    {0xdd, 0xf0},
                    {0xde, 0xd8},
                    {0xdf, 0xe1},
                    {0xdf, 0xf8}}) {
    bare.ResetRegisters();
    bare.cpu.gpr(kRsi) = kData;
    EXPECT_EQ(bare.Execute(code), kUd)
        << std::hex << int{code.begin()[0]} << " " << int{code.begin()[1]};
  }
}

TEST(X87ControlTest, EnvironmentHas14BytesWithOperandSizePrefix) {
  BareCpu bare;
  bare.cpu.regs.x87.control = 0x0372;
  bare.cpu.regs.x87.status = 0x4700;
  PushValue(bare.cpu, kOne);
  bare.cpu.gpr(kRsi) = kData;
  const std::vector<uint8_t> fill(32, 0xcc);
  bare.WriteRam(kData, fill);
  EXPECT_EQ(bare.Execute({0x66, 0xd9, 0x36}), -1);  // fnstenv
  const uint16_t expected[7] = {0x0372, 0x7f00, 0x3fff, 0, 0, 0, 0};
  const std::vector<uint8_t> image = bare.ReadRam(kData, 16);
  EXPECT_EQ(std::memcmp(image.data(), expected, sizeof expected), 0);
  EXPECT_EQ(image[14], 0xcc);
  EXPECT_EQ(bare.cpu.regs.x87.control, 0x037f);
}

TEST(X87ControlTest, RealModeEnvironmentHasReservedOnesInPointerFields) {
  BareCpu bare(CpuMode::kReal16);
  bare.cpu.gpr(kRsi) = 0x4000;
  const auto store = [&](std::initializer_list<uint8_t> code) {
    // Real-mode segments end at 64 KiB.
    bare.WriteRam(0x1000, absl::MakeSpan(code.begin(), code.size()));
    bare.cpu.rip() = 0x1000;
    bare.Run(1);
  };
  store({0x66, 0xd9, 0x34});  // fnstenv [si], 32-bit format
  const uint32_t expected[7] = {0xffff037f, 0xffff0000, 0xffffffff, 0xffff0000,
                                0,          0xffff0000, 0};
  EXPECT_EQ(std::memcmp(bare.ReadRam(0x4000, 28).data(), expected, 28), 0);
}

TEST(X87ControlTest, StateSurvivesSaveAndRestoreInBothFormats) {
  for (bool narrow : {false, true}) {
    BareCpu bare;
    for (int i = 0; i < 5; ++i) {
      PushValue(bare.cpu, {kOne.mantissa + static_cast<uint64_t>(i),
                           static_cast<uint16_t>(0x3fff + i)});
    }
    bare.cpu.regs.x87.control = 0x0e7f;
    bare.cpu.gpr(kRsi) = kData;
    const X87State before = bare.cpu.regs.x87;
    const uint8_t prefix = narrow ? 0x66 : 0x3e;
    EXPECT_EQ(bare.Execute({prefix, 0xdd, 0x36}), -1);  // fnsave
    EXPECT_EQ(bare.cpu.regs.x87.control, 0x037f);
    EXPECT_EQ(bare.cpu.regs.x87.valid, 0);
    bare.cpu.regs.x87.physical = {};
    EXPECT_EQ(bare.Execute({prefix, 0xdd, 0x26}), -1);  // frstor
    const X87State& after = bare.cpu.regs.x87;
    EXPECT_EQ(after.control, before.control);
    EXPECT_EQ(after.status, before.status);
    EXPECT_EQ(after.valid, before.valid);
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(after.physical[i].mantissa, before.physical[i].mantissa);
      EXPECT_EQ(after.physical[i].sign_exponent,
                before.physical[i].sign_exponent);
    }
  }
}

TEST(X87ControlTest, FaultingStoreChangesNothing) {
  BareCpu bare;
  PushValue(bare.cpu, {0xcccccccccccccccd, 0x3ffb});  // 0.1
  bare.cpu.gpr(kRsi) = kRamBytes;                     // not mapped
  const X87State before = bare.cpu.regs.x87;
  EXPECT_EQ(bare.Execute({0xd9, 0x1e}), kPageFault);  // fstp m32
  EXPECT_EQ(bare.cpu.regs.x87.status, before.status);
  EXPECT_EQ(bare.cpu.regs.x87.valid, before.valid);
}

TEST(X87ControlTest, FcomiClearsTheOtherFlagsAndC1) {
  BareCpu bare;
  PushValue(bare.cpu, kOne);
  PushValue(bare.cpu, kOne);
  bare.cpu.regs.x87.status |= 0x0200;
  bare.cpu.regs.flags.SetWord(kOf | kSf | kAf);
  EXPECT_EQ(bare.Execute({0xdb, 0xf1}), -1);  // fcomi st, st(1)
  EXPECT_EQ(bare.cpu.regs.flags.word(), kZf);
  EXPECT_EQ(bare.cpu.regs.x87.status & 0x0200, 0);
}

TEST(X87ControlTest, DecimalDigitsBeyondNineCountAsTheirValue) {
  BareCpu bare;
  const uint8_t decimal[10] = {0x1f, 0x0a};  // 15 + 10 + 1000
  bare.WriteRam(kData, decimal);
  bare.cpu.gpr(kRsi) = kData;
  EXPECT_EQ(bare.Execute({0xdf, 0x26}), -1);  // fbld
  EXPECT_EQ(bare.Execute({0xdf, 0x3e}), -1);  // fistp m64
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData), 1025u);
}

TEST(X87ControlTest, RemainderReducesBy32PlusDistanceModulo32) {
  BareCpu bare;
  PushValue(bare.cpu, {0xc000000000000000, 0x3fff});        // 1.5
  PushValue(bare.cpu, {0x8000000000000000, 0x3fff + 100});  // 2^100
  EXPECT_EQ(bare.Execute({0xd9, 0xf8}), -1);                // fprem
  EXPECT_EQ(bare.cpu.regs.x87.status & 0x4700, 0x0400);     // incomplete
  // 2^36 mod 1.5 is 1, times 2^64.
  EXPECT_EQ(Top(bare.cpu).mantissa, 0x8000000000000000);
  EXPECT_EQ(Top(bare.cpu).sign_exponent, 0x3fff + 64);
  EXPECT_EQ(bare.Execute({0xd9, 0xf8}), -1);
  EXPECT_EQ(Top(bare.cpu).sign_exponent, 0x3fff + 32);
  EXPECT_EQ(bare.Execute({0xd9, 0xf8}), -1);
  EXPECT_EQ(bare.cpu.regs.x87.status & 0x0400, 0);
  EXPECT_EQ(Top(bare.cpu).sign_exponent, 0x3fff);
}

}  // namespace
}  // namespace librr::pc
