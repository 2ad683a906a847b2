// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// 4-level paging: rights, error codes, accessed and dirty bits, reserved bits,
// accesses that cross pages. SDM vol. 3, chapter 4.
#include "tests/system/paging_checks.h"

// What is mapped: a page at 32 MiB, which holds a RET.
#define kFrame 0x2000000ull
#define kAddress 0x8000000000ull
// User code runs in a mapping of its own, so that the identity mapping can be
// the kernel's.
#define kUserBase 0x10000000000ull

extern uint64_t identity_root[512];
static uint64_t pointers[512] __attribute__((aligned(4096)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t table[512] __attribute__((aligned(4096)));
// Of the entries that translate kAddress, from the leaf's table upwards.
static uint64_t* const entries[5] = {0, table, directory, pointers,
                                     identity_root + 1};

static void Flush(void) { WriteCr3(ReadCr3()); }

// Maps kAddress by a page of 4 KiB (leaf 1), 2 MiB (2) or 1 GiB (3).
static void Map(int leaf, uint64_t leaf_flags, uint64_t upper_flags) {
  *entries[4] = (uint64_t)pointers | upper_flags;
  *entries[3] = (uint64_t)directory | upper_flags;
  *entries[2] = (uint64_t)table | upper_flags;
  const uint64_t frame = leaf == 3 ? 0 : kFrame;
  *entries[leaf] = frame | leaf_flags | (leaf > 1 ? kPs : 0);
  Flush();
}

// The address of the RET.
static Word Target(int leaf) { return kAddress + (leaf == 3 ? kFrame : 0); }

static void Rights(int leaf, const char* page) {
  const Word cr0 = ReadCr0(), cr4 = ReadCr4();
  for (int mode = 0; mode < 5; ++mode) {
    static const char* const kModes[] = {"", " wp", " smep", " smap",
                                         " wp smep smap"};
    WriteCr0(mode == 1 || mode == 4 ? cr0 | kCr0Wp : cr0);
    WriteCr4(cr4 | (mode == 2 || mode == 4 ? kCr4Smep : 0) |
             (mode >= 3 ? kCr4Smap : 0));
    for (unsigned upper = 2; upper < 8; ++upper) {
      if (leaf > 1 && upper != 5) continue;
      if (upper == 6) continue;
      for (unsigned i = 0; i < 8; ++i) {
        Map(leaf, kRights[i].flags, kRights[upper].flags);
        Print(page);
        Print(" ");
        Print(kRights[i].name);
        Print(" in ");
        Print(kRights[upper].name);
        Begin(kModes[mode]);
        AllKinds(Target(leaf));
      }
    }
    WriteCr0(cr0);
    WriteCr4(cr4);
  }
}

static void WithoutNx(void) {
  WriteMsr(kMsrEfer, ReadMsr(kMsrEfer) & ~(uint64_t)kEferNxe);
  for (int smep = 0; smep < 2; ++smep) {
    const Word cr4 = ReadCr4();
    WriteCr4(cr4 | (smep ? kCr4Smep : 0));
    for (unsigned i = 0; i < 8; ++i) {
      Map(1, kRights[i].flags, kRights[5].flags);
      Print(smep ? "smep without NXE " : "without NXE ");
      Begin(kRights[i].name);
      AllKinds(Target(1));
    }
    WriteCr4(cr4);
  }
  WriteMsr(kMsrEfer, ReadMsr(kMsrEfer) | kEferNxe);
}

static void Absent(void) {
  for (int level = 1; level <= 4; ++level) {
    Map(1, kP | kW | kU, kP | kW | kU);
    *entries[level] &= ~(uint64_t)kP;
    Flush();
    Print("absent at level ");
    PrintHex(level, 1);
    Begin("");
    AllKinds(Target(1));
  }
}

static void AccessedAndDirty(int leaf, const char* page) {
  for (int kind = 0; kind < kKinds; ++kind) {
    if (kind == kReadAc || kind == kWriteAc) continue;
    Map(leaf, kP | kW | kU, kP | kW | kU);
    Print("A and D of ");
    Begin(page);
    Access(kind, Target(leaf));
    for (int level = 4; level >= leaf; --level)
      Value("", *entries[level] & (kA | kD));
    End();
  }
  // A write after a read finds the translation and sets D.
  Map(leaf, kP | kW | kU, kP | kW | kU);
  Print("A and D of read, then write of ");
  Begin(page);
  Access(kRead, Target(leaf));
  Value("", *entries[leaf] & (kA | kD));
  Access(kWrite, Target(leaf));
  Value("", *entries[leaf] & (kA | kD));
  // And again after D was cleared.
  *entries[leaf] &= ~(uint64_t)kD;
  Flush();
  Access(kRead, Target(leaf));
  Value("", *entries[leaf] & (kA | kD));
  Access(kWrite, Target(leaf));
  Value("", *entries[leaf] & (kA | kD));
  End();
  // A refused write dirties nothing.
  Map(leaf, kP | kU, kP | kW | kU);
  Print("D of refused write of ");
  Begin(page);
  Access(kUserWrite, Target(leaf));
  Value("", *entries[leaf] & kD);
  End();
}

// Which bits of an entry are reserved.
static void ReservedBits(int leaf, int level, const char* name) {
  uint64_t reserved = 0;
  Map(leaf, kP | kW | kU, kP | kW | kU);
  for (int bit = 7; bit < 64; ++bit) {
    const uint64_t old = *entries[level];
    if (bit == 7 && level < 4) continue;
    // Bits of the address that exist lead elsewhere.
    if (level > leaf && bit >= 12 && bit < 40) continue;
    *entries[level] = old | 1ull << bit;
    Flush();
    TRY("mov (%0), %%ecx", : : "r"(Target(leaf)) : "rcx");
    if (caught.vector == 14 && (caught.error & 8)) reserved |= 1ull << bit;
    *entries[level] = old;
  }
  Flush();
  Print("reserved bits of ");
  Line(name, reserved);
}

static void Reserved(void) {
  for (int nxe = 0; nxe < 2; ++nxe) {
    const uint64_t efer = ReadMsr(kMsrEfer) & ~(uint64_t)kEferNxe;
    WriteMsr(kMsrEfer, efer | (nxe ? kEferNxe : 0));
    ReservedBits(1, 1, nxe ? "PTE" : "PTE without NXE");
    ReservedBits(1, 2, nxe ? "PDE" : "PDE without NXE");
    ReservedBits(2, 2, nxe ? "PDE of 2 MiB" : "PDE of 2 MiB without NXE");
    ReservedBits(1, 3, nxe ? "PDPTE" : "PDPTE without NXE");
    ReservedBits(3, 3, nxe ? "PDPTE of 1 GiB" : "PDPTE of 1 GiB without NXE");
    ReservedBits(1, 4, nxe ? "PML4E" : "PML4E without NXE");
  }
  Map(1, kP | kW | kU | 1ull << 45, kP | kW | kU);
  Begin("reserved bit");
  AllKinds(Target(1));
  Map(1, 1ull << 45, kP | kW | kU);
  Begin("reserved bit of an absent page");
  AllKinds(Target(1));
  Map(1, kW | kU, kP | kW | kU);
  *entries[3] |= 1ull << 45;
  Begin("reserved bit above an absent page");
  AllKinds(Target(1));
}

// Two pages side by side: the first as given, the second as given.
static void MapPair(uint64_t first, uint64_t second) {
  Map(1, kP | kW | kU, kP | kW | kU);
  table[0] = kFrame | first;
  table[1] = (kFrame + 4096) | second;
  Flush();
}

static void Crossing(void) {
  const uint64_t all = kP | kW | kU;
  volatile uint32_t* const edge = (volatile uint32_t*)(kFrame + 4092);
  const Word at = kAddress + 4094;
  MapPair(all, 0);
  TRY("mov (%0), %%ecx", : : "r"(at) : "rcx");
  Report("read into an absent page");
  edge[0] = 0x11111111;
  TRY("mov %1, (%0)", : : "r"(at), "r"(0x22222222));
  ReportOpen("write into an absent page");
  Value("kept", edge[0]);
  End();
  TRY("addl $1, (%0)", : : "r"(at));
  ReportOpen("modify into an absent page");
  Value("kept", edge[0]);
  End();
  TRY("movups %%xmm0, (%0)", : : "r"(at));
  ReportOpen("sixteen bytes into an absent page");
  Value("kept", edge[0]);
  End();
  TRY("fxsave (%0)", : : "r"(kAddress + 4096 - 256));
  Report("fxsave into an absent page");
  TRY("mov %0, %%rsp; push %1", : : "r"(kAddress + 4100), "r"(0x33l));
  ReportOpen("push across an absent page");
  Value("kept", edge[0]);
  End();
  MapPair(0, all);
  TRY("mov (%0), %%ecx", : : "r"(at) : "rcx");
  Report("read from an absent page");
  TRY("mov %1, (%0)", : : "r"(at), "r"(0x22222222));
  ReportOpen("write from an absent page");
  Value("kept", edge[1]);
  End();
  MapPair(0, 0);
  TRY("mov %1, (%0)", : : "r"(at), "r"(0x22222222));
  Report("write to two absent pages");
  MapPair(all, kP | kU);
  user_flags = 2;
  TRY_USER("mov %1, (%0)", : : "r"(at), "r"(0x22222222));
  ReportOpen("user write into a read-only page");
  Value("kept", edge[0]);
  End();
  MapPair(all, kP | kW);
  TRY_USER("mov (%0), %%ecx", : : "r"(at) : "rcx");
  Report("user read into a supervisor page");
  // An instruction across pages: mov $imm32, %eax.
  MapPair(all, 0);
  *(volatile uint8_t*)(kFrame + 4094) = 0xb8;
  TRY("jmp *%0", : : "r"(at));
  ReportOpen("fetch into an absent page");
  Value("at", caught.ip - kAddress);
  End();
  MapPair(all, all | NX);
  TRY("jmp *%0", : : "r"(at));
  ReportOpen("fetch into a page without execution");
  Value("at", caught.ip - kAddress);
  End();
  *(volatile uint8_t*)(kFrame + 4095) = 0x90;
  MapPair(all, 0);
  TRY("jmp *%0", : : "r"(kAddress + 4095));
  ReportOpen("running into an absent page");
  Value("at", caught.ip - kAddress);
  End();
  *(volatile uint8_t*)kFrame = 0xc3;
  Word rcx = 20, rdi = kAddress + 4088, rsi = kFrame;
  TRY("rep movsb", : "+c"(rcx), "+D"(rdi), "+S"(rsi));
  ReportOpen("string store into an absent page");
  Value("rcx", rcx);
  Value("rdi", rdi - kAddress);
  Value("rsi", rsi - kFrame);
  End();
  rcx = 20, rsi = kAddress + 4088, rdi = kFrame + 2048;
  TRY("rep movsw", : "+c"(rcx), "+D"(rdi), "+S"(rsi));
  ReportOpen("string load from an absent page");
  Value("rcx", rcx);
  Value("rdi", rdi - kFrame);
  Value("rsi", rsi - kAddress);
  End();
}

static void Reads(void) {
  const uint64_t read_only = kP | kU;
  const Word at = kAddress + 128;
  WriteCr0(ReadCr0() | kCr0Wp);
  Map(1, read_only, kP | kW | kU);
  *(volatile uint64_t*)(kFrame + 128) = 5;
  TRY("xor %%eax, %%eax; lock; cmpxchg %%ecx, (%0)", : : "r"(at) : "rax");
  Report("cmpxchg that would not store");
  TRY("btl $0, (%0)", : : "r"(at));
  Report("bt only reads");
  TRY("btsl $0, (%0)", : : "r"(at));
  Report("bts of a set bit writes");
  TRY("xor %%ecx, %%ecx; shll %%cl, (%0)", : : "r"(at) : "rcx");
  Report("shift by zero writes");
  TRY("testl $1, (%0)", : : "r"(at));
  Report("test only reads");
  TRY("xchg %%ecx, (%0)", : : "r"(at) : "rcx");
  Report("xchg writes");
  TRY("xor %%eax, %%eax; cmp %%eax, %%eax; setne (%0)", : : "r"(at) : "rax");
  Report("setcc writes");
  TRY("xor %%eax, %%eax; cmp %%eax, %%eax; cmovne (%0), %%ecx",
      :
      : "r"(at)
      : "rax", "rcx");
  Report("cmov reads");
  Map(1, 0, kP | kW | kU);
  TRY("xor %%eax, %%eax; cmp %%eax, %%eax; cmovne (%0), %%ecx",
      :
      : "r"(at)
      : "rax", "rcx");
  Report("cmov reads though false");
  TRY("bt %1, (%0)", : : "r"(kAddress - 4096), "r"(8 * 4096l));
  Report("bit strings reach far");
  TRY("invlpg (%0); prefetcht0 (%0); nopl (%0)", : : "r"(at));
  Report("hints do not fault");
  TRY("clflush (%0)", : : "r"(at));
  Report("clflush is a read");
  TRY("sidt (%0)", : : "r"(at));
  Report("sidt writes");
  TRY("lidt (%0)", : : "r"(at));
  Report("lidt reads");
  TRY("xor %%ecx, %%ecx; rep movsb", : : "D"(at), "S"(at) : "rcx");
  Report("no iteration, no access");
  WriteCr0(ReadCr0() & ~(Word)kCr0Wp);
}

// Tables of the CPU that lie in user pages: implicit supervisor accesses. The
// GDT's second page is the one under test.
static void Implicit(void) {
  enum { kSelector = 0x1008 };
  volatile uint64_t* const copy = (volatile uint64_t*)kFrame;
  volatile uint64_t* const tested = copy + kSelector / 8;
  for (int i = 0; i < GDT_ENTRIES; ++i) copy[i] = gdt[i];
  const struct TablePointer other = {0x1fff, kAddress};
  const struct TablePointer usual = {sizeof(gdt) - 1, (Word)gdt};
  const uint64_t segment =
      Segment(0, 0xfffff, kPresent | kData, kBig | kGranular);
  const uint64_t all = kP | kW | kU;
  asm volatile("lgdt %0" : : "m"(other));

  *tested = segment | 1ull << 40;
  MapPair(all & ~kU, all);
  WriteCr4(ReadCr4() | kCr4Smap);
  TRY("mov %0, %%es", : : "r"(kSelector));
  Report("descriptor in a user page under SMAP");
  TRY("stac; mov %0, %%es; clac", : : "r"(kSelector));
  Report("the same with AC");
  TRY("lar %0, %%eax", : : "r"(kSelector) : "rax");
  Report("lar of a descriptor in a user page under SMAP");
  WriteCr4(ReadCr4() & ~(Word)kCr4Smap);
  MapPair(all & ~kU, 0);
  TRY_USER("mov %0, %%es", : : "r"(kSelector));
  Report("user loads from an absent page of the GDT");
  TRY("verr %0", : : "r"((uint16_t)kSelector));
  Report("verr in an absent page of the GDT");

  // Setting the accessed bit is a write.
  *tested = segment;
  MapPair(all & ~kU, kP);
  WriteCr0(ReadCr0() | kCr0Wp);
  TRY("mov %0, %%es", : : "r"(kSelector));
  Report("accessed bit in a read-only page under WP");
  Line("changed", *tested ^ segment);
  WriteCr0(ReadCr0() & ~(Word)kCr0Wp);
  TRY("mov %0, %%es", : : "r"(kSelector));
  Report("accessed bit in a read-only page without WP");
  Line("changed", *tested ^ segment);
  asm volatile("lgdt %0" : : "m"(usual));
}

void GuestMain(void) {
  // User code and stack see the identity mapping elsewhere.
  identity_root[2] = identity_root[0];
  identity_root[0] &= ~(uint64_t)kU;
  user_base = kUserBase;
  WriteMsr(kMsrEfer, ReadMsr(kMsrEfer) | kEferNxe);
  WriteCr4(ReadCr4() | 0x600);
  Flush();
  *(volatile uint8_t*)kFrame = 0xc3;

  Rights(1, "4 KiB");
  Rights(2, "2 MiB");
  Rights(3, "1 GiB");
  WithoutNx();
  Absent();
  AccessedAndDirty(1, "4 KiB");
  AccessedAndDirty(2, "2 MiB");
  AccessedAndDirty(3, "1 GiB");
  Reserved();
  Crossing();
  Reads();
  Implicit();
}
