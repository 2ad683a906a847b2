// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Exceptions and interrupts: how they become pending, the order in which they
// are taken, and their delivery through the IDT. SDM vol. 3, chapter 6;
// vol. 2, INT n.
//
// Every delivery checks all that can fail first and changes registers last, so
// that a nested fault finds the state of before.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/descriptor.h"
#include "machines/pc/cpu/stack_frame.h"
#include "machines/pc/cpu/stop_checker.h"
#include "machines/pc/cpu/task_switch.h"

namespace librr::pc {
namespace {

constexpr uint64_t kDr6Bd = 1u << 13;
constexpr uint64_t kDr6Breakpoints = 0xf;
constexpr uint64_t kDr7Gd = 1u << 13;

// SDM vol. 3, table 6-4.
enum class FaultClass { kBenign, kContributory, kPageFault, kDoubleFault };

FaultClass ClassOf(uint8_t vector) {
  switch (vector) {
    case kDivideError:
    case kInvalidTss:
    case kSegmentNotPresent:
    case kStackFault:
    case kGeneralProtection:
      return FaultClass::kContributory;
    case kPageFault:
      return FaultClass::kPageFault;
    case kDoubleFault:
      return FaultClass::kDoubleFault;
    default:
      return FaultClass::kBenign;
  }
}

// Does `second`, raised while `first` was being delivered, make a double
// fault? SDM vol. 3, table 6-5.
bool MakesDoubleFault(FaultClass first, FaultClass second) {
  if (second == FaultClass::kBenign) return false;
  return (first == FaultClass::kContributory &&
          second == FaultClass::kContributory) ||
         first == FaultClass::kPageFault;
}

// Benign faults in a row are handled one after the other. A level 3 handler
// of #AC with a misaligned stack would go on for ever: the CPU shuts down.
constexpr int kMaxNestedFaults = 8;

// Error code that names an entry of the IDT.
uint32_t IdtError(uint8_t vector, bool external) {
  return vector * 8u + 2u + (external ? 1u : 0u);
}

}  // namespace

bool Cpu::Raise(Vector vector) {
  fault_ = {vector, false, 0};
  return false;
}

bool Cpu::Raise(Vector vector, uint32_t error) {
  fault_ = {vector, true, error};
  return false;
}

bool Cpu::RaisePageFault(uint64_t linear, uint32_t error) {
  regs.cr2 = linear;
  return Raise(kPageFault, error);
}

bool Cpu::RaiseSegmentFault(SegmentIndex segment) {
  return Raise(segment == kSs ? kStackFault : kGeneralProtection, 0);
}

bool Cpu::Unsupported(std::string what) {
  activity = Activity::kShutdown;
  BreakRun();
  host_->End(index_, EndReason::kUnsupported, std::move(what));
  return false;
}

void Cpu::DeliverFault() {
  // After Unsupported there is nothing to deliver.
  if (activity == Activity::kShutdown) return;
  if (shared_->stops) shared_->stops->OnFault();
  for (int nested = 0; nested < kMaxNestedFaults; ++nested) {
    const PendingFault fault = fault_;
    const bool delivered = DeliverThroughIdt(
        fault.vector, EventKind::kException, fault.has_error, fault.error);
    task_switched_ = false;
    if (delivered) return;
    const FaultClass first = ClassOf(fault.vector);
    const FaultClass second = ClassOf(fault_.vector);
    if (first == FaultClass::kDoubleFault && second != FaultClass::kBenign)
      break;
    if (MakesDoubleFault(first, second)) Raise(kDoubleFault, 0);
  }
  activity = Activity::kShutdown;
  BreakRun();
  host_->End(index_, EndReason::kTripleFault,
             absl::StrCat("exception ", fault_.vector,
                          " could not be delivered, RIP 0x", absl::Hex(rip())));
}

// The order of SDM vol. 3, table 6-2: traps of the last instruction, NMI,
// maskable interrupts.
bool Cpu::DeliverPendingEvent(bool interrupt_pending) {
  if (activity != Activity::kRunning && activity != Activity::kHalted)
    return false;
  if (regs.pending_debug && !regs.debug_shadow) {
    --steps_left;
    activity = Activity::kRunning;
    regs.dr6 = (regs.dr6 & ~kDr6Breakpoints) | regs.pending_debug;
    regs.pending_debug = 0;
    Raise(kDebug);
    DeliverFault();
    return true;
  }
  EventKind kind = EventKind::kExternal;
  uint8_t vector = kNmi;
  if (regs.nmi_pending && !regs.nmi_blocked && !regs.interrupt_shadow) {
    --steps_left;
    regs.nmi_pending = false;
    regs.nmi_blocked = true;
  } else if (interrupt_pending && InterruptsEnabled()) {
    --steps_left;
    vector = host_->AcknowledgeInterrupt(index_);
  } else {
    return false;
  }
  activity = Activity::kRunning;
  if (!DeliverThroughIdt(vector, kind, false, 0)) DeliverFault();
  return true;
}

bool Cpu::SoftwareInterrupt(uint8_t vector, bool is_int_n, bool is_int1) {
  // SDM vol. 3, 20.3.2: virtual-8086 mode without VME.
  if (protected_mode() && v86() && is_int_n && iopl() < 3) return RaiseGp();
  return FinishTransfer(DeliverThroughIdt(
      vector, is_int1 ? EventKind::kInt1 : EventKind::kSoftware, false, 0));
}

// A fault after the point of no return of a task switch belongs to the new
// task: the instruction that switched is done.
bool Cpu::FinishTransfer(bool done) {
  if (done || !task_switched_) {
    task_switched_ = false;
    return done;
  }
  task_switched_ = false;
  DeliverFault();
  return true;
}

bool Cpu::DeliverThroughIdt(uint8_t vector, EventKind kind, bool has_error,
                            uint32_t error) {
  if (real_mode()) {
    LIBRR_TRY(DeliverReal(vector));
  } else if (long_mode()) {
    LIBRR_TRY(DeliverLong(vector, kind, has_error, error));
  } else {
    LIBRR_TRY(DeliverProtected(vector, kind, has_error, error));
  }
  if (vector == kDebug && kind != EventKind::kSoftware) regs.dr7 &= ~kDr7Gd;
  if (kind == EventKind::kExternal) {
    ++statistics.interrupts;
    if (shared_->stops) shared_->stops->OnInterrupt(vector);
  } else {
    ++statistics.exceptions;
    if (shared_->stops) shared_->stops->OnException(vector);
  }
  regs.interrupt_shadow = false;
  regs.debug_shadow = false;
  regs.mid_repeat = false;
  suppress_step_trap = true;
  return true;
}

// What is pushed as RFLAGS. RF is set for faults, so that an instruction
// breakpoint on the instruction to be restarted does not hit again; not for
// those breakpoints themselves. SDM vol. 3, 17.3.1.1.
uint64_t Cpu::PushedFlags(uint8_t vector, EventKind kind) const {
  const uint64_t flags = Rflags();
  // Between iterations of REP, whatever comes.
  if (regs.mid_repeat) return flags | kRf;
  if (kind != EventKind::kException) return flags;
  switch (vector) {
    case kDebug:
      // The general-detect fault is the one that finds GD still set.
      return (regs.dr7 & kDr7Gd) && (regs.dr6 & kDr6Bd) ? flags | kRf : flags;
    case kDoubleFault:
    case kMachineCheck:
      return flags;
    default:
      return flags | kRf;
  }
}

bool Cpu::DeliverReal(uint8_t vector) {
  const uint32_t at = vector * 4u;
  if (at + 3 > regs.idtr.limit) return RaiseGp();
  uint32_t pointer;
  LIBRR_TRY(ReadSystem(regs.idtr.base + at, &pointer));
  const uint16_t selector = static_cast<uint16_t>(pointer >> 16);
  const uint64_t offset = pointer & 0xffff;
  StackFrame frame(2);
  frame.Add(Rflags());
  frame.Add(regs.segments[kCs].selector);
  frame.Add(rip());
  const StackTarget stack = CurrentStack(*this);
  LIBRR_TRY(CheckRoom(*this, stack, frame.width(), frame.count(), 0));
  if (offset > regs.segments[kCs].limit) return RaiseGp();
  uint64_t rsp;
  LIBRR_TRY(PushFrame(*this, stack, frame, 0, &rsp));
  regs.gpr[kRsp] = rsp;
  regs.segments[kCs].selector = selector;
  regs.segments[kCs].base = static_cast<uint32_t>(selector) << 4;
  rip() = offset;
  regs.system_flags &= ~(kIf | kTf | kRf | kAc);
  ModeChanged();
  return true;
}

bool Cpu::DeliverProtected(uint8_t vector, EventKind kind, bool has_error,
                           uint32_t error) {
  const bool external = kind != EventKind::kSoftware;
  const uint32_t idt_error = IdtError(vector, external);
  if (vector * 8u + 7 > regs.idtr.limit) return RaiseGp(idt_error);
  Descriptor gate;
  LIBRR_TRY(ReadSystem(regs.idtr.base + vector * 8u, &gate.low));
  const int type = gate.is_system() ? gate.type() : 0;
  if (type != kTaskGate && type != kInterruptGate16 && type != kTrapGate16 &&
      type != kInterruptGate32 && type != kTrapGate32)
    return RaiseGp(idt_error);
  if (kind == EventKind::kSoftware && gate.dpl() < cpl())
    return RaiseGp(idt_error);
  if (!gate.present()) return Raise(kSegmentNotPresent, idt_error);
  if (type == kTaskGate) {
    // What is saved in the old task's TSS is what would be pushed.
    const uint64_t before = regs.system_flags;
    regs.system_flags |= PushedFlags(vector, kind) & kRf;
    if (!SwitchTask(*this, gate.gate_selector(), TaskSwitchCause::kEvent,
                    external)) {
      if (!task_switched_) regs.system_flags = before;
      return false;
    }
    if (!has_error) return true;
    StackFrame frame(TaskIs32Bit(*this) ? 4 : 2);
    frame.Add(error);
    return PushFrame(*this, CurrentStack(*this), frame, external,
                     &regs.gpr[kRsp]);
  }

  const uint16_t selector = gate.gate_selector();
  const uint32_t cs_error = SelectorError(selector, external);
  if (IsNullSelector(selector)) return RaiseGp(external);
  Descriptor cs;
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &cs, external));
  if (!cs.is_code() || cs.dpl() > cpl()) return RaiseGp(cs_error);
  if (!cs.present()) return Raise(kSegmentNotPresent, cs_error);
  const bool inner = !cs.is_conforming() && cs.dpl() < cpl();
  const bool from_v86 = v86();
  if (from_v86 && (!inner || cs.dpl() != 0)) return RaiseGp(cs_error);

  StackTarget stack = CurrentStack(*this);
  uint32_t stack_error = external;
  if (inner) {
    LIBRR_TRY(InnerStack(*this, cs.dpl(), external, &stack));
    stack_error = SelectorError(stack.ss.selector, external);
  }
  StackFrame frame(gate.gate_is_32bit() ? 4 : 2);
  if (from_v86) {
    for (SegmentIndex i : {kGs, kFs, kDs, kEs})
      frame.Add(regs.segments[i].selector);
  }
  if (inner) {
    frame.Add(regs.segments[kSs].selector);
    frame.Add(regs.gpr[kRsp]);
  }
  frame.Add(PushedFlags(vector, kind));
  frame.Add(regs.segments[kCs].selector);
  frame.Add(rip());
  if (has_error) frame.Add(error);
  LIBRR_TRY(CheckRoom(*this, stack, frame.width(), frame.count(), stack_error));
  const uint64_t offset =
      gate.gate_offset() & (gate.gate_is_32bit() ? 0xffffffffu : 0xffffu);
  if (offset > cs.limit()) return RaiseGp(external);
  LIBRR_TRY(SetAccessed(*this, selector, &cs));
  uint64_t rsp;
  LIBRR_TRY(PushFrame(*this, stack, frame, stack_error, &rsp));

  if (inner) {
    regs.cpl = static_cast<uint8_t>(cs.dpl());
    regs.segments[kSs] = stack.ss;
  }
  if (from_v86) {
    for (SegmentIndex i : {kGs, kFs, kDs, kEs})
      regs.segments[i] = NullSegment(0);
  }
  regs.gpr[kRsp] = rsp;
  regs.segments[kCs] =
      cs.ToSegment(static_cast<uint16_t>((selector & ~3) | regs.cpl));
  rip() = offset;
  regs.system_flags &= ~(kTf | kNt | kRf | kVm);
  if (type == kInterruptGate16 || type == kInterruptGate32)
    regs.system_flags &= ~kIf;
  ModeChanged();
  return true;
}

// SDM vol. 3, 6.14.
bool Cpu::DeliverLong(uint8_t vector, EventKind kind, bool has_error,
                      uint32_t error) {
  const bool external = kind != EventKind::kSoftware;
  const uint32_t idt_error = IdtError(vector, external);
  if (vector * 16u + 15 > regs.idtr.limit) return RaiseGp(idt_error);
  Descriptor gate;
  LIBRR_TRY(ReadSystem(regs.idtr.base + vector * 16u, &gate.low));
  LIBRR_TRY(ReadSystem(regs.idtr.base + vector * 16u + 8, &gate.high));
  gate.high &= 0xffffffffu;
  const int type = gate.is_system() ? gate.type() : 0;
  if (type != kInterruptGate32 && type != kTrapGate32)
    return RaiseGp(idt_error);
  if (kind == EventKind::kSoftware && gate.dpl() < cpl())
    return RaiseGp(idt_error);
  if (!gate.present()) return Raise(kSegmentNotPresent, idt_error);

  const uint16_t selector = gate.gate_selector();
  const uint32_t cs_error = SelectorError(selector, external);
  if (IsNullSelector(selector)) return RaiseGp(external);
  Descriptor cs;
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &cs, external));
  if (!cs.is_code() || cs.dpl() > cpl() || !cs.is_long() || cs.is_big())
    return RaiseGp(cs_error);
  if (!cs.present()) return Raise(kSegmentNotPresent, cs_error);

  const bool inner = !cs.is_conforming() && cs.dpl() < cpl();
  StackTarget stack = CurrentStack(*this);
  stack.pointer_size = 8;
  if (inner) {
    stack.ss = NullSegment(static_cast<uint16_t>(cs.dpl()), cs.dpl());
    stack.more_privileged = true;
  }
  if (gate.gate_stack() != 0) {
    const unsigned offset = 28 + 8 * static_cast<unsigned>(gate.gate_stack());
    LIBRR_TRY(ReadTss64Pointer(*this, offset, external, &stack.rsp));
  } else if (inner) {
    LIBRR_TRY(InnerStack(*this, cs.dpl(), external, &stack));
  }
  stack.rsp &= ~uint64_t{15};
  StackFrame frame(8);
  frame.Add(regs.segments[kSs].selector);
  frame.Add(regs.gpr[kRsp]);
  frame.Add(PushedFlags(vector, kind));
  frame.Add(regs.segments[kCs].selector);
  frame.Add(rip());
  if (has_error) frame.Add(error);
  LIBRR_TRY(CheckRoom(*this, stack, 8, frame.count(), external));
  if (!IsCanonicalAddress(gate.gate_offset())) return RaiseGp(external);
  LIBRR_TRY(SetAccessed(*this, selector, &cs));
  uint64_t rsp;
  LIBRR_TRY(PushFrame(*this, stack, frame, external, &rsp));

  if (inner) {
    regs.cpl = static_cast<uint8_t>(cs.dpl());
    regs.segments[kSs] = stack.ss;
  }
  regs.gpr[kRsp] = rsp;
  regs.segments[kCs] =
      cs.ToSegment(static_cast<uint16_t>((selector & ~3) | regs.cpl));
  rip() = gate.gate_offset();
  regs.system_flags &= ~(kTf | kNt | kRf | kVm);
  if (type == kInterruptGate32) regs.system_flags &= ~kIf;
  ModeChanged();
  return true;
}

}  // namespace librr::pc
