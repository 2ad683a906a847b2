// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The local APIC by its page, and when interrupts are taken: priorities, TPR,
// EOI, IPIs to self, NMI, the timer's modes, interrupt shadows.
// SDM vol. 3, 6.8 and chapter 10.
#include "tests/system/bare_guest.h"

enum {
  kId = 0x20,
  kTpr = 0x80,
  kPpr = 0xa0,
  kEoi = 0xb0,
  kLdr = 0xd0,
  kDfr = 0xe0,
  kSvr = 0xf0,
  kIsr = 0x100,
  kTmr = 0x180,
  kIrr = 0x200,
  kEsr = 0x280,
  kIcr = 0x300,
  kIcrHigh = 0x310,
  kLvtTimer = 0x320,
  kLvtThermal = 0x330,
  kLvtPerformance = 0x340,
  kLvtLint0 = 0x350,
  kLvtLint1 = 0x360,
  kLvtError = 0x370,
  kInitialCount = 0x380,
  kCurrentCount = 0x390,
  kDivide = 0x3e0,
};

static volatile uint32_t* const page = (volatile uint32_t*)0xfee00000;
static uint32_t Read(int reg) { return page[reg / 4]; }
static void Write(int reg, uint32_t value) { page[reg / 4] = value; }

static void SendSelf(unsigned command) {
  Write(kIcrHigh, Read(kId));
  Write(kIcr, command);
}

// Bits of a 256-bit register, as " 41 62".
static void PrintVectors(const char* name, int reg) {
  Print(" ");
  Print(name);
  Print("=");
  bool any = false;
  for (int vector = 0; vector < 256; ++vector) {
    if (!(Read(reg + vector / 32 * 16) >> vector % 32 & 1)) continue;
    if (any) Print(",");
    PrintHex(vector, 2);
    any = true;
  }
  if (!any) Print("-");
}

// What was delivered, in order.
static struct {
  uint8_t vector;
  uint16_t offset;
  uint32_t ppr;
} taken[32];
static unsigned taken_count;
static bool end_interrupts = true;
static bool reopen;  // let others in from within

static bool Take(struct Frame* frame) {
  if (frame->vector < 0x20 && frame->vector != 2) return false;
  if (frame->vector == LEAVE_VECTOR) return false;
  const unsigned i = taken_count++;
  if (i < 32) {
    taken[i].vector = (uint8_t)frame->vector;
    taken[i].offset = (uint16_t)(frame->ip - try_begin);
    taken[i].ppr = Read(kPpr);
  }
  if (reopen) asm volatile("sti; nop; cli");
  if (end_interrupts && frame->vector != 2 && frame->vector != 0xff)
    Write(kEoi, 0);
  return true;
}

static void PrintTaken(bool offsets) {
  Print(" taken=");
  for (unsigned i = 0; i < taken_count && i < 32; ++i) {
    if (i) Print(",");
    PrintHex(taken[i].vector, 2);
    if (offsets) {
      Print("+");
      PrintHex(taken[i].offset, 2);
    }
  }
  if (!taken_count) Print("-");
  taken_count = 0;
}

static void Priorities(void) {
  static const uint8_t kVectors[] = {0x41, 0x85, 0x62, 0x67, 0xf0, 0x81};
  for (int i = 0; i < 6; ++i) SendSelf(kVectors[i]);
  Begin("pending");
  PrintVectors("irr", kIrr);
  PrintVectors("isr", kIsr);
  Value("ppr", Read(kPpr));
  End();
  TRY("sti; nop; nop; cli");
  Begin("highest first");
  PrintTaken(false);
  PrintVectors("irr", kIrr);
  PrintVectors("isr", kIsr);
  End();
  for (unsigned tpr = 0x30; tpr < 0x100; tpr += 0x35) {
    for (int i = 0; i < 6; ++i) SendSelf(kVectors[i]);
    Write(kTpr, tpr);
    TRY("sti; nop; nop; cli");
    Begin("task priority");
    Value("tpr", Read(kTpr));
    Value("ppr", Read(kPpr));
    PrintTaken(false);
    PrintVectors("irr", kIrr);
    End();
    Write(kTpr, 0);
    TRY("sti; nop; nop; cli");
    taken_count = 0;
  }
  // Not ended: what is lower or of the same class waits.
  end_interrupts = false;
  SendSelf(0x62);
  TRY("sti; nop; nop; cli");
  SendSelf(0x67);
  SendSelf(0x41);
  SendSelf(0x71);
  SendSelf(0x62);
  TRY("sti; nop; nop; cli");
  Begin("in service");
  PrintTaken(false);
  PrintVectors("irr", kIrr);
  PrintVectors("isr", kIsr);
  Value("ppr", Read(kPpr));
  End();
  Write(kTpr, 0x7a);
  Line("ppr by tpr and isr", Read(kPpr));
  Write(kTpr, 0x65);
  Line("ppr by isr and tpr", Read(kPpr));
  Write(kTpr, 0);
  Write(kEoi, 0);
  Begin("after one EOI");
  PrintVectors("irr", kIrr);
  PrintVectors("isr", kIsr);
  End();
  Write(kEoi, 0);
  end_interrupts = true;
  TRY("sti; nop; nop; cli");
  Begin("after two");
  PrintTaken(false);
  PrintVectors("irr", kIrr);
  PrintVectors("isr", kIsr);
  End();
  Write(kEoi, 0);
  Begin("EOI of nothing");
  PrintVectors("isr", kIsr);
  End();
  // From within a handler only higher classes come in.
  reopen = true;
  SendSelf(0x55);
  SendSelf(0x51);
  SendSelf(0x91);
  TRY("sti; nop; nop; cli");
  Begin("nested");
  PrintTaken(false);
  End();
  reopen = false;
}

// After which instruction an interrupt that waits is taken.
static void Shadows(void) {
#define SHADOW(name, code)       \
  SendSelf(0x45);                \
  TRY(code "\ncli");             \
  Begin(name);                   \
  PrintTaken(true);              \
  PrintVectors("irr", kIrr);     \
  End();                         \
  asm volatile("sti; nop; cli"); \
  taken_count = 0

  SHADOW("sti, nop", "sti; nop; nop");
  SHADOW("sti, cli", "sti; cli; nop; nop");
  SHADOW("sti, sti, nop", "sti; sti; nop; nop");
  SHADOW("sti, mov ss", "mov %%ss, %%eax; sti; mov %%eax, %%ss; nop; nop");
  SHADOW("sti, pop ss", "push %%ss; sti; pop %%ss; nop; nop");
  SHADOW("sti, mov ss, mov ss",
         "mov %%ss, %%eax; sti; mov %%eax, %%ss; mov %%eax, %%ss; nop; nop");
  SHADOW("sti, mov ds", "mov %%ds, %%eax; sti; mov %%eax, %%ds; nop; nop");
  SHADOW("popf", "push $0x202; popf; nop; nop");
  SHADOW("iret", "push $0x202; push $8; push $1f; iret; 1: nop; nop");
  SHADOW("sti, popf without IF", "push $2; sti; popf; nop; nop");
  SHADOW("sti, jump", "sti; jmp 1f; nop; 1: nop; nop");
  SHADOW("sti, hlt", "sti; hlt; nop; nop");
  SHADOW("sti, int", "sti; int $0x46; nop; nop");
  SHADOW("no sti", "nop; nop");
  // TF and an interrupt at once: the step comes first.
  user_flags = 0x202;
  SendSelf(0x45);
  TRY_USER("nop; nop");
  Begin("into user code with IF");
  PrintTaken(true);
  End();
  user_flags = 2;
}

static void Nmis(void) {
  SendSelf(0x400);
  TRY("nop; nop");
  Begin("NMI to self");
  PrintTaken(false);
  End();
  SendSelf(0x4ff);
  TRY("nop");
  Begin("NMI has no vector");
  PrintTaken(false);
  PrintVectors("irr", kIrr);
  End();
}

// One NMI within another waits for IRET; more than one is one.
static unsigned depth, deepest;
static bool NmiHook(struct Frame* frame) {
  if (frame->vector != 2) return false;
  ++taken_count;
  if (++depth > deepest) deepest = depth;
  if (taken_count == 1) {
    SendSelf(0x400);
    SendSelf(0x400);
    asm volatile("nop; nop");
  }
  --depth;
  return true;
}

static void NestedNmis(void) {
  on_event = NmiHook;
  SendSelf(0x400);
  TRY("nop; nop");
  on_event = Take;
  Begin("NMI in its handler");
  Value("taken", taken_count);
  Value("depth", deepest);
  End();
  taken_count = 0;
}

static void Commands(void) {
  Write(kIcr, 0x40000 | 0x50);
  TRY("sti; nop; nop; cli");
  Begin("shorthand self");
  PrintTaken(false);
  End();
  Write(kIcr, 0x80000 | 0x51);
  TRY("sti; nop; nop; cli");
  Begin("shorthand all");
  PrintTaken(false);
  End();
  Write(kIcr, 0xc0000 | 0x52);
  TRY("sti; nop; nop; cli");
  Begin("shorthand all but self");
  PrintTaken(false);
  End();
  Write(kIcrHigh, 0xff000000);
  Write(kIcr, 0x53);
  TRY("sti; nop; nop; cli");
  Begin("physical broadcast");
  PrintTaken(false);
  End();
  Write(kIcrHigh, 0x05000000);
  Write(kIcr, 0x54);
  TRY("sti; nop; nop; cli");
  Begin("nobody");
  PrintTaken(false);
  End();
  Write(kDfr, 0xffffffff);
  Write(kLdr, 0x04000000);
  Write(kIcrHigh, 0x06000000);
  Write(kIcr, 0x855);
  TRY("sti; nop; nop; cli");
  Begin("flat logical, among others");
  PrintTaken(false);
  End();
  Write(kIcrHigh, 0x03000000);
  Write(kIcr, 0x856);
  TRY("sti; nop; nop; cli");
  Begin("flat logical, others");
  PrintTaken(false);
  End();
  Write(kDfr, 0x0fffffff);
  Write(kLdr, 0x24000000);
  Write(kIcrHigh, 0x2c000000);
  Write(kIcr, 0x857);
  TRY("sti; nop; nop; cli");
  Begin("cluster");
  PrintTaken(false);
  End();
  Write(kIcrHigh, 0x3c000000);
  Write(kIcr, 0x858);
  TRY("sti; nop; nop; cli");
  Begin("another cluster");
  PrintTaken(false);
  End();
  Write(kDfr, 0xffffffff);
  Write(kIcrHigh, Read(kId));
  Write(kIcr, 0x159);
  TRY("sti; nop; nop; cli");
  Begin("lowest priority");
  PrintTaken(false);
  End();
  Begin("ICR reads back");
  Write(kIcr, 0x40000 | 0x5a);
  TRY("sti; nop; nop; cli");
  taken_count = 0;
  Value("", Read(kIcr) & ~0x1000u);
  End();
}

static void Errors(void) {
  Write(kEsr, 0);
  Write(kIcr, 0x40000 | 5);
  Write(kEsr, 0);
  Line("ESR after an illegal vector", Read(kEsr));
  Write(kEsr, 0);
  Line("ESR again", Read(kEsr));
  Begin("IRR without it");
  PrintVectors("irr", kIrr);
  End();
  (void)Read(0x3f0);
  Write(kEsr, 0);
  Line("ESR after an illegal register", Read(kEsr));
  Write(kLvtError, 0x66);
  Write(kIcr, 0x40000 | 6);
  TRY("sti; nop; nop; cli");
  Begin("error interrupt");
  PrintTaken(false);
  End();
  Write(kLvtError, 0x10000);
  Write(kEsr, 0);
}

static void WaitForIrr(int vector) {
  for (int i = 0; i < 10000000; ++i) {
    if (Read(kIrr + vector / 32 * 16) >> vector % 32 & 1) return;
  }
}

static void Timer(void) {
  Write(kDivide, 0xb);
  Write(kLvtTimer, 0x10070);
  Write(kInitialCount, 1000);
  while (Read(kCurrentCount)) {
  }
  Begin("masked one-shot");
  PrintVectors("irr", kIrr);
  Value("initial", Read(kInitialCount));
  Value("current", Read(kCurrentCount));
  End();
  Write(kLvtTimer, 0x70);
  Begin("unmasking is too late");
  PrintVectors("irr", kIrr);
  End();
  Write(kInitialCount, 1000);
  WaitForIrr(0x70);
  Begin("one-shot");
  PrintVectors("irr", kIrr);
  Value("current", Read(kCurrentCount));
  End();
  TRY("sti; nop; nop; cli");
  Begin("one-shot is one");
  PrintTaken(false);
  for (volatile int i = 0; i < 1000; ++i) {
  }
  PrintVectors("irr", kIrr);
  End();
  Write(kLvtTimer, 0x20071);
  Write(kInitialCount, 20000);
  for (int i = 0; i < 3; ++i) {
    WaitForIrr(0x71);
    TRY("sti; nop; nop; cli");
  }
  Write(kInitialCount, 0);
  Begin("periodic");
  Value("at least three", taken_count >= 3);
  Value("vector", taken[0].vector);
  taken_count = 0;
  Value("current", Read(kCurrentCount));
  End();
  asm volatile("sti; nop; nop; cli");
  taken_count = 0;
  Write(kLvtTimer, 0x72);
  Write(kInitialCount, 5000);
  TRY("sti; hlt; cli");
  Begin("hlt until the timer");
  PrintTaken(true);
  End();
  static const uint8_t kDividers[] = {0, 1, 2, 3, 8, 9, 10, 11};
  Begin("dividers");
  for (int i = 0; i < 8; ++i) {
    Write(kDivide, kDividers[i] | 0xfff0);
    Print(" ");
    PrintHex(Read(kDivide), 1);
  }
  End();
  // A count that cannot end meanwhile: stopping clears it.
  Write(kDivide, 0);
  Write(kInitialCount, 0xffffffff);
  Line("counts", Read(kCurrentCount) != 0);
  Write(kInitialCount, 0);
  Line("stopped", Read(kCurrentCount));
}

static void Registers(void) {
  static const struct {
    const char* name;
    int reg;
  } kLocal[] = {
      {"LVT timer", kLvtTimer}, {"LVT performance", kLvtPerformance},
      {"LVT LINT0", kLvtLint0}, {"LVT LINT1", kLvtLint1},
      {"LVT error", kLvtError},
  };
  for (int i = 0; i < 5; ++i) {
    const uint32_t old = Read(kLocal[i].reg);
    // With mask and a legal vector, delivery fixed or ExtINT left out.
    Write(kLocal[i].reg, 0xfffbf8ff);
    Line(kLocal[i].name, Read(kLocal[i].reg) & ~0x5000u);
    Write(kLocal[i].reg, old | 0x10000);
  }
  Write(kTpr, 0xfffffff5);
  Line("TPR", Read(kTpr));
  Write(kTpr, 0);
  Write(kLdr, 0xffffffff);
  Line("LDR", Read(kLdr));
  Write(kDfr, 0);
  Line("DFR", Read(kDfr));
  Write(kDfr, 0xffffffff);
  // Software-disabled: the table is masked, IPIs are not taken.
  Write(kLvtTimer, 0x70);
  Write(kSvr, 0xff);
  Begin("software disabled");
  Value("timer", Read(kLvtTimer));
  Write(kLvtTimer, 0x70);
  Value("stays masked", Read(kLvtTimer));
  End();
  SendSelf(0x77);
  Begin("IPI while disabled");
  PrintVectors("irr", kIrr);
  End();
  Write(kSvr, 0x1ff);
  Begin("enabled again");
  Value("timer", Read(kLvtTimer));
  PrintVectors("irr", kIrr);
  End();
  Write(kLvtTimer, 0x10070);
  TRY("sti; nop; nop; cli");
  taken_count = 0;
}

void GuestMain(void) {
  on_event = Take;
  // Nothing from outside: LINT0 and LINT1 masked.
  Write(kLvtLint0, 0x10700);
  Write(kLvtLint1, 0x10400);
  Write(kSvr, 0x1ff);
  Priorities();
  Shadows();
  Nmis();
  NestedNmis();
  Commands();
  Timer();
  Registers();
  Errors();
}
