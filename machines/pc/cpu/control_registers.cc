// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Control registers, EFER, RFLAGS, and the states after reset, INIT and SIPI.
// SDM vol. 3, 2.5, 4.1, 9.1, 9.8.5.
#include "machines/pc/cpu/control_registers.h"

#include <array>
#include <cstring>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/cpuid.h"
#include "machines/pc/cpu/descriptor.h"

namespace librr::pc {
namespace {

constexpr uint64_t kPhysicalMask = (1ull << kPhysicalAddressBits) - 1;

bool UsesPae(uint64_t cr0, uint64_t cr4, uint64_t efer) {
  return (cr0 & kCr0Pg) && (cr4 & kCr4Pae) && !(efer & kEferLma);
}

// Reads the PDPTE registers. Reserved bits in a present one are #GP(0).
// SDM vol. 3, 4.4.1.
bool ReadPdptes(Cpu& cpu, uint64_t cr3, std::array<uint64_t, 4>* pdptr) {
  constexpr uint64_t kReserved = ~kPhysicalMask | 0x1e6;
  for (unsigned i = 0; i < 4; ++i) {
    uint64_t entry = ~0ull;  // beyond RAM reads float
    const uint64_t at = (cr3 & 0xffffffe0u) + 8 * i;
    if (const uint8_t* host = cpu.shared().memory->Host(at))
      std::memcpy(&entry, host, sizeof(entry));
    if ((entry & 1) && (entry & kReserved)) return cpu.RaiseGp();
    (*pdptr)[i] = entry;
  }
  return true;
}

SegmentRegister RealModeSegment(uint32_t attributes) {
  return {0, 0xffff, attributes, 0};
}

// What reset and INIT have in common.
void ResetCore(Registers& regs) {
  regs.gpr.fill(0);
  regs.gpr[kRdx] = kCpuSignature;
  regs.gpr[kRip] = 0xfff0;
  regs.flags.SetWord(0);
  regs.system_flags = 0;
  regs.segments.fill(RealModeSegment(0x93));
  regs.segments[kCs] = {0xffff0000u, 0xffff, 0x9b, 0xf000};
  regs.ldtr = RealModeSegment(0x82);
  regs.tr = RealModeSegment(0x8b);
  regs.gdtr = DescriptorTable();
  regs.idtr = DescriptorTable();
  regs.cpl = 0;
  regs.cr2 = regs.cr3 = regs.cr4 = 0;
  regs.efer = 0;
  regs.pdptr.fill(0);
  regs.dr.fill(0);
  regs.dr6 = 0xffff0ff0;
  regs.dr7 = 0x400;
  regs.interrupt_shadow = regs.debug_shadow = false;
  regs.nmi_pending = regs.nmi_blocked = false;
  regs.mid_repeat = false;
  regs.pending_debug = 0;
}

}  // namespace

bool Cpu::SetCr0(uint64_t value) {
  if (value >> 32) return RaiseGp();
  value = (value & kCr0Writable) | kCr0Et;
  if ((value & kCr0Pg) && !(value & kCr0Pe)) return RaiseGp();
  if ((value & kCr0Nw) && !(value & kCr0Cd)) return RaiseGp();
  const uint64_t changed = value ^ regs.cr0;
  uint64_t efer = regs.efer;
  if (changed & kCr0Pg) {
    if (!(value & kCr0Pg)) {
      if (code64()) return RaiseGp();
      efer &= ~kEferLma;
    } else if (efer & kEferLme) {
      // IA-32e mode: SDM vol. 3, 9.8.5.
      const bool tss16 = (regs.tr.attributes & 15) == kTss16Busy;
      if (!(regs.cr4 & kCr4Pae) || regs.segments[kCs].Has(kSegLong) || tss16)
        return RaiseGp();
      efer |= kEferLma;
    }
  }
  if (UsesPae(value, regs.cr4, efer) && (changed & (kCr0Pg | kCr0Cd | kCr0Nw)))
    LIBRR_TRY(ReadPdptes(*this, regs.cr3, &regs.pdptr));
  regs.cr0 = value;
  regs.efer = efer;
  ModeChanged();
  return true;
}

bool Cpu::SetCr3(uint64_t value) {
  if (long_mode()) {
    if (value & ~kPhysicalMask) return RaiseGp();
  } else {
    value &= 0xffffffffu;
    if (UsesPae(regs.cr0, regs.cr4, regs.efer))
      LIBRR_TRY(ReadPdptes(*this, value, &regs.pdptr));
  }
  regs.cr3 = value;
  ModeChanged();
  return true;
}

bool Cpu::SetCr4(uint64_t value) {
  if (value & ~kCr4Defined) return RaiseGp();
  if (long_mode() && !(value & kCr4Pae)) return RaiseGp();
  const uint64_t changed = value ^ regs.cr4;
  if (UsesPae(regs.cr0, value, regs.efer) &&
      (changed & (kCr4Pge | kCr4Pse | kCr4Pae | kCr4Smep)))
    LIBRR_TRY(ReadPdptes(*this, regs.cr3, &regs.pdptr));
  regs.cr4 = value;
  ModeChanged();
  return true;
}

bool Cpu::SetEfer(uint64_t value) {
  if (value & ~kEferDefined) return RaiseGp();
  if (((value ^ regs.efer) & kEferLme) && (regs.cr0 & kCr0Pg)) return RaiseGp();
  regs.efer = (value & ~kEferLma) | (regs.efer & kEferLma);
  ModeChanged();
  return true;
}

void Cpu::SetRflags(uint64_t value, uint64_t mask) {
  if (mask & kArithmeticFlags)
    regs.flags.SetMasked(value, mask & kArithmeticFlags);
  const uint64_t system = mask & ~kArithmeticFlags;
  const uint64_t before = regs.system_flags;
  regs.system_flags = (before & ~system) | (value & system);
  const uint64_t changed = before ^ regs.system_flags;
  if (changed & (kAc | kVm)) ModeChanged();
  if ((changed & regs.system_flags & kIf) && interrupt_request) BreakRun();
}

void Cpu::Reset(bool is_bsp) {
  regs = Registers();
  ResetCore(regs);
  regs.cr0 = kCr0Et | kCr0Nw | kCr0Cd;
  // Power-up differs from FNINIT: SDM vol. 3, table 9-1.
  regs.x87.control = 0x0040;
  regs.x87.valid = 0xff;
  activity = is_bsp ? Activity::kRunning : Activity::kWaitForSipi;
  StateChanged();
}

void Cpu::Init() {
  ResetCore(regs);
  regs.cr0 = kCr0Et | (regs.cr0 & (kCr0Nw | kCr0Cd));
  activity = index_ == 0 ? Activity::kRunning : Activity::kWaitForSipi;
  StateChanged();
}

void Cpu::StartUp(uint8_t vector) {
  if (activity != Activity::kWaitForSipi) return;
  SegmentRegister& cs = regs.segments[kCs];
  cs.selector = static_cast<uint16_t>(vector << 8);
  cs.base = static_cast<uint64_t>(vector) << 12;
  rip() = 0;
  activity = Activity::kRunning;
  StateChanged();
}

}  // namespace librr::pc
