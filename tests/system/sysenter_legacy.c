// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// SYSENTER and SYSEXIT in protected and virtual-8086 mode.
// SDM vol. 2; vol. 3, 5.8.7.
#include "tests/system/bare_guest.h"

enum { kSysenterCs = 0x174, kSysenterEsp, kSysenterEip };

// Where SYSENTER arrives: notes what it finds, then ends the TRY. Of the data
// segments only SS is certain to be the kernel's.
void SystemCall(void);
asm(".globl SystemCall\n"
    "SystemCall: mov %esp, %ss:found_esp; mov %cs, %eax\n"
    "mov %eax, %ss:found_cs; mov %ss, %eax; mov %eax, %ss:found_ss\n"
    "mov %ds, %eax; mov %eax, %ss:found_ds; mov %ss:found_stack, %esp\n"
    "pushf; pop %ss:found_flags; int $0x31\n");
uint32_t found_esp, found_flags, found_stack, found_cs, found_ss, found_ds;

static void ReportCall(const char* name) {
  ReportOpen(name);
  if (caught.vector == 0x31) {
    Value("flags", found_flags);
    Value("esp", found_esp);
    Value("cs", found_cs);
    Value("ss", found_ss);
    Value("ds", found_ds & 0xffff);
  }
  End();
}

static void Entries(void) {
  WriteMsr(kSysenterCs, 0);
  TRY_USER("sysenter");
  Report("user sysenter with a null selector");
  TRY("sysenter");
  Report("sysenter with a null selector");
  WriteMsr(kSysenterCs, 3);
  TRY_USER("sysenter");
  Report("user sysenter with null and RPL 3");
  WriteMsr(kSysenterCs, KERNEL_CODE32);
  user_flags = 0x202;
  TRY_USER("stc; sysenter");
  ReportCall("user sysenter");
  user_flags = 2;
  TRY("sysenter");
  ReportCall("sysenter");
  WriteMsr(kSysenterCs, KERNEL_CODE32 | 3);
  TRY_USER("sysenter");
  ReportCall("user sysenter with RPL 3");
  WriteMsr(kSysenterCs, 0xabcd0000u | KERNEL_CODE32);
  TRY_USER("sysenter");
  ReportCall("user sysenter with more than a selector");
  // No descriptor is read.
  WriteMsr(kSysenterCs, FIRST_FREE_ENTRY * 8);
  gdt[FIRST_FREE_ENTRY] = gdt[FIRST_FREE_ENTRY + 1] = 0;
  TRY_USER("sysenter");
  ReportCall("user sysenter without descriptors");
  WriteMsr(kSysenterCs, KERNEL_CODE32);
}

static void Exits(void) {
  Word cs = 0, ss = 0;
  // Code at +16, stack at +24.
  WriteMsr(kSysenterCs, KERNEL_DATA);
  TRY("push $0x46; popf; mov $1f, %%edx; mov $user_stack + 4096, %%ecx\n"
      "sysexit; 1: mov %%cs, %0; mov %%ss, %1; int $0x30",
      : "=a"(cs), "=b"(ss)
      :
      : "ecx", "edx");
  ReportOpen("sysexit");
  Value("cs", cs & 0xffff);
  Value("ss", ss & 0xffff);
  End();
  WriteMsr(kSysenterCs, KERNEL_DATA | 3);
  TRY("mov $1f, %%edx; mov $user_stack + 4096, %%ecx; sysexit; 1: int $0x30",
      :
      :
      : "ecx", "edx");
  Report("sysexit with RPL 3");
  TRY_USER("sysexit");
  Report("user sysexit");
  WriteMsr(kSysenterCs, 0);
  TRY("mov $1f, %%edx; mov $user_stack + 4096, %%ecx; sysexit; 1: int $0x30",
      :
      :
      : "ecx", "edx");
  Report("sysexit with a null selector");
  TRY(".byte 0x0f, 0x07");
  Report("sysret");
  TRY_USER(".byte 0x0f, 0x07");
  Report("user sysret");
}

// Two bytes of code in virtual-8086 mode.
#define TRY_V86(first, second)                                           \
  do {                                                                   \
    *(volatile uint32_t*)0x3000 = (first) | (second) << 8 | 0xf4cc0000u; \
    TRY("push $0; push $0; push $0x300; push $0x300; push $0x400\n"      \
        "push $0x1000; push $0x20202; push $0x300; push $0; iret",       \
        :                                                                \
        :                                                                \
        : "eax", "ebx", "ecx", "edx", "esi", "edi");                     \
  } while (0)

static void Virtual8086(void) {
  WriteMsr(kSysenterCs, 0);
  TRY_V86(0x0f, 0x34u);
  Report("virtual-8086 sysenter with a null selector");
  WriteMsr(kSysenterCs, KERNEL_CODE32);
  TRY_V86(0x0f, 0x34u);
  ReportCall("virtual-8086 sysenter");
  TRY_V86(0x0f, 0x35u);
  Report("virtual-8086 sysexit");
  TRY_V86(0x0f, 0x05u);
  Report("virtual-8086 syscall");
}

void GuestMain(void) {
  found_stack = (Word)event_stack + sizeof(event_stack);
  WriteMsr(kSysenterEip, (Word)SystemCall);
  WriteMsr(kSysenterEsp, 0x12345678);
  Entries();
  Exits();
  Virtual8086();
}
