// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/task_switch.h"

#include <array>
#include <cstring>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/descriptor.h"

namespace librr::pc {
namespace {

// Offsets in a task-state segment. SDM vol. 3, figures 7-2 and 7-10.
struct TssLayout {
  unsigned width;  // of every field
  unsigned ip;     // then FLAGS, eight registers, the segments from ES on
  unsigned segments;
  int segment_count;
  unsigned ldt;
  unsigned bytes;  // the least limit, plus 1
};
constexpr TssLayout kTss16 = {2, 0x0e, 0x22, 4, 0x2a, 0x2c};
constexpr TssLayout kTss32 = {4, 0x20, 0x48, 6, 0x60, 0x68};

constexpr unsigned kTssCr3 = 0x1c;
constexpr unsigned kTssTrap = 0x64;
constexpr uint64_t kDr6Bt = 1u << 15;
constexpr uint64_t kDr7LocalEnables = 0x155;

constexpr uint64_t kSystemFlags =
    kTf | kIf | kDf | kIopl | kNt | kRf | kVm | kAc | kVif | kVip | kId;

using TssBytes = std::array<uint8_t, 0x68>;

uint32_t Get(const TssBytes& tss, unsigned at, unsigned width) {
  uint32_t value = 0;
  std::memcpy(&value, tss.data() + at, width);
  return value;
}

void Put(TssBytes* tss, unsigned at, unsigned width, uint64_t value) {
  std::memcpy(tss->data() + at, &value, width);
}

}  // namespace

// One switch: prepares without changing a register, then commits.
struct TaskSwitch {
  Cpu& cpu;
  const TaskSwitchCause cause;
  const bool external;

  bool Run(uint16_t selector);
  bool ReadTarget(uint16_t selector, Descriptor* target);
  bool SaveOldTask();
  void LoadRegisters(const TssBytes& tss, const TssLayout& layout);
  bool LoadSegments(const TssBytes& tss, const TssLayout& layout);
  bool LoadLdt(uint16_t selector);
  bool LoadCode(uint16_t selector);
  bool LoadStack(uint16_t selector);
  bool LoadData(SegmentIndex index, uint16_t selector);
  bool RaiseTss(uint16_t selector) {
    return cpu.Raise(kInvalidTss, SelectorError(selector, external));
  }
};

bool TaskSwitch::ReadTarget(uint16_t selector, Descriptor* target) {
  const Vector vector =
      cause == TaskSwitchCause::kReturn ? kInvalidTss : kGeneralProtection;
  const uint32_t error = SelectorError(selector, external);
  if ((selector & 4) || IsNullSelector(selector))
    return cpu.Raise(vector, error);
  LIBRR_TRY(ReadDescriptor(cpu, selector, vector, target, external));
  const int wanted =
      cause == TaskSwitchCause::kReturn ? kTss32Busy : kTss32Available;
  // Types of 16-bit segments lack bit 3.
  if (!target->is_system() || (target->type() | 8) != wanted)
    return cpu.Raise(vector, error);
  if (!target->present()) return cpu.Raise(kSegmentNotPresent, error);
  return true;
}

bool TaskSwitch::SaveOldTask() {
  const Registers& regs = cpu.regs;
  const TssLayout& layout = TaskIs32Bit(cpu) ? kTss32 : kTss16;
  uint64_t flags = cpu.Rflags();
  if (cause == TaskSwitchCause::kReturn) flags &= ~kNt;
  TssBytes image{};
  unsigned at = layout.ip;
  const auto put = [&](uint64_t value) {
    Put(&image, at, layout.width, value);
    at += layout.width;
  };
  put(regs.gpr[kRip]);
  put(flags);
  for (int i = kRax; i <= kRdi; ++i) put(regs.gpr[static_cast<size_t>(i)]);
  for (int i = 0; i < layout.segment_count; ++i)
    put(regs.segments[static_cast<size_t>(i)].selector);
  return cpu.WriteSystemBytes(regs.tr.base + layout.ip,
                              image.data() + layout.ip, at - layout.ip);
}

bool TaskSwitch::Run(uint16_t selector) {
  Descriptor target;
  LIBRR_TRY(ReadTarget(selector, &target));
  const TssLayout& layout = (target.type() & 8) ? kTss32 : kTss16;
  if (target.limit() < layout.bytes - 1) return RaiseTss(selector);
  TssBytes tss;
  LIBRR_TRY(cpu.ReadSystemBytes(target.base(), tss.data(), layout.bytes));

  const bool nested =
      cause == TaskSwitchCause::kCall || cause == TaskSwitchCause::kEvent;
  const uint16_t old_selector = cpu.regs.tr.selector;
  LIBRR_TRY(SaveOldTask());
  if (nested) {
    LIBRR_TRY(cpu.WriteSystem(target.base(), old_selector));
  } else {
    LIBRR_TRY(SetBusy(cpu, old_selector, false));
  }
  if (cause != TaskSwitchCause::kReturn)
    LIBRR_TRY(SetBusy(cpu, selector, true));

  // The point of no return.
  cpu.task_switched_ = true;
  cpu.suppress_step_trap = true;
  Registers& regs = cpu.regs;
  regs.tr = target.ToSegment(selector);
  regs.tr.attributes |= kTssBusyBit;
  regs.cr0 |= kCr0Ts;
  regs.dr7 &= ~kDr7LocalEnables;
  LoadRegisters(tss, layout);
  if (nested) regs.system_flags |= kNt;
  if (layout.width == 4 && (Get(tss, kTssTrap, 2) & 1)) {
    regs.pending_debug |= kDr6Bt;
    cpu.BreakRun();
  }
  if (layout.width == 4 && (regs.cr0 & kCr0Pg))
    LIBRR_TRY(cpu.SetCr3(Get(tss, kTssCr3, 4)));
  const bool loaded = LoadSegments(tss, layout);
  cpu.ModeChanged();
  return loaded;
}

void TaskSwitch::LoadRegisters(const TssBytes& tss, const TssLayout& layout) {
  Registers& regs = cpu.regs;
  unsigned at = layout.ip;
  const auto get = [&] {
    const uint32_t value = Get(tss, at, layout.width);
    at += layout.width;
    return value;
  };
  regs.gpr[kRip] = get();
  const uint32_t flags = get();
  regs.flags.SetWord(flags);
  regs.system_flags = flags & kSystemFlags;
  for (int i = kRax; i <= kRdi; ++i) {
    const uint32_t value = get();
    // The upper halves that a 16-bit task leaves undefined stay.
    if (layout.width == 2) {
      cpu.SetReg(static_cast<uint8_t>(i * 8), static_cast<uint16_t>(value));
    } else {
      cpu.SetReg(static_cast<uint8_t>(i * 8), value);
    }
  }
  // Until they are loaded, the segment registers hold selectors only.
  for (int i = 0; i < kSegmentCount; ++i) {
    regs.segments[static_cast<size_t>(i)] = NullSegment(
        i < layout.segment_count ? static_cast<uint16_t>(get()) : uint16_t{0});
  }
  regs.ldtr =
      NullSegment(static_cast<uint16_t>(Get(tss, layout.ldt, layout.width)));
  regs.cpl = cpu.v86() ? 3 : regs.segments[kCs].selector & 3;
}

bool TaskSwitch::LoadSegments(const TssBytes& tss, const TssLayout& layout) {
  Registers& regs = cpu.regs;
  LIBRR_TRY(LoadLdt(static_cast<uint16_t>(Get(tss, layout.ldt, layout.width))));
  if (cpu.v86()) {
    for (SegmentRegister& segment : regs.segments) {
      segment = {static_cast<uint64_t>(segment.selector) << 4, 0xffff, 0xf3,
                 segment.selector};
    }
    return true;
  }
  LIBRR_TRY(LoadCode(regs.segments[kCs].selector));
  LIBRR_TRY(LoadStack(regs.segments[kSs].selector));
  for (SegmentIndex i : {kDs, kEs, kFs, kGs})
    LIBRR_TRY(LoadData(i, regs.segments[i].selector));
  return true;
}

bool TaskSwitch::LoadLdt(uint16_t selector) {
  if (IsNullSelector(selector)) return true;
  if (selector & 4) return RaiseTss(selector);
  Descriptor ldt;
  LIBRR_TRY(ReadDescriptor(cpu, selector, kInvalidTss, &ldt, external));
  if (!ldt.is_system() || ldt.type() != kLdt || !ldt.present())
    return RaiseTss(selector);
  cpu.regs.ldtr = ldt.ToSegment(selector);
  return true;
}

bool TaskSwitch::LoadCode(uint16_t selector) {
  if (IsNullSelector(selector)) return RaiseTss(selector);
  Descriptor cs;
  LIBRR_TRY(ReadDescriptor(cpu, selector, kInvalidTss, &cs, external));
  const int rpl = selector & 3;
  if (!cs.is_code() || (cs.is_conforming() ? cs.dpl() > rpl : cs.dpl() != rpl))
    return RaiseTss(selector);
  if (!cs.present())
    return cpu.Raise(kSegmentNotPresent, SelectorError(selector, external));
  LIBRR_TRY(SetAccessed(cpu, selector, &cs));
  cpu.regs.segments[kCs] = cs.ToSegment(selector);
  return true;
}

bool TaskSwitch::LoadStack(uint16_t selector) {
  if (IsNullSelector(selector)) return RaiseTss(selector);
  Descriptor ss;
  LIBRR_TRY(ReadDescriptor(cpu, selector, kInvalidTss, &ss, external));
  if ((selector & 3) != cpu.cpl() || ss.dpl() != cpu.cpl() ||
      !ss.is_writable_data())
    return RaiseTss(selector);
  if (!ss.present())
    return cpu.Raise(kStackFault, SelectorError(selector, external));
  LIBRR_TRY(SetAccessed(cpu, selector, &ss));
  cpu.regs.segments[kSs] = ss.ToSegment(selector);
  return true;
}

bool TaskSwitch::LoadData(SegmentIndex index, uint16_t selector) {
  if (IsNullSelector(selector)) return true;
  Descriptor data;
  LIBRR_TRY(ReadDescriptor(cpu, selector, kInvalidTss, &data, external));
  if (!data.is_readable() ||
      (!data.is_conforming() &&
       (data.dpl() < (selector & 3) || data.dpl() < cpu.cpl())))
    return RaiseTss(selector);
  if (!data.present())
    return cpu.Raise(kSegmentNotPresent, SelectorError(selector, external));
  LIBRR_TRY(SetAccessed(cpu, selector, &data));
  cpu.regs.segments[index] = data.ToSegment(selector);
  return true;
}

bool SwitchTask(Cpu& cpu, uint16_t selector, TaskSwitchCause cause,
                bool external) {
  return TaskSwitch{cpu, cause, external}.Run(selector);
}

bool TaskIs32Bit(const Cpu& cpu) {
  return (cpu.regs.tr.attributes & 15) == kTss32Busy;
}

}  // namespace librr::pc
