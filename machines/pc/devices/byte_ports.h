// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A port handler whose registers are all one byte wide, as on the ISA bus: a
// wider access is a sequence of byte accesses, lowest port first.
//
//   class ExitPort final : public BytePorts {
//     uint8_t ReadByte(uint16_t port) override;
//     void WriteByte(uint16_t port, uint8_t value) override;
//   };
#ifndef LIBRR_MACHINES_PC_DEVICES_BYTE_PORTS_H_
#define LIBRR_MACHINES_PC_DEVICES_BYTE_PORTS_H_

#include <cstdint>

#include "machines/pc/devices/device.h"

namespace librr::pc {

class BytePorts : public PortHandler {
 public:
  uint32_t ReadPort(uint16_t port, int size) final {
    uint32_t value = 0;
    for (int i = 0; i < size; ++i) {
      value |= static_cast<uint32_t>(ReadByte(static_cast<uint16_t>(port + i)))
               << (8 * i);
    }
    return value;
  }
  void WritePort(uint16_t port, int size, uint32_t value) final {
    for (int i = 0; i < size; ++i) {
      WriteByte(static_cast<uint16_t>(port + i),
                static_cast<uint8_t>(value >> (8 * i)));
    }
  }

 protected:
  virtual uint8_t ReadByte(uint16_t port) = 0;
  virtual void WriteByte(uint16_t port, uint8_t value) = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_BYTE_PORTS_H_
