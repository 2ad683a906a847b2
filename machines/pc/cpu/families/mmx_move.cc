// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// MMX data movement and EMMS. SDM vol. 1, 9.4.1 and 9.4.8.
#include "machines/pc/cpu/families/sse_masked_store.h"
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {

// MOVD and MOVQ from a general register or memory.
Handler MovdToMmx(const Insn& in) {
  if (in.Has(kPrefixRexW)) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      uint64_t value;
      LIBRR_TRY(x87::CheckPending(cpu));
      if (in.is_memory()) {
        LIBRR_TRY(cpu.LoadOperand(in, &value));
      } else {
        value = cpu.Reg<uint64_t>(in.src);
      }
      WriteMmx(cpu, in.dst, value);
      return true;
    };
  }
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint32_t value;
    LIBRR_TRY(x87::CheckPending(cpu));
    if (in.is_memory()) {
      LIBRR_TRY(cpu.LoadOperand(in, &value));
    } else {
      value = cpu.Reg<uint32_t>(in.src);
    }
    WriteMmx(cpu, in.dst, value);
    return true;
  };
}

namespace {

template <typename T>
Handler MoveFromMmx() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    const T value = static_cast<T>(ReadMmx(cpu, in.src));
    if (in.is_memory()) {
      LIBRR_TRY(cpu.StoreOperand<T>(in, value));
    } else {
      cpu.SetReg<T>(in.dst, value);
    }
    EnterMmx(cpu);
    return true;
  };
}

}  // namespace

Handler MovdFromMmx(const Insn& in) {
  return in.Has(kPrefixRexW) ? MoveFromMmx<uint64_t>()
                             : MoveFromMmx<uint32_t>();
}

// MOVQ and, to memory, MOVNTQ.
Handler MovqMmx(const Insn& in) {
  if (in.form == Form::kMR) return MoveFromMmx<uint64_t>();
  return MmxBinary<uint64_t>(in, [](uint64_t, uint64_t b) { return b; });
}

Handler Movq2dq(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    EnterMmx(cpu);
    cpu.regs.xmm[in.dst] = ToXmm(MakeHost(ReadMmx(cpu, in.src)));
    return true;
  };
}
Handler Movdq2q(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    WriteMmx(cpu, in.dst, cpu.regs.xmm[in.src].lane<uint64_t>(0));
    return true;
  };
}

Handler PmovmskbMmx(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    uint32_t mask;
    asm("pmovmskb %1, %0" : "=r"(mask) : "x"(MakeHost(ReadMmx(cpu, in.src))));
    EnterMmx(cpu);
    cpu.SetReg(in.dst, mask);
    return true;
  };
}

Handler Maskmovq(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    const Xmm bytes = ToXmm(MakeHost(ReadMmx(cpu, in.dst)));
    const Xmm mask = ToXmm(MakeHost(ReadMmx(cpu, in.src)));
    LIBRR_TRY(StoreMaskedBytes(cpu, in, bytes.bytes, mask.bytes, 8));
    EnterMmx(cpu);
    return true;
  };
}

// All registers become empty; TOP becomes 0, as with every MMX instruction.
Handler Emms(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    cpu.regs.x87.set_top(0);
    cpu.regs.x87.valid = 0;
    return true;
  };
}

}  // namespace librr::pc::handlers
