// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Every port by which a PC resets itself, and what is left of the chips that
// they belong to: the reset control register 0xcf9, port 0x92, and command
// 0xfe of a keyboard controller that is otherwise absent (its reads float, so
// that kernels give up on it at once). Swallows POST codes (port 0x80) too.
// A20 is always on; port 0x92 only remembers the bit.
//
//   ResetControl reset([&] { machine.Reset(); });
//   for (auto [first, count] : ResetControl::kPorts) {
//     bus.AddPorts(first, count, &reset);
//   }
#ifndef LIBRR_MACHINES_PC_DEVICES_RESET_CONTROL_H_
#define LIBRR_MACHINES_PC_DEVICES_RESET_CONTROL_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "machines/pc/devices/device.h"

namespace librr::pc {

class ResetControl final : public Device, public PortHandler {
 public:
  // First port and count. 0xcf8 to 0xcff are claimed whole, because only a
  // byte access to 0xcf9 means the reset register: wider ones are for the PCI
  // configuration ports, which this machine lacks.
  static constexpr std::array<std::pair<uint16_t, uint32_t>, 5> kPorts = {
      {{0x60, 1}, {0x64, 1}, {0x80, 1}, {0x92, 1}, {0xcf8, 8}}};
  static constexpr uint16_t kResetPort = 0xcf9;
  // What the FADT says to write there.
  static constexpr uint8_t kResetValue = 0x06;

  explicit ResetControl(std::function<void()> reset);

  uint32_t ReadPort(uint16_t port, int size) override;
  void WritePort(uint16_t port, int size, uint32_t value) override;

  std::string_view name() const override { return "reset"; }
  void DescribeState(StateVisitor& visitor) override;

 private:
  std::function<void()> reset_;
  uint8_t reset_register_ = 0;
  uint8_t port92_ = 0x02;  // A20 on
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_RESET_CONTROL_H_
