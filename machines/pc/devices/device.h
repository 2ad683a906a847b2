// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a device of the PC is, and what it may touch.
//
// A device sees the guest through port and MMIO accesses, the virtual clock
// through `Scheduler`, and interrupt controllers through `IrqLine`. It never
// sees the host. All of its state is described in `DescribeState`. Accesses of
// odd sizes and at odd offsets are the guest's right: a device answers them as
// the hardware would, or floats (all ones), and never fails.
#ifndef LIBRR_MACHINES_PC_DEVICES_DEVICE_H_
#define LIBRR_MACHINES_PC_DEVICES_DEVICE_H_

#include <cstdint>
#include <string_view>

#include "librr-core/machine/state_visitor.h"

namespace librr::pc {

class Device {
 public:
  virtual ~Device() = default;

  // Unique within a machine; a component name in digests: "uart0".
  virtual std::string_view name() const = 0;

  virtual void DescribeState(StateVisitor& visitor) = 0;
  // Called when all devices have been restored: recompute caches. Timers and
  // interrupt lines are restored by their owners and need no re-arming.
  virtual void AfterRestore() {}
};

// Handles a range of I/O ports.
class PortHandler {
 public:
  virtual ~PortHandler() = default;
  // `size` is 1, 2 or 4; the value's upper bytes are ignored.
  virtual uint32_t ReadPort(uint16_t port, int size) = 0;
  virtual void WritePort(uint16_t port, int size, uint32_t value) = 0;
};

// Handles a range of physical addresses.
class MmioHandler {
 public:
  virtual ~MmioHandler() = default;
  // `offset` is relative to the range; `size` is 1, 2, 4 or 8.
  virtual uint64_t ReadMmio(uint64_t offset, int size) = 0;
  virtual void WriteMmio(uint64_t offset, int size, uint64_t value) = 0;
};

// One interrupt input of a controller, level-signalled: controllers find
// edges themselves.
class IrqLine {
 public:
  virtual ~IrqLine() = default;
  virtual void SetLevel(bool high) = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_DEVICE_H_
