// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Task switches: by jump, call, gate, event and IRET, between 32-bit and
// 16-bit tasks, with what they save and load, and their faults.
// SDM vol. 3, chapter 7.
#include <stddef.h>

#include "tests/system/bare_guest.h"

enum {
  kTask = 9,  // the other task's TSS
  kTask16,
  kTaskGate,
  kLdt,
  kAbsentCode,
  kAbsentData,
  kUserTaskGate,
};

static struct Tss other;
static struct __attribute__((packed)) {
  uint16_t back_link, inner[6];
  uint16_t ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
} other16;
static uint8_t other_stack[4096] __attribute__((aligned(16)));
static uint64_t ldt[4];

// The other task: says what it found, then does as told. `int $0x30` is not
// used there, because the TRY belongs to the first task.
void OtherTask(void);
asm(".globl OtherTask\n"
    "OtherTask: mov %esp, found_esp; pushf; pop found_flags\n"
    "mov %eax, found_eax; mov %cr0, %eax; mov %eax, found_cr0\n"
    "str %eax; mov %eax, found_tr; sldt %eax; mov %eax, found_ldt\n"
    "mov %gs, %eax; mov %eax, found_gs; mov %dr7, %eax; mov %eax, found_dr7\n"
    "mov (%esp), %eax; mov %eax, found_error\n"
    "clts; mov $0x7777, %ecx; iret\n"
    // The next call goes on here.
    "mov $0x8888, %ecx; iret; jmp OtherTask\n");
void OtherTaskJumps(void);
asm(".globl OtherTaskJumps\n"
    "OtherTaskJumps: mov $0x9999, %ecx; clts; ljmp $0x38, $0\n");
// In 16-bit code at 0x3000.
extern uint8_t other_task16[];
asm(".globl other_task16; .code16\n"
    "other_task16: mov $0x6666, %cx; clts; iret; .code32\n");
uint32_t found_esp, found_flags, found_eax, found_cr0, found_tr, found_ldt,
    found_gs, found_dr7, found_error;

static void PrepareOther(Word eip) {
  for (unsigned i = 0; i < sizeof(other); ++i) ((uint8_t*)&other)[i] = 0;
  other.eip = eip;
  other.eflags = 0x8d7 & ~0x40;
  other.eax = 0xaaaa;
  other.esp = (Word)other_stack + sizeof(other_stack) - 16;
  other.cs = KERNEL_CODE32;
  other.ss = other.ds = other.es = KERNEL_DATA;
  other.fs = 0;
  other.gs = 0x2b;
  other.ldt = kLdt * 8;
  other.io_map = sizeof(other);
  gdt[kTask] = Segment((Word)&other, sizeof(other) - 1, 0x89, 0);
  gdt[kTask16] = Segment((Word)&other16, sizeof(other16) - 1, 0x81, 0);
  gdt[kTaskGate] = Gate(kTask * 8, 0, 0x85, 0);
  gdt[kUserTaskGate] = Gate(kTask * 8, 0, 0xe5, 0);
  gdt[kLdt] = Segment((Word)ldt, sizeof(ldt) - 1, 0x82, 0);
  gdt[kAbsentCode] = Segment(0, 0xfffff, 0x1b, kBig | kGranular);
  gdt[kAbsentData] = Segment(0, 0xfffff, 0x13, kBig | kGranular);
  // The first task is busy, and the only one.
  gdt[TSS_SELECTOR / 8] |= 2ull << 40;
}

static void Busy(void) {
  Value("busy", (gdt[TSS_SELECTOR / 8] >> 41 & 1) | (gdt[kTask] >> 40 & 2));
  Value("nt", (caught.flags >> 14) & 1);
}

static void ReportOther(const char* name) {
  ReportOpen(name);
  Value("esp", (Word)other_stack + sizeof(other_stack) - found_esp);
  Value("flags", found_flags);
  Value("eax", found_eax);
  Value("ts", (found_cr0 >> 3) & 1);
  Value("tr", found_tr);
  Value("ldt", found_ldt);
  Value("gs", found_gs);
  Value("dr7", found_dr7);
  Value("link", other.back_link);
  Value("saved ecx", other.ecx);
  Value("saved nt", (other.eflags >> 14) & 1);
  Busy();
  End();
}

static void Switches(void) {
  PrepareOther((Word)OtherTask);
  WriteDr7(0x455);
  TRY("mov $0x1111, %%ecx; lcall $0x48, $0; int $0x30", : : : "ecx");
  ReportOther("call of a task");
  WriteDr7(0x400);
  Begin("what the first task saved");
  Value("eip", tss.eip - try_begin);
  Value("eflags", tss.eflags);
  Value("ecx", tss.ecx);
  Value("esp", try_sp - tss.esp);
  Value("cs", tss.cs);
  Value("ss", tss.ss);
  Value("link", tss.back_link);
  End();
  TRY("mov $0x1111, %%ecx; lcall $0x48, $0; int $0x30", : : : "ecx");
  ReportOther("call of the task again");
  PrepareOther((Word)OtherTask);
  TRY("lcall $0x58, $0; int $0x30", : : : "ecx");
  ReportOther("call of a task gate");
  PrepareOther((Word)OtherTaskJumps);
  TRY("ljmp $0x48, $0; int $0x30", : : : "ecx");
  ReportOther("jump to a task that jumps back");
  PrepareOther((Word)OtherTaskJumps);
  TRY("ljmp $0x58, $0; int $0x30", : : : "ecx");
  ReportOther("jump to a task gate");
  PrepareOther((Word)OtherTask);
  SetIdtGate(0x40, kTask * 8, 0, 0x85, 0);
  TRY("int $0x40; int $0x30", : : : "ecx");
  ReportOther("int through a task gate");
  TRY_USER("int $0x40", : : : "ecx");
  Report("user int through a task gate of DPL 0");
  PrepareOther((Word)OtherTask);
  SetIdtGate(0x40, kTask * 8, 0, 0xe5, 0);
  TRY_USER("int $0x40; int $0x30", : : : "ecx");
  ReportOther("user int through a task gate");
  PrepareOther((Word)OtherTask);
  TRY_USER("lcall $0x7b, $0; int $0x30", : : : "ecx");
  ReportOther("user call of a task gate");
  TRY_USER("lcall $0x5b, $0", : : : "ecx");
  Report("user call of a task gate of DPL 0");
  TRY_USER("lcall $0x4b, $0", : : : "ecx");
  Report("user call of a TSS of DPL 0");
}

// An exception's task cannot simply return to the fault: it goes on elsewhere.
void FaultTask(void);
asm(".globl FaultTask\n"
    "FaultTask: pop found_error; mov %esp, found_esp; pushf; pop found_flags\n"
    "movl $0xc0de, tss + 40; mov try_end, %eax; mov %eax, tss + 32; clts; "
    "iret\n"
    "jmp FaultTask\n");

uint32_t saved_ebp;

static void Events(void) {
  PrepareOther((Word)FaultTask);
  SetIdtGate(13, kTask * 8, 0, 0x85, 0);
  Word eax = 0;
  TRY("mov $0x1234, %%eax; mov %%eax, %%es; nop; nop", : "=a"(eax));
  ReportOpen("a #GP handled by a task");
  Value("eax", eax);
  Value("error", found_error);
  Value("esp", (Word)other_stack + sizeof(other_stack) - found_esp);
  Value("nt", (found_flags >> 14) & 1);
  Value("rf", (tss.eflags >> 16) & 1);
  Busy();
  End();
  ResetIdtGate(13);
  // A double fault by a task gate: where the stack is bad.
  PrepareOther((Word)FaultTask);
  SetIdtGate(8, kTask * 8, 0, 0x85, 0);
  SetIdtGate(13, KERNEL_CODE32, 0, 0x0e, 0);
  TRY("mov $0x1234, %%eax; mov %%eax, %%es; nop; nop", : "=a"(eax));
  ReportOpen("a #DF handled by a task");
  Value("error", found_error);
  Busy();
  End();
  ResetIdtGate(8);
  ResetIdtGate(13);
  // Debug trap on entry.
  PrepareOther((Word)OtherTask);
  other.trap = 1;
  // It comes in the other task, whose registers are then left here.
  asm volatile("mov %%ebp, saved_ebp" : : : "memory");
  TRY("lcall $0x48, $0; int $0x30",
      :
      :
      : "eax", "ebx", "ecx", "edx", "esi", "edi");
  asm volatile("mov saved_ebp, %%ebp" : : : "memory");
  ReportOpen("trap on task switch");
  Busy();
  End();
  gdt[TSS_SELECTOR / 8] &= ~(2ull << 40);
  asm volatile("ltr %w0; clts" : : "r"(TSS_SELECTOR));
}

// What is refused before the switch.
static void Refused(void) {
  PrepareOther((Word)OtherTask);
  TRY("lcall $0x38, $0");
  Report("call of the current task");
  gdt[kTask] |= 2ull << 40;
  TRY("lcall $0x48, $0");
  Report("call of a busy task");
  TRY("ljmp $0x58, $0");
  Report("jump to a gate to a busy task");
  gdt[kTask] = Segment((Word)&other, sizeof(other) - 1, 0x09, 0);
  TRY("ljmp $0x48, $0");
  Report("absent task");
  TRY("ljmp $0x58, $0");
  Report("gate to an absent task");
  gdt[kTask] = Segment((Word)&other, 0x66, 0x89, 0);
  TRY("ljmp $0x48, $0");
  Report("short task");
  gdt[kTaskGate] = Gate(kTask * 8, 0, 0x05, 0);
  TRY("ljmp $0x58, $0");
  Report("absent task gate");
  gdt[kTaskGate] = Gate(KERNEL_DATA, 0, 0x85, 0);
  TRY("ljmp $0x58, $0");
  Report("task gate to data");
  gdt[kTaskGate] = Gate(0, 0, 0x85, 0);
  TRY("ljmp $0x58, $0");
  Report("task gate to null");
  gdt[kTaskGate] = Gate(0xfff8, 0, 0x85, 0);
  TRY("ljmp $0x58, $0");
  Report("task gate to the GDT's end");
  gdt[kTaskGate] = Gate(0x4c, 0, 0x85, 0);
  TRY("ljmp $0x58, $0");
  Report("task gate to the LDT");
  SetIdtGate(0x40, KERNEL_DATA, 0, 0x85, 0);
  TRY("int $0x40");
  Report("IDT task gate to data");
  SetIdtGate(6, 0xfff8, 0, 0x85, 0);
  TRY("ud2");
  Report("IDT task gate to the GDT's end, for #UD");
  ResetIdtGate(6);
  // IRET with NT and bad links.
  static const uint16_t kLinks[] = {0,         KERNEL_DATA, TSS_SELECTOR,
                                    kTask * 8, 0xfff8,      0x4c};
  gdt[kTask] = Segment((Word)&other, sizeof(other) - 1, 0x89, 0);
  for (unsigned i = 0; i < sizeof(kLinks) / 2; ++i) {
    if (kLinks[i] == TSS_SELECTOR) continue;
    tss.back_link = kLinks[i];
    TRY("push $0x4002; popf; iret");
    ReportOpen("iret to link");
    Value("link", kLinks[i]);
    End();
  }
}

// Handles what goes wrong while a task is loaded: tells its vector, the link
// (whose fault is it?) and the error code, and gives up that task.
static struct Tss handlers[4];
uint32_t found_tss_of_vector[14];
enum { kHandlers = 20 };
uint32_t found_vector, found_link;
void HandlerTask(void);
asm(".globl HandlerTask\n"
    "HandlerTask: pop found_error; mov %eax, found_vector\n"
    "mov found_tss_of_vector(, %eax, 4), %eax; movzwl (%eax), %eax\n"
    "mov %eax, found_link\n"
    "andb $~2, gdt + 0x38 + 5; clts; ljmp $0x38, $0\n");

static void PrepareHandlers(void) {
  for (int i = 0; i < 4; ++i) {
    struct Tss* const handler = &handlers[i];
    found_tss_of_vector[10 + i] = (Word)handler;
    handler->eip = (Word)HandlerTask;
    handler->eflags = 2;
    handler->eax = 10u + (unsigned)i;
    handler->esp = (Word)event_stack + sizeof(event_stack);
    handler->cs = KERNEL_CODE32;
    handler->ss = handler->ds = handler->es = KERNEL_DATA;
    gdt[kHandlers + i] = Segment((Word)handler, sizeof(*handler) - 1, 0x89, 0);
    SetIdtGate(10 + i, (uint16_t)((kHandlers + i) * 8), 0, 0x85, 0);
  }
}

// What is refused when the new task is loaded: its own fault.
static void Loading(void) {
  static const struct {
    const char* name;
    unsigned field;
    uint32_t value;
  } kBad[] = {
      {"nothing", offsetof(struct Tss, gs), 0x2b},
      {"cs null", offsetof(struct Tss, cs), 0},
      {"cs data", offsetof(struct Tss, cs), KERNEL_DATA},
      {"cs absent", offsetof(struct Tss, cs), kAbsentCode * 8},
      {"cs of user with RPL 0", offsetof(struct Tss, cs), USER_CODE32 & ~3},
      {"cs of the kernel with RPL 3", offsetof(struct Tss, cs), 0x0b},
      {"cs beyond the GDT", offsetof(struct Tss, cs), 0xfff8},
      {"ss null", offsetof(struct Tss, ss), 0},
      {"ss code", offsetof(struct Tss, ss), KERNEL_CODE32},
      {"ss absent", offsetof(struct Tss, ss), kAbsentData * 8},
      {"ss of user", offsetof(struct Tss, ss), USER_DATA},
      {"ds system", offsetof(struct Tss, ds), TSS_SELECTOR},
      {"ds absent", offsetof(struct Tss, ds), kAbsentData * 8},
      {"ds beyond the GDT", offsetof(struct Tss, ds), 0xfff8},
      {"fs absent", offsetof(struct Tss, fs), kAbsentData * 8},
      {"ldt data", offsetof(struct Tss, ldt), KERNEL_DATA},
      {"ldt beyond the GDT", offsetof(struct Tss, ldt), 0xfff8},
      {"ldt in the ldt", offsetof(struct Tss, ldt), kLdt * 8 + 4},
  };
  for (unsigned i = 0; i < sizeof(kBad) / sizeof(kBad[0]); ++i) {
    PrepareOther((Word)OtherTask);
    PrepareHandlers();
    *(uint32_t*)((uint8_t*)&other + kBad[i].field) = kBad[i].value;
    found_vector = found_error = found_link = 0;
    TRY("lcall $0x48, $0; int $0x30", : : : "ecx");
    Print("bad task, ");
    ReportOpen(kBad[i].name);
    Value("vector", found_vector);
    Value("error", found_error);
    Value("link", found_link);
    Value("saved eip", other.eip - (Word)OtherTask);
    Value("saved cs", other.cs & 0xffff);
    Value("saved ss", other.ss & 0xffff);
    Value("saved ds", other.ds & 0xffff);
    Busy();
    End();
  }
  for (int i = 10; i < 14; ++i) ResetIdtGate(i);
}

static void SixteenBit(void) {
  static uint8_t* const low = (uint8_t*)0x3000;
  PrepareOther((Word)OtherTask);
  gdt[40] = Segment(0, 0xffff, 0x9b, 0);
  for (int i = 0; i < 16; ++i) low[i] = other_task16[i];
  other16.ip = 0x3000;
  other16.flags = 2;
  other16.ax = 0x5555;
  other16.sp = 0x4000;
  other16.cs = 40 * 8;
  other16.ss = other16.ds = other16.es = KERNEL_DATA;
  other16.ldt = 0;
  Word eax = 0, ecx = 0;
  TRY("mov $0x12345678, %%ecx; lcall $0x50, $0; int $0x30",
      : "=a"(eax), "=c"(ecx));
  ReportOpen("call of a 16-bit task");
  Value("ecx", ecx);
  Value("link", other16.back_link);
  Value("saved cx", other16.cx);
  Value("saved ip", other16.ip);
  Value("saved cs", other16.cs);
  End();
  gdt[kTask16] = Segment((Word)&other16, 0x2a, 0x81, 0);
  TRY("lcall $0x50, $0; int $0x30");
  Report("short 16-bit task");
}

void GuestMain(void) {
  tss.cs = KERNEL_CODE32;
  Switches();
  Events();
  Refused();
  Loading();
  SixteenBit();
}
