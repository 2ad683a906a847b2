// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Model-specific registers: one table. What is not listed is #GP(0), as for
// any register that a processor lacks. SDM vol. 4, chapter 2.
#include <cstddef>

#include "machines/pc/cpu/control_registers.h"
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/stack_frame.h"

namespace librr::pc {
namespace {

// IA32_ARCH_CAPABILITIES: every defect that this machine, which executes in
// order and never speculates, does not have. IBRS_ALL is not set: it would
// promise IA32_SPEC_CTRL, whose use costs and gains nothing here. Bit numbers:
// SDM vol. 4, table 2-2; ITS_NO: Linux, asm/msr-index.h, ARCH_CAP_ITS_NO.
constexpr uint64_t kArchCapabilities =
    1ull << 0 |   // RDCL_NO: Meltdown, L1TF
    1ull << 3 |   // SKIP_L1DFL_VMENTRY
    1ull << 4 |   // SSB_NO
    1ull << 5 |   // MDS_NO
    1ull << 6 |   // IF_PSCHANGE_MC_NO: ITLB multihit
    1ull << 8 |   // TAA_NO
    1ull << 13 |  // SBDR_SSDP_NO
    1ull << 14 |  // FBSDP_NO
    1ull << 15 |  // PSDP_NO
    1ull << 20 |  // BHI_NO
    1ull << 24 |  // PBRSB_NO
    1ull << 26 |  // GDS_NO
    1ull << 27 |  // RFDS_NO
    1ull << 62;   // ITS_NO

// Ratio of TSC to the 100 MHz bus clock, as non-turbo and least ratio.
constexpr uint64_t kPlatformInfo = 10ull << 8 | 10ull << 40;

// Newer than any update that a kernel may ask for.
constexpr uint64_t kMicrocodeRevision = 0x1000ull << 32;

// 8 variable ranges, fixed ranges, write combining.
constexpr uint64_t kMtrrCapabilities = 0x508;

// BTS and PEBS are unavailable.
constexpr uint64_t kMiscEnableFixed = 1u << 11 | 1u << 12;

constexpr uint64_t kAllBits = ~0ull;
constexpr uint64_t kLow32 = 0xffffffffu;

// Is this what the register takes?
using Validator = bool (*)(uint64_t value);

bool Any(uint64_t) { return true; }
bool Canonical(uint64_t value) { return IsCanonicalAddress(value); }
bool Low32(uint64_t value) { return value <= kLow32; }
bool Zero(uint64_t value) { return value == 0; }
// LBR and BTF, which have no effect.
bool DebugControl(uint64_t value) { return value <= 3; }

bool IsMtrrType(uint64_t type) {
  return type == 0 || type == 1 || type == 4 || type == 5 || type == 6;
}
bool EachByte(uint64_t value, bool (*valid)(uint64_t)) {
  for (int i = 0; i < 64; i += 8) {
    if (!valid((value >> i) & 0xff)) return false;
  }
  return true;
}
bool Pat(uint64_t value) {
  return EachByte(value,
                  [](uint64_t type) { return IsMtrrType(type) || type == 7; });
}
bool MtrrFixed(uint64_t value) { return EachByte(value, &IsMtrrType); }
bool MtrrDefault(uint64_t value) {
  return !(value & ~uint64_t{0xcff}) && IsMtrrType(value & 0xff);
}
bool MtrrBase(uint64_t value) {
  return IsMtrrType(value & 0xff) && !(value & 0xf00) &&
         !(value >> kPhysicalAddressBits);
}
bool MtrrMask(uint64_t value) {
  return !(value & 0x7ff) && !(value >> kPhysicalAddressBits);
}

// Reads give the field's value with the fixed bits; writes keep the writable
// bits. Without writable bits a write is #GP.
struct MsrRow {
  uint32_t number;
  const char* name;
  uint64_t Registers::*field;
  uint64_t fixed;
  uint64_t writable;
  Validator valid;
};

// clang-format off
constexpr MsrRow kMsrs[] = {
    {0x017, "IA32_PLATFORM_ID", nullptr, 0, 0, &Any},
    {0x03a, "IA32_FEATURE_CONTROL", &Registers::feature_control, 0, 0, &Any},
    {0x08b, "IA32_BIOS_SIGN_ID", nullptr, kMicrocodeRevision, kAllBits, &Any},
    {0x0ce, "MSR_PLATFORM_INFO", nullptr, kPlatformInfo, 0, &Any},
    {0x0fe, "IA32_MTRRCAP", nullptr, kMtrrCapabilities, 0, &Any},
    {0x10a, "IA32_ARCH_CAPABILITIES", nullptr, kArchCapabilities, 0, &Any},
    {0x174, "IA32_SYSENTER_CS", &Registers::sysenter_cs, 0, kLow32, &Any},
    {0x175, "IA32_SYSENTER_ESP", &Registers::sysenter_esp, 0, kAllBits, &Canonical},
    {0x176, "IA32_SYSENTER_EIP", &Registers::sysenter_eip, 0, kAllBits, &Canonical},
    {0x179, "IA32_MCG_CAP", nullptr, 0, 0, &Any},
    {0x17a, "IA32_MCG_STATUS", nullptr, 0, kAllBits, &Zero},
    {0x1a0, "IA32_MISC_ENABLE", &Registers::misc_enable, kMiscEnableFixed, 1, &Any},
    {0x1d9, "IA32_DEBUGCTL", nullptr, 0, kAllBits, &DebugControl},
    {0x277, "IA32_PAT", &Registers::pat, 0, kAllBits, &Pat},
    {0x2ff, "IA32_MTRR_DEF_TYPE", &Registers::mtrr_def_type, 0, kAllBits, &MtrrDefault},
    {0xc0000081, "IA32_STAR", &Registers::star, 0, kAllBits, &Any},
    {0xc0000082, "IA32_LSTAR", &Registers::lstar, 0, kAllBits, &Canonical},
    {0xc0000083, "IA32_CSTAR", &Registers::cstar, 0, kAllBits, &Canonical},
    {0xc0000084, "IA32_FMASK", &Registers::sfmask, 0, kLow32, &Low32},
    {0xc0000102, "IA32_KERNEL_GS_BASE", &Registers::kernel_gs_base, 0, kAllBits, &Canonical},
    {0xc0000103, "IA32_TSC_AUX", &Registers::tsc_aux, 0, kLow32, &Low32},
};
// clang-format on

// Those that need more than a field.
constexpr uint32_t kTsc = 0x10;
constexpr uint32_t kApicBase = 0x1b;
constexpr uint32_t kTscAdjust = 0x3b;
constexpr uint32_t kTscDeadline = 0x6e0;
constexpr uint32_t kX2ApicFirst = 0x800, kX2ApicLast = 0x8ff;
constexpr uint32_t kEfer = 0xc0000080;
constexpr uint32_t kFsBase = 0xc0000100, kGsBase = 0xc0000101;
constexpr uint32_t kMtrrVariableFirst = 0x200, kMtrrVariableLast = 0x20f;
constexpr uint32_t kMtrrFixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                   0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

const MsrRow* FindRow(uint32_t number) {
  for (const MsrRow& row : kMsrs) {
    if (row.number == number) return &row;
  }
  return nullptr;
}

// Index into Registers::mtrr_fixed, or -1.
int FixedMtrrIndex(uint32_t number) {
  for (size_t i = 0; i < std::size(kMtrrFixed); ++i) {
    if (kMtrrFixed[i] == number) return static_cast<int>(i);
  }
  return -1;
}

bool IsApicMsr(uint32_t msr) {
  return msr == kApicBase || msr == kTscDeadline ||
         (msr >= kX2ApicFirst && msr <= kX2ApicLast);
}

}  // namespace

bool Cpu::ReadMsr(uint32_t msr, uint64_t* value) {
  switch (msr) {
    case kFsBase:
      *value = regs.segments[kFs].base;
      return true;
    case kGsBase:
      *value = regs.segments[kGs].base;
      return true;
    case kEfer:
      *value = regs.efer;
      return true;
    case kTsc:
      *value = ReadTsc();
      return true;
    case kTscAdjust:
      *value = regs.tsc_adjust;
      return true;
    default:
      break;
  }
  if (IsApicMsr(msr)) {
    if (!host_->ReadApicMsr(index_, msr, value)) return RaiseGp();
    return true;
  }
  if (const MsrRow* row = FindRow(msr)) {
    *value = (row->field ? regs.*row->field : 0) | row->fixed;
    return true;
  }
  if (msr >= kMtrrVariableFirst && msr <= kMtrrVariableLast) {
    *value = regs.mtrr_variable[msr - kMtrrVariableFirst];
    return true;
  }
  if (const int i = FixedMtrrIndex(msr); i >= 0) {
    *value = regs.mtrr_fixed[static_cast<size_t>(i)];
    return true;
  }
  return RaiseGp();
}

bool Cpu::WriteMsr(uint32_t msr, uint64_t value) {
  switch (msr) {
    case kFsBase:
    case kGsBase:
      if (!IsCanonicalAddress(value)) return RaiseGp();
      regs.segments[msr == kFsBase ? kFs : kGs].base = value;
      return true;
    case kEfer:
      return SetEfer(value);
    case kTsc:
    case kTscAdjust: {
      // Writing either moves both. SDM vol. 3, 17.17.3.
      const uint64_t delta =
          value - (msr == kTsc ? ReadTsc() : regs.tsc_adjust);
      regs.tsc_offset += delta;
      regs.tsc_adjust += delta;
      host_->TscOffsetChanged(index_);
      return true;
    }
    default:
      break;
  }
  if (IsApicMsr(msr)) {
    if (!host_->WriteApicMsr(index_, msr, value)) return RaiseGp();
    return true;
  }
  if (const MsrRow* row = FindRow(msr)) {
    if (!row->writable || !row->valid(value)) return RaiseGp();
    if (row->field) regs.*row->field = value & row->writable;
    return true;
  }
  if (msr >= kMtrrVariableFirst && msr <= kMtrrVariableLast) {
    if (!((msr & 1) ? MtrrMask(value) : MtrrBase(value))) return RaiseGp();
    regs.mtrr_variable[msr - kMtrrVariableFirst] = value;
    return true;
  }
  if (const int i = FixedMtrrIndex(msr); i >= 0) {
    if (!MtrrFixed(value)) return RaiseGp();
    regs.mtrr_fixed[static_cast<size_t>(i)] = value;
    return true;
  }
  return RaiseGp();
}

}  // namespace librr::pc
