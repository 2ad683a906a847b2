// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Exceptions and IRET in 64-bit mode: vectors, error codes, pushed state,
// gates, stacks. SDM vol. 3, chapter 6.
#include "tests/system/bare_guest.h"

#define NON_CANONICAL "$0x800000000000"
#define TO_COMPATIBILITY                                            \
  "mov $0x2b, %%eax; mov %%eax, %%ds; mov $1f, %%eax; push $0x23\n" \
  "push %%rax; .byte 0x48, 0xcb; .code32; 1:\n"

static uint16_t handler_ss;
static Word handler_flags;

// Looks at the state inside of a handler, then lets the TRY end.
static bool LookAround(struct Frame* frame) {
  (void)frame;
  asm volatile("mov %%ss, %0" : "=r"(handler_ss));
  asm volatile("pushf; pop %0" : "=r"(handler_flags));
  // Without what C code does to the arithmetic flags.
  handler_flags &= ~0x8d5ul;
  return false;
}

static void Instructions(void) {
  TRY("mov $1, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx",
      :
      :
      : "eax", "ecx", "edx");
  Report("divide by zero");
  TRY("mov $0x80000000, %%eax; cdq; mov $-1, %%ecx; idiv %%ecx",
      :
      :
      : "eax", "ecx", "edx");
  Report("divide overflow");
  TRY("int3");
  Report("int3");
  TRY("int $3");
  Report("int 3");
  TRY(".byte 0xf1");
  Report("int1");
  TRY("int $4");
  Report("int 4");
  TRY(".byte 0xce");
  Report("into is undefined");
  TRY(".byte 0x62, 0x00");
  Report("bound is undefined");
  TRY("ud2");
  Report("ud2");
  TRY(".byte 0x0f, 0xb9, 0xc0");
  Report("ud1");
  TRY(".byte 0x06");
  Report("push es is undefined");
  TRY(".byte 0xea, 0, 0, 0, 0, 0, 0");
  Report("far jump immediate is undefined");
  TRY("lock; nop");
  Report("lock nop");
  TRY(".byte 0xf0, 0x01, 0xc0");
  Report("lock add register");
  TRY(".fill 14, 1, 0x66; nop; nop");
  Report("15 bytes are an instruction");
  TRY(".fill 15, 1, 0x66; nop; nop");
  Report("16 bytes are not");
}

static void Canonical(void) {
  TRY("mov " NON_CANONICAL ", %%rax; mov (%%rax), %%ecx", : : : "rax", "rcx");
  Report("load non-canonical");
  TRY("mov " NON_CANONICAL ", %%rax; mov %%ecx, -2(%%rax)", : : : "rax", "rcx");
  Report("store across the canonical limit");
  // The faults on a bad stack need a good one.
  tss.ist[0] = (Word)event_stack + sizeof(event_stack);
  for (int i = 12; i <= 14; ++i)
    SetIdtGate(i, KERNEL_CODE64, (Word)event_entries[i], 0x8e, 1);
  TRY("mov " NON_CANONICAL ", %%rsp; mov (%%rsp), %%ecx", : : : "rcx");
  Report("load by rsp non-canonical");
  TRY("mov " NON_CANONICAL ", %%rsp; push %%rax");
  ReportOpen("push below the canonical limit");
  Value("sp", caught.sp);
  End();
  TRY("mov $0x800000000100, %%rsp; push %%rax");
  ReportOpen("push non-canonical");
  Value("sp", caught.sp);
  End();
  TRY("mov " NON_CANONICAL ", %%rsp; pop %%rax", : : : "rax");
  Report("pop non-canonical");
  for (int i = 12; i <= 14; ++i) ResetIdtGate(i);
  TRY("mov " NON_CANONICAL ", %%rax; jmp *%%rax", : : : "rax");
  Report("jump non-canonical");
  TRY("mov " NON_CANONICAL ", %%rax; call *%%rax", : : : "rax");
  Report("call non-canonical");
  TRY("mov " NON_CANONICAL ", %%rax; push %%rax; ret", : : : "rax");
  Report("return non-canonical");
  TRY("mov " NON_CANONICAL ", %%rax; invlpg (%%rax)", : : : "rax");
  Report("invlpg non-canonical");
  TRY("mov " NON_CANONICAL
      ", %%rax; lea (%%rax), %%rcx; nopl (%%rax); prefetcht0 (%%rax)",
      :
      :
      : "rax", "rcx");
  Report("hints do not care");
  TRY("mov " NON_CANONICAL ", %%rax; fs; mov (%%rax), %%ecx",
      :
      :
      : "rax", "rcx");
  Report("load by fs non-canonical");
  TRY("mov " NON_CANONICAL ", %%rax; clflush (%%rax)", : : : "rax");
  Report("clflush non-canonical");
}

static void FloatingPoint(void) {
  const Word cr0 = ReadCr0(), cr4 = ReadCr4();
  const Word base = (cr0 & ~0xeul) | 0x22;  // NE, MP
  WriteCr0(base);
  WriteCr4(cr4 & ~0x600ul);
  TRY("movaps %%xmm0, %%xmm1");
  Report("sse without OSFXSR");
  WriteCr4(cr4 | 0x600);
  TRY("movaps %%xmm0, %%xmm1");
  Report("sse with OSFXSR");
  WriteCr0(base | 8);
  TRY("fnop");
  Report("x87 with TS");
  TRY("movaps %%xmm0, %%xmm1");
  Report("sse with TS");
  TRY("fwait");
  Report("fwait with MP and TS");
  TRY("prefetcht0 (%%rsp); sfence; movnti %%eax, -64(%%rsp)");
  Report("prefetch, sfence, movnti with TS");
  WriteCr0((base & ~2ul) | 8);
  TRY("fwait");
  Report("fwait with TS alone");
  TRY("fxsave (%0)", : : "r"(event_stack));
  Report("fxsave with TS");
  WriteCr0(base | 4);
  TRY("fnop");
  Report("x87 with EM");
  TRY("movaps %%xmm0, %%xmm1");
  Report("sse with EM");
  TRY("movq %%mm0, %%mm1");
  Report("mmx with EM");
  TRY("emms");
  Report("emms with EM");
  TRY("fwait");
  Report("fwait with EM");
  WriteCr0(base | 12);
  TRY("movaps %%xmm0, %%xmm1");
  Report("sse with EM and TS");
  WriteCr0(base);
  static const uint16_t unmasked = 0x033b, masked = 0x037f;
  TRY("fninit; fldcw %0; fld1; fldz; fdivrp; fnop", : : "m"(unmasked));
  Report("x87 fault comes at the next waiting instruction");
  TRY("fnclex; fldcw %0; fninit; fnop", : : "m"(masked));
  Report("x87 after clearing");
  static const uint32_t zero_divide = 0x1d80, quiet = 0x1f80;
  TRY("ldmxcsr %0; pcmpeqd %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; cvtdq2ps "
      "%%xmm0, %%xmm0; divps %%xmm1, %%xmm0",
      :
      : "m"(zero_divide));
  Report("sse fault");
  WriteCr4((cr4 | 0x600) & ~0x400ul);
  TRY("ldmxcsr %0; pcmpeqd %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; cvtdq2ps "
      "%%xmm0, %%xmm0; divps %%xmm1, %%xmm0",
      :
      : "m"(zero_divide));
  Report("sse fault without OSXMMEXCPT");
  TRY("ldmxcsr %0", : : "m"(quiet));
  TRY("movaps %0, %%xmm0", : : "m"(event_stack[1]));
  Report("misaligned movaps");
  TRY("movups %0, %%xmm0", : : "m"(event_stack[1]));
  Report("misaligned movups");
  TRY("cmpxchg16b %0", : : "m"(event_stack[8]) : "rax", "rdx");
  Report("misaligned cmpxchg16b");
  static const uint32_t bad = 0x10000;
  TRY("ldmxcsr %0", : : "m"(bad));
  Report("ldmxcsr with reserved bits");
  WriteCr0(cr0);
  WriteCr4(cr4);
}

static void Privilege(void) {
  TRY_USER("nop");
  Report("user code leaves");
  TRY_USER("hlt");
  Report("user hlt");
  TRY_USER("cli");
  Report("user cli");
  TRY_USER("in $0x80, %%al", : : : "eax");
  Report("user in");
  TRY_USER("mov %%cr0, %%rax", : : : "rax");
  Report("user mov from cr0");
  TRY_USER("mov %%dr7, %%rax", : : : "rax");
  Report("user mov from dr7");
  TRY_USER("rdmsr", : : : "rax", "rdx");
  Report("user rdmsr");
  TRY_USER("lgdt (%%rsp)");
  Report("user lgdt");
  TRY_USER("invlpg (%%rsp)");
  Report("user invlpg");
  TRY_USER("wbinvd");
  Report("user wbinvd");
  TRY_USER("clts");
  Report("user clts");
  TRY_USER("ltr %%ax");
  Report("user ltr");
  TRY_USER("swapgs");
  Report("user swapgs");
  TRY_USER("sysretq");
  Report("user sysret without SCE");
  TRY_USER("int $0x31");
  Report("user int to a DPL 0 gate");
  TRY_USER("int3");
  Report("user int3 to a DPL 0 gate");
  TRY_USER(".byte 0xf1");
  Report("user int1 needs no DPL");
  TRY_USER("ud2");
  ReportOpen("user ud2");
  Value("ss", caught.ss);
  Value("stack", (Word)event_stack + sizeof(event_stack) - caught.handler_sp);
  End();
  TRY_USER("push $0x3002; popf; pushf; pop %%rax", : : : "rax");
  ReportOpen("user popf leaves IOPL");
  End();
  TRY_USER("mov $0x18, %%eax; mov %%eax, %%ds", : : : "rax");
  Report("user loads code64 of the kernel");
  TRY_USER("mov $0x10, %%eax; mov %%eax, %%ds", : : : "rax");
  Report("user loads data of the kernel");
  TRY_USER("xor %%eax, %%eax; mov %%eax, %%ss", : : : "rax");
  Report("user loads null ss");
  TRY_USER("xor %%eax, %%eax; mov %%eax, %%ds; mov (%%rsp), %%eax",
           :
           :
           : "rax");
  Report("user loads null ds");
  user_flags = 0x3002;
  TRY_USER("cli; sti; in $0x80, %%al", : : : "rax");
  Report("user with IOPL 3 does i/o");
  user_flags = 2;
  tss.io_bits[0x80 / 8] = 0xfe;
  TRY_USER("in $0x80, %%al", : : : "rax");
  Report("user in allowed by the bitmap");
  TRY_USER("in $0x80, %%ax", : : : "rax");
  Report("user in of two bytes, one allowed");
  tss.io_bits[0x80 / 8] = 0xff;
}

static void Alignment(void) {
  const Word cr0 = ReadCr0();
  user_flags = 2 | kFlagAc;
  TRY_USER("mov -7(%%rsp), %%eax", : : : "rax");
  Report("AC without AM");
  WriteCr0(cr0 | kCr0Am);
  TRY_USER("mov -7(%%rsp), %%eax", : : : "rax");
  Report("misaligned load");
  TRY_USER("mov %%ax, -7(%%rsp)");
  Report("misaligned store");
  TRY_USER("mov -8(%%rsp), %%eax", : : : "rax");
  Report("aligned load");
  TRY_USER("mov -4(%%rsp), %%rax", : : : "rax");
  Report("eight bytes at a multiple of four");
  TRY_USER("addl $1, -5(%%rsp)");
  Report("misaligned modify");
  TRY_USER("lea -3(%%rsp), %%rsp; push %%rax");
  Report("misaligned push");
  user_flags = 2;
  TRY_USER("mov -7(%%rsp), %%eax", : : : "rax");
  Report("AM without AC");
  TRY("push $0x40002; popf; mov -7(%%rsp), %%eax", : : : "rax");
  Report("no alignment check at CPL 0");
  WriteCr0(cr0);
}

static void Gates(void) {
  TRY("int $0x40");
  Report("int through a gate");
  LoadIdt(0x40 * 16 + 14);
  TRY("int $0x40");
  Report("int beyond the limit of the IDT");
  TRY("int $0x3f");
  Report("int before the limit of the IDT");
  LoadIdt(sizeof(idt) - 1);
  const Word target = (Word)event_entries[0x40];
  static const struct {
    const char* name;
    uint16_t selector;
    uint8_t access;
  } kGates[] = {
      {"absent gate", KERNEL_CODE64, 0x0e},
      {"call gate in the IDT", KERNEL_CODE64, 0x8c},
      {"16-bit gate in the IDT", KERNEL_CODE64, 0x86},
      {"task gate in the IDT", TSS_SELECTOR, 0x85},
      {"code segment in the IDT", KERNEL_CODE64, 0x9e},
      {"absent bad gate", KERNEL_CODE64, 0x0c},
      {"gate to null", 0, 0x8e},
      {"gate to null with RPL 3", 3, 0x8e},
      {"gate to data", KERNEL_DATA, 0x8e},
      {"gate to 32-bit code", KERNEL_CODE32, 0x8e},
      {"gate to user code", USER_CODE64, 0x8e},
      {"gate to the TSS", TSS_SELECTOR, 0x8e},
      {"gate beyond the GDT", 0xfff8, 0x8e},
      {"gate to the LDT that is not there", 0x0c, 0x8e},
      {"gate to absent code", 0x48, 0x8e},
      {"gate to 64-bit code with D", 0x50, 0x8e},
      {"gate to conforming code", 0x58, 0x8e},
      {"trap gate", KERNEL_CODE64, 0x8f},
  };
  gdt[9] = Segment(0, 0xfffff, kCode, kLong | kGranular);
  gdt[10] = Segment(0, 0xfffff, kPresent | kCode, kLong | kBig | kGranular);
  gdt[11] = Segment(0, 0xfffff, kPresent | kCode | 4, kLong | kGranular);
  on_event = LookAround;
  for (unsigned i = 0; i < sizeof(kGates) / sizeof(kGates[0]); ++i) {
    SetIdtGate(0x40, kGates[i].selector, target, kGates[i].access, 0);
    TRY("int $0x40");
    ReportOpen(kGates[i].name);
    Value("inside", handler_flags);
    End();
  }
  // The same for an exception: EXT is set.
  for (unsigned i = 0; i < sizeof(kGates) / sizeof(kGates[0]); ++i) {
    SetIdtGate(6, kGates[i].selector, (Word)event_entries[6], kGates[i].access,
               0);
    TRY("ud2");
    Report(kGates[i].name);
  }
  ResetIdtGate(6);
  SetIdtGate(0x40, KERNEL_CODE64, 0x800000000000, 0x8e, 0);
  TRY("int $0x40");
  Report("gate to a non-canonical address");
  ResetIdtGate(0x40);
  TRY_USER("ud2");
  ReportOpen("from user code");
  Value("ss", handler_ss);
  Value("inside", handler_flags);
  End();
  SetIdtGate(0x40, 0x58, target, 0xee, 0);
  TRY_USER("int $0x40");
  ReportOpen("conforming handler keeps the level");
  End();
  ResetIdtGate(0x40);
  on_event = 0;
}

static void Stacks(void) {
  static uint8_t other[4096] __attribute__((aligned(16)));
  tss.ist[2] = (Word)other + sizeof(other);
  SetIdtGate(6, KERNEL_CODE64, (Word)event_entries[6], 0x8e, 3);
  TRY("ud2");
  ReportOpen("interrupt stack table");
  Value("stack", (Word)other + sizeof(other) - caught.handler_sp);
  End();
  TRY_USER("ud2");
  ReportOpen("interrupt stack table from user code");
  Value("stack", (Word)other + sizeof(other) - caught.handler_sp);
  End();
  tss.ist[2] = (Word)other + sizeof(other) - 5;
  TRY("ud2");
  ReportOpen("misaligned interrupt stack");
  Value("stack", (Word)other + sizeof(other) - caught.handler_sp);
  End();
  tss.ist[2] = 0x800000000010;
  TRY("ud2");
  Report("non-canonical interrupt stack");
  ResetIdtGate(6);
  for (int i = 1; i < 16; i += 7) {
    TRY("sub %0, %%rsp; ud2", : : "r"((Word)i));
    ReportOpen("stack is aligned");
    Value("by", (caught.sp & ~15ul) - caught.handler_sp);
    End();
  }
  const Word top = tss.rsp[0];
  tss.rsp[0] = 0x800000000010;
  SetIdtGate(8, KERNEL_CODE64, (Word)event_entries[8], 0x8e, 1);
  SetIdtGate(12, KERNEL_CODE64, (Word)event_entries[12], 0x8e, 1);
  tss.ist[0] = top;
  TRY_USER("ud2");
  Report("non-canonical inner stack");
  tss.rsp[0] = top;
  ResetIdtGate(8);
  ResetIdtGate(12);
}

static void DoubleFaults(void) {
  SetIdtGate(13, KERNEL_CODE64, (Word)event_entries[13], 0x0e, 0);
  TRY("mov $0x1234, %%eax; mov %%eax, %%ds", : : : "rax");
  Report("a #GP and its gate is absent");
  TRY("mov $1, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx",
      :
      :
      : "eax", "ecx", "edx");
  Report("a #DE delivers");
  ResetIdtGate(13);
  SetIdtGate(0, KERNEL_CODE64, (Word)event_entries[0], 0x0e, 0);
  TRY("mov $1, %%eax; xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx",
      :
      :
      : "eax", "ecx", "edx");
  Report("a #DE and its gate is absent");
  ResetIdtGate(0);
  SetIdtGate(14, KERNEL_CODE64, (Word)event_entries[14], 0x0e, 0);
  TRY("mov $0x7f0000000000, %%rax; mov (%%rax), %%eax", : : : "rax");
  Report("a #PF and its gate is absent");
  ResetIdtGate(14);
  SetIdtGate(6, KERNEL_CODE64, (Word)event_entries[6], 0x0e, 0);
  TRY("ud2");
  Report("a #UD and its gate is absent");
  tss.ist[1] = 0x7f0000000000;
  SetIdtGate(6, KERNEL_CODE64, (Word)event_entries[6], 0x8e, 2);
  TRY("ud2");
  Report("a #UD onto an absent stack");
  ResetIdtGate(6);
  SetIdtGate(13, KERNEL_CODE64, (Word)event_entries[13], 0x8e, 2);
  TRY("mov $0x1234, %%eax; mov %%eax, %%ds", : : : "rax");
  Report("a #GP onto an absent stack");
  ResetIdtGate(13);
  SetIdtGate(14, KERNEL_CODE64, (Word)event_entries[14], 0x8e, 2);
  TRY("mov $0x7e0000000000, %%rax; mov (%%rax), %%eax", : : : "rax");
  Report("a #PF onto an absent stack");
  ReportOpen("CR2 of the second");
  Value("cr2", caught.cr2);
  End();
  ResetIdtGate(14);
}

static void InterruptReturns(void) {
  TRY("mov %%rsp, %%rbx; push $0x10; push %%rbx; pushf; push $0x18; push $1f; "
      "iretq; 1:",
      :
      :
      : "rbx");
  Report("iretq to the same level");
  TRY("mov %%rsp, %%rbx; push $0; push %%rbx; pushf; push $0x18; push $1f; "
      "iretq; 1: mov %%ss, %%eax; ud2",
      :
      :
      : "rax", "rbx");
  Report("iretq with null ss");
  asm volatile("mov %0, %%ss" : : "r"(KERNEL_DATA));
  static const struct {
    const char* name;
    Word cs, ss, flags, ip;
  } kReturns[] = {
      {"iretq to null cs", 0, 0x10, 2, 0},
      {"iretq to data", 0x10, 0x10, 2, 0},
      {"iretq to cs beyond the GDT", 0xfff8, 0x10, 2, 0},
      {"iretq to an absent cs", 0x48, 0x10, 2, 0},
      {"iretq to absent user code", 0x63, 0x2b, 2, 0},
      {"iretq to kernel code with RPL 3", 0x1b, 0x2b, 2, 0},
      {"iretq to user code with RPL 0", 0x30, 0x10, 2, 0},
      {"iretq to code with L and D", 0x50, 0x10, 2, 0},
      {"iretq to user with null ss", 0x33, 3, 2, 0},
      {"iretq to user with kernel ss", 0x33, 0x10, 2, 0},
      {"iretq to user with code as ss", 0x33, 0x33, 2, 0},
      {"iretq to user with ss of RPL 0", 0x33, 0x28, 2, 0},
      {"iretq with absent ss", 0x33, 0x6b, 2, 0},
      {"iretq with ss beyond the GDT", 0x33, 0xfffb, 2, 0},
      {"iretq to a non-canonical address", 0x18, 0x10, 2, 0x800000000000},
      {"iretq to user at a non-canonical address", 0x33, 0x2b, 2,
       0x800000000000},
      {"iretq to compatibility mode beyond its limit", 0x73, 0x2b, 2, 0x3000},
      {"iretq to compatibility mode from far", 0x23, 0x2b, 2, 0x900003000},
      {"iretq with VM", 0x18, 0x10, 0x20002, 0},
      {"iretq to user sets flags", 0x33, 0x2b, 0x3f7fd5 & ~0x4100, 0},
  };
  *(volatile uint16_t*)0x3000 = 0x30cd;  // int $0x30
  gdt[12] = Segment(0, 0xfffff, kCode | kDpl3, kLong | kGranular);
  gdt[13] = Segment(0, 0xfffff, kData | kDpl3, kBig | kGranular);
  gdt[14] = Segment(0, 0xfff, kPresent | kCode | kDpl3, kBig);
  for (unsigned i = 0; i < sizeof(kReturns) / sizeof(kReturns[0]); ++i) {
    const Word ip = kReturns[i].ip;
    TRY("mov $1f, %%rax; test %3, %3; cmovnz %3, %%rax; mov %%rsp, %%rbx\n"
        "push %1; push %%rbx; push %2; push %0; push %%rax; iretq; 1: int "
        "$0x30",
        :
        : "r"(kReturns[i].cs), "r"(kReturns[i].ss), "r"(kReturns[i].flags),
          "r"(ip)
        : "rax", "rbx");
    ReportOpen(kReturns[i].name);
    Value("ss", caught.ss);
    End();
  }
  TRY("mov %%rsp, %%rbx; push $0x10; push %%rbx; push $2; push $0x18; push "
      "$1f\n"
      "push $0x4002; popf; iretq; 1: nop",
      :
      :
      : "rbx");
  Report("iretq with NT");
  TRY("mov %%esp, %%ebx; sub $20, %%rsp; movl $1f, (%%rsp); movl $0x18, "
      "4(%%rsp); movl $2, 8(%%rsp)\n"
      "mov %%ebx, 12(%%rsp); movl $0x10, 16(%%rsp); .byte 0xcf; 1: nop",
      :
      :
      : "rbx");
  Report("iretd in 64-bit mode");
  TRY("mov %%rsp, %%rbx; sub $20, %%rsp; movw $0x3000, (%%rsp); movw $0x23, "
      "2(%%rsp); movw $2, 4(%%rsp)\n"
      "movw $0x5678, 6(%%rsp); movw $0x2b, 8(%%rsp); .byte 0x66, 0xcf; 1: nop",
      :
      :
      : "rbx");
  ReportOpen("iretw to user");
  Value("sp", caught.sp);
  End();
  TRY("push $0x18; push $1f; .byte 0x48, 0xcb; 1: nop");
  Report("far return of 64 bits");
  TRY("push $0; push $1f; .byte 0x48, 0xcb; 1: nop");
  Report("far return to null cs");
  TRY("sub $8, %%rsp; movl $1f, (%%rsp); movl $0x18, 4(%%rsp); lretl; 1: nop");
  Report("far return of 32 bits");
}

static void Compatibility(void) {
  TRY_USER(
      TO_COMPATIBILITY "mov $0x7fffffff, %%eax; add $1, %%eax; into; .code64",
      :
      :
      : "rax");
  Report("into in compatibility mode");
  static const uint32_t bounds[2] = {5, 10};
  TRY_USER(TO_COMPATIBILITY "mov $11, %%eax; bound %%eax, (%%ebx); .code64",
           :
           : "b"(bounds)
           : "rax");
  Report("bound in compatibility mode");
  TRY_USER(TO_COMPATIBILITY
           "mov $10, %%eax; bound %%eax, (%%ebx); int $0x30; .code64",
           :
           : "b"(bounds)
           : "rax");
  Report("bound within bounds");
  TRY_USER(TO_COMPATIBILITY "syscall; .code64", : : : "rax");
  Report("syscall in compatibility mode");
  TRY_USER(TO_COMPATIBILITY "mov $0x10, %%eax; mov %%eax, %%ds; .code64",
           :
           :
           : "rax");
  Report("kernel data in compatibility mode");
  TRY_USER(TO_COMPATIBILITY
           "xor %%eax, %%eax; mov %%eax, %%ds; mov (%%ebx), %%eax; .code64",
           :
           :
           : "rax");
  Report("null data segment in compatibility mode");
  TRY_USER(TO_COMPATIBILITY "ljmp $0x33, $2f; .code64; 2: nop", : : : "rax");
  Report("far jump back to 64 bits");
}

void GuestMain(void) {
  Instructions();
  Canonical();
  FloatingPoint();
  Privilege();
  Alignment();
  Gates();
  Stacks();
  DoubleFaults();
  InterruptReturns();
  Compatibility();
}
