// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The pair of Intel 8259A interrupt controllers of a PC: ports 0x20-0x21 and
// 0xa0-0xa1, the second cascaded into input 2 of the first, and the edge/level
// control registers 0x4d0-0x4d1.
//
//   Pic8259 pic([&](bool intr) { cpu.SetIntr(intr); });
//   bus.AddPorts(0x20, 2, &pic);      // and 0xa0, 0x4d0
//   pic.line(4).SetLevel(true);       // IRQ 4
//   uint8_t vector = pic.AcknowledgeInterrupt();  // the INTA cycle
#ifndef LIBRR_MACHINES_PC_DEVICES_PIC8259_H_
#define LIBRR_MACHINES_PC_DEVICES_PIC8259_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "machines/pc/devices/byte_ports.h"
#include "machines/pc/devices/device.h"

namespace librr::pc {

class Pic8259 final : public Device, public BytePorts {
 public:
  static constexpr uint16_t kMasterPort = 0x20;
  static constexpr uint16_t kSlavePort = 0xa0;
  static constexpr uint16_t kElcrPort = 0x4d0;
  static constexpr uint32_t kPortCount = 2;  // of each of the three

  // `set_intr` is called when the INTR output changes.
  explicit Pic8259(std::function<void(bool)> set_intr);

  // IRQ 0 to 15. Line 2 is the cascade: its level is ignored.
  IrqLine& line(int irq) { return lines_[irq]; }

  bool intr() const { return intr_; }
  // Both INTA pulses: moves the highest request into service and returns its
  // vector, or that of IRQ 7 or 15 if the request has vanished.
  uint8_t AcknowledgeInterrupt();

  std::string_view name() const override { return "pic"; }
  void DescribeState(StateVisitor& visitor) override;
  void AfterRestore() override;

 protected:
  uint8_t ReadByte(uint16_t port) override;
  void WriteByte(uint16_t port, uint8_t value) override;

 private:
  // One of the two chips.
  struct Chip {
    uint8_t lines = 0;  // levels of the inputs
    uint8_t edges = 0;  // rising edges not yet acknowledged
    uint8_t isr = 0;
    uint8_t imr = 0;
    uint8_t elcr = 0;  // 1: level-triggered
    uint8_t icw1 = 0;
    uint8_t vector_base = 0;
    uint8_t icw3 = 0;
    uint8_t icw4 = 0;
    uint8_t next_icw = 0;  // 2 to 4 during initialisation, else 0
    uint8_t lowest_priority = 7;
    bool read_isr = false;
    bool poll = false;
    bool special_mask = false;
    bool rotate_on_auto_eoi = false;

    void SetLine(int input, bool high);
    uint8_t Irr() const;
    // The request that the chip presents, or -1. Input 2 of a master in
    // special fully nested mode may interrupt itself.
    int HighestRequest(bool is_master) const;
    // Of the inputs in `mask`, the one of highest priority, or -1.
    int HighestOf(uint8_t mask) const;
    // 0 for the highest.
    int PriorityOf(int input) const {
      return (input - lowest_priority - 1) & 7;
    }
    void Acknowledge(int input);
    void WriteCommand(uint8_t value);
    void WriteData(uint8_t value);
    void WriteOcw2(uint8_t value);
    void Describe(StateVisitor& visitor, std::string_view name);
  };

  class Line final : public IrqLine {
   public:
    void SetLevel(bool high) override { pic->SetLine(irq, high); }
    Pic8259* pic = nullptr;
    int irq = 0;
  };

  void SetLine(int irq, bool high);
  // The answer to a poll command.
  uint8_t Poll(Chip& chip);
  // Carries the slave's output to the master and the master's to INTR.
  void Update();

  std::function<void(bool)> set_intr_;
  std::array<Line, 16> lines_;
  std::array<Chip, 2> chips_;  // master, slave
  bool intr_ = false;          // follows from the chips
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_PIC8259_H_
