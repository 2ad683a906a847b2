// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Floating-point arithmetic on packed and scalar singles and doubles. SDM
// vol. 1, 10.4.1.2, 11.4.1.2, 12.3 and 12.10.
#include "machines/pc/cpu/families/sse_float.h"

namespace librr::pc::handlers {

Handler Addps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("addps"));
}
Handler Addpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("addpd"));
}
Handler Addss(const Insn& in) {
  return FloatBinary<FloatLanes::kSingle, uint32_t>(in,
                                                    LIBRR_FLOAT_OP("addss"));
}
Handler Addsd(const Insn& in) {
  return FloatBinary<FloatLanes::kDouble, uint64_t>(in,
                                                    LIBRR_FLOAT_OP("addsd"));
}
Handler Subps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("subps"));
}
Handler Subpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("subpd"));
}
Handler Subss(const Insn& in) {
  return FloatBinary<FloatLanes::kSingle, uint32_t>(in,
                                                    LIBRR_FLOAT_OP("subss"));
}
Handler Subsd(const Insn& in) {
  return FloatBinary<FloatLanes::kDouble, uint64_t>(in,
                                                    LIBRR_FLOAT_OP("subsd"));
}
Handler Mulps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("mulps"));
}
Handler Mulpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("mulpd"));
}
Handler Mulss(const Insn& in) {
  return FloatBinary<FloatLanes::kSingle, uint32_t>(in,
                                                    LIBRR_FLOAT_OP("mulss"));
}
Handler Mulsd(const Insn& in) {
  return FloatBinary<FloatLanes::kDouble, uint64_t>(in,
                                                    LIBRR_FLOAT_OP("mulsd"));
}
Handler Divps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("divps"));
}
Handler Divpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("divpd"));
}
Handler Divss(const Insn& in) {
  return FloatBinary<FloatLanes::kSingle, uint32_t>(in,
                                                    LIBRR_FLOAT_OP("divss"));
}
Handler Divsd(const Insn& in) {
  return FloatBinary<FloatLanes::kDouble, uint64_t>(in,
                                                    LIBRR_FLOAT_OP("divsd"));
}

// A square root is never too small; an extreme is one of its operands.
Handler Sqrtps(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("sqrtps"));
}
Handler Sqrtpd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("sqrtpd"));
}
Handler Sqrtss(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint32_t>(in, LIBRR_FLOAT_OP("sqrtss"));
}
Handler Sqrtsd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint64_t>(in, LIBRR_FLOAT_OP("sqrtsd"));
}
Handler Minps(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("minps"));
}
Handler Minpd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("minpd"));
}
Handler Minss(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint32_t>(in, LIBRR_FLOAT_OP("minss"));
}
Handler Minsd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint64_t>(in, LIBRR_FLOAT_OP("minsd"));
}
Handler Maxps(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("maxps"));
}
Handler Maxpd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, Xmm>(in, LIBRR_FLOAT_OP("maxpd"));
}
Handler Maxss(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint32_t>(in, LIBRR_FLOAT_OP("maxss"));
}
Handler Maxsd(const Insn& in) {
  return FloatBinary<FloatLanes::kNone, uint64_t>(in, LIBRR_FLOAT_OP("maxsd"));
}

// Differences in even lanes and sums in odd ones; neighbours.
Handler Addsubps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("addsubps"));
}
Handler Addsubpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("addsubpd"));
}
Handler Haddps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("haddps"));
}
Handler Haddpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("haddpd"));
}
Handler Hsubps(const Insn& in) {
  return FloatBinary<FloatLanes::kSingles, Xmm>(in, LIBRR_FLOAT_OP("hsubps"));
}
Handler Hsubpd(const Insn& in) {
  return FloatBinary<FloatLanes::kDoubles, Xmm>(in, LIBRR_FLOAT_OP("hsubpd"));
}

// Dot products. The high half of the immediate chooses the products, all others
// being +0 without a look at the operands; the low half the lanes that get the
// sum.
namespace {

template <typename T>
Xmm KeepLanes(HostXmm vector, uint8_t lanes) {
  Xmm kept = ToXmm(vector);
  for (int i = 0; i < static_cast<int>(16 / sizeof(T)); ++i) {
    if (!(lanes >> i & 1)) kept.set_lane<T>(i, 0);
  }
  return kept;
}

}  // namespace

Handler Dpps(const Insn& in) {
  return FloatImmediate<FloatLanes::kSingles, Xmm>(
      in, [](HostXmm a, HostXmm b, uint8_t imm) {
        a = ToHost(KeepLanes<uint32_t>(a, imm >> 4));
        b = ToHost(KeepLanes<uint32_t>(b, imm >> 4));
        asm volatile("dpps $0xff, %1, %0" : "+x"(a) : "x"(b));
        return ToHost(KeepLanes<uint32_t>(a, imm));
      });
}
Handler Dppd(const Insn& in) {
  return FloatImmediate<FloatLanes::kDoubles, Xmm>(
      in, [](HostXmm a, HostXmm b, uint8_t imm) {
        a = ToHost(KeepLanes<uint64_t>(a, imm >> 4));
        b = ToHost(KeepLanes<uint64_t>(b, imm >> 4));
        asm volatile("dppd $0xff, %1, %0" : "+x"(a) : "x"(b));
        return ToHost(KeepLanes<uint64_t>(a, imm));
      });
}

}  // namespace librr::pc::handlers
