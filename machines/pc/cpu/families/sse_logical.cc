// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Logic and shifts of MMX and XMM registers. SDM vol. 1, 9.4.6, 9.4.7, 10.4.2
// and 11.4.2.
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {

Handler Pand(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pand"));
}
Handler Pandn(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pandn"));
}
Handler Por(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("por"));
}
Handler Pxor(const Insn& in) {
  return PackedInteger(in, LIBRR_VECTOR_OP("pxor"));
}

// ANDPS and ANDPD and so on look at no exponent: they are the integer ones.
Handler Andp(const Insn& in) { return Pand(in); }
Handler Andnp(const Insn& in) { return Pandn(in); }
Handler Orp(const Insn& in) { return Por(in); }
Handler Xorp(const Insn& in) { return Pxor(in); }

namespace {

// A shift by the low 64 bits of the source, or by an immediate in its place.
template <typename Op>
Handler Shift(const Insn& in, Op op) {
  if (in.form != Form::kRI) return PackedInteger(in, op);
  if (in.size == 8) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      LIBRR_TRY(x87::CheckPending(cpu));
      WriteMmx(
          cpu, in.dst,
          LowHalf(Op{}(MakeHost(ReadMmx(cpu, in.dst)), MakeHost(in.imm8()))));
      return true;
    };
  }
  return [](Cpu& cpu, const Insn& in) -> bool {
    Xmm& a = cpu.regs.xmm[in.dst];
    a = ToXmm(Op{}(ToHost(a), MakeHost(in.imm8())));
    return true;
  };
}

}  // namespace

Handler Psllw(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psllw")); }
Handler Pslld(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("pslld")); }
Handler Psllq(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psllq")); }
Handler Psrlw(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psrlw")); }
Handler Psrld(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psrld")); }
Handler Psrlq(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psrlq")); }
Handler Psraw(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psraw")); }
Handler Psrad(const Insn& in) { return Shift(in, LIBRR_VECTOR_OP("psrad")); }

// Shifts of the whole register by bytes.
Handler Pslldq(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    Xmm& a = cpu.regs.xmm[in.dst];
    a = ShiftBytesLeft(a, in.imm8());
    return true;
  };
}
Handler Psrldq(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    Xmm& a = cpu.regs.xmm[in.dst];
    a = ShiftBytesRight(a, in.imm8());
    return true;
  };
}

// ZF: source AND destination is zero. CF: source AND NOT destination is zero.
Handler Ptest(const Insn& in) {
  return WithSource<Xmm>(in, [](Cpu& cpu, const Insn& in, HostXmm b) {
    const Xmm& a = cpu.regs.xmm[in.dst];
    const uint64_t low = a.lane<uint64_t>(0), high = a.lane<uint64_t>(1);
    const bool zf = ((LowHalf(b) & low) | (HighHalf(b) & high)) == 0;
    const bool cf = ((LowHalf(b) & ~low) | (HighHalf(b) & ~high)) == 0;
    cpu.regs.flags.SetWord((zf ? kZf : 0) | (cf ? kCf : 0));
    return true;
  });
}

}  // namespace librr::pc::handlers
