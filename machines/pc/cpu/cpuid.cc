// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/cpuid.h"

#include <bit>
#include <cstring>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc {
namespace {

constexpr uint32_t kMaxBasicLeaf = 0x16;
constexpr uint32_t kMaxExtendedLeaf = 0x80000008;

constexpr uint32_t Bits() { return 0; }
template <typename... Rest>
constexpr uint32_t Bits(int bit, Rest... rest) {
  return 1u << bit | Bits(rest...);
}

// Four letters of a string as CPUID returns them.
constexpr uint32_t Letters(const char* text, int at) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i)
    value = value << 8 | static_cast<uint8_t>(text[at + i]);
  return value;
}

constexpr char kVendor[] = "GenuineIntel";
constexpr char kBrand[48] = "librr virtual CPU";

// Leaf 1. SDM vol. 2, tables 3-10 and 3-11.
constexpr uint32_t kLeaf1Ecx = Bits(0,    // SSE3
                                    9,    // SSSE3
                                    13,   // CMPXCHG16B
                                    19,   // SSE4.1
                                    20,   // SSE4.2
                                    21,   // x2APIC
                                    23,   // POPCNT
                                    24,   // TSC deadline
                                    30);  // RDRAND
constexpr uint32_t kLeaf1Edx = Bits(0,    // FPU
                                    2,    // DE
                                    3,    // PSE
                                    4,    // TSC
                                    5,    // MSR
                                    6,    // PAE
                                    7,    // MCE
                                    8,    // CMPXCHG8B
                                    9,    // APIC
                                    11,   // SYSENTER
                                    12,   // MTRR
                                    13,   // PGE
                                    14,   // MCA
                                    15,   // CMOV
                                    16,   // PAT
                                    17,   // PSE-36
                                    19,   // CLFLUSH
                                    23,   // MMX
                                    24,   // FXSAVE
                                    25,   // SSE
                                    26,   // SSE2
                                    27);  // self snoop
constexpr uint32_t kApic = 1u << 9;
constexpr uint32_t kHyperThreading = 1u << 28;

// Leaf 7. SDM vol. 2, table 3-8.
constexpr uint32_t kLeaf7Ebx = Bits(1,    // IA32_TSC_ADJUST
                                    6,    // x87 data pointer only on faults
                                    7,    // SMEP
                                    13,   // x87 CS and DS are deprecated
                                    18,   // RDSEED
                                    20);  // SMAP
constexpr uint32_t kLeaf7Ecx = Bits(2);   // UMIP
constexpr uint32_t kLeaf7Edx = Bits(29);  // IA32_ARCH_CAPABILITIES

constexpr uint32_t kExtended1Ecx = Bits(0);   // LAHF in 64-bit mode
constexpr uint32_t kExtended1Edx = Bits(20,   // NX
                                        26,   // 1 GiB pages
                                        27,   // RDTSCP
                                        29);  // long mode
// Intel reports SYSCALL in 64-bit mode only.
constexpr uint32_t kSyscall = 1u << 11;

// Leaf 4: the caches. Each vCPU has its own.
constexpr uint32_t CacheEax(int type, int level) {
  return static_cast<uint32_t>(type | level << 5 |
                               1 << 8);  // self-initialising
}
constexpr uint32_t CacheEbx(uint32_t ways) { return (ways - 1) << 22 | 63; }

// A subleaf of -1 stands for any.
struct CpuidRow {
  uint32_t leaf;
  int subleaf;
  CpuidResult result;
};

// Leaves that are missing are zero. What depends on the vCPU is put in by
// `Cpuid`.
constexpr CpuidRow kRows[] = {
    {0,
     -1,
     {kMaxBasicLeaf, Letters(kVendor, 0), Letters(kVendor, 8),
      Letters(kVendor, 4)}},
    // CLFLUSH lines of 8 quadwords.
    {1, -1, {kCpuSignature, 8 << 8, kLeaf1Ecx, kLeaf1Edx}},
    // "See leaf 4", and 64-byte prefetches.
    {2, -1, {0x00ff0001, 0xf0, 0, 0}},
    // L1 data and instructions of 32 KiB, L2 of 512 KiB.
    {4, 0, {CacheEax(1, 1), CacheEbx(8), 63, 0}},
    {4, 1, {CacheEax(2, 1), CacheEbx(8), 63, 0}},
    {4, 2, {CacheEax(3, 2), CacheEbx(8), 1023, 0}},
    // The APIC timer runs always.
    {6, -1, {Bits(2), 0, 0, 0}},
    {7, 0, {0, kLeaf7Ebx, kLeaf7Ecx, kLeaf7Edx}},
    // The TSC counts the crystal's 1 GHz, 1 to 1: nanoseconds.
    {0x15, -1, {1, 1, 1'000'000'000, 0}},
    // Base, greatest and bus frequency in MHz.
    {0x16, -1, {1000, 1000, 100, 0}},
    {0x80000000, -1, {kMaxExtendedLeaf, 0, 0, 0}},
    {0x80000001, -1, {0, 0, kExtended1Ecx, kExtended1Edx}},
    {0x80000002,
     -1,
     {Letters(kBrand, 0), Letters(kBrand, 4), Letters(kBrand, 8),
      Letters(kBrand, 12)}},
    {0x80000003,
     -1,
     {Letters(kBrand, 16), Letters(kBrand, 20), Letters(kBrand, 24),
      Letters(kBrand, 28)}},
    {0x80000004,
     -1,
     {Letters(kBrand, 32), Letters(kBrand, 36), Letters(kBrand, 40),
      Letters(kBrand, 44)}},
    // L2: 512 KiB, 8 ways, lines of 64 bytes.
    {0x80000006, -1, {0, 0, 512 << 16 | 6 << 12 | 64, 0}},
    // Invariant TSC.
    {0x80000007, -1, {0, 0, 0, Bits(8)}},
    // 48 bits of linear address.
    {0x80000008, -1, {48 << 8 | kPhysicalAddressBits, 0, 0, 0}},
};

CpuidResult FindRow(uint32_t leaf, uint32_t subleaf) {
  for (const CpuidRow& row : kRows) {
    if (row.leaf == leaf &&
        (row.subleaf < 0 || static_cast<uint32_t>(row.subleaf) == subleaf))
      return row.result;
  }
  return {};
}

// SDM vol. 3, 10.4.3: a local APIC that IA32_APIC_BASE disables is not there.
bool HasEnabledApic(Cpu& cpu) {
  constexpr uint32_t kMsrApicBase = 0x1b;
  constexpr uint64_t kEnable = 1u << 11;
  uint64_t base;
  return !cpu.host().ReadApicMsr(cpu.index(), kMsrApicBase, &base) ||
         (base & kEnable);
}

}  // namespace

CpuidResult Cpuid(Cpu& cpu, uint32_t leaf, uint32_t subleaf) {
  // Beyond the last leaf Intel's processors answer as for the last basic one.
  const bool basic = leaf <= kMaxBasicLeaf;
  const bool extended = leaf >= 0x80000000 && leaf <= kMaxExtendedLeaf;
  if (!basic && !extended) leaf = kMaxBasicLeaf;

  CpuidResult result = FindRow(leaf, subleaf);
  const uint32_t id = static_cast<uint32_t>(cpu.index());
  const uint32_t count = static_cast<uint32_t>(cpu.shared().cpus.size());
  // APIC IDs have room for a power of two of vCPUs.
  const uint32_t id_count = std::bit_ceil(count);
  switch (leaf) {
    case 1:
      result.ebx |= id << 24;
      if (count > 1) {
        result.ebx |= (id_count & 0xff) << 16;
        result.edx |= kHyperThreading;
      }
      if (!HasEnabledApic(cpu)) result.edx &= ~kApic;
      break;
    case 4:
      if (result.eax != 0) result.eax |= ((id_count - 1) & 63) << 26;
      break;
    case 0xb:
      // One thread per core; all cores in one package.
      result.ecx = subleaf & 0xff;
      result.edx = id;
      if (subleaf == 0) {
        result.ebx = 1;
        result.ecx |= 1 << 8;
      } else if (subleaf == 1) {
        result.eax = static_cast<uint32_t>(std::countr_zero(id_count));
        result.ebx = count;
        result.ecx |= 2 << 8;
      }
      break;
    case 0x80000001:
      if (cpu.code64()) result.edx |= kSyscall;
      break;
    default:
      break;
  }
  return result;
}

}  // namespace librr::pc
