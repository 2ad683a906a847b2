// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// CPUID; what it tells is in cpuid.cc.
#include "machines/pc/cpu/cpuid.h"
#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler CpuidInstruction(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    const CpuidResult result =
        Cpuid(cpu, cpu.Reg<uint32_t>(kRax * 8), cpu.Reg<uint32_t>(kRcx * 8));
    cpu.SetReg(kRax * 8, result.eax);
    cpu.SetReg(kRbx * 8, result.ebx);
    cpu.SetReg(kRcx * 8, result.ecx);
    cpu.SetReg(kRdx * 8, result.edx);
    return true;
  };
}

}  // namespace librr::pc::handlers
