// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Routes port and MMIO accesses to devices. Unclaimed reads float: all ones.
//
//   bus.AddPorts(0x3f8, 8, &uart);
//   bus.AddMmio(0xfec00000, 0x1000, &io_apic);
#ifndef LIBRR_MACHINES_PC_DEVICES_BUS_H_
#define LIBRR_MACHINES_PC_DEVICES_BUS_H_

#include <cstdint>
#include <map>
#include <utility>

#include "machines/pc/devices/device.h"

namespace librr::pc {

class Bus {
 public:
  // Ranges must not overlap (CHECK). Handlers must outlive the bus.
  void AddPorts(uint16_t first, uint32_t count, PortHandler* handler);
  void AddMmio(uint64_t base, uint64_t size, MmioHandler* handler);

  // An access that crosses from one range into another is split into bytes.
  uint32_t ReadPort(uint16_t port, int size);
  void WritePort(uint16_t port, int size, uint32_t value);

  uint64_t ReadMmio(uint64_t address, int size);
  void WriteMmio(uint64_t address, int size, uint64_t value);

 private:
  struct MmioRange {
    uint64_t base;
    uint64_t size;
    MmioHandler* handler;
  };
  using PortRange =
      std::pair<const uint16_t, std::pair<uint32_t, PortHandler*>>;

  // The range that claims an address, or nullptr.
  const PortRange* PortAt(uint16_t port) const;
  const MmioRange* MmioAt(uint64_t address) const;

  std::map<uint16_t, std::pair<uint32_t, PortHandler*>> ports_;  // by first
  std::map<uint64_t, MmioRange> mmio_;                           // by base
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_BUS_H_
