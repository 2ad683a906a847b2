// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// Near JMP, Jcc, JrCXZ, LOOPcc, CALL, RET. SDM vol. 1, 7.3.8. Far transfers
// are a family of their own.
#include <cstdint>

#include "machines/pc/cpu/families/conditions.h"
#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/single_operand.h"
#include "machines/pc/cpu/families/stack_access.h"

namespace librr::pc::handlers {
namespace {

bool Branch(Cpu& cpu, const Insn& in) {
  return cpu.JumpNear(cpu.rip() + in.imm, in.size);
}

template <int cc>
bool ConditionalJump(Cpu& cpu, const Insn& in) {
  if (!Condition<cc>(cpu.regs.flags)) return true;
  return Branch(cpu, in);
}

// The target is checked before the stack is written; RSP changes last.
template <typename T>
bool Call(Cpu& cpu, uint64_t target) {
  const T return_address = static_cast<T>(cpu.rip());
  LIBRR_TRY(cpu.JumpNear(target, sizeof(T)));
  return PushValue<T>(cpu, return_address);
}

// rCX by address size.
template <typename T>
bool CountIsZero(Cpu& cpu, const Insn& in) {
  if (cpu.Reg<T>(kRcx * 8) == 0) return Branch(cpu, in);
  return true;
}

// F: bool(const Flags&), whether to go on as far as flags decide.
template <typename F>
Handler CountedLoop(const Insn& in, F) {
  return ByWidth(in.address_size,
                 []<typename T>(Cpu& cpu, const Insn& in) -> bool {
                   const T count = static_cast<T>(cpu.Reg<T>(kRcx * 8) - 1);
                   if (count != 0 && F{}(cpu.regs.flags))
                     LIBRR_TRY(Branch(cpu, in));
                   cpu.SetReg<T>(kRcx * 8, count);
                   return true;
                 });
}

}  // namespace

#define X(name, cc) \
  Handler Jump##name(const Insn&) { return ConditionalJump<cc>; }
LIBRR_CONDITIONS(X)
#undef X

Handler JumpRelative(const Insn&) { return Branch; }

Handler JumpIndirect(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T target;
    LIBRR_TRY(LoadFirst(cpu, in, &target));
    return cpu.JumpNear(target, sizeof(T));
  });
}

Handler CallRelative(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    return Call<T>(cpu, cpu.rip() + in.imm);
  });
}

Handler CallIndirect(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T target;
    LIBRR_TRY(LoadFirst(cpu, in, &target));
    return Call<T>(cpu, target);
  });
}

// The immediate is the number of bytes of arguments to remove.
Handler Ret(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T target;
    LIBRR_TRY(PeekValue(cpu, &target));
    LIBRR_TRY(cpu.JumpNear(target, sizeof(T)));
    Discard<T>(cpu, sizeof(T) + static_cast<uint16_t>(in.imm));
    return true;
  });
}

Handler Jrcxz(const Insn& in) {
  return ByWidth(in.address_size,
                 []<typename T>(Cpu& cpu, const Insn& in) -> bool {
                   return CountIsZero<T>(cpu, in);
                 });
}

Handler Loop(const Insn& in) {
  return CountedLoop(in, [](const Flags&) { return true; });
}
Handler Loope(const Insn& in) {
  return CountedLoop(in, [](const Flags& flags) { return flags.zf(); });
}
Handler Loopne(const Insn& in) {
  return CountedLoop(in, [](const Flags& flags) { return !flags.zf(); });
}

}  // namespace librr::pc::handlers
