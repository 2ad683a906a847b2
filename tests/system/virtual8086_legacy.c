// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Virtual-8086 mode: entry by IRET, exit by events, what IOPL decides,
// addresses, and what does not exist there. SDM vol. 3, chapter 20.
#include "tests/system/bare_guest.h"

// Code runs at 0x3000, stack below 0x5000, by segments that overlap oddly.
#define CODE ((volatile uint8_t*)0x3000)
enum { kCs = 0x2f0, kIp = 0x100, kSs = 0x400, kSp = 0x1000 };

static struct Frame last;
static bool Keep(struct Frame* frame) {
  last = *frame;
  return false;
}

static Word v86_flags = 0x20002;

// Runs `length` bytes of code in virtual-8086 mode; INT3 ends it.
static void Run(const char* name, const uint8_t* code, unsigned length) {
  for (unsigned i = 0; i < length; ++i) CODE[i] = code[i];
  CODE[length] = 0xcc;
  CODE[length + 1] = 0xf4;
  Word eax = 0x12345678;
  TRY("push %1; push %2; push %3; push %4; push %5; push %6; push %7; push %8; "
      "push %9\n"
      "iret",
      : "+a"(eax)
      : "i"(0x1111), "i"(0x2222), "i"(0x3333), "i"(0x300), "i"(kSs), "i"(kSp),
        "m"(v86_flags), "i"(kCs), "i"(kIp)
      : "ebx", "ecx", "edx", "esi", "edi");
  Begin(name);
  if (caught.vector == kNone) {
    Print(" done");
    End();
    return;
  }
  Print(" #");
  PrintHex(caught.vector, 2);
  Value("e", caught.error);
  Value("ip", caught.ip);
  Value("cs", caught.cs);
  Value("fl", caught.flags & ~(Word)kFlagRf);
  if (caught.flags & kFlagRf) Print(" rf");
  Value("ss", caught.ss);
  Value("sp", caught.sp);
  Value("eax", eax);
  if (caught.flags & kFlagVm) {
    Value("es", last.v86_es);
    Value("ds", last.v86_ds);
    Value("fs", last.v86_fs);
    Value("gs", last.v86_gs);
    Value("ds in the handler", last.ds & 0xffff);
  }
  End();
}
#define RUN(name, ...)                           \
  do {                                           \
    static const uint8_t code[] = {__VA_ARGS__}; \
    Run(name, code, sizeof(code));               \
  } while (0)

static void AllCode(void) {
  RUN("nothing", 0x90);
  RUN("int 21", 0xcd, 0x21);
  RUN("int 3 as int n", 0xcd, 0x03);
  RUN("into", 0xb0, 0x7f, 0x04, 0x01, 0xce);
  RUN("int1", 0xf1);
  RUN("cli", 0xfa);
  RUN("sti", 0xfb);
  RUN("pushf", 0x9c);
  RUN("popf", 0x9c, 0x9d);
  RUN("pushfd", 0x66, 0x9c);
  RUN("pushf, pop ax", 0x9c, 0x58);
  RUN("iret", 0x68, 0x02, 0x00, 0x68, 0xf0, 0x02, 0x68, 0x0a, 0x01, 0xcf, 0x90);
  RUN("hlt", 0xf4);
  RUN("in 80", 0xe4, 0x80);
  RUN("in allowed", 0xe4, 0x90);
  RUN("out dx", 0xba, 0x80, 0x00, 0xee);
  RUN("mov cr0", 0x0f, 0x20, 0xc0);
  RUN("smsw", 0x0f, 0x01, 0xe0);
  RUN("lmsw", 0x0f, 0x01, 0xf0);
  RUN("sgdt", 0x0f, 0x01, 0x06, 0x00, 0x00);
  RUN("lgdt", 0x0f, 0x01, 0x16, 0x00, 0x00);
  RUN("lldt", 0x0f, 0x00, 0xd0);
  RUN("sldt", 0x0f, 0x00, 0xc0);
  RUN("str", 0x0f, 0x00, 0xc8);
  RUN("verr", 0x0f, 0x00, 0xe0);
  RUN("lar", 0x0f, 0x02, 0xc0);
  RUN("arpl", 0x63, 0xc0);
  RUN("clts", 0x0f, 0x06);
  RUN("rdmsr", 0x0f, 0x32);
  RUN("invd", 0x0f, 0x08);
  RUN("sysenter", 0x0f, 0x34);
  RUN("ud2", 0x0f, 0x0b);
  RUN("mov ds", 0xb8, 0x34, 0x12, 0x8e, 0xd8, 0x8c, 0xd8);
  RUN("mov ss", 0xb8, 0x01, 0x04, 0x8e, 0xd0, 0x50, 0x8c, 0xd0);
  RUN("load word at ffff", 0xbb, 0xff, 0xff, 0x8b, 0x07);
  RUN("load byte at ffff", 0xbb, 0xff, 0xff, 0x8a, 0x07);
  RUN("load by ebx beyond", 0x66, 0xbb, 0x00, 0x00, 0x01, 0x00, 0x67, 0x8a,
      0x03);
  RUN("push with sp 1", 0xbc, 0x01, 0x00, 0x50);
  RUN("push with sp 0", 0xbc, 0x00, 0x00, 0x50);
  RUN("far jump", 0xea, 0x00, 0x00, 0x01, 0x03);
  RUN("far call", 0x9a, 0x10, 0x00, 0x00, 0x03);
  RUN("call far and back", 0x9a, 0x07, 0x00, 0x00, 0x03, 0xcc, 0x90, 0xcb);
  RUN("jump beyond 64 KiB", 0x66, 0xb8, 0x00, 0x00, 0x01, 0x00, 0x66, 0xff,
      0xe0);
  ((volatile uint16_t*)0x33330)[1] = 0x2345;
  RUN("les", 0xc4, 0x06, 0x00, 0x00, 0x8c, 0xc0);
  RUN("aam 0", 0xd4, 0x00);
  ((volatile uint16_t*)0x33330)[4] = 0x9000;
  ((volatile uint16_t*)0x33330)[5] = 0x0001;
  RUN("bound", 0xb8, 0x05, 0x00, 0x62, 0x06, 0x08, 0x00, 0x90, 0x00, 0x00, 0x01,
      0x00);
  RUN("lock nop", 0xf0, 0x90);
  RUN("cpuid", 0x66, 0x31, 0xc0, 0x0f, 0xa2, 0x66, 0x31, 0xc0);
}

void GuestMain(void) {
  on_event = Keep;
  // Whatever goes astray meets an INT3.
  for (uint32_t i = 0x2f00; i < 0x5000; ++i) *(volatile uint8_t*)i = 0xcc;
  for (uint32_t i = 0x12f00; i < 0x12f10; ++i) *(volatile uint8_t*)i = 0xcc;
  // INT3 needs DPL 3.
  SetIdtGate(3, KERNEL_CODE32, (Word)event_entries[3], 0xee, 0);
  SetIdtGate(4, KERNEL_CODE32, (Word)event_entries[4], 0xee, 0);
  SetIdtGate(0x21, KERNEL_CODE32, (Word)event_entries[0x21], 0xee, 0);
  tss.io_bits[0x90 / 8] = 0xfe;
  Print("IOPL 0\n");
  AllCode();
  Print("IOPL 3\n");
  v86_flags = 0x23202;
  AllCode();
  Print("gates\n");
  SetIdtGate(0x21, KERNEL_CODE32, (Word)event_entries[0x21], 0x8e, 0);
  RUN("gate of DPL 0", 0xcd, 0x21);
  gdt[9] = Segment(0, 0xfffff, 0x9f, kBig | kGranular);
  SetIdtGate(0x21, 9 * 8, (Word)event_entries[0x21], 0xee, 0);
  RUN("gate to conforming code", 0xcd, 0x21);
  SetIdtGate(0x21, USER_CODE32, (Word)event_entries[0x21], 0xee, 0);
  RUN("gate to user code", 0xcd, 0x21);
  gdt[10] = Segment(0, 0xfffff, 0xbb, kBig | kGranular);
  SetIdtGate(0x21, 10 * 8, (Word)event_entries[0x21], 0xee, 0);
  RUN("gate to level 1", 0xcd, 0x21);
  SetIdtGate(6, 10 * 8, (Word)event_entries[6], 0x8e, 0);
  RUN("exception to level 1", 0x0f, 0x0b);
  ResetIdtGate(6);
  // Entry from a level that may not set VM: IRET leaves VM alone.
  TRY_USER("push $0x20202; push $0x23; push $1f; iret; 1: nop");
  Report("user iret with VM");
}
