// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The I/O APIC: edges, levels, masks, remote IRR and EOI, delivery modes, and
// which input the PC's interrupts reach. Sources: serial port (input 4), RTC
// (input 8), PIT (input 2). Intel 82093AA data sheet.
#include "tests/system/bare_guest.h"

static volatile uint32_t* const select = (volatile uint32_t*)0xfec00000;
static volatile uint32_t* const window = (volatile uint32_t*)0xfec00010;
static volatile uint32_t* const lapic = (volatile uint32_t*)0xfee00000;

static uint32_t Read(uint32_t reg) {
  *select = reg;
  return *window;
}
static void Write(uint32_t reg, uint32_t value) {
  *select = reg;
  *window = value;
}
static void Route(int input, uint32_t low, uint32_t high) {
  Write((uint32_t)(0x10 + 2 * input), 0x10000);
  Write((uint32_t)(0x11 + 2 * input), high);
  Write((uint32_t)(0x10 + 2 * input), low);
}

static uint8_t taken[16];
static unsigned taken_count;
static bool end_interrupts = true;
static bool Take(struct Frame* frame) {
  if ((frame->vector < 0x20 && frame->vector != 2) ||
      frame->vector == LEAVE_VECTOR)
    return false;
  if (taken_count < 16) taken[taken_count] = (uint8_t)frame->vector;
  ++taken_count;
  if (end_interrupts && frame->vector != 2) lapic[0xb0 / 4] = 0;
  return true;
}

static void PrintTaken(const char* name, int input) {
  Begin(name);
  Print(" taken=");
  for (unsigned i = 0; i < taken_count && i < 16; ++i) {
    if (i) Print(",");
    PrintHex(taken[i], 2);
  }
  if (!taken_count) Print("-");
  taken_count = 0;
  Value("entry", Read((uint32_t)(0x10 + 2 * input)));
  End();
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
static uint8_t ReadClock(uint8_t reg) {
  OutByte(0x70, reg);
  return InByte(0x71);
}
static void WriteClock(uint8_t reg, uint8_t value) {
  OutByte(0x70, reg);
  OutByte(0x71, value);
}

static void Registers(void) {
  Line("version", Read(1) & 0xff00ff);
  Write(0, 0xffffffff);
  Line("ID", Read(0));
  Write(0, 0);
  Write(0x10, 0xffffffff);
  Write(0x11, 0xffffffff);
  // Without what hardware sets: delivery status and remote IRR.
  Line("entry, low", Read(0x10) & ~0x5000u);
  Line("entry, high", Read(0x11));
  Write(0x10, 0x10000);
  Write(0x11, 0);
  *select = 0x1ff;
  Line("selector", *select & 0xff);
}

static void Edges(void) {
  LowerSerial();
  Route(4, 0x64, 0);
  RaiseSerial();
  OPEN();
  PrintTaken("edge", 4);
  OPEN();
  PrintTaken("one edge, one interrupt", 4);
  LowerSerial();
  RaiseSerial();
  OPEN();
  PrintTaken("next edge", 4);
  LowerSerial();
  Route(4, 0x10064, 0);
  RaiseSerial();
  OPEN();
  PrintTaken("edge while masked", 4);
  Route(4, 0x64, 0);
  OPEN();
  PrintTaken("is lost", 4);
  LowerSerial();
  // Lowest priority, logical.
  lapic[0xd0 / 4] = 0x01000000;
  Route(4, 0x0965, 0x01000000);
  RaiseSerial();
  OPEN();
  PrintTaken("lowest priority to a logical destination", 4);
  LowerSerial();
  Route(4, 0x0965, 0x02000000);
  RaiseSerial();
  OPEN();
  PrintTaken("to nobody", 4);
  LowerSerial();
  Route(4, 0x0400, 0);
  RaiseSerial();
  OPEN();
  PrintTaken("NMI", 4);
  LowerSerial();
}

static void Levels(void) {
  Route(4, 0x8066, 0);
  end_interrupts = false;
  RaiseSerial();
  OPEN();
  PrintTaken("level", 4);
  Line("TMR", lapic[0x180 / 4 + 0x66 / 32 * 4]);
  OPEN();
  PrintTaken("not again before EOI", 4);
  lapic[0xb0 / 4] = 0;
  OPEN();
  PrintTaken("again after EOI", 4);
  LowerSerial();
  PrintTaken("gone, but not ended", 4);
  lapic[0xb0 / 4] = 0;
  OPEN();
  PrintTaken("gone and ended", 4);
  Route(4, 0x18066, 0);
  RaiseSerial();
  OPEN();
  PrintTaken("level while masked", 4);
  Write(0x10 + 8, 0x8066);
  OPEN();
  PrintTaken("comes when unmasked", 4);
  // Masked in service: remote IRR stays until EOI.
  Write(0x10 + 8, 0x18066);
  PrintTaken("masked in service", 4);
  lapic[0xb0 / 4] = 0;
  OPEN();
  PrintTaken("ended while masked", 4);
  // Switching to edge and back clears remote IRR.
  Write(0x10 + 8, 0x8066);
  OPEN();
  PrintTaken("in service", 4);
  Write(0x10 + 8, 0x10066);
  Write(0x10 + 8, 0x18066);
  PrintTaken("edge and back", 4);
  LowerSerial();
  lapic[0xb0 / 4] = 0;
  end_interrupts = true;
  // An edge interrupt leaves TMR clear.
  Route(4, 0x66, 0);
  RaiseSerial();
  OPEN();
  PrintTaken("edge after level", 4);
  Line("TMR", lapic[0x180 / 4 + 0x66 / 32 * 4]);
  LowerSerial();
  Route(4, 0x10000, 0);
}

static void Inputs(void) {
  Route(8, 0x68, 0);
  (void)ReadClock(12);
  WriteClock(10, 0x26);
  WriteClock(11, ReadClock(11) | 0x40);
  TRY("sti; hlt; cli");
  WriteClock(11, ReadClock(11) & ~0x40);
  (void)ReadClock(12);
  PrintTaken("RTC at input 8", 8);
  Route(8, 0x10000, 0);
  Route(2, 0x62, 0);
  Route(0, 0x60, 0);
  OutByte(0x43, 0x30);
  OutByte(0x40, 0);
  OutByte(0x40, 0x10);
  TRY("sti; hlt; cli");
  PrintTaken("PIT at input 2", 2);
  Route(2, 0x10000, 0);
  Route(0, 0x10000, 0);
  OutByte(0x43, 0x30);
}

void GuestMain(void) {
  HoldOutput();
  on_event = Take;
  lapic[0xf0 / 4] = 0x1ff;
  lapic[0x350 / 4] = 0x10700;
  lapic[0x360 / 4] = 0x10400;
  for (int i = 0; i < 24; ++i) Route(i, 0x10000, 0);
  Registers();
  Edges();
  Levels();
  Inputs();
  ReleaseOutput();
}
