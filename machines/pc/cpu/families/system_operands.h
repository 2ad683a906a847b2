// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Operands and conditions that system instructions share.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_SYSTEM_OPERANDS_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_SYSTEM_OPERANDS_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// UMIP keeps the tables' addresses from user code. SDM vol. 3, 2.5.
inline bool CheckUmip(Cpu& cpu) {
  if (cpu.cpl() > 0 && (cpu.regs.cr4 & kCr4Umip)) return cpu.RaiseGp();
  return true;
}

// For instructions that real and virtual-8086 mode do not recognise.
inline bool CheckProtected(Cpu& cpu) {
  if (cpu.real_mode() || cpu.v86()) return cpu.RaiseUd();
  return true;
}

// An Ew operand; `reg` is its register if it is one.
inline bool LoadWord(Cpu& cpu, const Insn& in, uint8_t reg, uint16_t* value) {
  if (in.is_memory()) return cpu.LoadOperand(in, value);
  *value = cpu.Reg<uint16_t>(reg);
  return true;
}

// An RvMw destination: memory gets 16 bits, a register its operand size.
inline bool StoreWord(Cpu& cpu, const Insn& in, uint64_t value) {
  if (in.is_memory()) return cpu.StoreOperand(in, static_cast<uint16_t>(value));
  switch (in.size) {
    case 2:
      cpu.SetReg(in.dst, static_cast<uint16_t>(value));
      break;
    case 4:
      cpu.SetReg(in.dst, static_cast<uint32_t>(value));
      break;
    default:
      cpu.SetReg(in.dst, value);
  }
  return true;
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_SYSTEM_OPERANDS_H_
