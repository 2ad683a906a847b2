// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// RDRAND, RDSEED. SDM vol. 1, 7.3.17. The generator never runs dry.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Rdrand(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    cpu.SetReg<T>(in.dst, static_cast<T>(cpu.host().NextRandom()));
    cpu.regs.flags.SetWord(kCf);
    return true;
  });
}

}  // namespace librr::pc::handlers
