// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Far JMP, CALL and RET. SDM vol. 2, JMP, CALL, RET; vol. 3, 5.8.
#include "machines/pc/cpu/far_transfer.h"

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/stack_frame.h"
#include "machines/pc/cpu/task_switch.h"

namespace librr::pc {
namespace {

// Checks a code segment that JMP or CALL names directly.
bool CheckDirectTarget(Cpu& cpu, const Descriptor& cs, uint16_t selector) {
  const uint32_t error = SelectorError(selector);
  const int rpl = selector & 3;
  const bool permitted = cs.is_conforming()
                             ? cs.dpl() <= cpu.cpl()
                             : rpl <= cpu.cpl() && cs.dpl() == cpu.cpl();
  if (!permitted) return cpu.RaiseGp(error);
  if (cpu.long_mode() && cs.is_long() && cs.is_big()) return cpu.RaiseGp(error);
  if (!cs.present()) return cpu.Raise(kSegmentNotPresent, error);
  return true;
}

// Checks the descriptor of a gate or TSS that JMP or CALL names.
bool CheckGate(Cpu& cpu, const Descriptor& gate, uint16_t selector) {
  const uint32_t error = SelectorError(selector);
  if (gate.dpl() < cpu.cpl() || gate.dpl() < (selector & 3))
    return cpu.RaiseGp(error);
  if (!gate.present()) return cpu.Raise(kSegmentNotPresent, error);
  return true;
}

// The kinds of system descriptors that a far branch accepts.
enum class SystemTarget { kCallGate, kTaskGate, kTss };

bool ClassifySystem(Cpu& cpu, const Descriptor& descriptor, uint16_t selector,
                    SystemTarget* target) {
  const bool long_mode = cpu.long_mode();
  switch (descriptor.type()) {
    case kCallGate32:
      *target = SystemTarget::kCallGate;
      return true;
    case kCallGate16:
      if (long_mode) break;
      *target = SystemTarget::kCallGate;
      return true;
    case kTaskGate:
      if (long_mode) break;
      *target = SystemTarget::kTaskGate;
      return true;
    case kTss16Available:
    case kTss32Available:
      if (long_mode) break;
      *target = SystemTarget::kTss;
      return true;
    default:
      break;
  }
  return cpu.RaiseGp(SelectorError(selector));
}

// The code segment that a call gate leads to. JMP may not change CPL.
bool ReadGateTarget(Cpu& cpu, const Descriptor& gate, bool is_call,
                    Descriptor* cs) {
  const uint16_t selector = gate.gate_selector();
  const uint32_t error = SelectorError(selector);
  if (IsNullSelector(selector)) return cpu.RaiseGp();
  LIBRR_TRY(ReadDescriptor(cpu, selector, kGeneralProtection, cs));
  if (!cs->is_code() || cs->dpl() > cpu.cpl()) return cpu.RaiseGp(error);
  if (!is_call && !cs->is_conforming() && cs->dpl() != cpu.cpl())
    return cpu.RaiseGp(error);
  if (cpu.long_mode() && (!cs->is_long() || cs->is_big()))
    return cpu.RaiseGp(error);
  if (!cs->present()) return cpu.Raise(kSegmentNotPresent, error);
  return true;
}

uint64_t GateOffset(const Descriptor& gate) {
  return gate.gate_is_32bit() ? gate.gate_offset()
                              : gate.gate_offset() & 0xffff;
}

uint16_t WithRpl(uint16_t selector, int rpl) {
  return static_cast<uint16_t>((selector & ~3) | rpl);
}

}  // namespace

bool CheckTargetOffset(Cpu& cpu, const Descriptor& cs, uint64_t offset) {
  const bool is64 = cpu.long_mode() && cs.is_long();
  if (is64 ? IsCanonicalAddress(offset) : offset <= cs.limit()) return true;
  return cpu.RaiseGp();
}

void SetCodeSegment(Cpu& cpu, const Descriptor& cs, uint16_t selector) {
  cpu.regs.segments[kCs] = cs.ToSegment(selector);
  cpu.regs.cpl = selector & 3;
}

void DropPrivilegedSegments(Cpu& cpu) {
  for (SegmentIndex i : {kEs, kDs, kFs, kGs}) {
    SegmentRegister& segment = cpu.regs.segments[i];
    if (segment.Has(kSegUnusable)) continue;
    const bool conforming =
        segment.Has(kSegCode) && segment.Has(kSegConforming);
    if (conforming || segment.dpl() >= cpu.cpl()) continue;
    // The hidden base stays: 64-bit mode still uses those of FS and GS.
    segment.selector = 0;
    segment.attributes = kSegUnusable;
  }
}

bool ReadReturnCodeSegment(Cpu& cpu, uint16_t selector, Descriptor* cs) {
  const uint32_t error = SelectorError(selector);
  if (IsNullSelector(selector)) return cpu.RaiseGp();
  LIBRR_TRY(ReadDescriptor(cpu, selector, kGeneralProtection, cs));
  const int rpl = selector & 3;
  if (!cs->is_code() || rpl < cpu.cpl()) return cpu.RaiseGp(error);
  if (cs->is_conforming() ? cs->dpl() > rpl : cs->dpl() != rpl)
    return cpu.RaiseGp(error);
  if (cpu.long_mode() && cs->is_long() && cs->is_big())
    return cpu.RaiseGp(error);
  if (!cs->present()) return cpu.Raise(kSegmentNotPresent, error);
  return true;
}

bool ReadReturnStackSegment(Cpu& cpu, uint16_t selector, int level,
                            const Descriptor& cs, SegmentRegister* ss) {
  const uint32_t error = SelectorError(selector);
  if (IsNullSelector(selector)) {
    if (!cpu.long_mode() || !cs.is_long() || level == 3) return cpu.RaiseGp();
    *ss = NullSegment(selector, level);
    return true;
  }
  Descriptor descriptor;
  LIBRR_TRY(ReadDescriptor(cpu, selector, kGeneralProtection, &descriptor));
  if ((selector & 3) != level || !descriptor.is_writable_data() ||
      descriptor.dpl() != level)
    return cpu.RaiseGp(error);
  if (!descriptor.present()) return cpu.Raise(kStackFault, error);
  LIBRR_TRY(SetAccessed(cpu, selector, &descriptor));
  *ss = descriptor.ToSegment(selector);
  return true;
}

bool Cpu::FarJump(uint16_t selector, uint64_t offset, unsigned size) {
  if (size == 2) offset &= 0xffff;
  if (size == 4) offset &= 0xffffffffu;
  if (real_mode() || v86()) {
    if (offset > regs.segments[kCs].limit) return RaiseGp();
    LIBRR_TRY(LoadSegment(kCs, selector));
    rip() = offset;
    ModeChanged();
    return true;
  }
  return FinishTransfer(JumpProtected(selector, offset));
}

bool Cpu::JumpProtected(uint16_t selector, uint64_t offset) {
  if (IsNullSelector(selector)) return RaiseGp();
  Descriptor target;
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &target));
  if (target.is_data()) return RaiseGp(SelectorError(selector));
  if (target.is_system()) {
    SystemTarget kind;
    LIBRR_TRY(ClassifySystem(*this, target, selector, &kind));
    LIBRR_TRY(CheckGate(*this, target, selector));
    if (kind == SystemTarget::kTss)
      return SwitchTask(*this, selector, TaskSwitchCause::kJump, false);
    if (kind == SystemTarget::kTaskGate)
      return SwitchTask(*this, target.gate_selector(), TaskSwitchCause::kJump,
                        false);
    if (long_mode())
      LIBRR_TRY(ReadUpperHalf(*this, selector, kGeneralProtection, &target));
    selector = target.gate_selector();
    offset = GateOffset(target);
    const Descriptor gate = target;
    LIBRR_TRY(ReadGateTarget(*this, gate, false, &target));
  } else {
    LIBRR_TRY(CheckDirectTarget(*this, target, selector));
  }
  LIBRR_TRY(CheckTargetOffset(*this, target, offset));
  LIBRR_TRY(SetAccessed(*this, selector, &target));
  SetCodeSegment(*this, target, WithRpl(selector, cpl()));
  rip() = offset;
  ModeChanged();
  return true;
}

bool Cpu::FarCall(uint16_t selector, uint64_t offset, unsigned size) {
  if (size == 2) offset &= 0xffff;
  if (size == 4) offset &= 0xffffffffu;
  if (real_mode() || v86()) {
    const StackTarget stack = CurrentStack(*this);
    StackFrame frame(size);
    frame.Add(regs.segments[kCs].selector);
    frame.Add(rip());
    LIBRR_TRY(CheckRoom(*this, stack, size, frame.count(), 0));
    if (offset > regs.segments[kCs].limit) return RaiseGp();
    uint64_t rsp;
    LIBRR_TRY(PushFrame(*this, stack, frame, 0, &rsp));
    regs.gpr[kRsp] = rsp;
    LIBRR_TRY(LoadSegment(kCs, selector));
    rip() = offset;
    ModeChanged();
    return true;
  }
  return FinishTransfer(CallProtected(selector, offset, size));
}

bool Cpu::CallProtected(uint16_t selector, uint64_t offset, unsigned size) {
  if (IsNullSelector(selector)) return RaiseGp();
  Descriptor target;
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &target));
  if (target.is_data()) return RaiseGp(SelectorError(selector));
  StackTarget stack = CurrentStack(*this);
  uint32_t stack_error = 0;
  int level = cpl();
  unsigned parameters = 0;
  if (target.is_system()) {
    SystemTarget kind;
    LIBRR_TRY(ClassifySystem(*this, target, selector, &kind));
    LIBRR_TRY(CheckGate(*this, target, selector));
    if (kind == SystemTarget::kTss)
      return SwitchTask(*this, selector, TaskSwitchCause::kCall, false);
    if (kind == SystemTarget::kTaskGate)
      return SwitchTask(*this, target.gate_selector(), TaskSwitchCause::kCall,
                        false);
    if (long_mode())
      LIBRR_TRY(ReadUpperHalf(*this, selector, kGeneralProtection, &target));
    const Descriptor gate = target;
    selector = gate.gate_selector();
    offset = GateOffset(gate);
    size = long_mode() ? 8 : gate.gate_is_32bit() ? 4 : 2;
    LIBRR_TRY(ReadGateTarget(*this, gate, true, &target));
    if (!target.is_conforming() && target.dpl() < cpl()) {
      level = target.dpl();
      LIBRR_TRY(InnerStack(*this, level, false, &stack));
      stack_error = SelectorError(stack.ss.selector);
      if (!long_mode())
        parameters = static_cast<unsigned>(gate.gate_parameters());
    }
  } else {
    LIBRR_TRY(CheckDirectTarget(*this, target, selector));
  }

  const bool inner = level != cpl();
  StackFrame frame(size);
  const unsigned count = parameters + (inner ? 4 : 2);
  LIBRR_TRY(CheckRoom(*this, stack, size, count, stack_error));
  LIBRR_TRY(CheckTargetOffset(*this, target, offset));
  if (inner) {
    frame.Add(regs.segments[kSs].selector);
    frame.Add(regs.gpr[kRsp]);
    // The last parameter lies highest and is pushed first.
    for (unsigned i = parameters; i-- > 0;) {
      uint64_t value;
      LIBRR_TRY(PeekStack(*this, size, i, &value));
      frame.Add(value);
    }
  }
  frame.Add(regs.segments[kCs].selector);
  frame.Add(rip());
  LIBRR_TRY(SetAccessed(*this, selector, &target));
  uint64_t rsp;
  LIBRR_TRY(PushFrame(*this, stack, frame, stack_error, &rsp));

  if (inner) regs.segments[kSs] = stack.ss;
  regs.gpr[kRsp] = rsp;
  SetCodeSegment(*this, target, WithRpl(selector, level));
  rip() = offset;
  ModeChanged();
  return true;
}

bool Cpu::FarReturn(unsigned size, uint16_t pop_bytes) {
  if (!real_mode() && !v86()) return ReturnProtected(size, pop_bytes);
  uint64_t offset, selector;
  LIBRR_TRY(PeekStack(*this, size, 0, &offset));
  LIBRR_TRY(PeekStack(*this, size, 1, &selector));
  if (offset > regs.segments[kCs].limit) return RaiseGp();
  LIBRR_TRY(LoadSegment(kCs, static_cast<uint16_t>(selector)));
  SetStackPointer(StackPointer() + 2 * size + pop_bytes);
  rip() = offset;
  ModeChanged();
  return true;
}

bool Cpu::ReturnProtected(unsigned size, uint16_t pop_bytes) {
  uint64_t offset, popped;
  LIBRR_TRY(PeekStack(*this, size, 0, &offset));
  LIBRR_TRY(PeekStack(*this, size, 1, &popped));
  const uint16_t selector = static_cast<uint16_t>(popped);
  Descriptor cs;
  LIBRR_TRY(ReadReturnCodeSegment(*this, selector, &cs));
  const int level = selector & 3;
  if (level == cpl()) {
    LIBRR_TRY(CheckTargetOffset(*this, cs, offset));
    LIBRR_TRY(SetAccessed(*this, selector, &cs));
    SetStackPointer(StackPointer() + 2 * size + pop_bytes);
    SetCodeSegment(*this, cs, selector);
    rip() = offset;
    ModeChanged();
    return true;
  }

  uint64_t outer_rsp, outer_ss;
  LIBRR_TRY(PeekStack(*this, size, 2, &outer_rsp, pop_bytes));
  LIBRR_TRY(PeekStack(*this, size, 3, &outer_ss, pop_bytes));
  SegmentRegister ss;
  LIBRR_TRY(ReadReturnStackSegment(*this, static_cast<uint16_t>(outer_ss),
                                   level, cs, &ss));
  LIBRR_TRY(CheckTargetOffset(*this, cs, offset));
  LIBRR_TRY(SetAccessed(*this, selector, &cs));
  SetCodeSegment(*this, cs, selector);
  regs.segments[kSs] = ss;
  rip() = offset;
  ModeChanged();
  if (stack_size() == 2) {
    SetReg<uint16_t>(kRsp * 8, static_cast<uint16_t>(outer_rsp + pop_bytes));
  } else {
    regs.gpr[kRsp] = (outer_rsp + pop_bytes) & StackMask();
  }
  DropPrivilegedSegments(*this);
  return true;
}

}  // namespace librr::pc
