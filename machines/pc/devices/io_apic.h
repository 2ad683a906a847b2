// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The I/O APIC at 0xfec00000: 24 inputs, version 0x20 with an EOI register.
//
// Lines carry logical levels (high means asserted), so that the polarity bits
// of redirection entries are kept but change nothing: they describe wiring.
// Edges on masked inputs are lost, as in hardware; asserted level-triggered
// inputs are delivered when they are unmasked or their last delivery ends.
//
//   IoApic io_apic(apic_bus);
//   bus.AddMmio(IoApic::kBase, IoApic::kSize, &io_apic);
//   io_apic.line(4).SetLevel(true);
#ifndef LIBRR_MACHINES_PC_DEVICES_IO_APIC_H_
#define LIBRR_MACHINES_PC_DEVICES_IO_APIC_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "machines/pc/devices/apic_bus.h"
#include "machines/pc/devices/device.h"

namespace librr::pc {

class IoApic final : public Device, public MmioHandler, public ApicEoiListener {
 public:
  static constexpr uint64_t kBase = 0xfec00000;
  static constexpr uint64_t kSize = 0x1000;
  static constexpr int kInputs = 24;

  // Attaches itself to `apic_bus`, which must outlive it.
  explicit IoApic(ApicBus& apic_bus);
  IoApic(const IoApic&) = delete;
  IoApic& operator=(const IoApic&) = delete;

  IrqLine& line(int input) { return lines_[input]; }

  uint64_t ReadMmio(uint64_t offset, int size) override;
  void WriteMmio(uint64_t offset, int size, uint64_t value) override;
  void OnEndOfInterrupt(uint8_t vector) override;

  std::string_view name() const override { return "ioapic"; }
  void DescribeState(StateVisitor& visitor) override;

 private:
  class Line final : public IrqLine {
   public:
    void SetLevel(bool high) override { io_apic->SetLine(input, high); }
    IoApic* io_apic = nullptr;
    int input = 0;
  };

  void SetLine(int input, bool high);
  // Sends the input's message if it is level-triggered, asserted, unmasked and
  // not already being served.
  void DeliverLevel(int input);
  bool Send(uint64_t entry);
  uint32_t ReadRegister(uint8_t index) const;
  void WriteRegister(uint8_t index, uint32_t value);

  ApicBus& apic_bus_;
  std::array<Line, kInputs> lines_;
  std::array<uint64_t, kInputs> entries_;  // the redirection table
  uint32_t levels_ = 0;                    // bit n: line n
  uint32_t id_ = 0;
  uint8_t select_ = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_IO_APIC_H_
