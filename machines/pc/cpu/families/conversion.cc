// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// CBW, CWDE, CDQE; CWD, CDQ, CQO. SDM vol. 1, 7.3.1.4.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Cbw(const Insn& in) {
  switch (in.size) {
    case 2:
      return [](Cpu& cpu, const Insn&) -> bool {
        const auto al = static_cast<int8_t>(cpu.Reg<uint8_t>(kRax * 8));
        cpu.SetReg<uint16_t>(kRax * 8, static_cast<uint16_t>(al));
        return true;
      };
    case 4:
      return [](Cpu& cpu, const Insn&) -> bool {
        const auto ax = static_cast<int16_t>(cpu.Reg<uint16_t>(kRax * 8));
        cpu.SetReg<uint32_t>(kRax * 8, static_cast<uint32_t>(ax));
        return true;
      };
    default:
      return [](Cpu& cpu, const Insn&) -> bool {
        const auto eax = static_cast<int32_t>(cpu.Reg<uint32_t>(kRax * 8));
        cpu.SetReg<uint64_t>(kRax * 8, static_cast<uint64_t>(eax));
        return true;
      };
  }
}

// rDX becomes copies of rAX's sign.
Handler Cwd(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    const bool negative = cpu.Reg<T>(kRax * 8) >> (8 * sizeof(T) - 1);
    cpu.SetReg<T>(kRdx * 8, static_cast<T>(negative ? ~T{0} : T{0}));
    return true;
  });
}

}  // namespace librr::pc::handlers
