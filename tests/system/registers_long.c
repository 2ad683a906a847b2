// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Control registers and model-specific registers with good and bad values,
// instructions that CPUID hides, and what CR4 takes from user code.
// SDM vol. 3, 2.5; vol. 4, chapter 2.
#include "tests/system/bare_guest.h"

extern uint64_t identity_root[512];

static bool Failed(void) { return caught.vector != kNone; }

// QEMU 7.2 loses its way where it should fault: what is tried only elsewhere.
static bool OnQemu(void) {
  uint32_t eax = 0x40000000, ebx, ecx, edx;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
  return ebx == 0x54474354;  // "TCGT"
}

static void ControlRegisters(void) {
  const Word cr0 = ReadCr0(), cr4 = ReadCr4();
  uint64_t refused = 0, kept = 0;
  for (int bit = 0; bit < 64; ++bit) {
    if (OnQemu() && !(0x300fdcull >> bit & 1)) continue;
    TRY("mov %0, %%cr4", : : "r"(cr4 ^ 1ul << bit));
    if (Failed()) refused |= 1ul << bit;
    WriteCr4(cr4);
  }
  Line("bits of cr4 that cannot change", refused);
  refused = 0;
  for (int bit = 0; bit < 64; ++bit) {
    // PE and PG hold everything else up; they follow.
    if (bit == 0 || bit == 31) continue;
    TRY("mov %0, %%cr0", : : "r"(cr0 ^ 1ul << bit));
    if (Failed()) {
      refused |= 1ul << bit;
    } else if ((ReadCr0() ^ cr0) >> bit & 1) {
      kept |= 1ul << bit;
    }
    WriteCr0(cr0);
  }
  Line("bits of cr0 that are refused", refused);
  Line("bits of cr0 that change", kept);
  if (!OnQemu()) TRY("mov %0, %%cr0", : : "r"(cr0 & ~1ul));
  Report("cr0 without PE");
  if (!OnQemu()) TRY("mov %0, %%cr0", : : "r"(cr0 & ~(1ul << 31)));
  Report("cr0 without PG in 64-bit mode");
  TRY("mov %0, %%cr0", : : "r"((cr0 & ~(1ul << 30)) | 1 << 29));
  Report("cr0 with NW and without CD");
  WriteCr0(cr0);
  refused = 0;
  for (int bit = 40; bit < 64 && !OnQemu(); ++bit) {
    TRY("mov %0, %%cr3", : : "r"(ReadCr3() | 1ul << bit));
    if (Failed()) refused |= 1ul << bit;
  }
  Line("bits of cr3 that are refused", refused);
  WriteCr2(0x123456789abcdef0);
  Line("cr2", ReadCr2());
  for (Word value = 0; value < 18; value += 5) {
    Word read = 0;
    TRY("mov %1, %%cr8; mov %%cr8, %0", : "=r"(read) : "r"(value));
    ReportOpen("cr8");
    Value("written", value);
    if (!Failed()) Value("read", read);
    End();
  }
  asm volatile("mov %0, %%cr8" : : "r"(0ul));
  TRY(".byte 0x0f, 0x20, 0xc8", : : : "rax");
  Report("cr1");
  TRY(".byte 0x0f, 0x20, 0xe8", : : : "rax");
  Report("cr5");
  TRY(".byte 0x0f, 0x22, 0xf8");
  Report("cr7");
  TRY(".byte 0x44, 0x0f, 0x20, 0xc8", : : : "rax");
  Report("cr9");
  TRY(".byte 0x44, 0x0f, 0x22, 0xf8");
  Report("cr15");
  // The ModRM byte's mode does not matter.
  Word value = 0;
  TRY(".byte 0x0f, 0x20, 0x18", : "=a"(value));
  ReportOpen("mov from cr3 with memory's mode");
  Value("same", value == ReadCr3());
  End();
  TRY("lock; mov %%cr0, %%rax", : : : "rax");
  Report("lock mov from cr0");
  TRY("mov $0xffff, %%eax; lmsw %%ax; smsw %%rax", : "=a"(value));
  Line("lmsw sets", (value ^ cr0) & 0xffff);
  WriteCr0(cr0);
  TRY("mov $0, %%eax; lmsw %%ax; smsw %%eax", : "=a"(value));
  Line("lmsw keeps PE", value & 0xf);
  WriteCr0(cr0);
}

// What a write of each value does: "-", or the exception.
static void TryWrites(const char* name, uint32_t msr, const uint64_t* values,
                      int count) {
  Begin(name);
  for (int i = 0; i < count; ++i) {
    TRY("wrmsr",
        :
        : "c"(msr), "a"((uint32_t)values[i]), "d"((uint32_t)(values[i] >> 32)));
    Print(" ");
    PrintHex(values[i], 16);
    Print(Failed() ? "=#" : "=-");
    if (Failed()) PrintHex(caught.vector, 2);
  }
  End();
}

static void ModelSpecific(void) {
  static const uint64_t kValues[] = {
      0, 1ull << 32, 0x7fffffffffff, 1ull << 47, 0xffff800000000000ull, ~0ull};
  enum { kCount = sizeof(kValues) / 8 };
  static const struct {
    const char* name;
    uint32_t msr;
  } kAddresses[] = {
      {"SYSENTER_CS", 0x174},   {"SYSENTER_ESP", 0x175},
      {"SYSENTER_EIP", 0x176},  {"STAR", 0xc0000081u},
      {"LSTAR", 0xc0000082u},   {"CSTAR", 0xc0000083u},
      {"FMASK", 0xc0000084u},   {"FS_BASE", 0xc0000100u},
      {"GS_BASE", 0xc0000101u}, {"KERNEL_GS_BASE", 0xc0000102u},
      {"TSC_AUX", 0xc0000103u},
  };
  for (unsigned i = 0; i < sizeof(kAddresses) / sizeof(kAddresses[0]); ++i) {
    TryWrites(kAddresses[i].name, kAddresses[i].msr, kValues, kCount);
    WriteMsr(kAddresses[i].msr, 0x1234);
    Line("read back", ReadMsr(kAddresses[i].msr));
    WriteMsr(kAddresses[i].msr, 0);
  }
  const uint64_t efer = ReadMsr(kMsrEfer);
  uint64_t refused = 0;
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t value = efer ^ 1ull << bit;
    TRY("wrmsr",
        :
        : "c"(kMsrEfer), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
    if (Failed()) refused |= 1ull << bit;
    WriteMsr(kMsrEfer, efer);
  }
  Line("bits of efer that cannot change", refused);
  Line("efer", ReadMsr(kMsrEfer));
  static const uint64_t kPats[] = {0x0007040600070406, 0x0107050600070406,
                                   0x0207040600070406, 0x0000000000000003,
                                   0x0000000000000008, 0xff};
  TryWrites("PAT", 0x277, kPats, 6);
  WriteMsr(0x277, kPats[0]);
  static const uint64_t kTypes[] = {0, 6, 0xc06, 0xc00, 2, 7, 0x100, 0x1000};
  TryWrites("MTRR_DEF_TYPE", 0x2ff, kTypes, 8);
  TryWrites("MTRR_PHYSBASE0", 0x200, kTypes, 8);
  static const uint64_t kMasks[] = {0, 0x800, 0x400, 0xfffff00800, 1ull << 40};
  TryWrites("MTRR_PHYSMASK0", 0x201, kMasks, 5);
  WriteMsr(0x201, 0);
  TryWrites("MTRR_FIX64K", 0x250, kTypes, 6);
  static const uint64_t kBases[] = {0xfee00900, 0xfee00800, 0xfee00901,
                                    0xfee00a00, 0x100fee00900};
  TryWrites("APIC_BASE", kMsrApicBase, kBases, 5);
  static const uint32_t kUnknown[] = {2,          0x7fffffff, 0x12345,
                                      0x40000000, 0xc0000085, 0xc0000104,
                                      0xc0010015, 0xffffffff};
  for (unsigned i = 0; i < sizeof(kUnknown) / 4; ++i) {
    TRY("rdmsr", : : "c"(kUnknown[i]) : "rax", "rdx");
    Print("msr ");
    PrintHex(kUnknown[i], 8);
    ReportOpen(" read");
    End();
    TRY("wrmsr", : : "c"(kUnknown[i]), "a"(0), "d"(0));
    Print("msr ");
    PrintHex(kUnknown[i], 8);
    ReportOpen(" write");
    End();
  }
  // The upper half of RCX does not count.
  TRY("rdmsr", : : "c"(0x1200000010) : "rax", "rdx");
  Report("rdmsr by the lower half of rcx");
  TRY("rdmsr", : : "c"(0xfe), "a"(~0ul) : "rdx");
  Report("MTRRCAP read");
  TRY("wrmsr", : : "c"(0xfe), "a"(0), "d"(0));
  Report("MTRRCAP write");
  TRY("rdpmc", : : "c"(0x7fffffff) : "rax", "rdx");
  Report("rdpmc of no counter");
  TRY_USER("wrmsr");
  Report("user wrmsr");
}

// Whatever it is, the stack is put right after it.
#define HIDDEN(name, ...)                                                \
  do {                                                                   \
    TRY(".byte " #__VA_ARGS__ "; nop; nop; nop; nop; mov try_sp, %%rsp", \
        :                                                                \
        : "a"(event_stack), "c"(0), "d"(0)                               \
        : "rbx", "rsi", "rdi");                                          \
    Report(name);                                                        \
  } while (0)

static void Hidden(void) {
  HIDDEN("movbe load", 0x0f, 0x38, 0xf0, 0x00);
  HIDDEN("movbe store", 0x0f, 0x38, 0xf1, 0x00);
  HIDDEN("popcnt", 0xf3, 0x0f, 0xb8, 0xdb);
  HIDDEN("crc32", 0xf2, 0x0f, 0x38, 0xf1, 0xdb);
  HIDDEN("lzcnt is bsr", 0xf3, 0x0f, 0xbd, 0xdb);
  HIDDEN("tzcnt is bsf", 0xf3, 0x0f, 0xbc, 0xdb);
  HIDDEN("rdpid", 0xf3, 0x0f, 0xc7, 0xfb);
  HIDDEN("rdfsbase", 0xf3, 0x48, 0x0f, 0xae, 0xc3);
  HIDDEN("xgetbv", 0x0f, 0x01, 0xd0);
  HIDDEN("xsetbv", 0x0f, 0x01, 0xd1);
  HIDDEN("xsave", 0x0f, 0xae, 0x20);
  HIDDEN("xrstor", 0x0f, 0xae, 0x28);
  HIDDEN("xsaveopt", 0x0f, 0xae, 0x30);
  HIDDEN("xsavec", 0x0f, 0xc7, 0x20);
  HIDDEN("clflushopt", 0x66, 0x0f, 0xae, 0x38);
  HIDDEN("clwb", 0x66, 0x0f, 0xae, 0x30);
  HIDDEN("vzeroupper", 0xc5, 0xf8, 0x77);
  HIDDEN("vaddps", 0xc5, 0xf8, 0x58, 0xc0);
  HIDDEN("andn", 0xc4, 0xe2, 0x78, 0xf2, 0xdb);
  HIDDEN("evex", 0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0);
  HIDDEN("xop", 0x8f, 0xe8, 0x78, 0xc0, 0xc0, 0x00);
  HIDDEN("3dnow", 0x0f, 0x0f, 0xc0, 0x9e);
  HIDDEN("femms", 0x0f, 0x0e);
  HIDDEN("movntss", 0xf3, 0x0f, 0x2b, 0x00);
  HIDDEN("extrq", 0x66, 0x0f, 0x79, 0xc0);
  HIDDEN("aesenc", 0x66, 0x0f, 0x38, 0xdc, 0xc0);
  HIDDEN("pclmulqdq", 0x66, 0x0f, 0x3a, 0x44, 0xc0, 0x00);
  HIDDEN("sha1msg1", 0x0f, 0x38, 0xc9, 0xc0);
  HIDDEN("adcx", 0x66, 0x0f, 0x38, 0xf6, 0xdb);
  HIDDEN("monitor", 0x0f, 0x01, 0xc8);
  HIDDEN("mwait", 0x0f, 0x01, 0xc9);
  HIDDEN("vmcall", 0x0f, 0x01, 0xc1);
  HIDDEN("vmxon", 0xf3, 0x0f, 0xc7, 0x30);
  HIDDEN("vmread", 0x0f, 0x78, 0xdb);
  HIDDEN("vmrun", 0x0f, 0x01, 0xd8);
  HIDDEN("stgi", 0x0f, 0x01, 0xdc);
  HIDDEN("invpcid", 0x66, 0x0f, 0x38, 0x82, 0x18);
  HIDDEN("invept", 0x66, 0x0f, 0x38, 0x80, 0x18);
  HIDDEN("xbegin", 0xc7, 0xf8, 0x00, 0x00, 0x00, 0x00);
  HIDDEN("xend", 0x0f, 0x01, 0xd5);
  HIDDEN("xtest", 0x0f, 0x01, 0xd6);
  HIDDEN("rdpkru", 0x0f, 0x01, 0xee);
  HIDDEN("getsec", 0x0f, 0x37);
  HIDDEN("encls", 0x0f, 0x01, 0xcf);
  HIDDEN("rsm", 0x0f, 0xaa);
  HIDDEN("umonitor", 0xf3, 0x0f, 0xae, 0xf3);
  HIDDEN("ptwrite", 0xf3, 0x0f, 0xae, 0xe3);
  HIDDEN("incssp", 0xf3, 0x0f, 0xae, 0xeb);
  HIDDEN("movdiri", 0x0f, 0x38, 0xf9, 0x18);
  HIDDEN("gf2p8mulb", 0x66, 0x0f, 0x38, 0xcf, 0xc0);
  HIDDEN("clzero", 0x0f, 0x01, 0xfc);
  HIDDEN("rdpru", 0x0f, 0x01, 0xfd);
  HIDDEN("mcommit", 0xf3, 0x0f, 0x01, 0xfa);
  HIDDEN("endbr64 is a hint", 0xf3, 0x0f, 0x1e, 0xfa);
  HIDDEN("rdssp is a hint", 0xf3, 0x0f, 0x1e, 0xcb);
  HIDDEN("cldemote is a hint", 0x0f, 0x1c, 0x00);
  HIDDEN("prefetchw is a hint", 0x0f, 0x0d, 0x08);
  HIDDEN("wbnoinvd is wbinvd", 0xf3, 0x0f, 0x09);
  HIDDEN("pause", 0xf3, 0x90);
  HIDDEN("0f 04", 0x0f, 0x04);
  HIDDEN("0f 0a", 0x0f, 0x0a);
  HIDDEN("0f 0c", 0x0f, 0x0c);
  HIDDEN("mov from tr", 0x0f, 0x24, 0xc0);
  HIDDEN("0f 36", 0x0f, 0x36);
  HIDDEN("0f 39", 0x0f, 0x39, 0xc0);
  HIDDEN("0f 7a", 0x0f, 0x7a, 0xc0);
  HIDDEN("0f a6", 0x0f, 0xa6, 0xc0);
  HIDDEN("0f b8 without f3", 0x0f, 0xb8, 0xc0);
  HIDDEN("0f ff", 0x0f, 0xff, 0xc0);
  HIDDEN("82", 0x82, 0xc3, 0x00);
  HIDDEN("8f /1", 0x8f, 0xc8);
  HIDDEN("fe /2", 0xfe, 0xd3);
  HIDDEN("ff /7", 0xff, 0xfb);
  HIDDEN("c6 /1", 0xc6, 0xcb, 0x00);
  HIDDEN("0f 00 /6", 0x0f, 0x00, 0xf3);
  HIDDEN("0f ba /0", 0x0f, 0xba, 0xc3, 0x00);
  HIDDEN("0f c7 /1 register", 0x0f, 0xc7, 0xcb);
  HIDDEN("0f ae /4 register", 0x0f, 0xae, 0xe3);
  HIDDEN("lea of a register", 0x8d, 0xdb);
  HIDDEN("lgdt of a register", 0x0f, 0x01, 0xd3);
  HIDDEN("invlpg of a register", 0x0f, 0x01, 0xfb);
  HIDDEN("mov cs", 0x8e, 0xcb);
  HIDDEN("mov sixth segment", 0x8c, 0xf3);
  HIDDEN("mov sixth segment to", 0x8e, 0xf3);
  HIDDEN("x87 da e8", 0xda, 0xe8);
  HIDDEN("x87 db fb", 0xdb, 0xfb);
  HIDDEN("salc", 0xd6);
  HIDDEN("aas", 0x3f);
  HIDDEN("pusha", 0x60);
  HIDDEN("les", 0xc4, 0x00);
}

static void TakenFromUsers(void) {
  const Word cr4 = ReadCr4();
  for (int set = 0; set < 2; ++set) {
    Print(set ? "with" : "without");
    Print(" UMIP, TSD, PCE\n");
    WriteCr4(set ? cr4 | 1 << 11 | 4 | 1 << 8 : cr4);
    TRY_USER("sgdt -64(%%rsp)");
    Report("user sgdt");
    TRY_USER("sidt -64(%%rsp)");
    Report("user sidt");
    TRY_USER("sldt %%eax", : : : "rax");
    Report("user sldt");
    TRY_USER("str %%eax", : : : "rax");
    Report("user str");
    TRY_USER("smsw %%eax", : : : "rax");
    Report("user smsw");
    TRY_USER("rdtsc", : : : "rax", "rdx");
    Report("user rdtsc");
    TRY_USER("rdtscp", : : : "rax", "rcx", "rdx");
    Report("user rdtscp");
    TRY_USER("rdpmc", : : "c"(0x7fffffff) : "rax", "rdx");
    Report("user rdpmc");
    TRY_USER("cpuid", : : "a"(0) : "rbx", "rcx", "rdx");
    Report("user cpuid");
    TRY_USER("stac");
    Report("user stac");
    TRY_USER("invlpg (%%rsp)");
    Report("user invlpg");
    TRY_USER("mov %%cr8, %%rax", : : : "rax");
    Report("user cr8");
    TRY_USER("invd");
    Report("user invd");
    TRY_USER("lmsw %%ax");
    Report("user lmsw");
  }
  WriteCr4(cr4);
  TRY("str %%rax; sldt %%rcx; smsw %%rdx", : : : "rax", "rcx", "rdx");
  Report("kernel str, sldt, smsw");
}

void GuestMain(void) {
  identity_root[2] = identity_root[0];
  identity_root[0] &= ~(uint64_t)4;
  user_base = 0x10000000000;
  WriteCr3(ReadCr3());
  WriteCr0((ReadCr0() & ~0xeul) | 0x22);
  WriteCr4(ReadCr4() | 0x600);
  ControlRegisters();
  ModelSpecific();
  Hidden();
  TakenFromUsers();
}
