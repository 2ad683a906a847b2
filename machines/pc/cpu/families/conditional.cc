// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// SETcc, CMOVcc. SDM vol. 1, 7.3.1.1 and 7.3.7.3.
#include <cstdint>

#include "machines/pc/cpu/families/conditions.h"
#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/single_operand.h"

namespace librr::pc::handlers {
namespace {

template <int cc>
bool SetByte(Cpu& cpu, const Insn& in) {
  const uint8_t value = Condition<cc>(cpu.regs.flags) ? 1 : 0;
  if (in.is_memory()) return cpu.StoreOperand<uint8_t>(in, value);
  cpu.SetReg<uint8_t>(in.dst, value);
  return true;
}

// The source is read in any case, and a 32-bit destination zero-extended.
template <int cc>
Handler ConditionalMove(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T value;
    LIBRR_TRY(LoadSecond(cpu, in, &value));
    if (!Condition<cc>(cpu.regs.flags)) value = cpu.Reg<T>(in.dst);
    cpu.SetReg<T>(in.dst, value);
    return true;
  });
}

}  // namespace

#define X(name, cc)                                      \
  Handler Set##name(const Insn&) { return SetByte<cc>; } \
  Handler Cmov##name(const Insn& in) { return ConditionalMove<cc>(in); }
LIBRR_CONDITIONS(X)
#undef X

}  // namespace librr::pc::handlers
