// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Packed integer arithmetic of MMX and XMM registers, lane by lane or in pairs.
// SDM vol. 1, 9.4.1, 10.4.4, 11.4.2, 12.6 and 12.10.
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {

// Wrapping and saturating sums and differences.
Handler Paddb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddb"));
}
Handler Paddw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddw"));
}
Handler Paddd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddd"));
}
Handler Paddq(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddq"));
}
Handler Psubb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubb"));
}
Handler Psubw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubw"));
}
Handler Psubd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubd"));
}
Handler Psubq(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubq"));
}
Handler Paddsb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddsb"));
}
Handler Paddsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddsw"));
}
Handler Paddusb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddusb"));
}
Handler Paddusw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("paddusw"));
}
Handler Psubsb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubsb"));
}
Handler Psubsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubsw"));
}
Handler Psubusb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubusb"));
}
Handler Psubusw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psubusw"));
}

// Products.
Handler Pmullw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmullw"));
}
Handler Pmulhw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmulhw"));
}
Handler Pmulhuw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmulhuw"));
}
Handler Pmulhrsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmulhrsw"));
}
Handler Pmaddwd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaddwd"));
}
Handler Pmaddubsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaddubsw"));
}
Handler Pmuludq(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmuludq"));
}
Handler Pmuldq(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmuldq"));
}
Handler Pmulld(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmulld"));
}

// Averages, sums of differences, extremes.
Handler Pavgb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pavgb"));
}
Handler Pavgw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pavgw"));
}
Handler Psadbw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psadbw"));
}
Handler Pminub(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pminub"));
}
Handler Pmaxub(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaxub"));
}
Handler Pminsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pminsw"));
}
Handler Pmaxsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaxsw"));
}
Handler Pminsb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pminsb"));
}
Handler Pmaxsb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaxsb"));
}
Handler Pminuw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pminuw"));
}
Handler Pmaxuw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaxuw"));
}
Handler Pminsd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pminsd"));
}
Handler Pmaxsd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaxsd"));
}
Handler Pminud(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pminud"));
}
Handler Pmaxud(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pmaxud"));
}
Handler Phminposuw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("phminposuw"));
}

// Signs and absolute values.
Handler Psignb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psignb"));
}
Handler Psignw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psignw"));
}
Handler Psignd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("psignd"));
}
Handler Pabsb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pabsb"));
}
Handler Pabsw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pabsw"));
}
Handler Pabsd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pabsd"));
}

// Comparisons: all ones or all zeros.
Handler Pcmpeqb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpeqb"));
}
Handler Pcmpeqw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpeqw"));
}
Handler Pcmpeqd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpeqd"));
}
Handler Pcmpeqq(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpeqq"));
}
Handler Pcmpgtb(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpgtb"));
}
Handler Pcmpgtw(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpgtw"));
}
Handler Pcmpgtd(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpgtd"));
}
Handler Pcmpgtq(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pcmpgtq"));
}

// Sums and differences of neighbours.
Handler Phaddw(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("phaddw"));
}
Handler Phaddd(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("phaddd"));
}
Handler Phaddsw(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("phaddsw"));
}
Handler Phsubw(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("phsubw"));
}
Handler Phsubd(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("phsubd"));
}
Handler Phsubsw(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("phsubsw"));
}

}  // namespace librr::pc::handlers
