// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Floating point under the guest's MXCSR: each guest instruction is one host
// instruction with the operands in their guest order, so results, NaN payloads
// and flags are those of IEEE 754 and the SDM on every x86-64 host.
//
//   Handler Addps(const Insn& in) {
//     return FloatBinary<FloatLanes::kSingles, Xmm>(in,
//     LIBRR_FLOAT_OP("addps"));
//   }
//   LIBRR_TRY(RunUnderMxcsr(cpu, [&] { asm volatile(...); }));
//
// The host's exceptions stay masked: no signal ever arises. If the guest has
// all of its own masked, its MXCSR is loaded as it is and the flags accumulate
// in the host's register; else the flags are examined and #XM is raised here.
// The control bits of the host's MXCSR are restored each time; its status bits
// belong to no one between calls (System V ABI, 3.2.1).
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_FLOAT_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_FLOAT_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc {

// MXCSR. SDM vol. 1, 10.2.3.
inline constexpr uint32_t kMxcsrInvalid = 1u << 0;
inline constexpr uint32_t kMxcsrDenormal = 1u << 1;
inline constexpr uint32_t kMxcsrDivideByZero = 1u << 2;
inline constexpr uint32_t kMxcsrOverflow = 1u << 3;
inline constexpr uint32_t kMxcsrUnderflow = 1u << 4;
inline constexpr uint32_t kMxcsrPrecision = 1u << 5;
inline constexpr uint32_t kMxcsrFlags = 0x3f;
inline constexpr int kMxcsrMaskShift = 7;
inline constexpr uint32_t kMxcsrMasks = kMxcsrFlags << kMxcsrMaskShift;
inline constexpr uint32_t kMxcsrUnderflowMask = kMxcsrUnderflow
                                                << kMxcsrMaskShift;
inline constexpr uint32_t kMxcsrFlushToZero = 1u << 15;
inline constexpr uint32_t kMxcsrValid = 0xffff;  // MXCSR_MASK

// Which lanes of a result are computed numbers that may be too small.
enum class FloatLanes { kNone, kSingle, kDouble, kSingles, kDoubles };

inline uint32_t ReadHostMxcsr() {
  uint32_t value;
  asm volatile("stmxcsr %0" : "=m"(value));
  return value;
}
inline void LoadHostMxcsr(uint32_t value) {
  asm volatile("ldmxcsr %0" : : "m"(value));
}

// True if one of the lanes is denormal.
bool HasTinyLane(FloatLanes lanes, const Xmm& result);
// Enters the flags of an instruction into the guest's MXCSR while some
// exceptions are unmasked; false, with #XM pending, if one of those occurred.
bool ReportFloatFlags(Cpu& cpu, uint32_t flags);

// Calls `run`, which executes one host instruction, under the guest's MXCSR.
// False if #XM (or #UD in its place) is pending: then nothing may be written.
// `result` is what `run` computed, needed where underflow can occur.
template <FloatLanes lanes = FloatLanes::kNone, typename F>
inline bool RunUnderMxcsr(Cpu& cpu, F run, const HostXmm* result = nullptr) {
  const uint32_t guest = cpu.regs.mxcsr;
  const uint32_t host = ReadHostMxcsr();
  if ((guest & kMxcsrMasks) == kMxcsrMasks) [[likely]] {
    if (host != guest) LoadHostMxcsr(guest);
    run();
    cpu.regs.mxcsr = ReadHostMxcsr();
    if ((host ^ guest) & ~kMxcsrFlags) LoadHostMxcsr(host);
    return true;
  }
  // Unmasked underflow means tiny, exact or not, and rules out flushing to
  // zero; masked underflow means tiny and inexact. SDM vol. 1, 11.5.2.5.
  const bool underflow_masked = guest & kMxcsrUnderflowMask;
  uint32_t control = (guest | kMxcsrMasks) & ~kMxcsrFlags;
  if (!underflow_masked) control &= ~kMxcsrFlushToZero;
  LoadHostMxcsr(control);
  run();
  uint32_t flags = ReadHostMxcsr() & kMxcsrFlags;
  LoadHostMxcsr(host);
  if constexpr (lanes != FloatLanes::kNone) {
    if (!underflow_masked && HasTinyLane(lanes, ToXmm(*result)))
      flags |= kMxcsrUnderflow;
  }
  return ReportFloatFlags(cpu, flags);
}

// One host instruction that depends on MXCSR: a = a OP b.
#define LIBRR_FLOAT_OP(mnemonic)                         \
  [](HostXmm a, HostXmm b) {                             \
    asm volatile(mnemonic " %1, %0" : "+x"(a) : "x"(b)); \
    return a;                                            \
  }

// XMM destination = op(destination, source); memory has the size of T.
template <FloatLanes lanes, typename T, typename Op>
Handler FloatBinary(const Insn& in, Op) {
  return WithSource<T>(in, [](Cpu& cpu, const Insn& in, HostXmm b) -> bool {
    HostXmm a = ToHost(cpu.regs.xmm[in.dst]);
    LIBRR_TRY(RunUnderMxcsr<lanes>(
        cpu, [&] { a = Op{}(a, b); }, &a));
    cpu.regs.xmm[in.dst] = ToXmm(a);
    return true;
  });
}

// The same with op(destination, source, imm8).
template <FloatLanes lanes, typename T, typename Op>
Handler FloatImmediate(const Insn& in, Op) {
  return WithSource<T>(in, [](Cpu& cpu, const Insn& in, HostXmm b) -> bool {
    HostXmm a = ToHost(cpu.regs.xmm[in.dst]);
    LIBRR_TRY(RunUnderMxcsr<lanes>(
        cpu, [&] { a = Op{}(a, b, in.imm8()); }, &a));
    cpu.regs.xmm[in.dst] = ToXmm(a);
    return true;
  });
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_FLOAT_H_
