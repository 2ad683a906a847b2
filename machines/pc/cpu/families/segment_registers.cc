// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Segment registers: MOV, PUSH, POP, LDS, LES, LSS, LFS, LGS. SDM vol. 1,
// 7.3.14.
#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/system_operands.h"

namespace librr::pc::handlers {
namespace {

// After MOV SS and POP SS the stack pointer can be loaded undisturbed.
// SDM vol. 3, 6.8.3.
void HoldBackEvents(Cpu& cpu) {
  cpu.regs.interrupt_shadow = true;
  cpu.regs.debug_shadow = true;
}

// With a 32-bit operand size only 16 bits are written, as Intel's processors
// do; the upper half of the slot stays.
template <SegmentIndex segment>
Handler PushSegment(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    const uint16_t selector = cpu.regs.segments[segment].selector;
    if (in.size == 8) return cpu.Push<uint64_t>(selector);
    const uint64_t sp = (cpu.StackPointer() - in.size) & cpu.StackMask();
    LIBRR_TRY(cpu.Write<uint16_t>(kSs, sp, selector));
    cpu.SetStackPointer(sp);
    return true;
  };
}

template <SegmentIndex segment>
Handler PopSegment(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    T value;
    LIBRR_TRY(cpu.Read(kSs, cpu.StackPointer(), &value));
    // The stack pointer's size is that of the old SS.
    uint64_t rsp = (cpu.StackPointer() + sizeof(T)) & cpu.StackMask();
    if (cpu.stack_size() == 2) rsp |= cpu.gpr(kRsp) & ~0xffffull;
    LIBRR_TRY(cpu.LoadSegment(segment, static_cast<uint16_t>(value)));
    cpu.gpr(kRsp) = rsp;
    if (segment == kSs) HoldBackEvents(cpu);
    return true;
  });
}

// LDS and the like: a far pointer from memory.
template <SegmentIndex segment>
Handler LoadFarPointer(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    const SegmentIndex from = static_cast<SegmentIndex>(in.segment);
    uint64_t linear;
    T offset;
    uint16_t selector;
    LIBRR_TRY(cpu.OperandAddress(in, sizeof(T) + 2, Access::kRead, &linear));
    LIBRR_TRY(cpu.ReadLinear(linear, &offset, from));
    LIBRR_TRY(cpu.ReadLinear(linear + sizeof(T), &selector, from));
    LIBRR_TRY(cpu.LoadSegment(segment, selector));
    cpu.SetReg(in.dst, offset);
    return true;
  });
}

}  // namespace

Handler MovFromSegment(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    if (in.src >= kSegmentCount) return cpu.RaiseUd();
    return StoreWord(cpu, in, cpu.regs.segments[in.src].selector);
  };
}

Handler MovToSegment(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    if (in.dst >= kSegmentCount || in.dst == kCs) return cpu.RaiseUd();
    uint16_t selector;
    LIBRR_TRY(LoadWord(cpu, in, in.src, &selector));
    LIBRR_TRY(cpu.LoadSegment(static_cast<SegmentIndex>(in.dst), selector));
    if (in.dst == kSs) HoldBackEvents(cpu);
    return true;
  };
}

Handler PushEs(const Insn& in) { return PushSegment<kEs>(in); }
Handler PushCs(const Insn& in) { return PushSegment<kCs>(in); }
Handler PushSs(const Insn& in) { return PushSegment<kSs>(in); }
Handler PushDs(const Insn& in) { return PushSegment<kDs>(in); }
Handler PushFs(const Insn& in) { return PushSegment<kFs>(in); }
Handler PushGs(const Insn& in) { return PushSegment<kGs>(in); }

Handler PopEs(const Insn& in) { return PopSegment<kEs>(in); }
Handler PopSs(const Insn& in) { return PopSegment<kSs>(in); }
Handler PopDs(const Insn& in) { return PopSegment<kDs>(in); }
Handler PopFs(const Insn& in) { return PopSegment<kFs>(in); }
Handler PopGs(const Insn& in) { return PopSegment<kGs>(in); }

Handler Lds(const Insn& in) { return LoadFarPointer<kDs>(in); }
Handler Les(const Insn& in) { return LoadFarPointer<kEs>(in); }
Handler Lss(const Insn& in) { return LoadFarPointer<kSs>(in); }
Handler Lfs(const Insn& in) { return LoadFarPointer<kFs>(in); }
Handler Lgs(const Insn& in) { return LoadFarPointer<kGs>(in); }

}  // namespace librr::pc::handlers
