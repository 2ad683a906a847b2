// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// RDMSR and WRMSR; the registers are in msr.cc.
#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Rdmsr(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    uint64_t value;
    LIBRR_TRY(cpu.ReadMsr(cpu.Reg<uint32_t>(kRcx * 8), &value));
    cpu.SetReg(kRax * 8, static_cast<uint32_t>(value));
    cpu.SetReg(kRdx * 8, static_cast<uint32_t>(value >> 32));
    return true;
  };
}

Handler Wrmsr(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    const uint64_t low = cpu.Reg<uint32_t>(kRax * 8);
    const uint64_t high = cpu.Reg<uint32_t>(kRdx * 8);
    return cpu.WriteMsr(cpu.Reg<uint32_t>(kRcx * 8), high << 32 | low);
  };
}

}  // namespace librr::pc::handlers
