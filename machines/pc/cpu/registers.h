// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The architectural state of one vCPU: plain data, named as in the Intel SDM.
#ifndef LIBRR_MACHINES_PC_CPU_REGISTERS_H_
#define LIBRR_MACHINES_PC_CPU_REGISTERS_H_

#include <array>
#include <cstdint>
#include <cstring>

#include "machines/pc/cpu/flags.h"

namespace librr::pc {

enum GprIndex : uint8_t {
  kRax,
  kRcx,
  kRdx,
  kRbx,
  kRsp,
  kRbp,
  kRsi,
  kRdi,
  kR8,
  kR9,
  kR10,
  kR11,
  kR12,
  kR13,
  kR14,
  kR15,
  kZeroSlot,  // always 0: "no base", "no index" need no branch
  kRip,       // the address of the next instruction
  kGprSlots
};

// Segment registers in the order of their encoding. SDM vol. 2, table B-8.
enum SegmentIndex : uint8_t { kEs, kCs, kSs, kDs, kFs, kGs, kSegmentCount };

// Attributes as in a VMCS. SDM vol. 3, table 25-2.
inline constexpr uint32_t kSegAccessed = 1u << 0;
inline constexpr uint32_t kSegWritable = 1u << 1;    // data
inline constexpr uint32_t kSegReadable = 1u << 1;    // code
inline constexpr uint32_t kSegExpandDown = 1u << 2;  // data
inline constexpr uint32_t kSegConforming = 1u << 2;  // code
inline constexpr uint32_t kSegCode = 1u << 3;
inline constexpr uint32_t kSegNotSystem = 1u << 4;
inline constexpr int kSegDplShift = 5;
inline constexpr uint32_t kSegPresent = 1u << 7;
inline constexpr uint32_t kSegLong = 1u << 13;
inline constexpr uint32_t kSegBig = 1u << 14;
inline constexpr uint32_t kSegGranular = 1u << 15;
inline constexpr uint32_t kSegUnusable = 1u << 16;  // loaded with null

struct SegmentRegister {
  uint64_t base = 0;
  uint32_t limit = 0xffff;  // in bytes, granularity applied
  uint32_t attributes = 0;
  uint16_t selector = 0;

  int dpl() const { return (attributes >> kSegDplShift) & 3; }
  bool Has(uint32_t attribute) const { return attributes & attribute; }
};

struct DescriptorTable {
  uint64_t base = 0;
  uint16_t limit = 0xffff;
};

// MAXPHYADDR, as CPUID leaf 80000008h says.
inline constexpr int kPhysicalAddressBits = 40;

// CR0. SDM vol. 3, 2.5.
inline constexpr uint64_t kCr0Pe = 1u << 0;
inline constexpr uint64_t kCr0Mp = 1u << 1;
inline constexpr uint64_t kCr0Em = 1u << 2;
inline constexpr uint64_t kCr0Ts = 1u << 3;
inline constexpr uint64_t kCr0Et = 1u << 4;
inline constexpr uint64_t kCr0Ne = 1u << 5;
inline constexpr uint64_t kCr0Wp = 1u << 16;
inline constexpr uint64_t kCr0Am = 1u << 18;
inline constexpr uint64_t kCr0Nw = 1u << 29;
inline constexpr uint64_t kCr0Cd = 1u << 30;
inline constexpr uint64_t kCr0Pg = 1u << 31;

// CR4.
inline constexpr uint64_t kCr4Vme = 1u << 0;
inline constexpr uint64_t kCr4Pvi = 1u << 1;
inline constexpr uint64_t kCr4Tsd = 1u << 2;
inline constexpr uint64_t kCr4De = 1u << 3;
inline constexpr uint64_t kCr4Pse = 1u << 4;
inline constexpr uint64_t kCr4Pae = 1u << 5;
inline constexpr uint64_t kCr4Mce = 1u << 6;
inline constexpr uint64_t kCr4Pge = 1u << 7;
inline constexpr uint64_t kCr4Pce = 1u << 8;
inline constexpr uint64_t kCr4Osfxsr = 1u << 9;
inline constexpr uint64_t kCr4Osxmmexcpt = 1u << 10;
inline constexpr uint64_t kCr4Umip = 1u << 11;
inline constexpr uint64_t kCr4Smep = 1u << 20;
inline constexpr uint64_t kCr4Smap = 1u << 21;

// IA32_EFER.
inline constexpr uint64_t kEferSce = 1u << 0;
inline constexpr uint64_t kEferLme = 1u << 8;
inline constexpr uint64_t kEferLma = 1u << 10;
inline constexpr uint64_t kEferNxe = 1u << 11;

// Exception vectors. SDM vol. 3, table 6-1.
enum Vector : uint8_t {
  kDivideError = 0,
  kDebug = 1,
  kNmi = 2,
  kBreakpoint = 3,
  kOverflow = 4,
  kBoundRange = 5,
  kInvalidOpcode = 6,
  kDeviceNotAvailable = 7,
  kDoubleFault = 8,
  kInvalidTss = 10,
  kSegmentNotPresent = 11,
  kStackFault = 12,
  kGeneralProtection = 13,
  kPageFault = 14,
  kX87Error = 16,
  kAlignmentCheck = 17,
  kMachineCheck = 18,
  kSimdError = 19,
};

struct alignas(16) Xmm {
  uint8_t bytes[16] = {};

  template <typename T>
  T lane(int i) const {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    return value;
  }
  template <typename T>
  void set_lane(int i, T value) {
    std::memcpy(bytes + i * sizeof(T), &value, sizeof(T));
  }
};

// An 80-bit extended real as in memory: explicit integer bit, biased exponent.
struct Float80 {
  uint64_t mantissa = 0;
  uint16_t sign_exponent = 0;
};

// The x87 FPU. SDM vol. 1, 8.1. Instruction, data pointer and opcode, whose
// values differ between CPUs, always read as zero: part of the machine model.
struct X87State {
  std::array<Float80, 8>
      physical;  // R0 to R7; MMX register i is R_i's mantissa
  uint16_t control = 0x037f;
  uint16_t status = 0;  // TOP is bits 11 to 13
  uint8_t valid = 0;    // bit i: R_i is not empty

  int top() const { return (status >> 11) & 7; }
  void set_top(int top) {
    status = static_cast<uint16_t>((status & ~0x3800) | ((top & 7) << 11));
  }
};

struct Registers {
  std::array<uint64_t, kGprSlots> gpr{};
  Flags flags;
  // TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID at their places in RFLAGS.
  uint64_t system_flags = 0;

  std::array<SegmentRegister, kSegmentCount> segments;
  SegmentRegister ldtr, tr;
  DescriptorTable gdtr, idtr;
  uint8_t cpl = 0;

  uint64_t cr0 = kCr0Et | kCr0Nw | kCr0Cd, cr2 = 0, cr3 = 0, cr4 = 0;
  uint64_t efer = 0;
  std::array<uint64_t, 4> pdptr{};  // PAE paging's registers; SDM vol. 3, 4.4.1
  std::array<uint64_t, 4> dr{};
  uint64_t dr6 = 0xffff0ff0, dr7 = 0x400;

  std::array<Xmm, 16> xmm;
  uint32_t mxcsr = 0x1f80;
  X87State x87;

  // Model-specific registers.
  uint64_t star = 0, lstar = 0, cstar = 0, sfmask = 0, kernel_gs_base = 0;
  uint64_t sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
  uint64_t tsc_aux = 0, tsc_offset = 0, tsc_adjust = 0;
  uint64_t pat = 0x0007040600070406ull;
  uint64_t misc_enable = 1;
  uint64_t mtrr_def_type = 0xc06;  // enabled, write-back, as firmware leaves it
  std::array<uint64_t, 11> mtrr_fixed{};
  std::array<uint64_t, 16> mtrr_variable{};
  uint64_t feature_control = 1;  // locked

  // What the next instruction boundary must know.
  bool interrupt_shadow = false;  // after STI or MOV SS; SDM vol. 3, 6.8.3
  bool debug_shadow = false;  // of these, MOV SS and POP SS also hold back #DB
  bool nmi_pending = false;
  bool nmi_blocked = false;
  // RIP stands at a REP instruction that has executed some iterations.
  bool mid_repeat = false;
  uint64_t pending_debug =
      0;  // DR6 bits of a trap due before the next instruction
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_REGISTERS_H_
