// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Single steps, debug registers, general detect, shadows and RF in 64-bit
// mode. SDM vol. 3, chapter 17.
#include "tests/system/bare_guest.h"

// Events of one TRY, which all go on but the last.
static struct { Word vector, ip, dr6, flags; } events[24];
static unsigned event_count;
static bool set_resume_flag = true;

static bool Record(struct Frame* frame) {
  if (frame->vector == LEAVE_VECTOR) return false;
  if (event_count < 24) {
    events[event_count].vector = frame->vector;
    events[event_count].ip = frame->ip - user_base;
    events[event_count].dr6 = ReadDr6();
    events[event_count].flags = frame->flags;
  }
  ++event_count;
  WriteDr6(0xffff0ff0);
  if (frame->vector != 1 || event_count > 24) return false;
  // A breakpoint on execution has to be let through.
  const bool breakpoint = events[event_count - 1].dr6 & 15;
  if (set_resume_flag && breakpoint) frame->flags |= kFlagRf;
  return true;
}

static void PrintEvents(const char* name) {
  Begin(name);
  for (unsigned i = 0; i < event_count && i < 24; ++i) {
    Print(" ");
    if (events[i].vector != 1) {
      Print("#");
      PrintHex(events[i].vector, 2);
    }
    const Word offset = events[i].ip - try_begin;
    Print("+");
    PrintHex(offset, offset < 0x100 ? 2 : 4);
    Print("/");
    PrintHex(events[i].dr6 & 0xe00f, 4);
    if (events[i].flags & kFlagTf) Print("t");
    if (events[i].flags & kFlagRf) Print(" rf");
  }
  End();
  event_count = 0;
}

#define STEP_ON "pushf; orl $0x100, (%%rsp); popf\n"
#define STEP_OFF "\npushf; andl $~0x100, (%%rsp); popf\n"

static uint8_t data[64] __attribute__((aligned(64)));

static void Steps(void) {
  TRY(STEP_ON "nop; nop" STEP_OFF);
  PrintEvents("steps");
  TRY(STEP_ON "jmp 1f; nop; 1: call 2f; jmp 3f; 2: ret; 3:" STEP_OFF);
  PrintEvents("steps over branches");
  TRY(STEP_ON
      "mov $3, %%ecx; mov %0, %%rdi; mov %%rdi, %%rsi; rep movsb" STEP_OFF,
      :
      : "r"(data)
      : "rcx", "rdi", "rsi");
  PrintEvents("steps of iterations");
  TRY(STEP_ON "xor %%ecx, %%ecx; rep stosb" STEP_OFF, : : : "rcx");
  PrintEvents("steps of no iteration");
  TRY(STEP_ON "mov %%ss, %%eax; mov %%eax, %%ss; nop; nop" STEP_OFF,
      :
      :
      : "rax");
  PrintEvents("steps over mov ss");
  TRY(STEP_ON "mov %%ss, %%eax; mov %%eax, %%ss; mov %%eax, %%ss; nop" STEP_OFF,
      :
      :
      : "rax");
  PrintEvents("steps over two mov ss");
  TRY(STEP_ON "sti; nop; cli" STEP_OFF);
  PrintEvents("steps over sti");
  TRY(STEP_ON "ud2");
  PrintEvents("steps into a fault");
  TRY(STEP_ON "int3");
  PrintEvents("steps into int3");
  TRY(STEP_ON ".byte 0xf1; nop" STEP_OFF);
  PrintEvents("steps over int1");
  TRY(STEP_ON "cpuid; mov $0x10, %%ecx; rdmsr" STEP_OFF,
      :
      :
      : "rax", "rbx", "rcx", "rdx");
  PrintEvents("steps over system instructions");
  TRY(STEP_ON "in $0x80, %%al; out %%al, $0x80" STEP_OFF, : : : "rax");
  PrintEvents("steps over ports");
  TRY("push $0x10; mov %%rsp, %%rax; push %%rax; push $0x102; push $0x18; push "
      "$1f; iretq; nop; 1: nop; nop" STEP_OFF "pop %%rax",
      :
      :
      : "rax");
  PrintEvents("iretq sets TF");
  TRY(STEP_ON
      "push $0x10; lea 8(%%rsp), %%rax; push %%rax; push $2; push $0x18; push "
      "$1f; iretq; nop; 1: nop",
      :
      :
      : "rax");
  PrintEvents("iretq clears TF");
  TRY(STEP_ON "pushf; pop %%rax" STEP_OFF, : : : "rax");
  PrintEvents("steps over pushf");
  Word flags = 0;
  TRY("pushf; orl $0x100, (%%rsp); popf; pushf; pop %0" STEP_OFF,
      : "=r"(flags));
  PrintEvents("pushf sees TF");
  Line("TF", (flags >> 8) & 1);
  user_flags = 0x102;
  TRY_USER("nop; nop");
  PrintEvents("user steps");
  user_flags = 2;
}

// DR7 for breakpoint `i`: type 0 execution, 1 write, 2 I/O, 3 access; length
// as coded.
static Word Enable(int i, unsigned type, unsigned length) {
  return 0x400 | 2u << (2 * i) | (Word)(type | length << 2) << (16 + 4 * i);
}

static void Execution(void) {
  WriteDr7(0x400);
  asm volatile("mov $1f, %%rax; mov %%rax, %%dr0; jmp 2f; 1: nop; ret; 2:"
               :
               :
               : "rax");
  WriteDr7(Enable(0, 0, 0));
  TRY("mov %%dr0, %%rax; call *%%rax", : : : "rax");
  Begin("execution breakpoint");
  Print(event_count == 1 && events[0].ip == ReadDr0() ? " hit once" : " wrong");
  Value("dr6", events[0].dr6);
  Value("rf", (events[0].flags >> 16) & 1);
  End();
  event_count = 0;
  // Without RF it hits until the log is full.
  set_resume_flag = false;
  TRY("mov %%dr0, %%rax; call *%%rax", : : : "rax");
  Begin("execution breakpoint without RF");
  Value("hits", event_count);
  End();
  event_count = 0;
  set_resume_flag = true;
  // Single steps and the breakpoint.
  TRY(STEP_ON "mov %%dr0, %%rax; call *%%rax" STEP_OFF, : : : "rax");
  Begin("execution breakpoint and steps");
  for (unsigned i = 0; i < event_count; ++i) {
    Print(events[i].ip == ReadDr0() ? " at/" : " /");
    PrintHex(events[i].dr6 & 0xe00f, 4);
  }
  End();
  event_count = 0;
  // MOV SS holds it back, so that it does not hit at all.
  asm volatile("mov $1f, %%rax; mov %%rax, %%dr0; jmp 2f; 1: nop; ret; 2:"
               :
               :
               : "rax");
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; mov %%ss, %%eax; mov %%eax, %%ss; 1: "
      "nop; nop",
      :
      :
      : "rax");
  PrintEvents("execution breakpoint behind mov ss");
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; sti; 1: nop; cli", : : : "rax");
  PrintEvents("execution breakpoint behind sti");
  // A breakpoint on REP hits once, not at each iteration.
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; mov $3, %%ecx; mov %0, %%rdi; 1: rep "
      "stosb",
      :
      : "r"(data)
      : "rax", "rcx", "rdi");
  PrintEvents("execution breakpoint on rep");
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; 1: ud2", : : : "rax");
  PrintEvents("execution breakpoint on a fault");
  TRY("mov $1f + 1, %%rax; mov %%rax, %%dr0; 1: mov $1, %%eax", : : : "rax");
  PrintEvents("execution breakpoint in the middle");
  // Two at one place; one of them not enabled.
  WriteDr7(Enable(0, 0, 0) | Enable(2, 0, 0));
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; mov %%rax, %%dr1; mov %%rax, %%dr2; "
      "1: nop",
      :
      :
      : "rax");
  Begin("two execution breakpoints");
  Value("dr6", events[0].dr6 & 0xd);
  Value("events", event_count);
  End();
  event_count = 0;
  WriteDr7(0x401);
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; 1: nop", : : : "rax");
  PrintEvents("local enable");
  WriteDr7(0x400);
  TRY("mov $1f, %%rax; mov %%rax, %%dr0; 1: nop", : : : "rax");
  PrintEvents("not enabled");
}

static void Data(void) {
  static const struct {
    const char* name;
    unsigned type, length, offset;
  } kWatches[] = {
      {"write of 1", 1, 0, 8},  {"write of 2", 1, 1, 8},
      {"write of 4", 1, 3, 8},  {"write of 8", 1, 2, 8},
      {"access of 4", 3, 3, 8}, {"misaligned 4", 1, 3, 10},
  };
  static const char kSizes[] = {1, 2, 4, 8};
  for (unsigned w = 0; w < sizeof(kWatches) / sizeof(kWatches[0]); ++w) {
    WriteDr1((Word)data + kWatches[w].offset);
    WriteDr7(Enable(1, kWatches[w].type, kWatches[w].length));
    for (int write = 0; write < 2; ++write) {
      for (int s = 0; s < 4; ++s) {
        Word hits = 0;
        for (unsigned at = 0; at < 24; ++at) {
          volatile void* const p = data + at;
          switch (kSizes[s] | write << 8) {
            case 1:
              TRY("movb (%0), %%al", : : "r"(p) : "rax");
              break;
            case 2:
              TRY("movw (%0), %%ax", : : "r"(p) : "rax");
              break;
            case 4:
              TRY("movl (%0), %%eax", : : "r"(p) : "rax");
              break;
            case 8:
              TRY("movq (%0), %%rax", : : "r"(p) : "rax");
              break;
            case 0x101:
              TRY("movb $0, (%0)", : : "r"(p));
              break;
            case 0x102:
              TRY("movw $0, (%0)", : : "r"(p));
              break;
            case 0x104:
              TRY("movl $0, (%0)", : : "r"(p));
              break;
            case 0x108:
              TRY("movq $0, (%0)", : : "r"(p));
              break;
          }
          if (event_count) hits |= 1ul << at;
          event_count = 0;
        }
        Print("watch ");
        Print(kWatches[w].name);
        Print(write ? ", write of " : ", read of ");
        PrintHex(kSizes[s], 1);
        Print(" hits at");
        Line("", hits);
      }
    }
  }
  WriteDr1((Word)data + 8);
  WriteDr7(Enable(1, 1, 3));
  TRY("movl $1, 8(%0); nop", : : "r"(data));
  PrintEvents("trap behind the store");
  TRY("movl $1, 8(%0); ud2", : : "r"(data));
  PrintEvents("store, then fault");
  TRY("addl $1, 8(%0); nop", : : "r"(data));
  PrintEvents("modify");
  TRY("mov %%ss, %%eax; mov %%eax, %%ss; movl $1, 8(%0); nop",
      :
      : "r"(data)
      : "rax");
  PrintEvents("store behind mov ss");
  TRY("lea 16(%0), %%rax; xchg %%rax, %%rsp; push $0x11; push $0x22; xchg "
      "%%rax, %%rsp",
      :
      : "r"(data)
      : "rax");
  PrintEvents("push");
  TRY("mov $16, %%ecx; mov %0, %%rdi; rep stosb", : : "r"(data) : "rcx", "rdi");
  PrintEvents("string store");
  TRY("mov $4, %%ecx; mov %0, %%rdi; rep stosl", : : "r"(data) : "rcx", "rdi");
  PrintEvents("string store of words");
  TRY("movups %%xmm0, (%0); nop", : : "r"(data));
  PrintEvents("sixteen bytes");
  TRY("fnstcw 8(%0); nop", : : "r"(data));
  PrintEvents("fnstcw");
  TRY("cmpl $1, 8(%0); nop", : : "r"(data));
  PrintEvents("compare does not write");
  TRY("lock; cmpxchg %%ecx, 8(%0); nop", : : "r"(data) : "rax");
  PrintEvents("cmpxchg that fails");
  TRY(STEP_ON "movl $1, 8(%0)" STEP_OFF, : : "r"(data));
  PrintEvents("store and step");
  WriteDr7(Enable(1, 3, 3));
  TRY("movl 8(%0), %%ecx; nop", : : "r"(data) : "rcx");
  PrintEvents("trap behind the load");
  TRY("movl 8(%0), %%ecx; movl 8(%0), %%ecx", : : "r"(data) : "rcx");
  PrintEvents("two loads");
  TRY("push 8(%0); pop %%rcx", : : "r"(data) : "rcx");
  PrintEvents("push of memory");
  TRY("fldl 8(%0); fstp %%st", : : "r"(data));
  PrintEvents("fld");
  TRY("prefetcht0 8(%0); lea 8(%0), %%rcx", : : "r"(data) : "rcx");
  PrintEvents("hints do not access");
  WriteDr2((Word)data + 8);
  WriteDr7(Enable(1, 1, 3) | Enable(2, 3, 0));
  TRY("movl $1, 8(%0); nop", : : "r"(data));
  PrintEvents("two watches");
  // User code, kernel watch.
  WriteDr7(Enable(1, 1, 3));
  TRY_USER("movl $1, 8(%0)", : : "r"(data));
  PrintEvents("user store");
  WriteDr7(0x400);
}

static void Ports(void) {
  const Word cr4 = ReadCr4();
  WriteCr4(cr4 | 8);
  WriteDr3(0x80);
  WriteDr7(Enable(3, 2, 0));
  TRY("in $0x80, %%al; nop", : : : "rax");
  PrintEvents("port read");
  TRY("out %%al, $0x80; nop");
  PrintEvents("port write");
  TRY("out %%al, $0x81; nop");
  PrintEvents("another port");
  WriteDr7(Enable(3, 2, 3));
  TRY("mov $0x82, %%edx; out %%ax, %%dx; nop", : : : "rdx");
  PrintEvents("port within four");
  TRY("mov $0x7f, %%edx; out %%ax, %%dx; nop", : : : "rdx");
  PrintEvents("two ports, the second watched");
  TRY("mov $0x84, %%edx; out %%ax, %%dx; nop", : : : "rdx");
  PrintEvents("port behind four");
  TRY("mov $0x80, %%edx; mov %0, %%rsi; mov $2, %%ecx; rep outsb",
      :
      : "r"(data)
      : "rcx", "rdx", "rsi");
  PrintEvents("port strings");
  // Memory at that address is no port.
  WriteDr3((Word)data + 8);
  WriteDr7(Enable(3, 2, 3));
  TRY("movl $1, 8(%0); nop", : : "r"(data));
  PrintEvents("memory is no port");
  WriteDr7(0x400);
  WriteCr4(cr4);
}

static void Registers(void) {
  const Word cr4 = ReadCr4();
  WriteDr7(0x400);
  WriteDr6(0);
  Line("dr6 of zeros", ReadDr6());
  WriteDr6(0xffffffff);
  Line("dr6 of ones", ReadDr6());
  WriteDr6(0);
  WriteDr7(0);
  Line("dr7 of zeros", ReadDr7());
  // All but enables and GD, whose effects would be felt.
  WriteDr7(0xffffdf00);
  Line("dr7 of ones", ReadDr7());
  WriteDr7(0x400);
  TRY("mov $0x100000000, %%rax; mov %%rax, %%dr6", : : : "rax");
  PrintEvents("dr6 of 33 bits");
  TRY("mov $0x100000000, %%rax; mov %%rax, %%dr7", : : : "rax");
  PrintEvents("dr7 of 33 bits");
  TRY("mov $0x8000000000000000, %%rax; mov %%rax, %%dr0; mov %%dr0, %%rcx",
      :
      :
      : "rax", "rcx");
  PrintEvents("dr0 of 64 bits");
  Line("dr0", ReadDr0());
  WriteCr4(cr4 & ~8ul);
  TRY("mov %%dr4, %%rax; mov %%dr5, %%rcx", : : : "rax", "rcx");
  PrintEvents("dr4 and dr5 without DE");
  WriteCr4(cr4 | 8);
  TRY("mov %%dr4, %%rax", : : : "rax");
  PrintEvents("dr4 with DE");
  TRY("mov %%rax, %%dr5");
  PrintEvents("dr5 with DE");
  WriteCr4(cr4);
  TRY(".byte 0x44, 0x0f, 0x21, 0xc0", : : : "rax");
  PrintEvents("dr8");
  // General detect: a fault before the access; the handler may access.
  set_resume_flag = false;
  WriteDr7(0x2400);
  TRY("nop; mov %%dr0, %%rax; nop", : : : "rax");
  PrintEvents("general detect on read");
  Line("GD inside", (ReadDr7() >> 13) & 1);
  WriteDr7(0x2400);
  TRY("mov %%rax, %%dr6; nop");
  PrintEvents("general detect on write");
  WriteDr7(0x400);
  set_resume_flag = true;
}

void GuestMain(void) {
  on_event = Record;
  WriteDr6(0);
  WriteCr4(ReadCr4() | 0x600);
  Steps();
  Execution();
  Data();
  Ports();
  Registers();
}
