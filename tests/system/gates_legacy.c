// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Far jumps, calls and returns of 32-bit protected mode, direct and through
// call gates, with their stack switches; IDT gates from and to all levels.
// SDM vol. 3, 5.8 and 6.12.
#include "tests/system/bare_guest.h"

// Free entries of the GDT.
enum {
  kConforming = 9,
  kAbsentCode,
  kUserConforming,
  kAbsentUserCode,
  kLevel1Code,
  kLevel1Data,
  kAbsentStack,
  kSmallCode,
  kGate,  // the gate under test
  kUserStack16,
  kCode16,
  kLevel1Conforming,
  kReadOnly,
};

// What a gate leads to: shows the stack, then ends the TRY.
void GateTarget(void);
asm(".globl GateTarget\n"
    "GateTarget: mov (%esp), %eax; mov 4(%esp), %ecx; mov 8(%esp), %edx\n"
    "mov 12(%esp), %ebx; mov 16(%esp), %esi; mov 20(%esp), %edi; int $0x31\n");
// The same with 16-bit values.
void GateTarget16(void);
asm(".globl GateTarget16\n"
    "GateTarget16: movzwl (%esp), %eax; movzwl 2(%esp), %ecx\n"
    "movzwl 4(%esp), %edx; movzwl 6(%esp), %ebx; movzwl 8(%esp), %esi\n"
    "movzwl 10(%esp), %edi; int $0x31\n");
// Goes back and drops two parameters.
void GateReturn(void);
asm(".globl GateReturn\n"
    "GateReturn: lret $8\n");

static struct { uint32_t eax, ecx, edx, ebx, esi, edi; } regs;

// An instruction address near the TRY, or another value, as a word that does
// not depend on the linker.
static uint32_t Relative(uint32_t value) {
  const uint32_t offset = value - try_begin;
  const uint32_t stack = (Word)user_stack + sizeof(user_stack) - value;
  const uint32_t here = try_sp - value;
  if (offset < 0x100) return 0xc0de0000 | offset;
  if (stack < 0x100) return 0x57ac0000 | stack;
  if (here < 0x100) return 0x57ad0000 | here;
  return value;
}

// The words that are on the stack, up to six.
static void ReportStack(const char* name) {
  ReportOpen(name);
  if (caught.vector == 0x31) {
    static const char* const kOffsets[] = {"0", "4", "8", "c", "10", "14"};
    const uint32_t words[] = {regs.eax, regs.ecx, regs.edx,
                              regs.ebx, regs.esi, regs.edi};
    const Word top = (Word)event_stack + sizeof(event_stack);
    const Word end = top - caught.sp < sizeof(event_stack) ? top : try_sp;
    for (unsigned i = 0; i < 6 && caught.sp + 4 * i < end; ++i) {
      uint32_t word = Relative(words[i]);
      // EFLAGS, of which QEMU leaves RF clear.
      if (i == 2 && word < 0x100000) word &= ~(uint32_t)kFlagRf;
      Value(kOffsets[i], word);
    }
  }
  End();
}
#define STACK_OPERANDS                                              \
  : "=a"(regs.eax), "=c"(regs.ecx), "=d"(regs.edx), "=b"(regs.ebx),         \
    "=S"(regs.esi), "=D"(regs.edi)

static void SetGate(uint16_t selector, Word target, unsigned access,
                    unsigned count) {
  gdt[kGate] = Gate(selector, target, access, count);
}

static void PutSegments(void) {
  gdt[kConforming] = Segment(0, 0xfffff, 0x9f, kBig | kGranular);
  gdt[kAbsentCode] = Segment(0, 0xfffff, 0x1b, kBig | kGranular);
  gdt[kUserConforming] = Segment(0, 0xfffff, 0xff, kBig | kGranular);
  gdt[kAbsentUserCode] = Segment(0, 0xfffff, 0x7b, kBig | kGranular);
  gdt[kLevel1Code] = Segment(0, 0xfffff, 0xbb, kBig | kGranular);
  gdt[kLevel1Data] = Segment(0, 0xfffff, 0xb3, kBig | kGranular);
  gdt[kAbsentStack] = Segment(0, 0xfffff, 0x13, kBig | kGranular);
  gdt[kSmallCode] = Segment(0, 0xff, 0xfb, kBig);
  gdt[kUserStack16] = Segment(0, 0xffff, 0xf3, 0);
  gdt[kCode16] = Segment(0, 0xffff, 0x9b, 0);
  gdt[kLevel1Conforming] = Segment(0, 0xfffff, 0xbf, kBig | kGranular);
  gdt[kReadOnly] = Segment(0, 0xfffff, 0x91, kBig | kGranular);
}

static void Direct(void) {
  static const struct {
    const char* name;
    uint16_t selector;
  } kTargets[] = {
      {"null", 0},
      {"the GDT's end", 0xfff8},
      {"data", KERNEL_DATA},
      {"kernel code", KERNEL_CODE32},
      {"kernel code with RPL 3", KERNEL_CODE32 | 3},
      {"conforming code", kConforming * 8},
      {"conforming code with RPL 3", kConforming * 8 + 3},
      {"absent code", kAbsentCode * 8},
      {"user code", USER_CODE32},
      {"user code with RPL 0", USER_CODE32 & ~3},
      {"user conforming code", kUserConforming * 8 + 3},
      {"absent user code", kAbsentUserCode * 8 + 3},
      {"level 1 code", kLevel1Code * 8 + 1},
      {"level 1 conforming code", kLevel1Conforming * 8 + 1},
      {"small code", kSmallCode * 8 + 3},
  };
  static struct __attribute__((packed)) {
    uint32_t offset;
    uint16_t selector;
  } pointer;
  for (unsigned i = 0; i < sizeof(kTargets) / sizeof(kTargets[0]); ++i) {
    pointer.selector = kTargets[i].selector;
    Print("jump to ");
    TRY("movl $1f, %0; ljmp *%0; 1: int $0x30", : "+m"(pointer));
    Report(kTargets[i].name);
    Print("user jump to ");
    TRY_USER("ljmp *%0; 1:", : "+m"(pointer));
    Report(kTargets[i].name);
    Print("user call to ");
    TRY_USER("lcall *%0; 1:", : "+m"(pointer));
    Report(kTargets[i].name);
    Print("return to ");
    // With an outer stack that is not there.
    TRY("push $0xfffc; push $0; push %0; push $1f; lret; 1: int $0x30",
        :
        : "r"((uint32_t)kTargets[i].selector));
    Report(kTargets[i].name);
    Print("user return to ");
    TRY_USER("push %0; push $1f; lret; 1:",
             :
             : "r"((uint32_t)kTargets[i].selector));
    Report(kTargets[i].name);
  }
}

static void OuterReturns(void) {
  static const struct {
    const char* name;
    uint16_t cs, ss;
  } kReturns[] = {
      {"user", USER_CODE32, USER_DATA},
      {"user with null ss", USER_CODE32, 0},
      {"user with kernel ss", USER_CODE32, KERNEL_DATA},
      {"user with ss of RPL 0", USER_CODE32, USER_DATA & ~3},
      {"user with code as ss", USER_CODE32, USER_CODE32},
      {"user with absent ss", USER_CODE32, kAbsentUserCode * 8 + 3},
      {"user conforming code", kConforming * 8 + 3, USER_DATA},
      {"level 1", kLevel1Code * 8 + 1, kLevel1Data * 8 + 1},
      {"small code", kSmallCode * 8 + 3, USER_DATA},
  };
  for (unsigned i = 0; i < sizeof(kReturns) / sizeof(kReturns[0]); ++i) {
    Word ds = 0, es = 0;
    Print("far return to ");
    TRY("push %2; push $user_stack + 4096; push $0x12345678; push %3; push "
        "$1f\n"
        "mov $0x2b, %%eax; mov %%eax, %%es; lret $4; 1: mov %%ds, %0; mov "
        "%%es, %1\n"
        "int $0x30",
        : "=&r"(ds), "=&r"(es)
        : "r"((Word)kReturns[i].ss), "r"((Word)kReturns[i].cs)
        : "eax");
    ReportOpen(kReturns[i].name);
    Value("ss", caught.ss);
    if (caught.vector == LEAVE_VECTOR) {
      Value("ds", ds & 0xffff);
      Value("es", es & 0xffff);
    }
    End();
    Print("iret to ");
    TRY("push %2; push $user_stack + 4096; push $0x202; push %3; push $1f\n"
        "mov $0x2b, %%eax; mov %%eax, %%es; iret; 1: mov %%ds, %0; mov %%es, "
        "%1\n"
        "int $0x30",
        : "=&r"(ds), "=&r"(es)
        : "r"((Word)kReturns[i].ss), "r"((Word)kReturns[i].cs)
        : "eax");
    ReportOpen(kReturns[i].name);
    Value("ss", caught.ss);
    if (caught.vector == LEAVE_VECTOR) {
      Value("ds", ds & 0xffff);
      Value("es", es & 0xffff);
    }
    End();
  }
  // A 16-bit outer stack keeps the upper half of ESP.
  TRY("push %0; push $0x12348000; push $0x23; push $1f; lret; 1: int $0x30",
      :
      : "r"(kUserStack16 * 8 + 3));
  Begin("far return to a 16-bit stack");
  Value("vector", caught.vector);
  Value("sp", caught.sp & 0xffff);
  Value("upper half kept", (caught.sp ^ try_sp) < 0x10000);
  End();
}

static void CallGates(void) {
  const unsigned gate = kGate * 8;
  static const struct {
    const char* name;
    uint16_t selector;
    uint8_t access;
    uint16_t rpl;
  } kGates[] = {
      {"null", 0, 0xec, 3},
      {"data", KERNEL_DATA, 0xec, 3},
      {"kernel code", KERNEL_CODE32, 0xec, 3},
      {"kernel code, named with RPL 3", KERNEL_CODE32 | 3, 0xec, 3},
      {"kernel code, DPL 0", KERNEL_CODE32, 0x8c, 0},
      {"kernel code, DPL 0, RPL 3", KERNEL_CODE32, 0x8c, 3},
      {"kernel code, absent", KERNEL_CODE32, 0x6c, 3},
      {"kernel code, absent, DPL 0", KERNEL_CODE32, 0x0c, 3},
      {"absent code", kAbsentCode * 8, 0xec, 3},
      {"conforming code", kConforming * 8, 0xec, 3},
      {"user code", USER_CODE32, 0xec, 3},
      {"the TSS", TSS_SELECTOR, 0xec, 3},
      {"the GDT's end", 0xfff8, 0xec, 3},
  };
  for (unsigned i = 0; i < sizeof(kGates) / sizeof(kGates[0]); ++i) {
    static uint16_t pointer[3];
    pointer[2] = (uint16_t)(gate | kGates[i].rpl);
    SetGate(kGates[i].selector, (Word)GateTarget, kGates[i].access, 2);
    Print("user call gate to ");
    TRY_USER("push $0x1111; push $0x2222; push $0x3333; lcall *%6",
             STACK_OPERANDS
             : "m"(pointer));
    ReportStack(kGates[i].name);
    Print("user jump gate to ");
    TRY_USER("push $0x1111; push $0x2222; push $0x3333; ljmp *%6",
             STACK_OPERANDS
             : "m"(pointer));
    ReportStack(kGates[i].name);
    Print("call gate to ");
    TRY("push $0x1111; push $0x2222; push $0x3333; lcall *%6", STACK_OPERANDS
        : "m"(pointer));
    ReportStack(kGates[i].name);
  }
  SetGate(KERNEL_CODE32, (Word)GateReturn, 0xec, 2);
  TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0");
  Report("call gate and return");
  SetGate(KERNEL_CODE32, (Word)GateTarget, 0xec, 31);
  TRY_USER("sub $128, %%esp; lcall $0x8b, $0", STACK_OPERANDS);
  ReportOpen("31 parameters");
  Value("stack", (Word)event_stack + sizeof(event_stack) - caught.sp);
  End();
  SetGate(KERNEL_CODE32, (Word)GateTarget, 0xec, 0);
  TRY_USER("lcall $0x8b, $0", STACK_OPERANDS);
  ReportStack("no parameters");
  // A 16-bit gate: 16-bit offset and values.
  static uint8_t* const low = (uint8_t*)0x3000;
  for (int i = 0; i < 64; ++i) low[i] = ((const uint8_t*)GateTarget16)[i];
  SetGate(KERNEL_CODE32, 0x3000, 0xe4, 2);
  TRY_USER("push $0x11112222; push $0x33334444; lcall $0x8b, $0",
           STACK_OPERANDS);
  ReportOpen("16-bit gate");
  Value("4", regs.edx);
  Value("6", regs.ebx);
  Value("stack", (Word)event_stack + sizeof(event_stack) - caught.sp);
  End();

  // The inner stack.
  SetGate(KERNEL_CODE32, (Word)GateTarget, 0xec, 2);
  static const struct {
    const char* name;
    uint16_t ss;
  } kStacks[] = {
      {"null", 0},
      {"user data", USER_DATA},
      {"kernel data with RPL 3", KERNEL_DATA | 3},
      {"level 1 data", kLevel1Data * 8},
      {"read-only data", kReadOnly * 8},
      {"code", KERNEL_CODE32},
      {"absent", kAbsentStack * 8},
      {"the GDT's end", 0xfff8},
  };
  // Calls to level 1: level 0 has to handle what goes wrong.
  for (unsigned i = 0; i < sizeof(kStacks) / sizeof(kStacks[0]); ++i) {
    Print("inner stack: ");
    tss.inner[1].ss = kStacks[i].ss;
    tss.inner[1].esp = tss.inner[0].esp;
    SetGate(kLevel1Code * 8, (Word)GateTarget, 0xec, 2);
    TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0", STACK_OPERANDS);
    Report(kStacks[i].name);
  }
  tss.inner[1].ss = kLevel1Data * 8 + 1;
  TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0", STACK_OPERANDS);
  ReportStack("inner stack: level 1");
  // Room on the inner stack.
  gdt[40] = Segment(0, 0xfff, 0xb3, kBig);
  tss.inner[1].ss = 40 * 8 + 1;
  tss.inner[1].esp = 0x1000;
  TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0", STACK_OPERANDS);
  ReportStack("inner stack: room");
  tss.inner[1].esp = 20;
  TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0", STACK_OPERANDS);
  ReportStack("inner stack: too little room");
  tss.inner[1].esp = 0x1000;
  // A short TSS.
  const uint64_t old = gdt[TSS_SELECTOR / 8];
  gdt[41] = Segment((Word)&tss, 0x67, 0x89, 0);
  asm volatile("ltr %w0" : : "r"(41 * 8));
  TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0", STACK_OPERANDS);
  ReportStack("TSS without a bitmap");
  gdt[42] = Segment((Word)&tss, 0x10, 0x89, 0);
  TRY("ltr %w0", : : "r"(42 * 8));
  Report("ltr of a short TSS");
  TRY_USER("push $0x1111; push $0x2222; lcall $0x8b, $0", STACK_OPERANDS);
  ReportStack("short TSS");
  gdt[TSS_SELECTOR / 8] = old & ~(2ull << 40);
  asm volatile("ltr %w0" : : "r"(TSS_SELECTOR));
}

static void IdtGates(void) {
  static const struct {
    const char* name;
    uint16_t selector;
    uint8_t access;
  } kGates[] = {
      {"absent", KERNEL_CODE32, 0x6e},
      {"call gate", KERNEL_CODE32, 0xec},
      {"data segment", KERNEL_CODE32, 0xf2},
      {"TSS", KERNEL_CODE32, 0xe9},
      {"null", 0, 0xee},
      {"data", KERNEL_DATA, 0xee},
      {"user code", USER_CODE32, 0xee},
      {"absent code", kAbsentCode * 8, 0xee},
      {"conforming code", kConforming * 8, 0xee},
      {"level 1 conforming code", kLevel1Conforming * 8, 0xee},
      {"the GDT's end", 0xfff8, 0xee},
      {"kernel code with RPL 3", KERNEL_CODE32 | 3, 0xee},
      {"small code", kSmallCode * 8, 0xee},
      {"kernel code, DPL 0", KERNEL_CODE32, 0x8e},
      {"trap gate", KERNEL_CODE32, 0xef},
  };
  for (unsigned i = 0; i < sizeof(kGates) / sizeof(kGates[0]); ++i) {
    SetIdtGate(0x40, kGates[i].selector, (Word)GateTarget, kGates[i].access, 0);
    Print("int to ");
    TRY("int $0x40", STACK_OPERANDS);
    ReportStack(kGates[i].name);
    user_flags = 0x202;
    Print("user int to ");
    TRY_USER("int $0x40", STACK_OPERANDS);
    ReportStack(kGates[i].name);
    user_flags = 2;
    SetIdtGate(6, kGates[i].selector, (Word)GateTarget, kGates[i].access, 0);
    Print("user #UD to ");
    TRY_USER("ud2", STACK_OPERANDS);
    ReportStack(kGates[i].name);
    ResetIdtGate(6);
  }
  // 16-bit gates.
  SetIdtGate(0x40, KERNEL_CODE32, 0x3000, 0xe6, 0);
  TRY("int $0x40", STACK_OPERANDS);
  ReportOpen("16-bit gate");
  Value("0", (regs.eax - try_begin) & 0xffff);
  Value("2", regs.ecx);
  Value("4", regs.edx);
  End();
  TRY_USER("int $0x40", STACK_OPERANDS);
  ReportOpen("16-bit gate from user code");
  Value("0", (regs.eax - try_begin) & 0xffff);
  Value("2", regs.ecx);
  Value("4", regs.edx);
  Value("stack", (Word)event_stack + sizeof(event_stack) - caught.sp);
  Value("8", regs.esi);
  End();
  ResetIdtGate(0x40);
  LoadIdt(0x40 * 8 + 6);
  TRY("int $0x40");
  Report("int beyond the limit of the IDT");
  LoadIdt(sizeof(idt) - 1);
}

static void Instructions(void) {
  TRY("mov $0x7fffffff, %%eax; add $1, %%eax; into", : : : "eax");
  Report("into");
  TRY("xor %%eax, %%eax; into", : : : "eax");
  Report("into without OF");
  TRY_USER("mov $0x7fffffff, %%eax; add $1, %%eax; into", : : : "eax");
  Report("user into to a DPL 0 gate");
  static const int32_t bounds[2] = {-5, 10};
  static const int16_t words[2] = {-5, 10};
  TRY("bound %0, %1", : : "r"(11), "m"(bounds));
  Report("bound above");
  TRY("bound %0, %1", : : "r"(10), "m"(bounds));
  Report("bound at the top");
  TRY("bound %0, %1", : : "r"(-5), "m"(bounds));
  Report("bound at the bottom");
  TRY("bound %0, %1", : : "r"(-6), "m"(bounds));
  Report("bound below");
  TRY(".byte 0x66; bound %0, %1", : : "r"(-6), "m"(words));
  Report("bound of words below");
  TRY(".byte 0x66; bound %0, %1", : : "r"(0x5000a), "m"(words));
  Report("bound of words within");
  TRY(".byte 0x62, 0xc0");
  Report("bound of a register");
  TRY_USER("bound %0, %1", : : "r"(11), "m"(bounds));
  Report("user bound needs no DPL");
  TRY("int3");
  Report("int3");
  TRY(".byte 0xf1");
  Report("int1");
  TRY(".byte 0x0f, 0x05");
  Report("syscall in legacy mode");
  TRY(".byte 0xff, 0xe8");
  Report("far jump through a register");
  TRY(".byte 0xc4, 0xc0, 0x00");
  Report("les of a register, or hidden VEX");
  TRY(".byte 0x8d, 0xc0");
  Report("lea of a register");
  TRY(".byte 0x82, 0xc0, 0x01");
  Report("opcode 82");
  TRY("mov $0x99, %%al; aam $0", : : : "eax");
  Report("aam 0");
}

void GuestMain(void) {
  PutSegments();
  Direct();
  OuterReturns();
  CallGates();
  IdtGates();
  Instructions();
}
