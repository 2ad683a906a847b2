// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The fixed hardware of ACPI: PM1a event and control blocks, the 32-bit PM
// timer, one general-purpose event block without events, and the SMI command
// port. The machine is always in ACPI mode. Entering S5 calls `power_off`;
// other sleep states do nothing.
//
//   AcpiPm acpi_pm(scheduler, isa.line(AcpiPm::kSciIrq), power_off);
//   bus.AddPorts(AcpiPm::kPort, AcpiPm::kPortCount, &acpi_pm);
//   bus.AddPorts(AcpiPm::kSmiCommandPort, 1, &acpi_pm);
#ifndef LIBRR_MACHINES_PC_DEVICES_ACPI_PM_H_
#define LIBRR_MACHINES_PC_DEVICES_ACPI_PM_H_

#include <cstdint>
#include <functional>
#include <string_view>

#include "machines/pc/devices/byte_ports.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

class AcpiPm final : public Device, public BytePorts {
 public:
  static constexpr uint16_t kPort = 0x600;
  static constexpr uint32_t kPortCount = 16;
  static constexpr uint16_t kEventPort = 0x600;    // 4 bytes
  static constexpr uint16_t kControlPort = 0x604;  // 2 bytes
  static constexpr uint16_t kTimerPort = 0x608;    // 4 bytes
  static constexpr uint16_t kGpe0Port = 0x60c;     // 4 bytes
  static constexpr uint16_t kSmiCommandPort = 0xb2;
  static constexpr int kSciIrq = 9;
  static constexpr uint8_t kSleepTypeS5 = 5;
  static constexpr uint64_t kTimerHz = 3'579'545;

  // References must outlive the device.
  AcpiPm(Scheduler& scheduler, IrqLine& sci, std::function<void()> power_off);

  std::string_view name() const override { return "acpi_pm"; }
  void DescribeState(StateVisitor& visitor) override;

 protected:
  uint8_t ReadByte(uint16_t port) override;
  void WriteByte(uint16_t port, uint8_t value) override;

 private:
  // Sets the timer's status if its highest bit has changed by now.
  void CatchUp();
  // Brings SCI and the timer for the next change up to date.
  void Update();

  Scheduler& scheduler_;
  IrqLine& sci_;
  std::function<void()> power_off_;
  Timer* timer_;

  uint16_t status_ = 0;
  uint16_t enable_ = 0;
  uint16_t control_;
  uint16_t gpe_enable_ = 0;
  uint64_t caught_up_half_ = 0;  // changes of the timer's highest bit seen
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_ACPI_PM_H_
