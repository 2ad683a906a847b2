// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/system/bare_guest.h"

#include <stddef.h>

#define KERNEL_ACCESS(type, dpl) (0x80u | (dpl) << 5 | (type))

uint64_t gdt[GDT_ENTRIES] = {
    0,
    0x00cf9b000000ffff,  // KERNEL_CODE32
    0x00cf93000000ffff,  // KERNEL_DATA
    0x00af9b000000ffff,  // KERNEL_CODE64
    0x00cffb000000ffff,  // USER_CODE32
    0x00cff3000000ffff,  // USER_DATA
    0x00affb000000ffff,  // USER_CODE64
};
#ifdef __x86_64__
uint64_t idt[512];
#else
uint64_t idt[256];
#endif
struct Tss tss;
struct Caught caught;
Word try_begin, try_end, try_sp;
Word user_flags = 2, user_base, code_base;
bool (*on_event)(struct Frame* frame);
uint8_t user_stack[4096] __attribute__((aligned(4096)));
uint8_t event_stack[8192] __attribute__((aligned(16)));

// The compiler may call it.
void* memset(void* to, int value, size_t count) {
  uint8_t* bytes = to;
  for (size_t i = 0; i < count; ++i) {
    bytes[i] = (uint8_t)value;
    asm volatile("" : : : "memory");
  }
  return to;
}

static char held_text[32768];
static unsigned held_bytes;
static bool holding;

static void Send(char character) {
  while (!(InByte(0x3fd) & 0x20)) {
  }
  OutByte(0x3f8, (uint8_t)character);
}

void HoldOutput(void) { holding = true; }

void ReleaseOutput(void) {
  holding = false;
  for (unsigned i = 0; i < held_bytes; ++i) Send(held_text[i]);
  held_bytes = 0;
}

void Print(const char* text) {
  for (; *text; ++text) {
    if (!holding) {
      Send(*text);
    } else if (held_bytes < sizeof(held_text)) {
      held_text[held_bytes++] = *text;
    }
  }
}

void PrintHex(uint64_t value, int digits) {
  char text[17];
  for (int i = 0; i < digits; ++i)
    text[i] = "0123456789abcdef"[(value >> (4 * (digits - 1 - i))) & 15];
  text[digits] = 0;
  Print(text);
}

// Without leading zeros.
static void PrintNumber(uint64_t value) {
  int digits = 1;
  while (digits < 16 && value >> (4 * digits)) ++digits;
  PrintHex(value, digits);
}

void Begin(const char* name) {
  Print(name);
  Print(":");
}

void Value(const char* key, uint64_t value) {
  Print(" ");
  Print(key);
  Print("=");
  PrintNumber(value);
}

void End(void) { Print("\n"); }

void Line(const char* name, uint64_t value) {
  Begin(name);
  Print(" ");
  PrintNumber(value);
  End();
}

int HandleEvent(struct Frame* frame) {
  if (on_event && on_event(frame)) return 0;
  const bool inner = (frame->cs & 3) != 0;
  caught.vector = frame->vector;
  caught.error = frame->error;
  caught.ip = frame->ip;
  caught.cs = frame->cs;
  caught.flags = frame->flags;
#ifdef __x86_64__
  (void)inner;
  caught.sp = frame->sp;
  caught.ss = frame->ss;
#else
  const bool outer = inner || (frame->flags & kFlagVm);
  caught.sp = outer ? frame->sp : (Word)&frame->sp;
  caught.ss = outer ? frame->ss : KERNEL_DATA;
#endif
  caught.handler_sp = (Word)frame;
  caught.cr2 = ReadCr2();
  caught.dr6 = ReadDr6();
  return 1;
}

static bool HasError(Word vector) {
  return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
}

// An instruction pointer, in words that do not depend on the linker.
static void PrintPlace(Word ip) {
  if ((caught.cs & 3) == 3) ip -= user_base;
  ip += code_base;
  const Word offset = ip - try_begin;
  if (offset <= 0x200) {
    Print(" ip+");
    PrintNumber(offset);
  } else if (ip >= 0x100000 && ip < 0x200000) {
    Print(" ip far");
  } else {
    Value("ip", ip);
  }
}

void ReportOpen(const char* name) {
  Begin(name);
  if (caught.vector == kNone) {
    Print(" done");
    return;
  }
  Print(" #");
  PrintHex(caught.vector, 2);
  if (HasError(caught.vector)) {
    Print(" e=");
    PrintHex(caught.error, 4);
  }
  PrintPlace(caught.ip);
  Value("cs", caught.cs);
  Value("fl", caught.flags & ~(Word)kFlagRf);
  if (caught.flags & kFlagRf) Print(" rf");
  const bool user = (caught.cs & 3) == 3;
  const Word expected = user ? (Word)user_stack + 4096 + user_base : try_sp;
  if (!(caught.flags & kFlagVm) && caught.sp != expected) {
    const Word below = expected - caught.sp;
    const Word above = caught.sp - expected;
    if (below <= 0x400) {
      Print(" sp-");
      PrintNumber(below);
    } else if (above <= 0x400) {
      Print(" sp+");
      PrintNumber(above);
    } else {
      Print(" sp far");
    }
  }
  if (caught.vector == 14) Value("cr2", caught.cr2);
  if (caught.vector == 1) {
    Value("dr6", caught.dr6);
    WriteDr6(0);
  }
}

void Report(const char* name) {
  ReportOpen(name);
  End();
}

uint64_t Segment(uint32_t base, uint32_t limit, unsigned access,
                 unsigned flags) {
  return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
         (uint64_t)access << 40 | (uint64_t)((limit >> 16) & 15) << 48 |
         (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

uint64_t Gate(uint16_t selector, Word offset, unsigned access, unsigned count) {
  return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)count << 32 |
         (uint64_t)access << 40 | (uint64_t)((offset >> 16) & 0xffff) << 48;
}

void SetIdtGate(int vector, uint16_t selector, Word offset, unsigned access,
                unsigned ist) {
#ifdef __x86_64__
  idt[2 * vector] = Gate(selector, offset, access, ist);
  idt[2 * vector + 1] = offset >> 32;
#else
  idt[vector] = Gate(selector, offset, access, ist);
#endif
}

void ResetIdtGate(int vector) {
  SetIdtGate(vector, KERNEL_CODE, (Word)event_entries[vector],
             vector == LEAVE_VECTOR ? 0xee : 0x8e, 0);
}

void LoadIdt(uint16_t limit) {
  const struct TablePointer pointer = {limit, (Word)idt};
  asm volatile("lidt %0" : : "m"(pointer));
}

// Called by the entry code.
void PrepareTables(void) {
  for (int vector = 0; vector < 256; ++vector) ResetIdtGate(vector);
  LoadIdt(sizeof(idt) - 1);
  const Word top = (Word)event_stack + sizeof(event_stack);
#ifdef __x86_64__
  tss.rsp[0] = top;
#else
  tss.inner[0].esp = top;
  tss.inner[0].ss = KERNEL_DATA;
#endif
  tss.io_map = offsetof(struct Tss, io_bits);
  memset(tss.io_bits, 0xff, sizeof(tss.io_bits));
  gdt[TSS_SELECTOR / 8] =
      Segment((uint32_t)(Word)&tss, sizeof(tss) - 1, kPresent | kTss32Type, 0);
  asm volatile("ltr %0" : : "r"((uint16_t)TSS_SELECTOR));
}
