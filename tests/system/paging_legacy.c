// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// 32-bit paging with and without PSE, and PAE paging: rights, error codes,
// accessed and dirty bits, reserved bits, the PDPTE registers.
// SDM vol. 3, 4.3 and 4.4.
#include "tests/system/paging_checks.h"

// What is mapped: a page at 32 MiB, which holds a RET.
#define kFrame 0x2000000u
#define kAddress 0x80000000u
// User code runs in a mapping of its own, so that the identity mapping can be
// the kernel's.
#define kUserBase 0x40000000u

static uint32_t directory[1024] __attribute__((aligned(4096)));
static uint32_t table[1024] __attribute__((aligned(4096)));
static uint32_t identity[1024] __attribute__((aligned(4096)));
static uint64_t pae_pointers[4] __attribute__((aligned(4096)));
static uint64_t pae_directories[4][512] __attribute__((aligned(4096)));
static uint64_t pae_table[512] __attribute__((aligned(4096)));

static void Flush(void) { WriteCr3(ReadCr3()); }

enum { kUpper = 5, kPlainRights = 6, kNxRights = 8 };

// The entry for kAddress at a level of the paging in use, and writing it.
static bool pae;
static uint64_t Entry(int level) {
  if (pae) return level == 1 ? pae_table[0] : pae_directories[2][0];
  return level == 1 ? table[0] : directory[kAddress >> 22];
}
static void SetEntry(int level, uint64_t value) {
  if (pae) {
    *(level == 1 ? &pae_table[0] : &pae_directories[2][0]) = value;
  } else {
    *(level == 1 ? &table[0] : &directory[kAddress >> 22]) = (uint32_t)value;
  }
  Flush();
}

static void Map(int leaf, uint64_t leaf_flags, uint64_t upper_flags) {
  SetEntry(2, (pae ? (Word)pae_table : (Word)table) | upper_flags);
  SetEntry(leaf, kFrame | leaf_flags | (leaf > 1 ? kPs : 0));
}

static void Rights(int leaf, const char* page) {
  const Word cr0 = ReadCr0(), cr4 = ReadCr4();
  const bool nx = pae && (ReadMsr(kMsrEfer) & kEferNxe);
  for (int mode = 0; mode < 4; ++mode) {
    static const char* const kModes[] = {"", " wp", " smep", " wp smep smap"};
    WriteCr0(mode == 1 || mode == 3 ? cr0 | kCr0Wp : cr0);
    WriteCr4(cr4 | (mode >= 2 ? kCr4Smep : 0) | (mode == 3 ? kCr4Smap : 0));
    for (unsigned upper = 2; upper < (nx ? kNxRights : kPlainRights); ++upper) {
      if (leaf > 1 && upper != kUpper) continue;
      for (unsigned i = 0; i < (nx ? kNxRights : kPlainRights); ++i) {
        Map(leaf, kRights[i].flags, kRights[upper].flags);
        Print(page);
        Print(" ");
        Print(kRights[i].name);
        Print(" in ");
        Print(kRights[upper].name);
        Begin(kModes[mode]);
        AllKinds(kAddress);
      }
    }
    WriteCr0(cr0);
    WriteCr4(cr4);
  }
}

static void AccessedAndDirty(int leaf, const char* page) {
  for (int kind = 0; kind < kKinds; ++kind) {
    if (kind == kReadAc || kind == kWriteAc) continue;
    Map(leaf, kP | kW | kU, kP | kW | kU);
    Print("A and D of ");
    Begin(page);
    Access(kind, kAddress);
    for (int level = 2; level >= leaf; --level)
      Value("", Entry(level) & (kA | kD));
    End();
  }
}

// Which bits of an entry are reserved.
static void ReservedBits(int leaf, int level, const char* name) {
  uint64_t reserved = 0;
  for (int bit = 7; bit < (pae ? 64 : 32); ++bit) {
    // Bits of the address that exist lead elsewhere.
    if (bit == 7 || (level > leaf && bit >= 12 && bit < 40)) continue;
    Map(leaf, kP | kW | kU, kP | kW | kU);
    SetEntry(level, Entry(level) | 1ull << bit);
    TRY("mov (%0), %%ecx", : : "r"(kAddress) : "ecx");
    if (caught.vector == 14 && (caught.error & 8)) reserved |= 1ull << bit;
  }
  Print("reserved bits of ");
  Line(name, reserved);
}

static void Wrap(void) {
  // Linear addresses wrap at 4 GiB, across two pages too.
  TRY("mov $-2, %%eax; mov (%%eax), %%ecx", : : : "eax", "ecx");
  Report("access across the end of the address space");
}

static void ThirtyTwoBit(void) {
  for (int i = 0; i < 1024; ++i) identity[i] = i << 12 | kP | kW | kU;
  directory[0] = (Word)identity | kP | kW;
  directory[kUserBase >> 22] = (Word)identity | kP | kW | kU;
  WriteCr3((Word)directory);
  WriteCr0(ReadCr0() | 1u << 31);
  Rights(1, "4 KiB");
  AccessedAndDirty(1, "4 KiB");
  ReservedBits(1, 1, "PTE");
  ReservedBits(1, 2, "PDE");
  // Without PSE, PS is ignored.
  Map(1, kP | kW | kU, kP | kW | kU | kPs);
  Begin("PS without PSE");
  AllKinds(kAddress);
  WriteCr4(ReadCr4() | kCr4Pse);
  Rights(2, "4 MiB");
  AccessedAndDirty(2, "4 MiB");
  ReservedBits(2, 2, "PDE of 4 MiB");
  Map(2, kP | kW | kU | 1 << 21, 0);
  Begin("reserved bit");
  AllKinds(kAddress);
  // PS matters again at once.
  WriteCr4(ReadCr4() & ~(Word)kCr4Pse);
  Map(1, kP | kW | kU, kP | kW | kU | kPs);
  Begin("PSE off again");
  AllKinds(kAddress);
  Wrap();
  WriteCr0(ReadCr0() & ~(1u << 31));
}

static void LoadPointers(const char* name) {
  TRY("mov %0, %%cr3", : : "r"(pae_pointers));
  Report(name);
}

static void Pae(void) {
  pae = true;
  for (int i = 0; i < 2; ++i)
    pae_directories[0][i] = (uint64_t)i << 21 | kP | kW | kPs;
  for (int i = 0; i < 2; ++i)
    pae_directories[1][i] = (uint64_t)i << 21 | kP | kW | kU | kPs;
  for (int i = 0; i < 3; ++i) pae_pointers[i] = (Word)pae_directories[i] | kP;
  WriteCr4(ReadCr4() | kCr4Pae);
  WriteCr3((Word)pae_pointers);
  // Reserved bits of the pointers are found when paging is turned on.
  pae_pointers[2] |= 2;
  TRY("mov %0, %%cr0", : : "r"(ReadCr0() | 1u << 31));
  Report("paging with a bad pointer");
  pae_pointers[2] &= ~2ull;
  WriteCr0(ReadCr0() | 1u << 31);
  Rights(1, "PAE 4 KiB");
  AccessedAndDirty(1, "PAE 4 KiB");
  ReservedBits(1, 1, "PTE without NXE");
  ReservedBits(1, 2, "PDE without NXE");
  ReservedBits(2, 2, "PDE of 2 MiB without NXE");
  WriteMsr(kMsrEfer, ReadMsr(kMsrEfer) | kEferNxe);
  Rights(1, "PAE NXE 4 KiB");
  Rights(2, "PAE NXE 2 MiB");
  AccessedAndDirty(2, "PAE 2 MiB");
  ReservedBits(1, 1, "PTE");
  ReservedBits(1, 2, "PDE");
  ReservedBits(2, 2, "PDE of 2 MiB");
  Map(1, kP | kW | kU | 1ull << 45, kP | kW | kU);
  Begin("reserved bit");
  AllKinds(kAddress);

  Map(1, kP | kW | kU, kP | kW | kU);
  uint64_t refused = 0;
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t old = pae_pointers[2];
    pae_pointers[2] = old | 1ull << bit;
    TRY("mov %0, %%cr3", : : "r"(pae_pointers));
    if (caught.vector == 13) refused |= 1ull << bit;
    pae_pointers[2] = old;
  }
  Line("reserved bits of a pointer", refused);
  LoadPointers("good pointers");
  // The registers, not memory, translate.
  const uint64_t old = pae_pointers[2];
  pae_pointers[2] = 0;
  Begin("pointer cleared in memory");
  AllKinds(kAddress);
  LoadPointers("absent pointer");
  Begin("pointer absent");
  AllKinds(kAddress);
  pae_pointers[2] = old | 1ull << 62;
  TRY("mov %0, %%cr4", : : "r"(ReadCr4() ^ (1 << 7)));
  Report("CR4.PGE with a bad pointer");
  pae_pointers[2] = old;
  TRY("mov %0, %%cr4", : : "r"(ReadCr4() ^ (1 << 7)));
  Report("CR4.PGE loads the pointers");
  Begin("pointer back");
  AllKinds(kAddress);
  pae_pointers[3] = 0x1e6 | ~0ull << 40;
  LoadPointers("bits of an absent pointer");
}

void GuestMain(void) {
  user_base = kUserBase;
  *(volatile uint8_t*)kFrame = 0xc3;
  ThirtyTwoBit();
  Pae();
}
