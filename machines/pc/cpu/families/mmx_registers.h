// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The MMX registers, which are the mantissas of the x87 registers R0 to R7, and
// what every MMX instruction does to the x87 state. SDM vol. 1, 9.5 and 9.6.2.
//
//   LIBRR_TRY(x87::CheckPending(cpu));          // #MF comes first
//   LIBRR_TRY(LoadMmxSource<uint64_t>(cpu, in, &value));
//   WriteMmx(cpu, in.dst, value);               // or EnterMmx(cpu), if no
//                                               // MMX register is written
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_MMX_REGISTERS_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_MMX_REGISTERS_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/families/x87_state.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// TOP becomes 0 and all registers valid. SDM vol. 1, table 9-3.
inline void EnterMmx(Cpu& cpu) {
  cpu.regs.x87.set_top(0);
  cpu.regs.x87.valid = 0xff;
}

// REX.R and REX.B do not extend MMX registers: SDM vol. 2, 2.2.1.2.
inline uint64_t ReadMmx(const Cpu& cpu, unsigned i) {
  return cpu.regs.x87.physical[i & 7].mantissa;
}
inline void WriteMmx(Cpu& cpu, unsigned i, uint64_t value) {
  EnterMmx(cpu);
  cpu.regs.x87.physical[i & 7] = Float80{value, 0xffff};
}

// The second operand: an MMX register, or memory of the size of T.
template <typename T>
inline bool LoadMmxSource(Cpu& cpu, const Insn& in, uint64_t* value) {
  if (in.is_memory()) {
    T narrow;
    LIBRR_TRY(cpu.LoadOperand(in, &narrow));
    *value = narrow;
  } else {
    *value = ReadMmx(cpu, in.src);
  }
  return true;
}

// MMX destination = op(destination, source); memory has the size of T.
template <typename T, typename Op>
Handler MmxBinary(const Insn&, Op) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint64_t b;
    LIBRR_TRY(x87::CheckPending(cpu));
    LIBRR_TRY(LoadMmxSource<T>(cpu, in, &b));
    WriteMmx(cpu, in.dst, Op{}(ReadMmx(cpu, in.dst), b));
    return true;
  };
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_MMX_REGISTERS_H_
