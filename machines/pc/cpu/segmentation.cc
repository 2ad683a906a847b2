// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Loading of segment registers, LDTR and TR, and the checks of segmented
// addresses. SDM vol. 3, chapters 3 and 5.
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/descriptor.h"

namespace librr::pc {
namespace {

// Are bytes offset .. offset + size - 1 within the limit? SDM vol. 3, 5.3.
bool WithinLimit(const SegmentRegister& segment, uint64_t offset,
                 unsigned size) {
  const uint64_t last = offset + size - 1;
  const bool expand_down =
      !segment.Has(kSegCode) && segment.Has(kSegExpandDown);
  if (!expand_down) return last <= segment.limit;
  const uint64_t top = segment.Has(kSegBig) ? 0xffffffffu : 0xffffu;
  return offset > segment.limit && last <= top;
}

}  // namespace

bool Cpu::LegacyAddress(SegmentIndex index, uint64_t offset, unsigned size,
                        Access access, uint64_t* linear) {
  const SegmentRegister& segment = regs.segments[index];
  offset &= 0xffffffffu;
  if (protected_mode() && !v86()) {
    if (segment.Has(kSegUnusable)) [[unlikely]]
      return RaiseSegmentFault(index);
    const bool code = segment.Has(kSegCode);
    const bool allowed =
        access == Access::kWrite
            ? !code && segment.Has(kSegWritable)
            : !code || segment.Has(kSegReadable) || access == Access::kExecute;
    if (!allowed) [[unlikely]]
      return RaiseSegmentFault(index);
  }
  if (!WithinLimit(segment, offset, size)) [[unlikely]]
    return RaiseSegmentFault(index);
  *linear = static_cast<uint32_t>(segment.base + offset);
  return true;
}

bool Cpu::LoadSegment(SegmentIndex index, uint16_t selector) {
  SegmentRegister& segment = regs.segments[index];
  if (real_mode() || v86()) {
    segment.selector = selector;
    segment.base = static_cast<uint32_t>(selector) << 4;
    // Real mode keeps limit and attributes, whatever loaded them.
    if (segment.Has(kSegUnusable)) {
      segment.limit = 0xffff;
      segment.attributes = 0x93;
    }
    if (v86()) {
      segment.limit = 0xffff;
      segment.attributes = 0xf3;
    }
    if (index == kSs) ModeChanged();
    return true;
  }

  if (IsNullSelector(selector)) {
    if (index == kSs) {
      // SDM vol. 2, MOV: only 64-bit mode below CPL 3 takes a null SS.
      if (!code64() || cpl() == 3 || (selector & 3) != cpl()) return RaiseGp();
      segment = NullSegment(selector, cpl());
      ModeChanged();
      return true;
    }
    segment = NullSegment(selector);
    return true;
  }

  Descriptor descriptor;
  const uint32_t error = SelectorError(selector);
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &descriptor));
  const int rpl = selector & 3;
  if (index == kSs) {
    if (rpl != cpl() || !descriptor.is_writable_data() ||
        descriptor.dpl() != cpl())
      return RaiseGp(error);
    if (!descriptor.present()) return Raise(kStackFault, error);
  } else {
    if (!descriptor.is_readable()) return RaiseGp(error);
    if (!descriptor.is_conforming() &&
        (rpl > descriptor.dpl() || cpl() > descriptor.dpl()))
      return RaiseGp(error);
    if (!descriptor.present()) return Raise(kSegmentNotPresent, error);
  }
  LIBRR_TRY(SetAccessed(*this, selector, &descriptor));
  segment = descriptor.ToSegment(selector);
  if (index == kSs) ModeChanged();
  return true;
}

bool Cpu::LoadLdtr(uint16_t selector) {
  if (IsNullSelector(selector)) {
    regs.ldtr = NullSegment(selector);
    return true;
  }
  const uint32_t error = SelectorError(selector);
  if (selector & 4) return RaiseGp(error);
  Descriptor descriptor;
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &descriptor));
  if (!descriptor.is_system() || descriptor.type() != kLdt)
    return RaiseGp(error);
  if (!descriptor.present()) return Raise(kSegmentNotPresent, error);
  if (code64())
    LIBRR_TRY(ReadUpperHalf(*this, selector, kGeneralProtection, &descriptor));
  regs.ldtr = descriptor.ToSegment(selector);
  return true;
}

bool Cpu::LoadTr(uint16_t selector) {
  const uint32_t error = SelectorError(selector);
  if (IsNullSelector(selector)) return RaiseGp();
  if (selector & 4) return RaiseGp(error);
  Descriptor descriptor;
  LIBRR_TRY(ReadDescriptor(*this, selector, kGeneralProtection, &descriptor));
  const bool available =
      descriptor.is_system() &&
      (descriptor.type() == kTss32Available ||
       (descriptor.type() == kTss16Available && !long_mode()));
  if (!available) return RaiseGp(error);
  if (!descriptor.present()) return Raise(kSegmentNotPresent, error);
  if (code64())
    LIBRR_TRY(ReadUpperHalf(*this, selector, kGeneralProtection, &descriptor));
  LIBRR_TRY(SetBusy(*this, selector, true));
  regs.tr = descriptor.ToSegment(selector);
  regs.tr.attributes |= kTssBusyBit;
  return true;
}

}  // namespace librr::pc
