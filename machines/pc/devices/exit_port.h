// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The exit port 0xf4, as QEMU's isa-debug-exit has it: a guest that writes v
// there ends the machine with status (v << 1) | 1. The callback gets v, the
// low byte of what was written. Reads give zero.
//
//   ExitPort exit_port([&](uint8_t value) { machine.Exit(value); });
//   bus.AddPorts(ExitPort::kPort, ExitPort::kPortCount, &exit_port);
#ifndef LIBRR_MACHINES_PC_DEVICES_EXIT_PORT_H_
#define LIBRR_MACHINES_PC_DEVICES_EXIT_PORT_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "machines/pc/devices/device.h"

namespace librr::pc {

class ExitPort final : public Device, public PortHandler {
 public:
  static constexpr uint16_t kPort = 0xf4;
  static constexpr uint32_t kPortCount = 4;

  explicit ExitPort(std::function<void(uint8_t)> exit)
      : exit_(std::move(exit)) {}

  uint32_t ReadPort(uint16_t port, int size) override;
  void WritePort(uint16_t port, int size, uint32_t value) override;

  std::string_view name() const override { return "exit"; }
  // The first write ends the machine: there is nothing to remember.
  void DescribeState(StateVisitor& visitor) override;

 private:
  std::function<void(uint8_t)> exit_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_EXIT_PORT_H_
