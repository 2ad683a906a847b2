// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// NOP and the hints that are one here (PREFETCH, ENDBR, fences), PAUSE,
// CLFLUSH. SDM vol. 1, 7.3.14 and 11.4.4. Memory is always in order: a fence
// has nothing to do.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Nop(const Insn&) {
  return [](Cpu&, const Insn&) -> bool { return true; };
}

// The surcharge makes waiting loops short in steps. With REX.B the instruction
// is XCHG of R8.
Handler Pause(const Insn& in) {
  if (in.dst != kRax * 8) return XchgAccumulator(in);
  return [](Cpu& cpu, const Insn&) -> bool {
    cpu.host().AddSurcharge(kPauseSurchargeNs);
    return true;
  };
}

// There is no cache, but it faults as a load of a byte does.
Handler Clflush(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint8_t byte;
    return cpu.LoadOperand(in, &byte);
  };
}

}  // namespace librr::pc::handlers
