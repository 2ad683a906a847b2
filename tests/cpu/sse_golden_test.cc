// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a comparison with the host's processor cannot show: values that vendors
// choose, exceptions, and what a fault leaves alone.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "tests/cpu/cpu_fixture.h"

namespace librr::pc {
namespace {

constexpr uint32_t kAllMasked = 0x1f80;
constexpr uint32_t kOne = 0x3f800000;
constexpr uint32_t kSmallestNormal = 0x00800000;
constexpr uint32_t kSignallingNan = 0x7f800001;
constexpr uint32_t kDenormal = 0x00000001;

Xmm Singles(uint32_t a, uint32_t b = 0, uint32_t c = 0, uint32_t d = 0) {
  Xmm xmm;
  xmm.set_lane(0, a);
  xmm.set_lane(1, b);
  xmm.set_lane(2, c);
  xmm.set_lane(3, d);
  return xmm;
}

std::vector<uint8_t> Bytes(const Xmm& xmm) {
  return std::vector<uint8_t>(xmm.bytes, xmm.bytes + 16);
}

// Takes the page that contains `linear` out of the page tables.
void Unmap(BareCpu& bare, uint64_t linear) {
  const uint64_t entry = kPageTables + 0x10000 + (linear >> 12) * 8;
  bare.WriteRam(entry, std::vector<uint8_t>(8, 0));
}

// --- MXCSR and its exceptions
// --------------------------------------------------

TEST(SseExceptions, MaskedExceptionsAccumulateInMxcsr) {
  BareCpu bare;
  bare.cpu.regs.mxcsr = kAllMasked | 0x08;
  bare.cpu.regs.xmm[0] = Singles(kOne);
  bare.cpu.regs.xmm[1] = Singles(0x40400000);             // 3
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0x5e, 0xc1}), -1);  // divss xmm0, xmm1
  EXPECT_EQ(bare.cpu.regs.mxcsr, kAllMasked | 0x28);      // PE, and OE of old
  EXPECT_EQ(bare.cpu.regs.xmm[0].lane<uint32_t>(0), 0x3eaaaaabu);
}

TEST(SseExceptions, UnmaskedDivisionByZeroWritesFlagsOnly) {
  BareCpu bare;
  bare.cpu.regs.mxcsr = kAllMasked & ~0x200u;
  const Xmm before = Singles(kOne, kOne, kOne, kOne);
  bare.cpu.regs.xmm[0] = before;
  // Lane 1 alone would be inexact: it is not computed.
  bare.cpu.regs.xmm[1] = Singles(0, 0x40400000, kOne, kOne);
  EXPECT_EQ(bare.Execute({0x0f, 0x5e, 0xc1}), kSimdError);  // divps xmm0, xmm1
  EXPECT_EQ(bare.cpu.regs.mxcsr, (kAllMasked & ~0x200u) | 0x04);
  EXPECT_EQ(Bytes(bare.cpu.regs.xmm[0]), Bytes(before));
}

TEST(SseExceptions, FlagsOfAllLanesFoundBeforehandAreReportedTogether) {
  BareCpu bare;
  bare.cpu.regs.mxcsr = kAllMasked & ~0x80u;  // invalid unmasked
  bare.cpu.regs.xmm[0] = Singles(kSignallingNan, kDenormal, kOne, kOne);
  bare.cpu.regs.xmm[1] = Singles(kOne, kOne, 0, kOne);
  EXPECT_EQ(bare.Execute({0x0f, 0x5e, 0xc1}), kSimdError);  // divps xmm0, xmm1
  EXPECT_EQ(bare.cpu.regs.mxcsr, (kAllMasked & ~0x80u) | 0x07);
}

TEST(SseExceptions, WithoutOsxmmexcptTheyAreInvalidOpcodes) {
  BareCpu bare;
  bare.cpu.regs.cr4 &= ~kCr4Osxmmexcpt;
  bare.cpu.StateChanged();
  bare.cpu.regs.mxcsr = 0;
  bare.cpu.regs.xmm[0] = Singles(kSignallingNan);
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0x58, 0xc0}),  // addss xmm0, xmm0
            kInvalidOpcode);
}

TEST(SseExceptions, ExactTinyResultsUnderflowOnlyIfUnmasked) {
  for (const bool masked : {true, false}) {
    BareCpu bare;
    // Flushing to zero has no effect while underflow is unmasked.
    bare.cpu.regs.mxcsr = masked ? kAllMasked : 0x8000 | (kAllMasked & ~0x800u);
    bare.cpu.regs.xmm[0] = Singles(kSmallestNormal);
    bare.cpu.regs.xmm[1] = Singles(0x3f000000);                 // 0.5
    const int vector = bare.Execute({0xf3, 0x0f, 0x59, 0xc1});  // mulss
    EXPECT_EQ(vector, masked ? -1 : kSimdError);
    EXPECT_EQ(bare.cpu.regs.mxcsr & 0x3f, masked ? 0u : 0x10u);
    EXPECT_EQ(bare.cpu.regs.xmm[0].lane<uint32_t>(0),
              masked ? 0x00400000u : kSmallestNormal);
  }
}

TEST(SseExceptions, ScalarOperationsDoNotLookAtUpperLanes) {
  BareCpu bare;
  bare.cpu.regs.mxcsr = 0;
  bare.cpu.regs.xmm[0] = Singles(kOne, kDenormal, kSignallingNan, kDenormal);
  bare.cpu.regs.xmm[1] = Singles(kOne, kSignallingNan);
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0x58, 0xc1}), -1);  // addss xmm0, xmm1
  EXPECT_EQ(Bytes(bare.cpu.regs.xmm[0]),
            Bytes(Singles(0x40000000, kDenormal, kSignallingNan, kDenormal)));
  EXPECT_EQ(bare.cpu.regs.mxcsr, 0u);
}

TEST(SseExceptions, RoundingControlIsTheGuests) {
  BareCpu bare;
  bare.cpu.regs.mxcsr = kAllMasked | 0x4000;  // up
  bare.cpu.regs.xmm[0] = Singles(kOne);
  bare.cpu.regs.xmm[1] = Singles(0x00800000);
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0x58, 0xc1}), -1);
  EXPECT_EQ(bare.cpu.regs.xmm[0].lane<uint32_t>(0), 0x3f800001u);
  // The host's own rounding is what it was.
  volatile float one = 1, tiny = 1e-30f;
  EXPECT_EQ(one + tiny, 1);
}

TEST(SseExceptions, ReservedMxcsrBitsAreRefused) {
  BareCpu bare;
  bare.cpu.gpr(kRdi) = kData;
  bare.WriteRam(kData, std::vector<uint8_t>{0x80, 0x1f, 0x01, 0x00});
  EXPECT_EQ(bare.Execute({0x0f, 0xae, 0x17}), kGeneralProtection);  // ldmxcsr
  EXPECT_EQ(bare.cpu.regs.mxcsr, kAllMasked);
}

TEST(SseExceptions, OrderedCompareClearsTheOtherFlags) {
  BareCpu bare;
  bare.cpu.regs.flags.SetWord(kArithmeticFlags);
  bare.cpu.regs.xmm[0] = Singles(kOne);
  EXPECT_EQ(bare.Execute({0x0f, 0x2f, 0xc1}), -1);  // comiss xmm0, xmm1
  EXPECT_EQ(bare.cpu.regs.flags.word(), 0u);
  bare.ResetRegisters();
  bare.cpu.regs.xmm[0] = Singles(0x7fc00000);
  EXPECT_EQ(bare.Execute({0x0f, 0x2e, 0xc1}), -1);  // ucomiss xmm0, xmm1
  EXPECT_EQ(bare.cpu.regs.flags.word(), kZf | kPf | kCf);
  EXPECT_EQ(bare.cpu.regs.mxcsr, kAllMasked);
}

TEST(SseExceptions, NeedTheOperatingSystem) {
  BareCpu bare;
  bare.cpu.regs.cr4 &= ~kCr4Osfxsr;
  bare.cpu.StateChanged();
  EXPECT_EQ(bare.Execute({0x0f, 0x58, 0xc1}), kInvalidOpcode);
  bare.ResetRegisters();
  bare.cpu.regs.cr0 |= kCr0Ts;
  bare.cpu.StateChanged();
  EXPECT_EQ(bare.Execute({0x0f, 0x58, 0xc1}), kDeviceNotAvailable);
}

// --- reciprocals: the machine model's own values
// -------------------------------

uint32_t Approximate(BareCpu& bare, uint8_t opcode, uint32_t x) {
  bare.cpu.regs.xmm[1] = Singles(x);
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, opcode, 0xc1}), -1);
  return bare.cpu.regs.xmm[0].lane<uint32_t>(0);
}

TEST(SseReciprocal, StaysWithinTheDocumentedError) {
  BareCpu bare;
  const double limit = std::ldexp(1.5, -12);
  for (uint32_t exponent = 3; exponent < 252; exponent += 3) {
    for (uint32_t i = 0; i < 64; ++i) {
      const uint32_t x = exponent << 23 | (i * 0x20821 & 0x7fffff);
      const double value = std::bit_cast<float>(x);
      const double rcp = std::bit_cast<float>(Approximate(bare, 0x53, x));
      const double rsqrt = std::bit_cast<float>(Approximate(bare, 0x52, x));
      ASSERT_LE(std::abs(rcp * value - 1), limit) << value;
      ASSERT_LE(std::abs(rsqrt * std::sqrt(value) - 1), limit) << value;
    }
  }
  EXPECT_EQ(bare.cpu.regs.mxcsr, kAllMasked);
}

TEST(SseReciprocal, HasTheDocumentedSpecialCases) {
  BareCpu bare;
  // rcpss
  EXPECT_EQ(Approximate(bare, 0x53, 0x00000000), 0x7f800000u);
  EXPECT_EQ(Approximate(bare, 0x53, 0x80000001), 0xff800000u);
  EXPECT_EQ(Approximate(bare, 0x53, 0xff800000), 0x80000000u);
  EXPECT_EQ(Approximate(bare, 0x53, kSignallingNan), 0x7fc00001u);
  EXPECT_EQ(Approximate(bare, 0x53, 0x7f7fffff), 0x00000000u);  // too small
  EXPECT_EQ(Approximate(bare, 0x53, kOne), kOne);
  EXPECT_EQ(Approximate(bare, 0x53, 0x40400000), 0x3eaaa800u);  // 1/3
  // rsqrtss
  EXPECT_EQ(Approximate(bare, 0x52, 0x80000000), 0xff800000u);
  EXPECT_EQ(Approximate(bare, 0x52, kDenormal), 0x7f800000u);
  EXPECT_EQ(Approximate(bare, 0x52, 0xbf800000), 0xffc00000u);
  EXPECT_EQ(Approximate(bare, 0x52, 0x7f800000), 0x00000000u);
  EXPECT_EQ(Approximate(bare, 0x52, 0x40800000), 0x3f000000u);  // 1/2
  EXPECT_EQ(Approximate(bare, 0x52, 0x40000000), 0x3f350800u);  // 1/sqrt(2)
}

// --- memory
// ---------------------------------------------------------------------

TEST(SseMemory, AlignmentIsCheckedBeforeTranslation) {
  BareCpu bare;
  Unmap(bare, kData + 0x1000);
  bare.cpu.gpr(kRdi) = kData + 0x1008;
  EXPECT_EQ(bare.Execute({0x0f, 0x58, 0x07}), kGeneralProtection);  // addps
  bare.ResetRegisters();
  bare.cpu.gpr(kRdi) = kData + 0x1008;
  EXPECT_EQ(bare.Execute({0x0f, 0x29, 0x07}), kGeneralProtection);  // movaps
  bare.ResetRegisters();
  bare.cpu.gpr(kRdi) = kData + 0x1010;
  EXPECT_EQ(bare.Execute({0x0f, 0x58, 0x07}), kPageFault);
}

TEST(SseMemory, UnalignedMovesAndStringComparesNeedNoAlignment) {
  BareCpu bare;
  bare.cpu.gpr(kRdi) = kData + 1;
  EXPECT_EQ(bare.Execute({0x0f, 0x10, 0x07}), -1);                 // movups
  EXPECT_EQ(bare.Execute({0xf2, 0x0f, 0xf0, 0x07}), -1);           // lddqu
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0x3a, 0x63, 0x07, 8}), -1);  // pcmpistri
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0x38, 0x20, 0x07}), -1);     // pmovsxbw
}

TEST(SseMemory, LoadThatFaultsHalfWayChangesNothing) {
  BareCpu bare;
  Unmap(bare, kData + 0x1000);
  const Xmm before = Singles(1, 2, 3, 4);
  bare.cpu.regs.xmm[0] = before;
  bare.cpu.gpr(kRdi) = kData + 0xff8;
  EXPECT_EQ(bare.Execute({0x0f, 0x10, 0x07}), kPageFault);
  EXPECT_EQ(bare.cpu.regs.cr2, kData + 0x1000);
  EXPECT_EQ(Bytes(bare.cpu.regs.xmm[0]), Bytes(before));
}

TEST(SseMemory, StoreThatFaultsHalfWayChangesNothing) {
  BareCpu bare;
  Unmap(bare, kData + 0x1000);
  bare.WriteRam(kData + 0xff8, std::vector<uint8_t>(8, 0x55));
  bare.cpu.regs.xmm[0] = Singles(1, 2, 3, 4);
  bare.cpu.gpr(kRdi) = kData + 0xff8;
  EXPECT_EQ(bare.Execute({0x0f, 0x11, 0x07}), kPageFault);  // movups
  EXPECT_EQ(bare.ReadRam(kData + 0xff8, 8), std::vector<uint8_t>(8, 0x55));
}

TEST(SseMemory, MaskedStoreTouchesSelectedBytesOnly) {
  BareCpu bare;
  Unmap(bare, kData + 0x1000);
  bare.WriteRam(kData + 0xff0, std::vector<uint8_t>(16, 0x55));
  for (int i = 0; i < 16; ++i)
    bare.cpu.regs.xmm[0].bytes[i] = static_cast<uint8_t>(i);
  bare.cpu.gpr(kRdi) = kData + 0xff8;
  // maskmovdqu xmm0, xmm1: bytes 1 and 7, the last of the page.
  bare.cpu.regs.xmm[1].bytes[1] = bare.cpu.regs.xmm[1].bytes[7] = 0x80;
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0xf7, 0xc1}), -1);
  EXPECT_EQ(bare.ReadRam(kData + 0xff8, 8),
            (std::vector<uint8_t>{0x55, 1, 0x55, 0x55, 0x55, 0x55, 0x55, 7}));
  // Byte 8 too: nothing is stored.
  bare.ResetRegisters();
  bare.cpu.gpr(kRdi) = kData + 0xff8;
  bare.cpu.regs.xmm[1].bytes[2] = bare.cpu.regs.xmm[1].bytes[8] = 0x80;
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0xf7, 0xc1}), kPageFault);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kData + 0xffa), 0x55);
}

TEST(SseMemory, ScalarLoadsZeroAndMovesBetweenRegistersMerge) {
  BareCpu bare;
  bare.cpu.regs.xmm[0] = Singles(1, 2, 3, 4);
  bare.cpu.regs.xmm[1] = Singles(5, 6, 7, 8);
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0x10, 0xc1}), -1);  // movss xmm0, xmm1
  EXPECT_EQ(Bytes(bare.cpu.regs.xmm[0]), Bytes(Singles(5, 2, 3, 4)));
  bare.cpu.gpr(kRdi) = kData;
  bare.WriteRam(kData, std::vector<uint8_t>{9, 0, 0, 0, 9, 9, 9, 9});
  EXPECT_EQ(bare.Execute({0xf3, 0x0f, 0x10, 0x07}), -1);  // movss xmm0, [rdi]
  EXPECT_EQ(Bytes(bare.cpu.regs.xmm[0]), Bytes(Singles(9)));
}

// --- string comparison
// ------------------------------------------------------------

Xmm Text(const char* text) {
  Xmm xmm;
  std::memcpy(xmm.bytes, text, std::strlen(text));
  return xmm;
}

TEST(SseString, FindsTheFirstOfASet) {
  BareCpu bare;
  bare.cpu.regs.xmm[0] = Text(",;");
  bare.cpu.regs.xmm[1] = Text("abc;d,e");
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0x3a, 0x63, 0xc1, 0x00}), -1);
  EXPECT_EQ(bare.cpu.gpr(kRcx), 3u);
  EXPECT_EQ(bare.cpu.regs.flags.word(), kCf | kZf | kSf);
}

TEST(SseString, FindsASubstring) {
  BareCpu bare;
  bare.cpu.regs.xmm[0] = Text("needle");
  bare.cpu.regs.xmm[1] = Text("the needle, the.");
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0x3a, 0x63, 0xc1, 0x0c}), -1);
  EXPECT_EQ(bare.cpu.gpr(kRcx), 4u);
  EXPECT_EQ(bare.cpu.regs.flags.word(), kCf | kSf);
}

TEST(SseString, ExplicitLengthsAreMagnitudes) {
  BareCpu bare;
  bare.cpu.regs.xmm[0] = Text("az");
  bare.cpu.regs.xmm[1] = Text("ABcD");
  bare.cpu.gpr(kRax) = static_cast<uint32_t>(-2);
  bare.cpu.gpr(kRdx) = 0x8000000000000004;  // EDX counts without REX.W
  // pcmpestrm xmm0, xmm1: ranges, a mask of bytes
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0x3a, 0x60, 0xc1, 0x44}), -1);
  EXPECT_EQ(Bytes(bare.cpu.regs.xmm[0]), Bytes(Singles(0x00ff0000)));
  EXPECT_EQ(bare.cpu.regs.flags.word(), kCf | kZf | kSf);
}

// --- MMX
// ----------------------------------------------------------------------------

TEST(Mmx, WritingARegisterChangesTheX87State) {
  BareCpu bare;
  bare.cpu.regs.x87.set_top(5);
  bare.cpu.gpr(kRax) = 0x1122334455667788;
  EXPECT_EQ(bare.Execute({0x48, 0x0f, 0x6e, 0xd8}), -1);  // movq mm3, rax
  const X87State& x87 = bare.cpu.regs.x87;
  EXPECT_EQ(x87.physical[3].mantissa, 0x1122334455667788u);
  EXPECT_EQ(x87.physical[3].sign_exponent, 0xffff);
  EXPECT_EQ(x87.top(), 0);
  EXPECT_EQ(x87.valid, 0xff);
  EXPECT_EQ(bare.Execute({0x0f, 0x77}), -1);  // emms
  EXPECT_EQ(x87.valid, 0);
  EXPECT_EQ(x87.physical[3].mantissa, 0x1122334455667788u);
}

TEST(Mmx, PendingX87ExceptionComesFirst) {
  BareCpu bare;
  bare.cpu.regs.x87.control &= ~4;      // division by zero unmasked
  bare.cpu.regs.x87.status = 0x8084;    // and pending
  bare.cpu.gpr(kRdi) = 0x7fff00000000;  // not mapped
  EXPECT_EQ(bare.Execute({0x0f, 0xfc, 0x07}), kX87Error);  // paddb mm0, [rdi]
  EXPECT_EQ(bare.cpu.regs.x87.valid, 0);
}

TEST(Mmx, FaultLeavesTheX87StateAlone) {
  BareCpu bare;
  bare.cpu.regs.x87.set_top(5);
  bare.cpu.gpr(kRdi) = 0x7fff00000000;
  EXPECT_EQ(bare.Execute({0x0f, 0x7f, 0x07}), kPageFault);  // movq [rdi], mm0
  EXPECT_EQ(bare.cpu.regs.x87.top(), 5);
  EXPECT_EQ(bare.cpu.regs.x87.valid, 0);
}

TEST(Mmx, Cvtpi2pdFromMemoryIsNoMmxInstruction) {
  BareCpu bare;
  bare.cpu.gpr(kRdi) = kData;
  EXPECT_EQ(bare.Execute({0x66, 0x0f, 0x2a, 0x07}), -1);
  EXPECT_EQ(bare.cpu.regs.x87.valid, 0);
  EXPECT_EQ(bare.Execute({0x0f, 0x2a, 0x07}), -1);  // cvtpi2ps is one
  EXPECT_EQ(bare.cpu.regs.x87.valid, 0xff);
}

// --- FXSAVE
// ---------------------------------------------------------------------------

TEST(Fxsave, ImageHasTheDocumentedLayout) {
  BareCpu bare;
  bare.WriteRam(kData, std::vector<uint8_t>(512, 0xaa));
  X87State& x87 = bare.cpu.regs.x87;
  x87.set_top(6);
  x87.valid = 0xc0;
  x87.physical[6] = Float80{0x8000000000000000, 0x3fff};
  bare.cpu.regs.mxcsr = 0x9fc0;
  bare.cpu.regs.xmm[15] = Singles(1, 2, 3, 4);
  bare.cpu.gpr(kRdi) = kData;
  EXPECT_EQ(bare.Execute({0x0f, 0xae, 0x07}), -1);
  EXPECT_EQ(bare.ReadRam<uint16_t>(kData), 0x037f);
  EXPECT_EQ(bare.ReadRam<uint16_t>(kData + 2), 6 << 11);
  EXPECT_EQ(bare.ReadRam<uint16_t>(kData + 4), 0xc0);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 8), 0u);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 16), 0u);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kData + 24), 0x9fc0u);
  EXPECT_EQ(bare.ReadRam<uint32_t>(kData + 28), 0xffffu);
  EXPECT_EQ(bare.ReadRam<uint64_t>(kData + 32), 0x8000000000000000u);  // ST0
  EXPECT_EQ(bare.ReadRam<uint16_t>(kData + 40), 0x3fff);
  EXPECT_EQ(bare.ReadRam(kData + 160 + 15 * 16, 16),
            Bytes(bare.cpu.regs.xmm[15]));
  EXPECT_EQ(bare.ReadRam<uint8_t>(kData + 416), 0xaa);
}

TEST(Fxsave, RestoreIsItsInverse) {
  BareCpu bare;
  X87State& x87 = bare.cpu.regs.x87;
  x87.set_top(3);
  x87.valid = 0x5a;
  for (unsigned i = 0; i < 8; ++i)
    x87.physical[i] = Float80{i * 0x1111111111111111u, 0x4000};
  for (unsigned i = 0; i < 16; ++i)
    bare.cpu.regs.xmm[i] = Singles(i, i + 1, i + 2, i + 3);
  bare.cpu.regs.mxcsr = 0x3f81;
  bare.cpu.gpr(kRdi) = kData;
  EXPECT_EQ(bare.Execute({0x48, 0x0f, 0xae, 0x07}), -1);  // fxsave64
  bare.ResetRegisters();
  bare.cpu.gpr(kRdi) = kData;
  EXPECT_EQ(bare.Execute({0x48, 0x0f, 0xae, 0x0f}), -1);  // fxrstor64
  EXPECT_EQ(x87.top(), 3);
  EXPECT_EQ(x87.valid, 0x5a);
  EXPECT_EQ(bare.cpu.regs.mxcsr, 0x3f81u);
  for (unsigned i = 0; i < 8; ++i)
    EXPECT_EQ(x87.physical[i].mantissa, i * 0x1111111111111111u);
  for (unsigned i = 0; i < 16; ++i)
    EXPECT_EQ(bare.cpu.regs.xmm[i].lane<uint32_t>(3), i + 3);
}

TEST(Fxsave, OutsideOf64BitModeThereAreEightXmmRegisters) {
  BareCpu bare(CpuMode::kCompat32);
  bare.WriteRam(kData, std::vector<uint8_t>(512, 0xaa));
  bare.cpu.gpr(kRdi) = kData;
  EXPECT_EQ(bare.Execute({0x0f, 0xae, 0x07}), -1);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kData + 287), 0);
  EXPECT_EQ(bare.ReadRam<uint8_t>(kData + 288), 0xaa);
}

TEST(Fxsave, MisalignedImagesAndReservedMxcsrBitsAreRefused) {
  BareCpu bare;
  bare.cpu.gpr(kRdi) = kData + 8;
  EXPECT_EQ(bare.Execute({0x0f, 0xae, 0x07}), kGeneralProtection);
  bare.ResetRegisters();
  bare.WriteRam(kData, std::vector<uint8_t>(512, 0));
  bare.WriteRam(kData + 26, std::vector<uint8_t>{1});
  bare.cpu.regs.xmm[0] = Singles(1);
  bare.cpu.gpr(kRdi) = kData;
  EXPECT_EQ(bare.Execute({0x0f, 0xae, 0x0f}), kGeneralProtection);
  EXPECT_EQ(bare.cpu.regs.xmm[0].lane<uint32_t>(0), 1u);
}

TEST(Fxsave, FaultOnTheSecondPageStoresNothing) {
  BareCpu bare;
  Unmap(bare, kData + 0x1000);
  bare.WriteRam(kData + 0xf00, std::vector<uint8_t>(256, 0x55));
  bare.cpu.gpr(kRdi) = kData + 0xf00;
  EXPECT_EQ(bare.Execute({0x0f, 0xae, 0x07}), kPageFault);
  EXPECT_EQ(bare.ReadRam(kData + 0xf00, 256), std::vector<uint8_t>(256, 0x55));
}

}  // namespace
}  // namespace librr::pc
