// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/stack_frame.h"

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/descriptor.h"

namespace librr::pc {
namespace {

bool HasRoom(const SegmentRegister& ss, uint64_t offset, unsigned size) {
  if (ss.Has(kSegUnusable)) return false;
  const uint64_t last = offset + size - 1;
  if (!ss.Has(kSegExpandDown)) return last <= ss.limit;
  const uint64_t top = ss.Has(kSegBig) ? 0xffffffffu : 0xffffu;
  return offset > ss.limit && last <= top;
}

bool WriteValue(Cpu& cpu, bool system, uint64_t linear, uint64_t value,
                unsigned width) {
  if (system) return cpu.WriteSystemBytes(linear, &value, width);
  switch (width) {
    case 2:
      return cpu.WriteLinear(linear, static_cast<uint16_t>(value), kSs);
    case 4:
      return cpu.WriteLinear(linear, static_cast<uint32_t>(value), kSs);
    default:
      return cpu.WriteLinear(linear, value, kSs);
  }
}

}  // namespace

StackTarget CurrentStack(const Cpu& cpu) {
  return {cpu.regs.segments[kSs], cpu.regs.gpr[kRsp], cpu.stack_size(), false};
}

bool ReadTss64Pointer(Cpu& cpu, unsigned offset, bool external, uint64_t* rsp) {
  const SegmentRegister& tr = cpu.regs.tr;
  if (offset + 7 > tr.limit)
    return cpu.Raise(kInvalidTss, SelectorError(tr.selector, external));
  return cpu.ReadSystem(tr.base + offset, rsp);
}

bool InnerStack(Cpu& cpu, int level, bool external, StackTarget* stack) {
  const SegmentRegister& tr = cpu.regs.tr;
  stack->more_privileged = true;
  if (cpu.long_mode()) {
    stack->pointer_size = 8;
    stack->ss = NullSegment(static_cast<uint16_t>(level), level);
    return ReadTss64Pointer(cpu, static_cast<unsigned>(level) * 8 + 4, external,
                            &stack->rsp);
  }
  const bool tss32 = (tr.attributes & 15) == kTss32Busy;
  const unsigned offset =
      static_cast<unsigned>(level) * (tss32 ? 8 : 4) + (tss32 ? 4 : 2);
  if (offset + (tss32 ? 5 : 3) > tr.limit)
    return cpu.Raise(kInvalidTss, SelectorError(tr.selector, external));
  uint16_t selector;
  if (tss32) {
    uint32_t esp;
    LIBRR_TRY(cpu.ReadSystem(tr.base + offset, &esp));
    LIBRR_TRY(cpu.ReadSystem(tr.base + offset + 4, &selector));
    stack->rsp = esp;
  } else {
    uint16_t sp;
    LIBRR_TRY(cpu.ReadSystem(tr.base + offset, &sp));
    LIBRR_TRY(cpu.ReadSystem(tr.base + offset + 2, &selector));
    stack->rsp = sp;
  }
  const uint32_t error = SelectorError(selector, external);
  if (IsNullSelector(selector)) return cpu.Raise(kInvalidTss, error);
  Descriptor ss;
  LIBRR_TRY(ReadDescriptor(cpu, selector, kInvalidTss, &ss, external));
  if ((selector & 3) != level || ss.dpl() != level || !ss.is_writable_data())
    return cpu.Raise(kInvalidTss, error);
  if (!ss.present()) return cpu.Raise(kStackFault, error);
  LIBRR_TRY(SetAccessed(cpu, selector, &ss));
  stack->ss = ss.ToSegment(selector);
  stack->pointer_size = ss.is_big() ? 4 : 2;
  return true;
}

bool CheckRoom(Cpu& cpu, const StackTarget& stack, unsigned width,
               unsigned count, uint32_t error) {
  const bool flat = stack.pointer_size == 8;
  uint64_t pointer = stack.rsp & stack.PointerMask();
  for (unsigned i = 0; i < count; ++i) {
    pointer = (pointer - width) & stack.PointerMask();
    const bool room = flat ? IsCanonicalAddress(pointer) &&
                                 IsCanonicalAddress(pointer + width - 1)
                           : HasRoom(stack.ss, pointer, width);
    if (!room) return cpu.Raise(kStackFault, error);
  }
  return true;
}

bool PushFrame(Cpu& cpu, const StackTarget& stack, const StackFrame& frame,
               uint32_t error, uint64_t* rsp) {
  const unsigned width = frame.width();
  const bool flat = stack.pointer_size == 8;
  LIBRR_TRY(CheckRoom(cpu, stack, width, frame.count(), error));
  uint64_t pointer = stack.rsp & stack.PointerMask();
  for (unsigned i = 0; i < frame.count(); ++i) {
    pointer = (pointer - width) & stack.PointerMask();
    const uint64_t linear =
        flat ? pointer : static_cast<uint32_t>(stack.ss.base + pointer);
    LIBRR_TRY(WriteValue(cpu, stack.more_privileged, linear, frame[i], width));
  }
  *rsp = stack.WithPointer(pointer);
  return true;
}

bool PeekStack(Cpu& cpu, unsigned width, unsigned i, uint64_t* value,
               unsigned skip) {
  const uint64_t offset =
      (cpu.StackPointer() + i * width + skip) & cpu.StackMask();
  switch (width) {
    case 2: {
      uint16_t word;
      LIBRR_TRY(cpu.Read(kSs, offset, &word));
      *value = word;
      return true;
    }
    case 4: {
      uint32_t word;
      LIBRR_TRY(cpu.Read(kSs, offset, &word));
      *value = word;
      return true;
    }
    default:
      return cpu.Read(kSs, offset, value);
  }
}

}  // namespace librr::pc
