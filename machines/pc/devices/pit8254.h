// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The Intel 8254 timer of a PC: three counters at 0x40-0x43, and the bits of
// port 0x61 that gate counter 2 and show its output.
//
// Counters are functions of virtual time: nothing happens per tick. Only
// counter 0, whose output is IRQ 0, arms a timer, for its next transition.
// Counters start unprogrammed and stopped.
//
//   Pit8254 pit(scheduler, isa.line(0));
//   bus.AddPorts(Pit8254::kPort, Pit8254::kPortCount, &pit);
//   bus.AddPorts(Pit8254::kSpeakerPort, 1, &pit);
#ifndef LIBRR_MACHINES_PC_DEVICES_PIT8254_H_
#define LIBRR_MACHINES_PC_DEVICES_PIT8254_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "machines/pc/devices/byte_ports.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/pit_counter.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

class Pit8254 final : public Device, public BytePorts {
 public:
  static constexpr uint16_t kPort = 0x40;
  static constexpr uint32_t kPortCount = 4;
  static constexpr uint16_t kSpeakerPort = 0x61;
  static constexpr uint64_t kHertz = 1'193'182;

  // Both must outlive the device.
  Pit8254(Scheduler& scheduler, IrqLine& irq0);

  std::string_view name() const override { return "pit"; }
  void DescribeState(StateVisitor& visitor) override;
  void AfterRestore() override;

 protected:
  uint8_t ReadByte(uint16_t port) override;
  void WriteByte(uint16_t port, uint8_t value) override;

 private:
  int64_t Now() const;
  // Replays the transitions of counter 0 since the last call onto IRQ 0.
  void Sync(int64_t now);
  // After a change at `now`: IRQ 0, and the timer for the next transition.
  void Update(int64_t now);
  void WriteControl(uint8_t value, int64_t now);

  Scheduler& scheduler_;
  IrqLine& irq0_;
  Timer* timer_;
  std::array<PitCounter, 3> counters_;
  int64_t synced_ = 0;   // the tick up to which IRQ 0 is right
  uint8_t speaker_ = 0;  // port 0x61, bits 0 to 3
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_PIT8254_H_
