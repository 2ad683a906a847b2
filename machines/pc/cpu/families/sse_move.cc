// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Data movement of whole and partial XMM registers. SDM vol. 1, 10.4.1.1 and
// 11.4.1.1. What differs between the forms is which bits of the destination
// survive: loads from memory zero the rest, moves between registers keep it.
#include "machines/pc/cpu/families/sse_masked_store.h"
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {
namespace {

Handler MoveRegister() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    cpu.regs.xmm[in.dst] = cpu.regs.xmm[in.src];
    return true;
  };
}

// Loads T into the low lane and zeroes the others.
template <typename T>
Handler LoadZeroing() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    HostXmm value;
    LIBRR_TRY(LoadHost<T>(cpu, in, &value));
    cpu.regs.xmm[in.dst] = ToXmm(value);
    return true;
  };
}

template <typename T, int lane>
Handler StoreLane() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    return cpu.StoreOperand<T>(in, cpu.regs.xmm[in.src].lane<T>(lane));
  };
}

// Replaces 64 bits of the destination.
template <int lane>
Handler LoadHalf() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint64_t value;
    LIBRR_TRY(cpu.LoadOperand(in, &value));
    Xmm& a = cpu.regs.xmm[in.dst];
    a = ToXmm(lane == 0 ? MakeHost(value, a.lane<uint64_t>(1))
                        : MakeHost(a.lane<uint64_t>(0), value));
    return true;
  };
}

// MOVSS and MOVSD; `merge` replaces the low lane.
template <typename T, typename Op>
Handler MoveScalar(const Insn& in, Op merge) {
  switch (in.form) {
    case Form::kRM:
      return LoadZeroing<T>();
    case Form::kMR:
      return StoreLane<T, 0>();
    default:
      return XmmBinary<Xmm>(in, merge);
  }
}

}  // namespace

Handler MovUnaligned(const Insn& in) {
  switch (in.form) {
    case Form::kRM:
      return [](Cpu& cpu, const Insn& in) -> bool {
        Xmm value;  // a load that faults half-way changes nothing
        LIBRR_TRY(cpu.LoadOperand(in, &value));
        cpu.regs.xmm[in.dst] = value;
        return true;
      };
    case Form::kMR:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return cpu.StoreOperand(in, cpu.regs.xmm[in.src]);
      };
    default:
      return MoveRegister();
  }
}

Handler MovAligned(const Insn& in) {
  switch (in.form) {
    case Form::kRM:
      return [](Cpu& cpu, const Insn& in) -> bool {
        Xmm value;
        LIBRR_TRY(LoadAligned(cpu, in, &value));
        cpu.regs.xmm[in.dst] = value;
        return true;
      };
    case Form::kMR:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return StoreAligned(cpu, in, cpu.regs.xmm[in.src]);
      };
    default:
      return MoveRegister();
  }
}

Handler Movss(const Insn& in) {
  return MoveScalar<uint32_t>(in, LIBRR_VECTOR_OP("movss"));
}
Handler MovsdXmm(const Insn& in) {
  return MoveScalar<uint64_t>(in, LIBRR_VECTOR_OP("movsd"));
}

// MOVLPS, MOVLPD, MOVHPS, MOVHPD.
Handler MovLow(const Insn& in) {
  return in.form == Form::kRM ? LoadHalf<0>() : StoreLane<uint64_t, 0>();
}
Handler MovHigh(const Insn& in) {
  return in.form == Form::kRM ? LoadHalf<1>() : StoreLane<uint64_t, 1>();
}

Handler Movhlps(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("movhlps"));
}
Handler Movlhps(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("movlhps"));
}

// MOVQ between XMM registers zeroes the upper half, in both encodings.
Handler MovqXmm(const Insn& in) {
  switch (in.form) {
    case Form::kRM:
      return LoadZeroing<uint64_t>();
    case Form::kMR:
      return StoreLane<uint64_t, 0>();
    default:
      return [](Cpu& cpu, const Insn& in) -> bool {
        cpu.regs.xmm[in.dst] =
            ToXmm(MakeHost(cpu.regs.xmm[in.src].lane<uint64_t>(0)));
        return true;
      };
  }
}

// MOVD and MOVQ from a general register or memory.
Handler MovdToXmm(const Insn& in) {
  const bool wide = in.Has(kPrefixRexW);
  if (in.is_memory())
    return wide ? LoadZeroing<uint64_t>() : LoadZeroing<uint32_t>();
  if (wide) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      cpu.regs.xmm[in.dst] = ToXmm(MakeHost(cpu.Reg<uint64_t>(in.src)));
      return true;
    };
  }
  return [](Cpu& cpu, const Insn& in) -> bool {
    cpu.regs.xmm[in.dst] = ToXmm(MakeHost(cpu.Reg<uint32_t>(in.src)));
    return true;
  };
}

Handler MovdFromXmm(const Insn& in) {
  const bool wide = in.Has(kPrefixRexW);
  if (in.is_memory())
    return wide ? StoreLane<uint64_t, 0>() : StoreLane<uint32_t, 0>();
  if (wide) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      cpu.SetReg(in.dst, cpu.regs.xmm[in.src].lane<uint64_t>(0));
      return true;
    };
  }
  return [](Cpu& cpu, const Insn& in) -> bool {
    cpu.SetReg(in.dst, cpu.regs.xmm[in.src].lane<uint32_t>(0));
    return true;
  };
}

Handler Movddup(const Insn& in) {
  return WithSource<uint64_t>(in, [](Cpu& cpu, const Insn& in, HostXmm b) {
    cpu.regs.xmm[in.dst] = ToXmm(MakeHost(LowHalf(b), LowHalf(b)));
    return true;
  });
}
Handler Movsldup(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("movsldup"));
}
Handler Movshdup(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("movshdup"));
}

Handler Movmskps(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint32_t mask;
    asm("movmskps %1, %0" : "=r"(mask) : "x"(ToHost(cpu.regs.xmm[in.src])));
    cpu.SetReg(in.dst, mask);
    return true;
  };
}
Handler Movmskpd(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint32_t mask;
    asm("movmskpd %1, %0" : "=r"(mask) : "x"(ToHost(cpu.regs.xmm[in.src])));
    cpu.SetReg(in.dst, mask);
    return true;
  };
}
Handler PmovmskbXmm(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint32_t mask;
    asm("pmovmskb %1, %0" : "=r"(mask) : "x"(ToHost(cpu.regs.xmm[in.src])));
    cpu.SetReg(in.dst, mask);
    return true;
  };
}

// Stores the bytes whose mask byte has its top bit set at DS:rDI. Nothing is
// accessed, and nothing can fault, outside the first to the last such byte.
Handler Maskmovdqu(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    return StoreMaskedBytes(cpu, in, cpu.regs.xmm[in.dst].bytes,
                            cpu.regs.xmm[in.src].bytes, 16);
  };
}

Handler Ldmxcsr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint32_t value;
    LIBRR_TRY(cpu.LoadOperand(in, &value));
    if (value & ~0xffffu) return cpu.RaiseGp();
    cpu.regs.mxcsr = value;
    return true;
  };
}
Handler Stmxcsr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    return cpu.StoreOperand<uint32_t>(in, cpu.regs.mxcsr);
  };
}

}  // namespace librr::pc::handlers
