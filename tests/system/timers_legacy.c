// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The PIT's modes and registers, the real-time clock with its alarm, formats
// and calendar, and the ACPI timer. Nothing that depends on how fast code runs
// is printed: counts are read while a gate holds them, flags and interrupts are
// waited for, and pulses of one tick are seen by the interrupts they cause.
// Intel 8254 data sheet; Motorola MC146818; ACPI 4.8.3.3.
#include "tests/system/bare_guest.h"

static uint8_t Status(int counter) {
  OutByte(0x43, (uint8_t)(0xe0 | 2 << counter));
  return InByte((uint16_t)(0x40 + counter));
}

// Counter 2 with its gate low: it keeps what was loaded.
static void Load(uint8_t control, uint8_t low, uint8_t high) {
  OutByte(0x61, InByte(0x61) & 0xfc);
  OutByte(0x43, control);
  if (control & 0x10) OutByte(0x42, low);
  if (control & 0x20) OutByte(0x42, high);
}
static void SetGate(int level) {
  OutByte(0x61, (uint8_t)((InByte(0x61) & 0xfc) | level));
}
static int Out(void) { return InByte(0x61) >> 5 & 1; }
// Waits for the output of counter 2 to have a level; no count here lasts a
// tenth as long.
static bool WaitOut(int level) {
  for (int i = 0; i < 100000; ++i) {
    if (Out() == level) return true;
  }
  return false;
}
// By the ACPI timer, which is three times as fast as the PIT.
static void WaitTicks(unsigned ticks) {
  const uint32_t start = InLong(0x608);
  while (((InLong(0x608) - start) & 0xffffff) < 3 * ticks) {
  }
}

static void Pit(void) {
  static const char* const kModes[] = {"mode 0", "mode 1", "mode 2",
                                       "mode 3", "mode 4", "mode 5"};
  for (int mode = 0; mode < 6; ++mode) {
    Print("PIT ");
    Begin(kModes[mode]);
    Load((uint8_t)(0xb0 | mode << 1), 0x34, 0x12);
    // Status without the null-count flag, which falls with the next clock.
    Value("status", Status(2) & ~0x40);
    Value("out", Out());
    SetGate(1);
    if (mode == 1 || mode == 3) Value("falls", WaitOut(0));
    if (mode == 0 || mode == 1 || mode == 3) Value("rises", WaitOut(1));
    if (mode == 3) Value("falls again", WaitOut(0));
    SetGate(0);
    Value("out", Out());
    End();
  }
  for (int mode = 6; mode < 8; ++mode) {
    Load((uint8_t)(0xb0 | mode << 1), 0, 0x10);
    Line("status of modes 6 and 7", Status(2) & ~0x40);
  }
  // How counts are read while the gate holds them in mode 0.
  Load(0xb0, 0x78, 0x56);
  WaitTicks(100);
  Begin("PIT both bytes");
  Value("low", InByte(0x42));
  Value("high", InByte(0x42));
  Value("low", InByte(0x42));
  Value("high", InByte(0x42));
  End();
  Load(0x90, 0x21, 0);
  WaitTicks(100);
  Begin("PIT low byte");
  Value("first", InByte(0x42));
  Value("second", InByte(0x42));
  Value("status", Status(2));
  End();
  Load(0xa0, 0, 0x43);
  WaitTicks(100);
  Begin("PIT high byte");
  Value("first", InByte(0x42));
  Value("second", InByte(0x42));
  Value("status", Status(2));
  End();
  Load(0xb1, 0x99, 0x09);
  WaitTicks(100);
  Begin("PIT BCD");
  Value("low", InByte(0x42));
  Value("high", InByte(0x42));
  Value("status", Status(2));
  End();
  // Status goes before count.
  Load(0xb0, 0x11, 0x22);
  WaitTicks(100);
  Begin("PIT read back");
  OutByte(0x43, 0xc8);
  Value("status", InByte(0x42));
  Value("low", InByte(0x42));
  Value("high", InByte(0x42));
  End();
  // Programming ends a latch.
  Begin("PIT latched, programmed, latched");
  OutByte(0x43, 0x80);
  Load(0xb0, 0x33, 0x44);
  WaitTicks(100);
  OutByte(0x43, 0x80);
  Value("low", InByte(0x42));
  Value("high", InByte(0x42));
  End();
  // A latch holds while the counter counts; a second one is ignored.
  Load(0xb4, 0, 0);
  SetGate(1);
  WaitTicks(100);
  OutByte(0x43, 0x80);
  WaitTicks(100);
  OutByte(0x43, 0x80);
  unsigned latched = InByte(0x42);
  latched |= (unsigned)InByte(0x42) << 8;
  WaitTicks(100);
  OutByte(0x43, 0x80);
  unsigned later = InByte(0x42);
  later |= (unsigned)InByte(0x42) << 8;
  Begin("PIT counts down");
  Value("since the first latch", ((latched - later) & 0xffff) > 90);
  Value("not beyond", ((latched - later) & 0xffff) < 0x8000);
  End();
  // A one-shot in mode 1 can be triggered again.
  Load(0xb2, 0x00, 0x10);
  Begin("PIT triggered");
  Value("out", Out());
  SetGate(1);
  Value("falls", WaitOut(0));
  Value("rises", WaitOut(1));
  SetGate(0);
  SetGate(1);
  Value("falls", WaitOut(0));
  Value("rises", WaitOut(1));
  SetGate(0);
  End();
  Begin("port 61");
  OutByte(0x61, 0x0f);
  Value("written", InByte(0x61) & 0x0f);
  OutByte(0x61, 0);
  Value("cleared", InByte(0x61) & 0x0f);
  const uint8_t refresh = InByte(0x61) & 0x10;
  bool toggles = false;
  for (int i = 0; i < 100000 && !toggles; ++i)
    toggles = (InByte(0x61) & 0x10) != refresh;
  Value("refresh toggles", toggles);
  End();
}

static uint8_t Read(uint8_t reg) {
  OutByte(0x70, reg);
  return InByte(0x71);
}
static void Write(uint8_t reg, uint8_t value) {
  OutByte(0x70, reg);
  OutByte(0x71, value);
}

enum {
  kSet = 0x80,
  kPie = 0x40,
  kAie = 0x20,
  kUie = 0x10,
  kBinary = 4,
  k24 = 2
};

static void PrintTimeOr(const char* name, bool seconds) {
  while (Read(10) & 0x80) {
  }
  Begin(name);
  static const uint8_t kRegs[] = {0x32, 9, 8, 7, 6, 4, 2, 0};
  for (int i = 0; i < (seconds ? 8 : 7); ++i) {
    Print(" ");
    PrintHex(Read(kRegs[i]), 2);
  }
  End();
}

static void PrintTime(const char* name) { PrintTimeOr(name, true); }

// Sets the time by bytes as they are; the clock then runs from there.
static void SetTime(uint8_t format, uint8_t century, uint8_t year,
                    uint8_t month, uint8_t day, uint8_t weekday, uint8_t hour,
                    uint8_t minute, uint8_t second) {
  Write(11, kSet | format);
  Write(0x32, century);
  Write(9, year);
  Write(8, month);
  Write(7, day);
  Write(6, weekday);
  Write(4, hour);
  Write(2, minute);
  Write(0, second);
  Write(11, format);
}

static bool WaitFlag(uint8_t flag) {
  (void)Read(12);
  for (int i = 0; i < 30000000; ++i) {
    if (Read(12) & flag) return true;
  }
  return false;
}

static void Clock(void) {
  PrintTimeOr("power-on date", false);
  Begin("its second");
  PrintHex(Read(0), 2);
  End();
  Line("register D", Read(13));
  Write(11, k24);
  SetTime(k24, 0x19, 0x99, 0x12, 0x31, 0x06, 0x23, 0x59, 0x58);
  PrintTime("set");
  (void)WaitFlag(0x10);
  (void)WaitFlag(0x10);
  PrintTime("a new century");
  SetTime(k24, 0x20, 0x24, 0x02, 0x28, 0x04, 0x23, 0x59, 0x59);
  (void)WaitFlag(0x10);
  PrintTime("a leap day");
  SetTime(k24, 0x20, 0x23, 0x02, 0x28, 0x03, 0x23, 0x59, 0x59);
  (void)WaitFlag(0x10);
  PrintTime("no leap day");
  // Formats.
  SetTime(k24 | kBinary, 20, 23, 11, 14, 3, 22, 13, 20);
  PrintTime("binary");
  SetTime(0, 0x20, 0x23, 0x11, 0x14, 0x03, 0x92, 0x59, 0x59);
  (void)WaitFlag(0x10);
  PrintTime("12 hours: noon");
  SetTime(0, 0x20, 0x23, 0x11, 0x14, 0x03, 0x92, 0x59, 0x59);
  SetTime(0, 0x20, 0x23, 0x11, 0x14, 0x03, 0x11, 0x59, 0x59);
  (void)WaitFlag(0x10);
  PrintTime("12 hours: 12 PM");
  SetTime(0, 0x20, 0x23, 0x11, 0x14, 0x03, 0x91, 0x59, 0x59);
  (void)WaitFlag(0x10);
  PrintTime("12 hours: 12 AM");
  // SET holds the bytes.
  Write(11, kSet | k24);
  Write(0, 0x17);
  Line("seconds while held", Read(0));
  SetTime(k24, 0x20, 0x23, 0x11, 0x14, 0x03, 0x22, 0x13, 0x20);
}

static unsigned interrupts, last_vector;
static bool Take(struct Frame* frame) {
  if (frame->vector < 0x20 || frame->vector == LEAVE_VECTOR) return false;
  ++interrupts;
  last_vector = (unsigned)frame->vector;
  OutByte(0xa0, 0x20);
  OutByte(0x20, 0x20);
  return true;
}

static void PreparePics(void) {
  // The 8259 pair beside a disabled APIC.
  WriteMsr(kMsrApicBase, ReadMsr(kMsrApicBase) & ~0x800ull);
  OutByte(0x20, 0x11);
  OutByte(0x21, 0x50);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  OutByte(0xa0, 0x11);
  OutByte(0xa1, 0x58);
  OutByte(0xa1, 2);
  OutByte(0xa1, 1);
  on_event = Take;
}

// The output of counter 0 is IRQ 0: what it does shows in its edges.
static void PitInterrupts(void) {
  static const struct {
    const char* name;
    uint8_t control;
    unsigned wait;
  } kPitModes[] = {
      {"PIT mode 0 interrupts once", 0x30, 1},
      {"PIT mode 2 interrupts again", 0x34, 3},
      {"PIT mode 3 interrupts again", 0x36, 3},
      {"PIT mode 4 interrupts once", 0x38, 1},
  };
  OutByte(0x21, 0xfe);
  OutByte(0xa1, 0xff);
  for (int i = 0; i < 4; ++i) {
    OutByte(0x43, kPitModes[i].control);
    // The output is at its initial level; what was before is forgotten.
    OutByte(0x20, 0x0c);
    (void)InByte(0x20);
    OutByte(0x20, 0x20);
    interrupts = 0;
    OutByte(0x40, 0x00);
    OutByte(0x40, 0x04);
    while (interrupts < kPitModes[i].wait) TRY("sti; hlt; cli");
    Begin(kPitModes[i].name);
    Value("vector", last_vector);
    // Two and a half periods later.
    interrupts = 0;
    for (int j = 0; j < 10; ++j) {
      WaitTicks(0x100);
      TRY("sti; nop; nop; cli");
    }
    Value("then", interrupts == 2 || interrupts == 3);
    End();
  }
  OutByte(0x43, 0x30);
  OutByte(0x21, 0xff);
}

static void Alarm(void) {
  OutByte(0x21, 0xfb);
  OutByte(0xa1, 0xfe);
  static const struct {
    const char* name;
    uint8_t hour, minute, second;
  } kAlarms[] = {
      {"alarm in two seconds", 0x10, 0x20, 0x32},
      {"alarm of any hour", 0xff, 0x20, 0x32},
      {"alarm of any second", 0xff, 0xff, 0xff},
      {"alarm of the minute", 0xc0, 0xff, 0x32},
  };
  for (int i = 0; i < 4; ++i) {
    interrupts = 0;
    Write(1, kAlarms[i].second);
    Write(3, kAlarms[i].minute);
    Write(5, kAlarms[i].hour);
    SetTime(k24, 0x20, 0x23, 0x11, 0x14, 0x03, 0x10, 0x20, 0x30);
    (void)Read(12);
    Write(11, k24 | kAie);
    TRY("sti; hlt; cli");
    Begin(kAlarms[i].name);
    Value("interrupts", interrupts);
    Value("vector", last_vector);
    // What else has happened in register C stays until it is read.
    Value("flags", Read(12) & 0xa0);
    Value("then", Read(12) & 0xa0);
    Value("second", i == 2 ? 0 : Read(0));
    End();
    Write(11, k24);
  }
  // The flag comes without the interrupt too.
  Write(1, 0xff);
  Write(3, 0xff);
  Write(5, 0xff);
  Line("alarm without its interrupt", WaitFlag(0x20));
  interrupts = 0;
  Write(11, k24 | kUie);
  (void)Read(12);
  TRY("sti; hlt; cli");
  Begin("update ended");
  Value("interrupts", interrupts);
  Value("flags", Read(12) & 0x90);
  End();
  Write(11, k24);
  Write(10, 0x26);
  interrupts = 0;
  Write(11, k24 | kPie);
  for (int i = 0; i < 5; ++i) {
    TRY("sti; hlt; cli");
    (void)Read(12);
  }
  Begin("periodic");
  Value("five came", interrupts >= 5);
  End();
  // Not read: it comes no more.
  TRY("sti; hlt; cli");
  interrupts = 0;
  TRY("sti; nop; nop; cli");
  Line("register C unread", interrupts);
  Write(11, k24);
  (void)Read(12);
  Write(14, 0x5a);
  Line("memory", Read(14));
  Line("index with the NMI bit", Read(0x80 | 14));
}

static void AcpiTimer(void) {
  const uint32_t first = InLong(0x608);
  uint32_t second = first;
  for (int i = 0; i < 1000000 && second == first; ++i) second = InLong(0x608);
  Line("ACPI timer runs", second != first);
  Line("forwards", ((second - first) & 0xffffff) < 0x800000);
}

void GuestMain(void) {
  Clock();
  Pit();
  PreparePics();
  PitInterrupts();
  Alarm();
  AcpiTimer();
}
