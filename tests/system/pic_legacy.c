// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The 8259 pair: initialisation in all orders, EOI and rotation, masks, poll,
// special modes. Sources: PIT (IRQ 0), serial port (IRQ 4), RTC (IRQ 8).
// Intel 8259A data sheet.
#include "tests/system/bare_guest.h"

static uint8_t taken[16];
static unsigned taken_count;

static bool Take(struct Frame* frame) {
  if (frame->vector < 0x20 || frame->vector == LEAVE_VECTOR) return false;
  if (taken_count < 16) taken[taken_count] = (uint8_t)frame->vector;
  ++taken_count;
  return true;
}

static uint8_t Read(int chip, int what) {
  OutByte(chip ? 0xa0 : 0x20, (uint8_t)(0x0a | what));
  return InByte(chip ? 0xa0 : 0x20);
}
static uint8_t Irr(int chip) { return Read(chip, 0); }
static uint8_t Isr(int chip) { return Read(chip, 1); }

static void Report8259(const char* name) {
  Begin(name);
  Print(" taken=");
  for (unsigned i = 0; i < taken_count && i < 16; ++i) {
    if (i) Print(",");
    PrintHex(taken[i], 2);
  }
  if (!taken_count) Print("-");
  taken_count = 0;
  Value("irr", Irr(0));
  Value("isr", Isr(0));
  Value("imr", InByte(0x21));
  Value("irr2", Irr(1));
  Value("isr2", Isr(1));
  Value("imr2", InByte(0xa1));
  End();
}

static void Initialise(uint8_t icw1, uint8_t icw4) {
  OutByte(0x20, icw1);
  OutByte(0x21, 0x50);
  if (!(icw1 & 2)) OutByte(0x21, 4);
  if (icw1 & 1) OutByte(0x21, icw4);
  OutByte(0xa0, icw1);
  OutByte(0xa1, 0x58);
  if (!(icw1 & 2)) OutByte(0xa1, 2);
  if (icw1 & 1) OutByte(0xa1, icw4);
}

// The serial port asks as long as its transmitter's interrupt is enabled and
// has not been read away.
static void RaiseSerial(void) {
  OutByte(0x3fc, 0x0b);
  OutByte(0x3f9, 0);
  OutByte(0x3f9, 2);
}
static void LowerSerial(void) {
  (void)InByte(0x3fa);
  OutByte(0x3f9, 0);
}
static void RaiseTimer(void) {
  OutByte(0x43, 0x30);
  OutByte(0x40, 10);
  OutByte(0x40, 0);
  for (int i = 0; i < 1000000; ++i) {
    OutByte(0x43, 0xe2);
    if (InByte(0x40) & 0x80) return;
  }
}
static void LowerTimer(void) { OutByte(0x43, 0x30); }
static uint8_t ReadClock(uint8_t reg) {
  OutByte(0x70, reg);
  return InByte(0x71);
}
static void WriteClock(uint8_t reg, uint8_t value) {
  OutByte(0x70, reg);
  OutByte(0x71, value);
}
static void LowerRtc(void) {
  WriteClock(11, ReadClock(11) & ~0x70);
  (void)ReadClock(12);
}
static void RaiseRtc(void) {
  (void)ReadClock(12);
  WriteClock(10, 0x26);
  WriteClock(11, ReadClock(11) | 0x40);
  for (int i = 0; i < 10000000; ++i) {
    if (Irr(1) & 1) return;
  }
}
#define OPEN() TRY("sti; nop; nop; nop; cli")

static void Initialisation(void) {
  Initialise(0x11, 1);
  Report8259("initialised");
  OutByte(0x21, 0xab);
  OutByte(0xa1, 0xcd);
  Report8259("masks");
  // ICW1 clears masks, ISR and edges; levels stay.
  RaiseSerial();
  OutByte(0x20, 0x11);
  Line("mask between ICW1 and ICW2", InByte(0x21));
  OutByte(0x21, 0x50);
  Line("mask between ICW2 and ICW3", InByte(0x21));
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  Report8259("edge before ICW1 is forgotten");
  LowerSerial();
  RaiseSerial();
  Report8259("edge after it");
  // An OCW2 or OCW3 during initialisation breaks nothing.
  OutByte(0x20, 0x11);
  OutByte(0x20, 0x0b);
  OutByte(0x21, 0x60);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  OutByte(0x21, 0xef);
  LowerSerial();
  RaiseSerial();
  OPEN();
  Report8259("OCW3 within initialisation");
  OutByte(0x20, 0x20);
  LowerSerial();
  // Begun again half-way.
  OutByte(0x20, 0x11);
  OutByte(0x21, 0x68);
  OutByte(0x20, 0x11);
  OutByte(0x21, 0x70);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  RaiseSerial();
  OPEN();
  Report8259("begun again");
  OutByte(0x20, 0x20);
  LowerSerial();
  // Low bits of ICW2 do not count.
  OutByte(0x20, 0x11);
  OutByte(0x21, 0x7f);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  RaiseSerial();
  OPEN();
  Report8259("ICW2 of 7f");
  OutByte(0x20, 0x20);
  LowerSerial();
  // Slave first.
  OutByte(0xa0, 0x11);
  OutByte(0xa1, 0x58);
  OutByte(0xa1, 2);
  OutByte(0xa1, 1);
  OutByte(0x20, 0x11);
  OutByte(0x21, 0x50);
  OutByte(0x21, 4);
  OutByte(0x21, 1);
  RaiseRtc();
  OPEN();
  Report8259("slave first");
  OutByte(0xa0, 0x20);
  OutByte(0x20, 0x20);
  LowerRtc();
  // Both at the same time.
  OutByte(0x20, 0x11);
  OutByte(0xa0, 0x11);
  OutByte(0x21, 0x80);
  OutByte(0xa1, 0x88);
  OutByte(0x21, 4);
  OutByte(0xa1, 2);
  OutByte(0x21, 1);
  OutByte(0xa1, 1);
  RaiseRtc();
  OPEN();
  Report8259("interleaved");
  OutByte(0xa0, 0x20);
  OutByte(0x20, 0x20);
  LowerRtc();
  // AEOI.
  Initialise(0x11, 3);
  RaiseSerial();
  OPEN();
  Report8259("automatic EOI");
  LowerSerial();
  Initialise(0x11, 1);
}

static void Priorities(void) {
  RaiseSerial();
  RaiseTimer();
  Report8259("two pending");
  OPEN();
  Report8259("the timer goes first");
  OPEN();
  Report8259("and holds the other back");
  OutByte(0x20, 0x20);
  OPEN();
  Report8259("until EOI");
  OutByte(0x20, 0x20);
  Report8259("both ended");
  LowerSerial();
  LowerTimer();
  // A lower one in service lets a higher one in; EOI ends the higher first.
  RaiseSerial();
  OPEN();
  RaiseTimer();
  OPEN();
  Report8259("nested");
  OutByte(0x20, 0x20);
  Report8259("first EOI");
  OutByte(0x20, 0x20);
  Report8259("second EOI");
  LowerSerial();
  LowerTimer();
  // Specific EOI.
  RaiseSerial();
  OPEN();
  RaiseTimer();
  OPEN();
  OutByte(0x20, 0x64);
  Report8259("specific EOI of 4");
  OutByte(0x20, 0x60);
  Report8259("specific EOI of 0");
  LowerSerial();
  LowerTimer();
  // The cascade holds the master's input 2.
  RaiseRtc();
  OPEN();
  Report8259("of the slave");
  RaiseSerial();
  OPEN();
  Report8259("4 waits for 2");
  OutByte(0x20, 0x20);
  OPEN();
  Report8259("master ended");
  OutByte(0xa0, 0x20);
  OutByte(0x20, 0x20);
  LowerRtc();
  LowerSerial();
  Report8259("all ended");
  // Masks.
  OutByte(0x21, 0x10);
  RaiseSerial();
  OPEN();
  Report8259("masked");
  OutByte(0x21, 0);
  OPEN();
  Report8259("unmasked");
  OutByte(0x20, 0x20);
  LowerSerial();
  OutByte(0xa1, 1);
  RaiseRtc();
  OPEN();
  Report8259("masked at the slave");
  OutByte(0xa1, 0);
  OutByte(0x21, 4);
  OPEN();
  Report8259("masked at the cascade");
  OutByte(0x21, 0);
  OPEN();
  Report8259("unmasked at both");
  OutByte(0xa0, 0x20);
  OutByte(0x20, 0x20);
  LowerRtc();
}

static void Rotation(void) {
  // Rotate on EOI: what was served becomes the lowest.
  RaiseSerial();
  RaiseTimer();
  OPEN();
  OutByte(0x20, 0xa0);
  LowerTimer();
  RaiseTimer();
  OPEN();
  Report8259("rotated: 4 goes before 0");
  OutByte(0x20, 0xa0);
  OPEN();
  Report8259("then 0");
  OutByte(0x20, 0x20);
  LowerSerial();
  LowerTimer();
  // Set priority: 3 is the lowest, 4 the highest.
  OutByte(0x20, 0xc3);
  RaiseTimer();
  RaiseSerial();
  OPEN();
  Report8259("4 is the highest");
  OutByte(0x20, 0x20);
  OPEN();
  OutByte(0x20, 0x20);
  LowerSerial();
  LowerTimer();
  // Rotate on specific EOI.
  RaiseTimer();
  OPEN();
  OutByte(0x20, 0xe0);
  RaiseSerial();
  LowerTimer();
  RaiseTimer();
  OPEN();
  Report8259("rotated on specific EOI");
  OutByte(0x20, 0x20);
  OPEN();
  OutByte(0x20, 0x20);
  LowerSerial();
  LowerTimer();
  OutByte(0x20, 0xc7);
  taken_count = 0;
}

static void SpecialModes(void) {
  // Special mask mode: a masked level in service holds nothing back.
  RaiseTimer();
  OPEN();
  OutByte(0x21, 1);
  RaiseSerial();
  OPEN();
  Report8259("0 in service holds 4 back");
  OutByte(0x20, 0x68);
  OPEN();
  Report8259("special mask mode lets it in");
  OutByte(0x20, 0x48);
  OutByte(0x20, 0x64);
  OutByte(0x20, 0x60);
  OutByte(0x21, 0);
  LowerSerial();
  LowerTimer();
  // Poll.
  RaiseSerial();
  OutByte(0x20, 0x0c);
  Line("poll", InByte(0x20));
  Report8259("poll acknowledges");
  OutByte(0x20, 0x20);
  LowerSerial();
  OutByte(0x20, 0x0c);
  Line("poll of nothing", InByte(0x20));
  // The register that reads give is kept.
  OutByte(0x20, 0x0b);
  RaiseTimer();
  OPEN();
  taken_count = 0;
  Line("ISR by the kept choice", InByte(0x20));
  Line("and again", InByte(0x20));
  OutByte(0x20, 0x20);
  LowerTimer();
  // A request that goes away before it is acknowledged.
  OutByte(0x4d0, 0x10);
  Line("ELCR", InByte(0x4d0));
  RaiseSerial();
  Report8259("level");
  LowerSerial();
  Report8259("level gone");
  RaiseSerial();
  OPEN();
  OutByte(0x20, 0x20);
  OPEN();
  Report8259("level asks again after EOI");
  OutByte(0x20, 0x20);
  LowerSerial();
  OutByte(0x4d0, 0xff);
  OutByte(0x4d1, 0xff);
  Begin("bits of ELCR");
  Value("", InByte(0x4d0));
  Value("", InByte(0x4d1));
  End();
  OutByte(0x4d0, 0);
  OutByte(0x4d1, 0);
}

void GuestMain(void) {
  HoldOutput();
  on_event = Take;
  // Interrupts of the pair pass LINT0 or come in beside a disabled APIC.
  WriteMsr(kMsrApicBase, ReadMsr(kMsrApicBase) & ~0x800ull);
  LowerRtc();
  LowerSerial();
  LowerTimer();
  Initialisation();
  Priorities();
  Rotation();
  SpecialModes();
  ReleaseOutput();
}
