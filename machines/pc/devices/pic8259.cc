// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// References: Intel 8259A data sheet (order number 231468-003); for ELCR and
// for LTIM being without function, Intel 82371SB (PIIX3) data sheet.
#include "machines/pc/devices/pic8259.h"

#include <algorithm>
#include <utility>

namespace librr::pc {
namespace {

constexpr int kCascadeInput = 2;
constexpr int kSpuriousInput = 7;

constexpr uint8_t kIcw1 = 0x10;
constexpr uint8_t kIcw1Icw4 = 0x01;
constexpr uint8_t kIcw1Single = 0x02;
constexpr uint8_t kIcw4AutoEoi = 0x02;
constexpr uint8_t kIcw4SpecialFullyNested = 0x10;
constexpr uint8_t kOcw3 = 0x08;

// Inputs that cannot be level-triggered: IRQ 0, 1, 2; 8, 13.
constexpr std::array<uint8_t, 2> kElcrWritable = {0xf8, 0xde};

constexpr uint8_t Bit(int input) { return static_cast<uint8_t>(1 << input); }

}  // namespace

void Pic8259::Chip::SetLine(int input, bool high) {
  const uint8_t bit = Bit(input);
  if (high) {
    if (!(lines & bit)) edges |= bit;
    lines |= bit;
  } else {
    edges &= ~bit;
    lines &= ~bit;
  }
}

uint8_t Pic8259::Chip::Irr() const {
  // An edge counts only while its line stays high (data sheet, "Edge and Level
  // Triggered Modes").
  return lines & (elcr | edges);
}

int Pic8259::Chip::HighestOf(uint8_t mask) const {
  for (int i = 1; i <= 8; ++i) {
    const int input = (lowest_priority + i) & 7;
    if (mask & Bit(input)) return input;
  }
  return -1;
}

int Pic8259::Chip::HighestRequest(bool is_master) const {
  const int request = HighestOf(Irr() & ~imr);
  if (request < 0) return -1;
  const int in_service = HighestOf(special_mask ? isr & ~imr : isr);
  if (in_service < 0) return request;
  if (in_service == request) {
    // In special fully nested mode the slave may interrupt its own service:
    // its own priorities have decided.
    const bool nested = is_master && request == kCascadeInput &&
                        (icw4 & kIcw4SpecialFullyNested);
    return nested ? request : -1;
  }
  return PriorityOf(request) < PriorityOf(in_service) ? request : -1;
}

void Pic8259::Chip::Acknowledge(int input) {
  edges &= ~Bit(input);
  if (icw4 & kIcw4AutoEoi) {
    if (rotate_on_auto_eoi) lowest_priority = static_cast<uint8_t>(input);
  } else {
    isr |= Bit(input);
  }
}

void Pic8259::Chip::WriteOcw2(uint8_t value) {
  const bool rotate = (value & 0x80) != 0;
  const bool specific = (value & 0x40) != 0;
  const bool eoi = (value & 0x20) != 0;
  if (!eoi && !specific) {
    rotate_on_auto_eoi = rotate;
    return;
  }
  if (!eoi && !rotate) return;  // no operation
  int input = value & 7;
  if (!specific) {
    // A level that the special mask hides is not ended by a non-specific EOI.
    input = HighestOf(special_mask ? isr & ~imr : isr);
    if (input < 0) return;
  }
  if (eoi) isr &= ~Bit(input);
  if (rotate) lowest_priority = static_cast<uint8_t>(input);
}

void Pic8259::Chip::WriteCommand(uint8_t value) {
  if (value & kIcw1) {
    icw1 = value;
    edges = 0;
    isr = 0;
    imr = 0;
    lowest_priority = 7;
    special_mask = false;
    read_isr = false;
    poll = false;
    rotate_on_auto_eoi = false;
    if (!(value & kIcw1Icw4)) icw4 = 0;
    next_icw = 2;
  } else if (value & kOcw3) {
    if (value & 0x02) read_isr = (value & 0x01) != 0;
    if (value & 0x04) poll = true;
    if (value & 0x40) special_mask = (value & 0x20) != 0;
  } else {
    WriteOcw2(value);
  }
}

void Pic8259::Chip::WriteData(uint8_t value) {
  switch (next_icw) {
    case 2:
      vector_base = value & 0xf8;
      next_icw = !(icw1 & kIcw1Single) ? 3 : (icw1 & kIcw1Icw4) ? 4 : 0;
      break;
    case 3:
      icw3 = value;
      next_icw = (icw1 & kIcw1Icw4) ? 4 : 0;
      break;
    case 4:
      icw4 = value;
      next_icw = 0;
      break;
    default:
      imr = value;
  }
}

void Pic8259::Chip::Describe(StateVisitor& visitor, std::string_view name) {
  const auto field = [&](auto& value) { visitor.Field(name, value); };
  field(lines);
  field(edges);
  field(isr);
  field(imr);
  field(elcr);
  field(icw1);
  field(vector_base);
  field(icw3);
  field(icw4);
  field(next_icw);
  field(lowest_priority);
  field(read_isr);
  field(poll);
  field(special_mask);
  field(rotate_on_auto_eoi);
}

Pic8259::Pic8259(std::function<void(bool)> set_intr)
    : set_intr_(std::move(set_intr)) {
  for (int irq = 0; irq < 16; ++irq) {
    lines_[irq].pic = this;
    lines_[irq].irq = irq;
  }
}

void Pic8259::SetLine(int irq, bool high) {
  if (irq == kCascadeInput) return;
  chips_[irq / 8].SetLine(irq % 8, high);
  Update();
}

void Pic8259::Update() {
  auto& [master, slave] = chips_;
  master.SetLine(kCascadeInput, slave.HighestRequest(false) >= 0);
  const bool intr = master.HighestRequest(true) >= 0;
  if (intr == intr_) return;
  intr_ = intr;
  set_intr_(intr);
}

uint8_t Pic8259::AcknowledgeInterrupt() {
  auto& [master, slave] = chips_;
  const int input = master.HighestRequest(true);
  if (input < 0) {
    return master.vector_base + kSpuriousInput;
  }
  master.Acknowledge(input);
  uint8_t vector = static_cast<uint8_t>(master.vector_base + input);
  if (input == kCascadeInput) {
    const int slave_input = slave.HighestRequest(false);
    if (slave_input >= 0) slave.Acknowledge(slave_input);
    vector = static_cast<uint8_t>(
        slave.vector_base + (slave_input >= 0 ? slave_input : kSpuriousInput));
    // The slave's output drops during INTA and rises again for a further
    // request, which the master must see as a new edge.
    master.SetLine(kCascadeInput, false);
  }
  Update();
  return vector;
}

uint8_t Pic8259::Poll(Chip& chip) {
  chip.poll = false;
  const bool is_master = &chip == &chips_[0];
  const int input = chip.HighestRequest(is_master);
  if (input < 0) return 0;
  chip.Acknowledge(input);
  if (!is_master) chips_[0].SetLine(kCascadeInput, false);
  Update();
  return static_cast<uint8_t>(0x80 | input);
}

uint8_t Pic8259::ReadByte(uint16_t port) {
  if (port >= kElcrPort) return chips_[port & 1].elcr;
  Chip& chip = chips_[port >= kSlavePort];
  if (chip.poll) return Poll(chip);
  if (port & 1) return chip.imr;
  return chip.read_isr ? chip.isr : chip.Irr();
}

void Pic8259::WriteByte(uint16_t port, uint8_t value) {
  if (port >= kElcrPort) {
    chips_[port & 1].elcr = value & kElcrWritable[port & 1];
  } else {
    const int index = port >= kSlavePort;
    if (port & 1) {
      chips_[index].WriteData(value);
    } else {
      chips_[index].WriteCommand(value);
      // Initialisation also takes back the slave's request, whose edge the
      // master would otherwise keep.
      if ((value & kIcw1) && index == 1) {
        chips_[0].SetLine(kCascadeInput, false);
      }
    }
  }
  Update();
}

void Pic8259::DescribeState(StateVisitor& visitor) {
  chips_[0].Describe(visitor, "master");
  chips_[1].Describe(visitor, "slave");
}

void Pic8259::AfterRestore() {
  for (Chip& chip : chips_) {
    chip.lowest_priority &= 7;
    chip.next_icw = std::min<uint8_t>(chip.next_icw, 4);
  }
  intr_ = chips_[0].HighestRequest(true) >= 0;
}

}  // namespace librr::pc
