// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/exit_port.h"

namespace librr::pc {

uint32_t ExitPort::ReadPort(uint16_t /*port*/, int /*size*/) { return 0; }

void ExitPort::WritePort(uint16_t port, int /*size*/, uint32_t value) {
  if (port == kPort) exit_(static_cast<uint8_t>(value));
}

void ExitPort::DescribeState(StateVisitor& /*visitor*/) {}

}  // namespace librr::pc
