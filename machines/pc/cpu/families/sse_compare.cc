// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Rounding to integers, and comparisons that give masks or flags. SDM vol. 1,
// 10.4.1.2, 11.4.1.2 and 12.10.4.
#include "machines/pc/cpu/families/sse_float.h"

namespace librr::pc::handlers {

// The immediate of a host instruction is part of its code: one case for each.
#define LIBRR_IMM_CASE(mnemonic, n)                               \
  case n:                                                         \
    asm volatile(mnemonic " $" #n ", %1, %0" : "+x"(a) : "x"(b)); \
    break;
// clang-format off
#define LIBRR_IMM_CASES_0_TO_7(mnemonic)                                 \
  LIBRR_IMM_CASE(mnemonic, 0) LIBRR_IMM_CASE(mnemonic, 1)                \
  LIBRR_IMM_CASE(mnemonic, 2) LIBRR_IMM_CASE(mnemonic, 3)                \
  LIBRR_IMM_CASE(mnemonic, 4) LIBRR_IMM_CASE(mnemonic, 5)                \
  LIBRR_IMM_CASE(mnemonic, 6) LIBRR_IMM_CASE(mnemonic, 7)
#define LIBRR_IMM_CASES_8_TO_15(mnemonic)                                \
  LIBRR_IMM_CASE(mnemonic, 8) LIBRR_IMM_CASE(mnemonic, 9)                \
  LIBRR_IMM_CASE(mnemonic, 10) LIBRR_IMM_CASE(mnemonic, 11)              \
  LIBRR_IMM_CASE(mnemonic, 12) LIBRR_IMM_CASE(mnemonic, 13)              \
  LIBRR_IMM_CASE(mnemonic, 14) LIBRR_IMM_CASE(mnemonic, 15)
// clang-format on

// Bits 1:0 are the rounding mode, bit 2 takes MXCSR's instead, bit 3 suppresses
// the precision exception; the others are reserved and ignored.
#define LIBRR_ROUND_OP(mnemonic)          \
  [](HostXmm a, HostXmm b, uint8_t imm) { \
    switch (imm & 15) {                   \
      LIBRR_IMM_CASES_0_TO_7(mnemonic)    \
      LIBRR_IMM_CASES_8_TO_15(mnemonic)   \
    }                                     \
    return a;                             \
  }

// Bits 2:0 are the predicate; the others are reserved and ignored.
#define LIBRR_COMPARE_OP(mnemonic)                        \
  [](HostXmm a, HostXmm b, uint8_t imm) {                 \
    switch (imm & 7) { LIBRR_IMM_CASES_0_TO_7(mnemonic) } \
    return a;                                             \
  }

// Unordered: ZF, PF, CF; less: CF; equal: ZF; greater: none. OF, SF, AF are 0.
#define LIBRR_ORDER_OP(mnemonic)                                              \
  [](Cpu& cpu, const Insn& in, HostXmm b) -> bool {                           \
    const HostXmm a = ToHost(cpu.regs.xmm[in.dst]);                           \
    bool zf = false, pf = false, cf = false;                                  \
    LIBRR_TRY(RunUnderMxcsr(cpu, [&] {                                        \
      asm volatile(mnemonic " %4, %3"                                         \
                   : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf)                    \
                   : "x"(a), "x"(b));                                         \
    }));                                                                      \
    cpu.regs.flags.SetWord((zf ? kZf : 0) | (pf ? kPf : 0) | (cf ? kCf : 0)); \
    return true;                                                              \
  }

Handler Roundps(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, Xmm>(in, LIBRR_ROUND_OP("roundps"));
}
Handler Roundpd(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, Xmm>(in, LIBRR_ROUND_OP("roundpd"));
}
Handler Roundss(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, uint32_t>(in,
                                                     LIBRR_ROUND_OP("roundss"));
}
Handler Roundsd(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, uint64_t>(in,
                                                     LIBRR_ROUND_OP("roundsd"));
}

Handler Cmpps(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, Xmm>(in, LIBRR_COMPARE_OP("cmpps"));
}
Handler Cmppd(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, Xmm>(in, LIBRR_COMPARE_OP("cmppd"));
}
Handler Cmpss(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, uint32_t>(in,
                                                     LIBRR_COMPARE_OP("cmpss"));
}
Handler CmpsdXmm(const Insn& in) {
  return FloatImmediate<FloatLanes::kNone, uint64_t>(in,
                                                     LIBRR_COMPARE_OP("cmpsd"));
}

Handler Comiss(const Insn& in) {
  return WithSource<uint32_t>(in, LIBRR_ORDER_OP("comiss"));
}
Handler Ucomiss(const Insn& in) {
  return WithSource<uint32_t>(in, LIBRR_ORDER_OP("ucomiss"));
}
Handler Comisd(const Insn& in) {
  return WithSource<uint64_t>(in, LIBRR_ORDER_OP("comisd"));
}
Handler Ucomisd(const Insn& in) {
  return WithSource<uint64_t>(in, LIBRR_ORDER_OP("ucomisd"));
}

}  // namespace librr::pc::handlers
