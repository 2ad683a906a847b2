// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The x87 register stack and how an instruction reports exceptions.
// SDM vol. 1, 8.1.2 to 8.1.7 and 8.5 to 8.7.
//
//   LIBRR_TRY(x87::CheckPending(cpu));       // every waiting instruction
//   X87State& fpu = cpu.regs.x87;
//   if (x87::IsEmpty(fpu, 0)) { ... x87::ReportUnderflow(fpu) ... }
//   if (x87::Report(fpu, result.status)) x87::SetSt(fpu, 0, result.value);
//
// An unmasked exception sets ES and B; the #MF itself comes at the next waiting
// x87 or MMX instruction. C0, C2 and C3 keep their values where the SDM calls
// them undefined.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_X87_STATE_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_X87_STATE_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc::x87 {

// The status word; the low six have their masks at the same places in the
// control word.
inline constexpr uint16_t kInvalid = 1 << 0;
inline constexpr uint16_t kDenormal = 1 << 1;
inline constexpr uint16_t kZeroDivide = 1 << 2;
inline constexpr uint16_t kTooLarge = 1 << 3;
inline constexpr uint16_t kTooSmall = 1 << 4;
inline constexpr uint16_t kInexact = 1 << 5;
inline constexpr uint16_t kExceptions = 0x3f;
inline constexpr uint16_t kStackFault = 1 << 6;
inline constexpr uint16_t kSummary = 1 << 7;
inline constexpr uint16_t kC0 = 1 << 8;
inline constexpr uint16_t kC1 = 1 << 9;
inline constexpr uint16_t kC2 = 1 << 10;
inline constexpr uint16_t kTop = 7 << 11;
inline constexpr uint16_t kC3 = 1 << 14;
inline constexpr uint16_t kBusy = 1 << 15;
inline constexpr uint16_t kConditions = kC0 | kC1 | kC2 | kC3;

// The control word. Bits 7 and 13 to 15 read as 0, bit 6 as 1; the infinity
// control (bit 12) is kept and means nothing.
inline constexpr uint16_t kControlWritable = 0x1f3f;
inline constexpr uint16_t kControlFixed = 0x0040;
inline constexpr int kRoundingShift = 10;
enum Rounding : uint8_t { kNearest, kDown, kUp, kTowardZero };

inline constexpr uint16_t kExponentMask = 0x7fff;
inline constexpr uint16_t kSign = 0x8000;
inline constexpr int kExponentBias = 16383;
inline constexpr uint64_t kIntegerBit = 1ull << 63;
inline constexpr uint64_t kQuietBit = 1ull << 62;

// The response to a masked invalid operation.
inline constexpr Float80 kIndefinite{0xc000000000000000ull, 0xffff};
inline constexpr Float80 kOne{kIntegerBit, kExponentBias};

inline bool IsNegative(const Float80& x) { return x.sign_exponent & kSign; }
inline int Exponent(const Float80& x) {
  return x.sign_exponent & kExponentMask;
}
inline bool IsZero(const Float80& x) {
  return Exponent(x) == 0 && x.mantissa == 0;
}
inline bool IsInfinity(const Float80& x) {
  return Exponent(x) == kExponentMask && x.mantissa == kIntegerBit;
}
// Encodings that the 387 and later reject: pseudo-NaN, pseudo-infinity,
// unnormal. SDM vol. 1, 8.2.2.
inline bool IsUnsupported(const Float80& x) {
  return Exponent(x) != 0 && !(x.mantissa & kIntegerBit);
}
inline bool IsNan(const Float80& x) {
  return Exponent(x) == kExponentMask && x.mantissa > kIntegerBit;
}
inline bool IsDenormal(const Float80& x) {
  return Exponent(x) == 0 && x.mantissa != 0;
}

// --- the stack ---------------------------------------------------------------
inline int Physical(const X87State& fpu, int i) { return (fpu.top() + i) & 7; }
inline bool IsEmpty(const X87State& fpu, int i) {
  return !(fpu.valid >> Physical(fpu, i) & 1);
}
inline const Float80& St(const X87State& fpu, int i) {
  return fpu.physical[Physical(fpu, i)];
}
inline void SetSt(X87State& fpu, int i, const Float80& value) {
  fpu.physical[Physical(fpu, i)] = value;
  fpu.valid |= static_cast<uint8_t>(1 << Physical(fpu, i));
}
inline void Free(X87State& fpu, int i) {
  fpu.valid &= static_cast<uint8_t>(~(1 << Physical(fpu, i)));
}
inline void Pop(X87State& fpu) {
  Free(fpu, 0);
  fpu.set_top(fpu.top() + 1);
}
inline void Push(X87State& fpu, const Float80& value) {
  fpu.set_top(fpu.top() - 1);
  SetSt(fpu, 0, value);
}

// --- exceptions --------------------------------------------------------------
inline uint16_t Unmasked(const X87State& fpu, uint16_t flags) {
  return flags & kExceptions & static_cast<uint16_t>(~fpu.control);
}
// ES and B follow from the flags and their masks.
inline void UpdateSummary(X87State& fpu) {
  if (Unmasked(fpu, fpu.status)) {
    fpu.status |= kSummary | kBusy;
  } else {
    fpu.status &= static_cast<uint16_t>(~(kSummary | kBusy));
  }
}
inline void SetControl(X87State& fpu, uint16_t value) {
  fpu.control = (value & kControlWritable) | kControlFixed;
  UpdateSummary(fpu);
}
inline void SetConditions(X87State& fpu, uint16_t which, uint16_t value) {
  fpu.status = static_cast<uint16_t>((fpu.status & ~which) | (value & which));
}

// The start of each waiting instruction. With CR0.NE = 0 a PC would signal
// FERR#, which is not connected here: the exception stays pending.
inline bool CheckPending(Cpu& cpu) {
  if (!(cpu.regs.x87.status & kSummary)) [[likely]]
    return true;
  return (cpu.regs.cr0 & kCr0Ne) ? cpu.Raise(kX87Error) : true;
}

// Adds the exceptions in `status`, and takes C1 from it. True if the result
// goes to its register and the stack is popped or pushed: unmasked invalid,
// denormal and zero-divide exceptions keep the operands.
inline bool Report(X87State& fpu, uint16_t status) {
  SetConditions(fpu, kC1, status);
  if (!(status & kExceptions)) [[likely]]
    return true;
  fpu.status |= status & (kExceptions | kStackFault);
  UpdateSummary(fpu);
  return !Unmasked(fpu, status & (kInvalid | kDenormal | kZeroDivide));
}
// True if the masked response (the indefinite) is to be given.
inline bool ReportUnderflow(X87State& fpu) {
  return Report(fpu, kInvalid | kStackFault);
}
inline bool ReportOverflow(X87State& fpu) {
  return Report(fpu, kInvalid | kStackFault | kC1);
}

}  // namespace librr::pc::x87

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_X87_STATE_H_
