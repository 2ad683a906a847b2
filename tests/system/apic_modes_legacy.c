// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The local APIC as a whole: its LINT0 pin in all delivery modes (the 8259
// pair drives it, with the serial port at input 4), the TSC-deadline timer,
// disabling and enabling by IA32_APIC_BASE, and x2APIC mode.
// SDM vol. 3, 10.4.3, 10.5.1, 10.5.4.1, 10.12.
#include "tests/system/bare_guest.h"

enum {
  kTpr = 0x80,
  kEoi = 0xb0,
  kSvr = 0xf0,
  kLvtTimer = 0x320,
  kLvtLint0 = 0x350,
  kLvtLint1 = 0x360,
  kInitialCount = 0x380,
  kMsrTscDeadline = 0x6e0,
  kBootstrap = 0x100,
  kX2Apic = 0x400,
  kEnable = 0x800,
};

static volatile uint32_t* const page = (volatile uint32_t*)0xfee00000;
static uint32_t Read(int reg) { return page[reg / 4]; }
static void Write(int reg, uint32_t value) { page[reg / 4] = value; }

static uint8_t taken[16];
static unsigned taken_count;
static bool x2apic, ends_apic;
static bool Take(struct Frame* frame) {
  if ((frame->vector < 0x20 && frame->vector != 2) ||
      frame->vector == LEAVE_VECTOR)
    return false;
  if (taken_count < 16) taken[taken_count] = (uint8_t)frame->vector;
  ++taken_count;
  if (frame->vector >= 0x50 && frame->vector < 0x58) {
    OutByte(0x20, 0x20);
  } else if (ends_apic && frame->vector != 2) {
    if (x2apic) {
      WriteMsr(0x80b, 0);
    } else {
      Write(kEoi, 0);
    }
  }
  return true;
}

static void PrintTaken(void) {
  Print(" taken=");
  for (unsigned i = 0; i < taken_count && i < 16; ++i) {
    if (i) Print(",");
    PrintHex(taken[i], 2);
  }
  if (!taken_count) Print("-");
  taken_count = 0;
}
#define OPEN() TRY("sti; nop; nop; nop; cli")

static void RaiseSerial(void) {
  OutByte(0x3fc, 0x0b);
  OutByte(0x3f9, 0);
  OutByte(0x3f9, 2);
}
static void LowerSerial(void) {
  (void)InByte(0x3fa);
  OutByte(0x3f9, 0);
}

static void Lint0(void) {
  OutByte(0x20, 0x11);
  OutByte(0x21, 0x50);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  OutByte(0x21, 0xef);
  LowerSerial();
  static const struct {
    const char* name;
    uint32_t entry;
  } kEntries[] = {
      {"LINT0 masked", 0x10700},
      {"LINT0 as ExtINT", 0x700},
      {"LINT0 fixed, an edge", 0x75},
      {"LINT0 as NMI", 0x400},
  };
  for (unsigned i = 0; i < sizeof(kEntries) / sizeof(kEntries[0]); ++i) {
    Write(kLvtLint0, kEntries[i].entry);
    ends_apic = true;
    RaiseSerial();
    OPEN();
    OPEN();
    Begin(kEntries[i].name);
    PrintTaken();
    LowerSerial();
    Value("entry", Read(kLvtLint0));
    End();
    OutByte(0x20, 0x20);
  }
  // A level asks again after EOI, as long as it lasts.
  ends_apic = false;
  Write(kLvtLint0, 0x8076);
  RaiseSerial();
  OPEN();
  OPEN();
  Begin("LINT0 fixed, a level");
  PrintTaken();
  Value("entry", Read(kLvtLint0));
  Write(kEoi, 0);
  OPEN();
  Print(" again");
  PrintTaken();
  LowerSerial();
  Write(kEoi, 0);
  OPEN();
  Print(" gone");
  PrintTaken();
  Value("entry", Read(kLvtLint0));
  End();
  ends_apic = true;
  Write(kLvtLint0, 0x10700);
  OutByte(0x21, 0xff);
}

static bool CpuidBit(bool ecx, int bit) {
  uint32_t eax = 1, ebx, c = 0, d;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(c), "=d"(d));
  return ((ecx ? c : d) >> bit) & 1;
}

static uint64_t ReadTsc(void) {
  uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static void Deadline(void) {
  const bool there = CpuidBit(true, 24);
  Line("TSC deadline", there);
  if (!there) {
    for (int i = 0; i < 5; ++i) Line("deadline not there", i);
    return;
  }
  Write(kLvtTimer, 0x10070);
  WriteMsr(kMsrTscDeadline, 1);
  Line("deadline in another mode", ReadMsr(kMsrTscDeadline));
  Write(kLvtTimer, 0x40070);
  const uint64_t deadline = ReadTsc() + 100000;
  WriteMsr(kMsrTscDeadline, deadline);
  Line("deadline is kept", ReadMsr(kMsrTscDeadline) == deadline);
  TRY("sti; hlt; cli");
  Begin("deadline comes");
  PrintTaken();
  Value("in time", ReadTsc() >= deadline);
  Value("then", ReadMsr(kMsrTscDeadline));
  End();
  WriteMsr(kMsrTscDeadline, 1);
  OPEN();
  Begin("deadline of the past");
  PrintTaken();
  Value("then", ReadMsr(kMsrTscDeadline));
  End();
  WriteMsr(kMsrTscDeadline, ~0ull);
  WriteMsr(kMsrTscDeadline, 0);
  Write(kInitialCount, 5);
  OPEN();
  Begin("deadline taken back");
  PrintTaken();
  Value("initial", Read(kInitialCount));
  End();
  Write(kLvtTimer, 0x10070);
}

static uint64_t base;

// Writes IA32_APIC_BASE with other mode bits and says what became of it.
static void ChangeMode(const char* name, unsigned bits) {
  const uint64_t value = (base & ~0xc00ull) | bits;
  TRY("wrmsr",
      :
      : "c"(kMsrApicBase), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
  ReportOpen(name);
  Value("mode", ReadMsr(kMsrApicBase) & 0xf00);
  End();
}

static void Disable(void) {
  Write(kTpr, 0x30);
  Write(kLvtLint0, 0x700);
  Line("APIC in CPUID", CpuidBit(false, 9));
  ChangeMode("globally disabled", 0);
  Line("APIC in CPUID", CpuidBit(false, 9));
  // The 8259 pair's INTR is the processor's.
  OutByte(0x21, 0xef);
  RaiseSerial();
  OPEN();
  Begin("8259 beside a disabled APIC");
  PrintTaken();
  LowerSerial();
  OutByte(0x21, 0xff);
  End();
  ChangeMode("enabled again", kEnable);
  Line("APIC in CPUID, enabled again", CpuidBit(false, 9));
  Begin("registers, enabled again");
  Value("tpr", Read(kTpr));
  Value("svr", Read(kSvr));
  Value("lint0", Read(kLvtLint0));
  Value("timer", Read(kLvtTimer));
  End();
  Write(kSvr, 0x1ff);
}

static void TryRead(const char* name, uint32_t msr) {
  uint32_t low = 0, high = 0;
  TRY("rdmsr", : "=a"(low), "=d"(high) : "c"(msr));
  Print("x2APIC read of ");
  ReportOpen(name);
  if (caught.vector == kNone) Value("value", (uint64_t)high << 32 | low);
  End();
}
static void TryWrite(const char* name, uint32_t msr, uint64_t value) {
  TRY("wrmsr",
      :
      : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
  Print("x2APIC write of ");
  ReportOpen(name);
  OPEN();
  PrintTaken();
  End();
}

static void X2Apic(void) {
  Line("x2APIC in CPUID", CpuidBit(true, 21));
  TryRead("ID in the other mode", 0x802);
  ChangeMode("x2APIC without APIC", kX2Apic);
  ChangeMode("x2APIC", kEnable | kX2Apic);
  x2apic = true;
  TryRead("ID", 0x802);
  TryRead("version", 0x803);
  TryRead("TPR", 0x808);
  TryRead("APR, which is not there", 0x809);
  TryRead("PPR", 0x80a);
  TryRead("EOI", 0x80b);
  TryRead("RRD, which is not there", 0x80c);
  TryRead("LDR", 0x80d);
  TryRead("DFR, which is not there", 0x80e);
  TryRead("SVR", 0x80f);
  TryRead("ISR", 0x810);
  TryRead("ESR", 0x828);
  TryRead("CMCI, which is not there", 0x82f);
  TryRead("LVT timer", 0x832);
  TryRead("the ICR's upper half", 0x831);
  TryRead("current count", 0x839);
  TryRead("self IPI", 0x83f);
  TryRead("what is beyond", 0x840);
  TryWrite("ID", 0x802, 0);
  TryWrite("version", 0x803, 0);
  TryWrite("TPR", 0x808, 0x35);
  TryRead("TPR again", 0x808);
  TryWrite("TPR, reserved bits", 0x808, 0x100);
  TryWrite("TPR, upper half", 0x808, 1ull << 32);
  TryWrite("TPR", 0x808, 0);
  TryWrite("PPR", 0x80a, 0);
  TryWrite("EOI", 0x80b, 0);
  TryWrite("EOI, not 0", 0x80b, 1);
  TryWrite("LDR", 0x80d, 0x10000);
  TryWrite("SVR, reserved bits", 0x80f, 0x10000 | 0x1ff);
  TryWrite("ISR", 0x810, 0);
  TryWrite("ESR", 0x828, 0);
  TryWrite("ESR, not 0", 0x828, 1);
  TryWrite("LVT timer, reserved bits", 0x832, 1 << 19 | 0x10070);
  TryWrite("LVT timer, delivery mode", 0x832, 0x10470);
  TryWrite("divider, reserved bits", 0x83e, 4);
  TryWrite("current count", 0x839, 0);
  TryWrite("self IPI", 0x83f, 0x61);
  TryWrite("self IPI, reserved bits", 0x83f, 0x161);
  TryWrite("self IPI of an illegal vector", 0x83f, 5);
  TryWrite("ESR", 0x828, 0);
  TryRead("ESR", 0x828);
  TryWrite("ICR, to self", 0x830, 0x40062);
  TryWrite("ICR, to ID 0", 0x830, 0x63);
  TryWrite("ICR, to ID 1", 0x830, 1ull << 32 | 0x64);
  TryWrite("ICR, to everyone", 0x830, 0xffffffffull << 32 | 0x65);
  TryWrite("ICR, to ID 255", 0x830, 0xffull << 32 | 0x66);
  TryWrite("ICR, logical", 0x830, 1ull << 32 | 0x867);
  TryWrite("ICR, logical, another cluster", 0x830, 0x10001ull << 32 | 0x868);
  TryWrite("ICR, reserved bits", 0x830, 1 << 20 | 0x69);
  TryRead("ICR", 0x830);
  ChangeMode("back from x2APIC", kEnable);
  ChangeMode("x2APIC without APIC", kX2Apic);
  ChangeMode("from x2APIC to disabled", 0);
  ChangeMode("from disabled to x2APIC", kEnable | kX2Apic);
  x2apic = false;
  ChangeMode("enabled again after x2APIC", kEnable);
  Begin("after x2APIC");
  Value("tpr", Read(kTpr));
  Value("svr", Read(kSvr));
  End();
}

void GuestMain(void) {
  HoldOutput();
  on_event = Take;
  ends_apic = true;
  base = ReadMsr(kMsrApicBase);
  Write(kLvtLint0, 0x10700);
  Write(kLvtLint1, 0x10400);
  Write(kSvr, 0x1ff);
  Lint0();
  Deadline();
  Disable();
  X2Apic();
  ReleaseOutput();
}
