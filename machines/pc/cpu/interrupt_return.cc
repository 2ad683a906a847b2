// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// IRET, IRETD, IRETQ in all modes. SDM vol. 2, IRET; vol. 3, 6.12 and 20.2.
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/far_transfer.h"
#include "machines/pc/cpu/stack_frame.h"
#include "machines/pc/cpu/task_switch.h"

namespace librr::pc {
namespace {

// What any IRET restores, and what a 32-bit one restores besides.
constexpr uint64_t kPlainFlags = kArithmeticFlags | kTf | kDf | kNt;
constexpr uint64_t kWideFlags = kRf | kAc | kId;

// Returns to virtual-8086 mode: the frame has nine values.
// SDM vol. 2, IRET, RETURN-TO-VIRTUAL-8086-MODE.
bool ReturnToV86(Cpu& cpu, uint64_t eip, uint64_t cs, uint64_t flags) {
  uint64_t frame[6];  // ESP, SS, ES, DS, FS, GS
  for (unsigned i = 0; i < 6; ++i)
    LIBRR_TRY(PeekStack(cpu, 4, 3 + i, &frame[i]));
  if (eip > 0xffff) return cpu.RaiseGp();
  constexpr uint64_t kAll =
      kPlainFlags | kWideFlags | kIf | kIopl | kVm | kVif | kVip;
  Registers& regs = cpu.regs;
  cpu.SetRflags(flags, kAll);
  regs.cpl = 3;
  const uint64_t selectors[kSegmentCount] = {frame[2], cs,       frame[1],
                                             frame[3], frame[4], frame[5]};
  for (int i = 0; i < kSegmentCount; ++i) {
    const uint16_t selector = static_cast<uint16_t>(selectors[i]);
    regs.segments[static_cast<size_t>(i)] = {
        static_cast<uint64_t>(selector) << 4, 0xffff, 0xf3, selector};
  }
  regs.gpr[kRsp] = frame[0];
  cpu.rip() = eip;
  cpu.ModeChanged();
  return true;
}

}  // namespace

bool Cpu::InterruptReturn(unsigned size) {
  if (real_mode()) {
    LIBRR_TRY(IretReal(size));
  } else if (v86()) {
    if (iopl() < 3) return RaiseGp();
    LIBRR_TRY(IretReal(size));
  } else {
    LIBRR_TRY(FinishTransfer(IretProtected(size)));
  }
  regs.nmi_blocked = false;
  if (regs.nmi_pending) BreakRun();
  return true;
}

// Real mode, and virtual-8086 mode with IOPL 3, where IOPL stays.
bool Cpu::IretReal(unsigned size) {
  uint64_t offset, selector, flags;
  LIBRR_TRY(PeekStack(*this, size, 0, &offset));
  LIBRR_TRY(PeekStack(*this, size, 1, &selector));
  LIBRR_TRY(PeekStack(*this, size, 2, &flags));
  if (offset > regs.segments[kCs].limit) return RaiseGp();
  LIBRR_TRY(LoadSegment(kCs, static_cast<uint16_t>(selector)));
  SetStackPointer(StackPointer() + 3 * size);
  rip() = offset;
  SetRflags(flags, kPlainFlags | kIf | (v86() ? 0 : kIopl) |
                       (size == 2 ? 0 : kWideFlags));
  ModeChanged();
  return true;
}

bool Cpu::IretProtected(unsigned size) {
  if (regs.system_flags & kNt) {
    if (long_mode()) return RaiseGp();
    uint16_t back_link;
    LIBRR_TRY(ReadSystem(regs.tr.base, &back_link));
    return SwitchTask(*this, back_link, TaskSwitchCause::kReturn, false);
  }
  uint64_t offset, popped, flags;
  LIBRR_TRY(PeekStack(*this, size, 0, &offset));
  LIBRR_TRY(PeekStack(*this, size, 1, &popped));
  LIBRR_TRY(PeekStack(*this, size, 2, &flags));
  if (size == 4 && (flags & kVm) && cpl() == 0 && !long_mode())
    return ReturnToV86(*this, offset, popped, flags);

  const uint16_t selector = static_cast<uint16_t>(popped);
  Descriptor cs;
  LIBRR_TRY(ReadReturnCodeSegment(*this, selector, &cs));
  const int level = selector & 3;
  const bool outer = level > cpl();
  // 64-bit mode always pops a stack pointer.
  const bool pops_stack = outer || code64();
  uint64_t new_rsp = 0;
  SegmentRegister ss;
  if (pops_stack) {
    uint64_t selector_ss;
    LIBRR_TRY(PeekStack(*this, size, 3, &new_rsp));
    LIBRR_TRY(PeekStack(*this, size, 4, &selector_ss));
    LIBRR_TRY(ReadReturnStackSegment(*this, static_cast<uint16_t>(selector_ss),
                                     level, cs, &ss));
  }
  LIBRR_TRY(CheckTargetOffset(*this, cs, offset));
  LIBRR_TRY(SetAccessed(*this, selector, &cs));

  uint64_t mask = kPlainFlags;
  if (size != 2) mask |= kWideFlags;
  if (cpl() <= iopl()) mask |= kIf;
  if (cpl() == 0) mask |= kIopl | (size == 2 ? 0 : kVif | kVip);
  if (!pops_stack) SetStackPointer(StackPointer() + 3 * size);
  SetCodeSegment(*this, cs, selector);
  if (pops_stack) regs.segments[kSs] = ss;
  rip() = offset;
  SetRflags(flags, mask);
  ModeChanged();
  if (pops_stack) {
    if (stack_size() == 2) {
      SetReg<uint16_t>(kRsp * 8, static_cast<uint16_t>(new_rsp));
    } else {
      regs.gpr[kRsp] = new_rsp & StackMask();
    }
  }
  if (outer) DropPrivilegedSegments(*this);
  return true;
}

}  // namespace librr::pc
