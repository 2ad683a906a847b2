// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/descriptor.h"

#include "machines/pc/cpu/cpu.h"

namespace librr::pc {

SegmentRegister NullSegment(uint16_t selector, int dpl) {
  return {0, 0, kSegUnusable | static_cast<uint32_t>(dpl << kSegDplShift),
          selector};
}

bool DescriptorAddress(const Cpu& cpu, uint16_t selector, unsigned size,
                       uint64_t* linear) {
  const uint32_t offset = selector & 0xfff8u;
  uint64_t base;
  uint32_t limit;
  if (selector & 4) {
    if (cpu.regs.ldtr.Has(kSegUnusable)) return false;
    base = cpu.regs.ldtr.base;
    limit = cpu.regs.ldtr.limit;
  } else {
    base = cpu.regs.gdtr.base;
    limit = cpu.regs.gdtr.limit;
  }
  // 64-bit arithmetic: neither side can wrap.
  if (uint64_t{offset} + size - 1 > limit) return false;
  *linear = base + offset;
  if (!cpu.long_mode()) *linear &= 0xffffffffu;
  return true;
}

Lookup FindDescriptor(Cpu& cpu, uint16_t selector, Descriptor* descriptor) {
  uint64_t linear;
  if (!DescriptorAddress(cpu, selector, 8, &linear)) return Lookup::kOutside;
  *descriptor = Descriptor();
  return cpu.ReadSystem(linear, &descriptor->low) ? Lookup::kFound
                                                  : Lookup::kFault;
}

bool ReadDescriptor(Cpu& cpu, uint16_t selector, Vector vector,
                    Descriptor* descriptor, bool external) {
  switch (FindDescriptor(cpu, selector, descriptor)) {
    case Lookup::kFound:
      return true;
    case Lookup::kOutside:
      return cpu.Raise(vector, SelectorError(selector, external));
    case Lookup::kFault:
      break;
  }
  return false;
}

bool ReadUpperHalf(Cpu& cpu, uint16_t selector, Vector vector,
                   Descriptor* descriptor, bool external) {
  uint64_t linear;
  if (!DescriptorAddress(cpu, selector, 16, &linear))
    return cpu.Raise(vector, SelectorError(selector, external));
  LIBRR_TRY(cpu.ReadSystem(linear + 8, &descriptor->high));
  if ((descriptor->high >> 40) & 0x1f)
    return cpu.Raise(vector, SelectorError(selector, external));
  descriptor->high &= 0xffffffffu;
  return true;
}

bool SetAccessed(Cpu& cpu, uint16_t selector, Descriptor* descriptor) {
  if (descriptor->type() & 1) return true;
  uint64_t linear;
  // The descriptor was read from there, so it is inside its table.
  if (!DescriptorAddress(cpu, selector, 8, &linear)) return true;
  const uint64_t changed = descriptor->low | 1ull << 40;
  LIBRR_TRY(cpu.WriteSystem(linear + 5, static_cast<uint8_t>(changed >> 40)));
  descriptor->low = changed;
  return true;
}

bool SetBusy(Cpu& cpu, uint16_t selector, bool busy) {
  uint64_t linear;
  if (!DescriptorAddress(cpu, selector, 8, &linear)) return true;
  uint8_t access;
  LIBRR_TRY(cpu.ReadSystem(linear + 5, &access));
  return cpu.WriteSystem(linear + 5,
                         static_cast<uint8_t>(busy ? access | kTssBusyBit
                                                   : access & ~kTssBusyBit));
}

}  // namespace librr::pc
