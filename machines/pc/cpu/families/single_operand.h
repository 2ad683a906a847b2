// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Access by handlers that exist once per size and look at the form when they
// run: the only operand (`first`), or a second one that is register or memory.
//
//   T value;
//   LIBRR_TRY(LoadFirst(cpu, in, &value));   // MUL r/m
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_SINGLE_OPERAND_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_SINGLE_OPERAND_H_

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// The first operand: a register or memory.
template <typename T>
inline bool LoadFirst(Cpu& cpu, const Insn& in, T* value) {
  if (in.is_memory()) return cpu.LoadOperand(in, value);
  *value = cpu.Reg<T>(in.dst);
  return true;
}

// The second operand, a register or memory, when the first is a register.
template <typename T>
inline bool LoadSecond(Cpu& cpu, const Insn& in, T* value) {
  if (in.is_memory()) return cpu.LoadOperand(in, value);
  *value = cpu.Reg<T>(in.src);
  return true;
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_SINGLE_OPERAND_H_
