// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// CLC, STC, CMC, CLD, STD, LAHF, SAHF, SALC. SDM vol. 1, 7.3.13.
// PUSHF and POPF are in stack.cc.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Clc(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.flags.SetCf(false);
    return true;
  };
}

Handler Stc(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.flags.SetCf(true);
    return true;
  };
}

Handler Cmc(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.flags.SetCf(!cpu.regs.flags.cf());
    return true;
  };
}

Handler Cld(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.system_flags &= ~kDf;
    return true;
  };
}

Handler Std(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.system_flags |= kDf;
    return true;
  };
}

Handler Lahf(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.SetReg<uint8_t>(kRax * 8 + 1,
                        static_cast<uint8_t>(cpu.regs.flags.word() | 2));
    return true;
  };
}

Handler Sahf(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.regs.flags.SetMasked(cpu.Reg<uint8_t>(kRax * 8 + 1),
                             kSf | kZf | kAf | kPf | kCf);
    return true;
  };
}

// D6 is not in the SDM but in every CPU: AL becomes copies of CF.
Handler Salc(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.SetReg<uint8_t>(kRax * 8, cpu.regs.flags.cf() ? 0xff : 0);
    return true;
  };
}

}  // namespace librr::pc::handlers
