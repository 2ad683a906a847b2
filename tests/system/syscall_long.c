// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS in 64-bit and compatibility mode.
// SDM vol. 2; vol. 3, 5.8.7 and 5.8.8.
#include "tests/system/bare_guest.h"

enum {
  kStar = 0xc0000081u,
  kLstar,
  kCstar,
  kSfmask,
  kFsBase = 0xc0000100u,
  kGsBase,
  kKernelGsBase,
  kSysenterCs = 0x174,
  kSysenterEsp,
  kSysenterEip,
};

// Where system calls arrive: shows what it finds, then ends the TRY.
void SystemCall(void);
asm(".globl SystemCall\n"
    "SystemCall: mov %rcx, found_rcx; mov %r11, found_r11; mov %rsp, "
    "found_rsp\n"
    "mov %cs, %eax; mov %eax, found_cs; mov %ss, %eax; mov %eax, found_ss\n"
    "mov found_stack, %rsp; pushf; pop found_flags; int $0x31\n");
// Goes back by SYSRET.
void SystemCallReturn(void);
asm(".globl SystemCallReturn\n"
    "SystemCallReturn: sysretq\n");
uint64_t found_rcx, found_r11, found_rsp, found_flags, found_stack;
uint32_t found_cs, found_ss;

#define TO_COMPATIBILITY \
  "mov $1f, %%eax; push $0x23; push %%rax; .byte 0x48, 0xcb; .code32; 1:\n"

static Word UserOffset(Word sp) { return (Word)user_stack + 4096 - sp; }

static void ReportCall(const char* name) {
  ReportOpen(name);
  if (caught.vector == 0x31) {
    // SYSENTER leaves RCX and R11 alone.
    if (found_rcx - try_begin < 0x100) {
      Value("rcx", found_rcx - try_begin);
      Value("r11", found_r11);
    }
    Value("flags", found_flags);
    Value("rsp",
          UserOffset(found_rsp) < 0x1000 ? UserOffset(found_rsp) : found_rsp);
    Value("cs", found_cs);
    Value("ss", found_ss);
  }
  End();
}

static void Syscalls(void) {
  const uint64_t efer = ReadMsr(kMsrEfer);
  TRY("syscall");
  Report("syscall without SCE");
  WriteMsr(kMsrEfer, efer | kEferSce);
  // The kernel's segments at 0x18; those of user code make 0x33 and 0x2b.
  WriteMsr(kStar, 0x0023001800000000);
  WriteMsr(kLstar, (Word)SystemCall);
  WriteMsr(kCstar, (Word)SystemCall);
  static const uint64_t kMasks[] = {0, 0x200, 0x47700, 0xffffffff};
  for (int i = 0; i < 4; ++i) {
    WriteMsr(kSfmask, kMasks[i]);
    user_flags = 0x200ad7 & ~0x100;
    TRY_USER("push $0x200ad7; popf; syscall", : : : "rcx", "r11");
    ReportCall("user syscall");
  }
  user_flags = 2;
  WriteMsr(kSfmask, 0x47700);
  TRY("syscall", : : : "rcx", "r11");
  ReportOpen("kernel syscall");
  Value("rcx", found_rcx - try_begin);
  Value("cs", found_cs);
  Value("ss", found_ss);
  End();
  TRY_USER(TO_COMPATIBILITY "syscall; .code64", : : : "rax");
  Report("syscall in compatibility mode");
  WriteMsr(kStar, 0x0020001b00000000);
  TRY_USER("syscall", : : : "rcx", "r11");
  ReportCall("syscall with RPL in STAR");
  WriteMsr(kStar, 0x0023001800000000);
  WriteMsr(kLstar, (Word)SystemCallReturn);
  TRY_USER("stc; syscall; nop; pushf; pop %%rax", : : : "rax", "rcx", "r11");
  Report("syscall and sysret");
  WriteMsr(kLstar, (Word)SystemCall);
  // The segments need not exist.
  WriteMsr(kStar, 0x0023004800000000);
  TRY_USER("syscall", : : : "rcx", "r11");
  ReportCall("syscall looks at no descriptor");
  WriteMsr(kStar, 0x0023001800000000);
}

static void Sysrets(void) {
  Word rax = 0, flags = 0, cs = 0, ss = 0;
  WriteMsr(kStar, 0x0023001800000000);
  TRY("mov $1f, %%ecx; mov $0x2ad7, %%r11d; mov %%rsp, %%rdx; sysretq; 1: mov "
      "%%cs, %1; mov %%ss, %2; pushf; pop %0; int $0x30",
      : "=r"(flags), "=r"(cs), "=r"(ss)
      :
      : "rcx", "rdx", "r11");
  ReportOpen("sysretq");
  Value("flags", flags);
  Value("cs", cs & 0xffff);
  Value("ss", ss & 0xffff);
  End();
  TRY("mov $1f, %%ecx; mov $0xffffffff, %%r11d; btr $8, %%r11d; sysretq; 1: "
      "int $0x30",
      :
      :
      : "rcx", "r11");
  Report("sysretq with all flags but TF");
  TRY("mov $1f, %%ecx; mov $0x202, %%r11d; sysretl; .code32; 1: mov %%cs, "
      "%%eax; int $0x30; .code64",
      : "=a"(rax)
      :
      : "rcx", "r11");
  ReportOpen("sysretl");
  Value("cs", rax & 0xffff);
  Value("ss", caught.ss);
  End();
  TRY("mov $0x800000000000, %%rcx; mov $0x202, %%r11d; sysretq",
      :
      :
      : "rcx", "r11");
  Report("sysretq to a non-canonical address");
  TRY("mov $0xffff800000000000, %%rcx; lea (%%rip), %%rcx; bts $63, %%rcx; mov "
      "$0x202, %%r11d; sysretq",
      :
      :
      : "rcx", "r11");
  Report("sysretq to another non-canonical address");
  TRY_USER("sysretq");
  Report("user sysretq");
  TRY_USER("sysretl");
  Report("user sysretl");
  TRY_USER(TO_COMPATIBILITY ".byte 0x0f, 0x07; .code64", : : : "rax");
  Report("sysret in compatibility mode");
  // STAR's selector: RPL is forced to 3.
  WriteMsr(kStar, 0x0020001800000000);
  TRY("mov $1f, %%ecx; mov $2, %%r11d; sysretq; 1: mov %%cs, %0; mov %%ss, %1; "
      "int $0x30",
      : "=r"(cs), "=r"(ss)
      :
      : "rcx", "r11");
  ReportOpen("sysretq forces RPL 3");
  Value("cs", cs & 0xffff);
  Value("ss", ss & 0xffff);
  End();
  WriteMsr(kMsrEfer, ReadMsr(kMsrEfer) & ~(uint64_t)kEferSce);
  TRY("sysretq");
  Report("sysretq without SCE");
}

static void Sysenters(void) {
  WriteMsr(kSysenterCs, 0);
  WriteMsr(kSysenterEip, (Word)SystemCall);
  WriteMsr(kSysenterEsp, 0x1234567890);
  TRY_USER("sysenter");
  Report("sysenter with a null selector");
  WriteMsr(kSysenterCs, 3);
  TRY_USER("sysenter");
  Report("sysenter with null and RPL 3");
  // Code at 0x18 of the kernel, and SS behind it.
  WriteMsr(kSysenterCs, 0x18);
  user_flags = 0x202;
  TRY_USER("stc; sysenter");
  ReportCall("user sysenter");
  WriteMsr(kSysenterCs, 0x1b);
  TRY_USER("sysenter");
  ReportCall("sysenter with RPL 3");
  TRY("sysenter");
  ReportOpen("kernel sysenter");
  Value("cs", found_cs);
  Value("rsp", found_rsp);
  End();
  WriteMsr(kSysenterCs, 0x18);
  TRY_USER(TO_COMPATIBILITY "sysenter; .code64", : : : "rax");
  ReportCall("sysenter in compatibility mode");
  user_flags = 2;
  // SYSEXIT: 64-bit code at +32, stack at +40; 32-bit code at +16 and +24.
  WriteMsr(kSysenterCs, 0x10);
  Word cs = 0, ss = 0;
  TRY("mov $1f, %%edx; mov $user_stack + 4096, %%ecx; sysexitq; 1: mov %%cs, "
      "%k0; mov %%ss, %k1; int $0x30",
      : "=a"(cs), "=b"(ss)
      :
      : "rcx", "rdx");
  ReportOpen("sysexit to 64 bits");
  Value("cs", cs & 0xffff);
  Value("ss", ss & 0xffff);
  End();
  TRY("mov $1f, %%edx; mov $user_stack + 4096, %%ecx; sysexitl; .code32; 1: "
      "mov %%cs, %%eax; mov %%ss, %%edx; int $0x30; .code64",
      : "=a"(cs), "=d"(ss)
      :
      : "rcx");
  ReportOpen("sysexit to 32 bits");
  Value("cs", cs & 0xffff);
  Value("ss", ss & 0xffff);
  End();
  TRY("mov $0x800000000000, %%rdx; mov $user_stack + 4096, %%ecx; sysexitq",
      :
      :
      : "rcx", "rdx");
  Report("sysexit to a non-canonical address");
  TRY("mov $0x800000000000, %%rcx; mov $1f, %%edx; sysexitq; 1: nop",
      :
      :
      : "rcx", "rdx");
  Report("sysexit with a non-canonical stack");
  TRY_USER("sysexitl");
  Report("user sysexit");
  WriteMsr(kSysenterCs, 2);
  TRY("mov $1f, %%edx; mov $user_stack + 4096, %%ecx; sysexitl; 1: int $0x30",
      :
      :
      : "rcx", "rdx");
  Report("sysexit with a null selector");
}

static void Bases(void) {
  WriteMsr(kGsBase, 0x1111);
  WriteMsr(kKernelGsBase, 0xffff888000000000);
  TRY("swapgs");
  ReportOpen("swapgs");
  Value("gs", ReadMsr(kGsBase));
  Value("kernel gs", ReadMsr(kKernelGsBase));
  End();
  TRY_USER("swapgs");
  Report("user swapgs");
  TRY_USER(TO_COMPATIBILITY ".byte 0x0f, 0x01, 0xf8; .code64", : : : "rax");
  Report("swapgs in compatibility mode");
  static uint64_t word = 0x1234;
  WriteMsr(kFsBase, (Word)&word - 0x100);
  Word value = 0;
  TRY("mov %%fs:0x100, %0", : "=r"(value));
  Line("by fs", value);
  // A 32-bit address is zero-extended before the base is added.
  WriteMsr(kFsBase, (Word)&word - 0xffffff00);
  TRY("mov $-0x100, %%rcx; addr32 mov %%fs:(%%ecx), %0",
      : "=r"(value)
      :
      : "rcx");
  Line("by fs and ecx", value);
  // Loading a selector loads the base; a null one clears it on Intel.
  WriteMsr(kFsBase, 0x5555);
  TRY("mov %0, %%fs", : : "r"(KERNEL_DATA));
  Line("fs base of a segment", ReadMsr(kFsBase));
  WriteMsr(kFsBase, 0x5555);
  TRY("mov %0, %%fs", : : "r"(0));
  Line("fs base of null", ReadMsr(kFsBase));
  WriteMsr(kGsBase, 0x5555);
  TRY("push %%gs; pop %%gs");
  Line("gs base after pop", ReadMsr(kGsBase));
  TRY("rdfsbase %%rax", : : : "rax");
  Report("rdfsbase is hidden");
  TRY("wrgsbase %%rax");
  Report("wrgsbase is hidden");
}

void GuestMain(void) {
  found_stack = (Word)event_stack + sizeof(event_stack);
  Syscalls();
  Sysrets();
  Sysenters();
  Bases();
}
