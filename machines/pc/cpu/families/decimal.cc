// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// DAA, DAS, AAA, AAS, AAM, AAD. SDM vol. 1, 7.3.3; vol. 2A.
// Undefined flags: OF is 0; SF, ZF and PF are those of AL; after AAM and AAD
// AF and CF are 0.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

constexpr uint8_t kAl = kRax * 8;
constexpr uint8_t kAh = kRax * 8 + 1;
constexpr uint8_t kAx = kRax * 8;

template <bool add>
bool AdjustPacked(Cpu& cpu, const Insn&) {
  const uint8_t old_al = cpu.Reg<uint8_t>(kAl);
  const bool old_cf = cpu.regs.flags.cf();
  unsigned al = old_al;
  bool cf = false, af = false;
  if ((old_al & 0xf) > 9 || cpu.regs.flags.af()) {
    cf = old_cf || (add ? al + 6 > 0xff : al < 6);
    al = add ? al + 6 : al - 6;
    af = true;
  }
  if (old_al > 0x99 || old_cf) {
    al = add ? al + 0x60 : al - 0x60;
    cf = true;
  }
  const uint8_t result = static_cast<uint8_t>(al);
  cpu.SetReg<uint8_t>(kAl, result);
  cpu.regs.flags.SetResult<uint8_t>(result, cf, false, af);
  return true;
}

template <bool add>
bool AdjustUnpacked(Cpu& cpu, const Insn&) {
  uint16_t ax = cpu.Reg<uint16_t>(kAx);
  const bool adjust = (ax & 0xf) > 9 || cpu.regs.flags.af();
  if (adjust) ax = static_cast<uint16_t>(add ? ax + 0x106 : ax - 0x106);
  ax &= 0xff0f;
  cpu.SetReg<uint16_t>(kAx, ax);
  cpu.regs.flags.SetResult<uint8_t>(static_cast<uint8_t>(ax), adjust, false,
                                    adjust);
  return true;
}

}  // namespace

Handler Daa(const Insn&) { return AdjustPacked<true>; }
Handler Das(const Insn&) { return AdjustPacked<false>; }
Handler Aaa(const Insn&) { return AdjustUnpacked<true>; }
Handler Aas(const Insn&) { return AdjustUnpacked<false>; }

Handler Aam(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    const uint8_t base = in.imm8();
    if (base == 0) return cpu.Raise(kDivideError);
    const uint8_t al = cpu.Reg<uint8_t>(kAl);
    cpu.SetReg<uint8_t>(kAh, al / base);
    cpu.SetReg<uint8_t>(kAl, al % base);
    cpu.regs.flags.SetLogic<uint8_t>(al % base);
    return true;
  };
}

Handler Aad(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    const auto al = static_cast<uint8_t>(cpu.Reg<uint8_t>(kAl) +
                                         cpu.Reg<uint8_t>(kAh) * in.imm8());
    cpu.SetReg<uint16_t>(kAx, al);
    cpu.regs.flags.SetLogic<uint8_t>(al);
    return true;
  };
}

}  // namespace librr::pc::handlers
