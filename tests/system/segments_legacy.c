// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Segments of 32-bit protected mode: loading, limits, types, and what LAR,
// LSL, VERR and VERW say of them. SDM vol. 3, chapters 3 and 5.
#include "tests/system/bare_guest.h"

#define LIMIT 0xfff

// Descriptors under test, from FIRST_FREE_ENTRY on.
static const struct {
  const char* name;
  uint8_t access;
  uint8_t flags;
  uint32_t limit;
} kSegments[] = {
    {"data", 0x93, kBig, LIMIT},
    {"read-only data", 0x91, kBig, LIMIT},
    {"expand-down data", 0x97, kBig, LIMIT},
    {"expand-down 16-bit data", 0x97, 0, LIMIT},
    {"expand-down read-only data", 0x95, kBig, LIMIT},
    {"page-granular data", 0x93, kBig | kGranular, 0},
    {"page-granular expand-down data", 0x97, kBig | kGranular, 0},
    {"user data", 0xf3, kBig, LIMIT},
    {"level 1 data", 0xb3, kBig, LIMIT},
    {"absent data", 0x13, kBig, LIMIT},
    {"absent user data", 0x73, kBig, LIMIT},
    {"code", 0x9b, kBig, LIMIT},
    {"execute-only code", 0x99, kBig, LIMIT},
    {"conforming code", 0x9f, kBig, LIMIT},
    {"execute-only conforming code", 0x9d, kBig, LIMIT},
    {"user code", 0xfb, kBig, LIMIT},
    {"user conforming code", 0xff, kBig, LIMIT},
    {"absent conforming code", 0x1f, kBig, LIMIT},
    {"LDT", 0x82, 0, LIMIT},
    {"TSS", 0x89, 0, LIMIT},
    {"call gate", 0x8c, 0, LIMIT},
    {"interrupt gate", 0x8e, 0, LIMIT},
    {"type 0", 0x80, 0, LIMIT},
};
enum { kCount = sizeof(kSegments) / sizeof(kSegments[0]) };

static unsigned Selector(int i) { return (unsigned)(FIRST_FREE_ENTRY + i) * 8; }

static void PutSegments(void) {
  for (int i = 0; i < kCount; ++i)
    gdt[FIRST_FREE_ENTRY + i] = Segment(
        0x400000, kSegments[i].limit, kSegments[i].access, kSegments[i].flags);
}

// " ds=-" or " ds=d/48".
static void Outcome(const char* what) {
  Print(" ");
  Print(what);
  Print("=");
  if (caught.vector == kNone || caught.vector == LEAVE_VECTOR) {
    Print("-");
    return;
  }
  PrintHex(caught.vector, 1);
  if (caught.vector >= 10 && caught.vector <= 13) {
    Print("/");
    PrintHex(caught.error, 2);
  }
}

static void Loading(void) {
  for (int i = 0; i < kCount; ++i) {
    for (unsigned rpl = 0; rpl < 4; ++rpl) {
      if (rpl == 2) continue;
      const unsigned selector = Selector(i) | rpl;
      PutSegments();
      Print("load ");
      Print(kSegments[i].name);
      Print(" with RPL ");
      PrintHex(rpl, 1);
      Begin("");
      TRY("mov %0, %%es", : : "r"(selector));
      asm volatile("mov %0, %%es" : : "r"(KERNEL_DATA));
      Outcome("es");
      // A good SS would change the stack: only the errors are of interest.
      if (i > 0 && i != 2 && i != 3 && i != 5 && i != 6) {
        TRY("mov %0, %%ss", : : "r"(selector));
        Outcome("ss");
      }
      TRY_USER("mov %0, %%fs", : : "r"(selector));
      Outcome("user fs");
      TRY_USER("mov %0, %%ss", : : "r"(selector));
      Outcome("user ss");
      End();
    }
  }
  TRY("mov %0, %%es", : : "r"(0));
  Report("null es");
  TRY("mov %0, %%es; mov %%es:(%0), %%ecx", : : "r"(3) : "ecx");
  Report("access by null es");
  TRY("mov %0, %%ss", : : "r"(0));
  Report("null ss");
  TRY("mov %0, %%cs:(%0)", : : "r"(0x400000));
  Report("store by cs");
  TRY(".byte 0x8e, 0xc8");
  Report("mov to cs");
  TRY("mov %0, %%es", : : "r"(0xfff8));
  Report("beyond the GDT");
  TRY("mov %0, %%es", : : "r"(0x4c));
  Report("in no LDT");
  TRY("mov %0, %%gs; mov %%gs, %%eax; push %%gs; pop %%ecx",
      :
      : "r"(0x10)
      : "eax", "ecx");
  Report("segment registers move");
}

static const char kSizes[] = {1, 2, 4, 8, 10, 16};

static void Touch(int size, bool write, uint32_t at) {
  switch (size | write << 8) {
    case 1:
      TRY("movb %%es:(%0), %%cl", : : "r"(at) : "ecx");
      break;
    case 2:
      TRY("movw %%es:(%0), %%cx", : : "r"(at) : "ecx");
      break;
    case 4:
      TRY("movl %%es:(%0), %%ecx", : : "r"(at) : "ecx");
      break;
    case 8:
      TRY("fildll %%es:(%0); fstp %%st", : : "r"(at));
      break;
    case 10:
      TRY("fldt %%es:(%0); fstp %%st", : : "r"(at));
      break;
    case 16:
      TRY("movups %%es:(%0), %%xmm0", : : "r"(at));
      break;
    case 0x101:
      TRY("movb $0, %%es:(%0)", : : "r"(at));
      break;
    case 0x102:
      TRY("movw $0, %%es:(%0)", : : "r"(at));
      break;
    case 0x104:
      TRY("movl $0, %%es:(%0)", : : "r"(at));
      break;
    case 0x108:
      TRY("fldz; fistpll %%es:(%0)", : : "r"(at));
      break;
    case 0x10a:
      TRY("fldz; fstpt %%es:(%0)", : : "r"(at));
      break;
    case 0x110:
      TRY("movups %%xmm0, %%es:(%0)", : : "r"(at));
      break;
  }
}

static void Limits(void) {
  static const uint32_t kOffsets[] = {
      0,     0xff0, 0xff1,  0xff7,  0xff8,  0xff9,  0xffc,  0xffd,
      0xffe, 0xfff, 0x1000, 0xfff0, 0xfffc, 0xfffd, 0xffff, 0x10000};
  asm volatile("fninit");
  for (int i = 0; i < 12; ++i) {
    if (kSegments[i].name[0] == 'a') continue;
    for (int write = 0; write < 2; ++write) {
      for (unsigned o = 0; o < sizeof(kOffsets) / 4; ++o) {
        PutSegments();
        Print(write ? "write " : "read ");
        Print(kSegments[i].name);
        Print(" at ");
        PrintHex(kOffsets[o], 5);
        Begin("");
        for (int s = 0; s < 6; ++s) {
          uint16_t es = (uint16_t)Selector(i);
          if (i == 7) es |= 3;
          asm volatile("mov %0, %%es" : : "r"(es));
          Touch(kSizes[s], write, kOffsets[o]);
          asm volatile("fninit; mov %0, %%es" : : "r"(KERNEL_DATA));
          Print(" ");
          if (caught.vector == kNone) {
            Print("-");
          } else {
            PrintHex(caught.vector, 1);
          }
        }
        End();
      }
    }
  }
}

// Stacks of user code, so that events find a good one.
static void StackLimits(void) {
  gdt[40] = Segment(0, 0xfffff, 0xf3, kBig);
  gdt[41] = Segment(0x300000, LIMIT, 0xf3, kBig);
  gdt[42] = Segment(0x300000, LIMIT, 0xf7, kBig);
  gdt[43] = Segment(0x300000, LIMIT, 0xf3, 0);
  gdt[44] = Segment(0x300000, LIMIT, 0xf7, 0);
  static const struct {
    const char* name;
    unsigned selector;
    uint32_t esp;
  } kStacks[] = {
      {"at the limit", 41 * 8 + 3, 0x1000},
      {"beyond the limit", 41 * 8 + 3, 0x1001},
      {"at the bottom", 41 * 8 + 3, 2},
      {"expand-down above its limit", 42 * 8 + 3, 0x1004},
      {"expand-down at its limit", 42 * 8 + 3, 0x1003},
      {"16-bit wraps", 43 * 8 + 3, 0x20000},
      {"16-bit within", 43 * 8 + 3, 0x20804},
      {"16-bit expand-down wraps", 44 * 8 + 3, 0x20000},
      {"16-bit expand-down below", 44 * 8 + 3, 0x20800},
  };
  for (unsigned i = 0; i < sizeof(kStacks) / sizeof(kStacks[0]); ++i) {
    TRY_USER("mov %0, %%ss; mov %1, %%esp; push %%eax",
             :
             : "r"(kStacks[i].selector), "r"(kStacks[i].esp));
    Print("push ");
    ReportOpen(kStacks[i].name);
    Value("sp", caught.sp);
    End();
    TRY_USER("mov %0, %%ss; mov %1, %%esp; pop %%ecx",
             :
             : "r"(kStacks[i].selector), "r"(kStacks[i].esp)
             : "ecx");
    Print("pop ");
    ReportOpen(kStacks[i].name);
    Value("sp", caught.sp);
    End();
    TRY_USER("mov %0, %%ss; mov %1, %%esp; pushal",
             :
             : "r"(kStacks[i].selector), "r"(kStacks[i].esp));
    Print("pushal ");
    ReportOpen(kStacks[i].name);
    Value("sp", caught.sp);
    End();
    TRY_USER("mov %0, %%ss; mov %1, %%esp; mov %1, %%ebp; mov (%%ebp), %%al",
             :
             : "r"(kStacks[i].selector), "r"(kStacks[i].esp)
             : "eax", "ebp");
    Print("load by ebp ");
    ReportOpen(kStacks[i].name);
    End();
    TRY_USER("mov %0, %%ss; mov %1, %%esp; enter $16, $3",
             :
             : "r"(kStacks[i].selector), "r"(kStacks[i].esp)
             : "ebp");
    Print("enter ");
    ReportOpen(kStacks[i].name);
    Value("sp", caught.sp);
    End();
  }
}

static void CodeLimits(void) {
  gdt[45] = Segment(0, 0x1fffff >> 12, 0xfb, kBig | kGranular);
  gdt[46] = Segment(0x400000, 7, 0xfb, kBig);
  volatile uint8_t* const code = (volatile uint8_t*)0x400000;
  for (int i = 0; i < 8; ++i) code[i] = 0x90;
  // Where there are no limits, events stop it.
  for (int i = 8; i < 40; i += 2) {
    code[i] = 0xcd;
    code[i + 1] = 0x30;
  }
  *(volatile uint16_t*)0x200000 = 0x30cd;
  code[6] = 0xb0;  // mov $imm8, %al: its second byte is the last
  TRY_USER("ljmp $0x173, $0");
  Report("running over the limit of code");
  code[7] = 0xb8;  // mov $imm32, %eax crosses the limit
  code[6] = 0x90;
  TRY_USER("ljmp $0x173, $0");
  Report("instruction across the limit of code");
  TRY_USER("ljmp $0x173, $8");
  Report("far jump to the limit of code");
  TRY_USER("ljmp $0x16b, $1f; 1: mov $0x200000, %%eax; jmp *%%eax",
           :
           :
           : "eax");
  Report("jump over the limit of code");
  TRY_USER("ljmp $0x16b, $1f; 1: mov $0x200000, %%eax; call *%%eax",
           :
           :
           : "eax");
  Report("call over the limit of code");
  TRY_USER("ljmp $0x16b, $1f; 1: push $0x200000; ret");
  Report("return over the limit of code");
  code_base = 0x100000;
  gdt[47] = Segment(0x100000, 0xffff, 0xfb, 0);
  TRY_USER(
      "mov $1f - 0x100000, %%eax; push $0x17b; push %%eax; lret; .code16; 1: "
      "mov $0x1234, %%ax; push %%ax; pushl $0; int $0x30; .code32",
      :
      :
      : "eax");
  ReportOpen("16-bit code");
  Value("sp", (Word)user_stack + sizeof(user_stack) - caught.sp);
  End();
  TRY_USER(
      "mov $1f - 0x100000, %%eax; push $0x17b; push %%eax; lret; .code16; 1: "
      "mov $0x12340000 + 1f - 0x100000, %%eax; jmp *%%ax; nop; 1: int $0x30; "
      ".code32",
      :
      :
      : "eax");
  Report("16-bit jump");
  code_base = 0;
}

static void Questions(void) {
  for (int i = 0; i < kCount; ++i) {
    for (unsigned rpl = 0; rpl < 4; rpl += 3) {
      const unsigned selector = Selector(i) | rpl;
      PutSegments();
      Print("ask about ");
      Print(kSegments[i].name);
      Print(" with RPL ");
      PrintHex(rpl, 1);
      Begin("");
      for (int user = 0; user < 2; ++user) {
        uint32_t rights = 1, limit = 1, flags = 0;
#define ASK                                                                  \
  "lar %4, %0; pushf; pop %2; lsl %4, %1; pushf; pop %%eax; shl $8, %%eax\n" \
  "or %%eax, %2; verr %w4; pushf; pop %%eax; shl $16, %%eax; or %%eax, %2\n" \
  "verw %w4; pushf; pop %%eax; shl $24, %%eax; or %%eax, %2"
        if (user) {
          TRY_USER(ASK,
                   : "+r"(rights), "+r"(limit), "+r"(flags)
                   : "r"(0), "r"(selector)
                   : "eax");
        } else {
          TRY(ASK,
              : "+r"(rights), "+r"(limit), "+r"(flags)
              : "r"(0), "r"(selector)
              : "eax");
        }
        Value(user ? "user lar" : "lar", rights);
        Value("lsl", limit);
        Value("zf", (flags >> 6) & 0x01010101);
      }
      End();
    }
  }
  static const struct {
    uint16_t first, second;
  } kPairs[] = {{0x48, 0x4b}, {0x4b, 0x48}, {0x4a, 0x49}, {0, 3}};
  for (unsigned i = 0; i < 4; ++i) {
    uint32_t value = kPairs[i].first, flags = 0;
    TRY("arpl %w2, %w0; pushf; pop %1",
        : "+r"(value), "=r"(flags)
        : "r"(kPairs[i].second));
    Begin("arpl");
    Value("value", value);
    Value("zf", (flags >> 6) & 1);
    End();
  }
}

static void AccessedBit(void) {
  PutSegments();
  gdt[40] = Segment(0, 0xfffff, 0x92, kBig);
  TRY("mov %0, %%es", : : "r"(40 * 8));
  Line("accessed after a load", (gdt[40] >> 40) & 0xff);
  asm volatile("mov %0, %%es" : : "r"(KERNEL_DATA));
  gdt[40] = Segment(0, 0xfffff, 0x92, kBig);
  TRY("lar %0, %%eax; verr %w0", : : "r"(40 * 8) : "eax");
  Line("accessed after lar", (gdt[40] >> 40) & 0xff);
  gdt[40] = Segment(0, 0xfffff, 0x12, kBig);
  TRY("mov %0, %%es", : : "r"(40 * 8));
  Report("absent and not accessed");
  Line("accessed after a fault", (gdt[40] >> 40) & 0xff);
}

static void LocalTable(void) {
  static uint64_t ldt[4];
  ldt[1] = Segment(0x400000, LIMIT, 0x93, kBig);
  ldt[2] = Segment(0x400000, LIMIT, 0x82, 0);
  gdt[50] = Segment((Word)ldt, sizeof(ldt) - 1, 0x82, 0);
  gdt[51] = Segment((Word)ldt, sizeof(ldt) - 1, 0x02, 0);
  TRY("lldt %w0", : : "r"(51 * 8));
  Report("lldt of an absent LDT");
  TRY("lldt %w0", : : "r"(TSS_SELECTOR));
  Report("lldt of a TSS");
  TRY("lldt %w0; sldt %%eax", : : "r"(50 * 8) : "eax");
  Report("lldt");
  TRY("mov %0, %%es; mov %%es:0xffc, %%eax", : : "r"(0xc) : "eax");
  Report("segment of the LDT");
  asm volatile("mov %0, %%es" : : "r"(KERNEL_DATA));
  TRY("mov %0, %%es", : : "r"(0x14));
  Report("LDT in the LDT");
  TRY("mov %0, %%es", : : "r"(0x24));
  Report("beyond the LDT");
  TRY("lldt %w0", : : "r"(0x0c));
  Report("lldt of a selector of the LDT");
  TRY("lldt %w0; mov %1, %%es", : : "r"(0), "r"(0xc));
  Report("no LDT any more");
  TRY("ltr %w0", : : "r"(TSS_SELECTOR));
  Report("ltr of a busy TSS");
  TRY("ltr %w0", : : "r"(0));
  Report("ltr of null");
  TRY("ltr %w0", : : "r"(KERNEL_DATA));
  Report("ltr of data");
  TRY("ltr %w0", : : "r"(0x0c));
  Report("ltr of a selector of the LDT");
  gdt[52] = Segment((Word)&tss, sizeof(tss) - 1, 0x09, 0);
  TRY("ltr %w0", : : "r"(52 * 8));
  Report("ltr of an absent TSS");
}

void GuestMain(void) {
  WriteCr0(ReadCr0() & ~0xeu);
  WriteCr4(ReadCr4() | 0x600);
  Loading();
  Limits();
  StackLimits();
  CodeLimits();
  Questions();
  AccessedBit();
  LocalTable();
}
