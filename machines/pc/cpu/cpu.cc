// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What follows from the mode of a vCPU, its caches of translations, and its
// description.
#include "machines/pc/cpu/cpu.h"

#include <algorithm>

#include "machines/pc/cpu/decoder.h"
#include "machines/pc/cpu/stop_checker.h"

namespace librr::pc {

Cpu::Cpu(int index, CpuShared* shared, CpuHost* host)
    : index_(index),
      shared_(shared),
      host_(host),
      banks_(std::make_unique<TlbBank[]>(kTlbBanks)) {
  bank_ = &banks_[0];
  tlb_ = &bank_->modes[kMmuSupervisor];
}

Cpu::~Cpu() = default;

void Cpu::ModeChanged() {
  const SegmentRegister& cs = regs.segments[kCs];
  const SegmentRegister& ss = regs.segments[kSs];
  if (long_mode() && cs.Has(kSegLong)) {
    code_size_ = 8;
    stack_size_ = 8;
  } else {
    code_size_ = cs.Has(kSegBig) ? 4 : 2;
    stack_size_ = ss.Has(kSegBig) ? 4 : 2;
  }
  decode_mode_ = code_size_ == 8   ? kDecode64
                 : code_size_ == 4 ? kDecode32
                                   : kDecode16;
  const bool em = regs.cr0 & kCr0Em;
  const bool ts = regs.cr0 & kCr0Ts;
  if (regs.cpl != 0) decode_mode_ |= kDecodeUser;
  if (em || ts) decode_mode_ |= kDecodeX87Nm;
  if (em) decode_mode_ |= kDecodeMmxUd;
  if (em || !(regs.cr4 & kCr4Osfxsr)) decode_mode_ |= kDecodeSseUd;
  if (ts) decode_mode_ |= kDecodeTaskSwitched;

  if (regs.cpl == 3) {
    mmu_mode_ = kMmuUser;
  } else if ((regs.cr4 & kCr4Smap) && !(regs.system_flags & kAc)) {
    mmu_mode_ = kMmuSupervisor;
  } else {
    mmu_mode_ = kMmuSupervisorUser;
  }
  SelectBank();
}

// The bank of the current address space; the oldest one is given up for a new
// one.
void Cpu::SelectBank() {
  uint64_t controls = (regs.cr0 & (kCr0Pg | kCr0Wp)) |
                      (regs.cr4 & (kCr4Pae | kCr4Pse | kCr4Smep | kCr4Smap))
                          << 32 |
                      (regs.efer & (kEferLma | kEferNxe)) << 20;
  if ((regs.cr0 & kCr0Pg) && (regs.cr4 & kCr4Pae) && !long_mode()) {
    // The tables hang on PDPTE registers, not on CR3.
    for (uint64_t pdpte : regs.pdptr)
      controls = (controls ^ pdpte) * 0x9e3779b97f4a7c15ull;
  }
  const uint64_t cr3 = (regs.cr0 & kCr0Pg) ? regs.cr3 : 0;
  if (!(bank_->valid && bank_->cr3 == cr3 && bank_->controls == controls)) {
    TlbBank* oldest = &banks_[0];
    TlbBank* found = nullptr;
    for (int i = 0; i < kTlbBanks; ++i) {
      TlbBank& bank = banks_[static_cast<size_t>(i)];
      if (bank.valid && bank.cr3 == cr3 && bank.controls == controls)
        found = &bank;
      if (bank.last_used < oldest->last_used) oldest = &bank;
    }
    if (!found) {
      found = oldest;
      found->Clear();
      found->cr3 = cr3;
      found->controls = controls;
      found->valid = true;
    }
    bank_ = found;
    bank_->last_used = ++bank_clock_;
    if (shared_->stops) shared_->stops->OnAddressSpace();
  }
  // While each access must be looked at, no translation is fast.
  const bool alignment_checks =
      regs.cpl == 3 && (regs.cr0 & kCr0Am) && (regs.system_flags & kAc);
  bool data_breakpoints = false;
  for (int i = 0; i < 4; ++i) {
    data_breakpoints = data_breakpoints || ((regs.dr7 & (3ull << (2 * i))) &&
                                            ((regs.dr7 >> (16 + 4 * i)) & 1));
  }
  tlb_ = alignment_checks || data_breakpoints ? &always_slow_
                                              : &bank_->modes[mmu_mode_];
  fetch_page_ = kNoTag;
}

void Cpu::StateChanged() {
  DropTranslations();
  ModeChanged();
  BreakRun();
}

void Cpu::DropTranslations() {
  for (int i = 0; i < kTlbBanks; ++i) {
    TlbBank& bank = banks_[static_cast<size_t>(i)];
    if (&bank == bank_) {
      bank.Clear();
    } else {
      bank.valid = false;
      bank.last_used = 0;
    }
  }
  fetch_page_ = kNoTag;
  BreakRun();
}

void Cpu::DropTranslation(uint64_t linear) {
  const uint64_t page = linear & ~kPageMask;
  for (int i = 0; i < kTlbBanks; ++i) {
    TlbBank& bank = banks_[static_cast<size_t>(i)];
    if (!bank.valid) continue;
    for (TlbTable& table : bank.modes) {
      TlbEntry& entry = table.For(page);
      if (entry.read_tag == page || entry.write_tag == page ||
          entry.exec_tag == page)
        entry = TlbEntry();
    }
  }
  if (fetch_page_ == page) {
    fetch_page_ = kNoTag;
    BreakRun();
  }
}

void Cpu::DropWriteTag(uint64_t page, int slot) {
  const uintptr_t host =
      reinterpret_cast<uintptr_t>(shared_->memory->HostOfPage(page));
  const auto drop = [host](TlbEntry& entry) {
    if (entry.write_tag != kNoTag && entry.write_tag + entry.addend == host)
      entry.write_tag = kNoTag;
  };
  for (int i = 0; i < kTlbBanks; ++i) {
    TlbBank& bank = banks_[static_cast<size_t>(i)];
    if (!bank.valid) continue;
    for (TlbTable& table : bank.modes) {
      if (table.empty) continue;
      if (slot >= 0) {
        drop(table.entries[static_cast<size_t>(slot)]);
      } else {
        std::for_each(table.entries.begin(), table.entries.end(), drop);
      }
    }
  }
}

void Cpu::DropWriteTags() {
  for (int i = 0; i < kTlbBanks; ++i) {
    TlbBank& bank = banks_[static_cast<size_t>(i)];
    if (!bank.valid) continue;
    for (TlbTable& table : bank.modes) {
      if (table.empty) continue;
      for (TlbEntry& entry : table.entries) entry.write_tag = kNoTag;
    }
  }
}

namespace {

void DescribeSegment(StateVisitor& v, SegmentRegister& segment) {
  v.Field("base", segment.base);
  v.Field("limit", segment.limit);
  v.Field("attributes", segment.attributes);
  v.Field("selector", segment.selector);
}

}  // namespace

void Cpu::DescribeState(StateVisitor& v) {
  Registers& r = regs;
  v.Field("activity", activity);
  v.Fields("gpr", r.gpr);
  // Equal flags may be represented in many ways; only the word is state.
  uint64_t flags = r.flags.word();
  v.Field("flags", flags);
  r.flags.SetWord(flags);
  v.Field("system_flags", r.system_flags);
  for (SegmentRegister& segment : r.segments) DescribeSegment(v, segment);
  DescribeSegment(v, r.ldtr);
  DescribeSegment(v, r.tr);
  v.Field("gdtr.base", r.gdtr.base);
  v.Field("gdtr.limit", r.gdtr.limit);
  v.Field("idtr.base", r.idtr.base);
  v.Field("idtr.limit", r.idtr.limit);
  v.Field("cpl", r.cpl);
  v.Field("cr0", r.cr0);
  v.Field("cr2", r.cr2);
  v.Field("cr3", r.cr3);
  v.Field("cr4", r.cr4);
  v.Field("efer", r.efer);
  v.Fields("pdptr", r.pdptr);
  v.Fields("dr", r.dr);
  v.Field("dr6", r.dr6);
  v.Field("dr7", r.dr7);
  for (Xmm& xmm : r.xmm) v.Bytes("xmm", absl::MakeSpan(xmm.bytes));
  v.Field("mxcsr", r.mxcsr);
  for (Float80& x : r.x87.physical) {
    v.Field("mantissa", x.mantissa);
    v.Field("sign_exponent", x.sign_exponent);
  }
  v.Field("x87.control", r.x87.control);
  v.Field("x87.status", r.x87.status);
  v.Field("x87.valid", r.x87.valid);
  v.Field("star", r.star);
  v.Field("lstar", r.lstar);
  v.Field("cstar", r.cstar);
  v.Field("sfmask", r.sfmask);
  v.Field("kernel_gs_base", r.kernel_gs_base);
  v.Field("sysenter_cs", r.sysenter_cs);
  v.Field("sysenter_esp", r.sysenter_esp);
  v.Field("sysenter_eip", r.sysenter_eip);
  v.Field("tsc_aux", r.tsc_aux);
  v.Field("tsc_offset", r.tsc_offset);
  v.Field("tsc_adjust", r.tsc_adjust);
  v.Field("pat", r.pat);
  v.Field("misc_enable", r.misc_enable);
  v.Field("mtrr_def_type", r.mtrr_def_type);
  v.Fields("mtrr_fixed", r.mtrr_fixed);
  v.Fields("mtrr_variable", r.mtrr_variable);
  v.Field("feature_control", r.feature_control);
  v.Field("interrupt_shadow", r.interrupt_shadow);
  v.Field("debug_shadow", r.debug_shadow);
  v.Field("nmi_pending", r.nmi_pending);
  v.Field("nmi_blocked", r.nmi_blocked);
  v.Field("mid_repeat", r.mid_repeat);
  v.Field("pending_debug", r.pending_debug);
}

}  // namespace librr::pc
