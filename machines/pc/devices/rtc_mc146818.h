// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real-time clock and CMOS memory of a PC: a Motorola MC146818 behind
// ports 0x70 and 0x71, with IRQ 8, a century byte at 0x32 and a second bank of
// 128 bytes behind ports 0x72 and 0x73.
//
// Time is the power-on date plus virtual time, plus what the guest has set.
// Flags are worked out when somebody looks; a timer runs only for interrupts
// that are enabled. An update takes no time: UIP announces it 244 us ahead.
//
//   RtcMc146818 rtc(scheduler, isa.line(8), memory_bytes);
//   bus.AddPorts(RtcMc146818::kPort, RtcMc146818::kPortCount, &rtc);
//   rtc.SetPowerOnDate(1'700'000'000);
#ifndef LIBRR_MACHINES_PC_DEVICES_RTC_MC146818_H_
#define LIBRR_MACHINES_PC_DEVICES_RTC_MC146818_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "machines/pc/devices/byte_ports.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

class RtcMc146818 final : public Device, public BytePorts {
 public:
  static constexpr uint16_t kPort = 0x70;
  static constexpr uint32_t kPortCount = 4;
  // The CMOS byte that holds the century; the FADT names it.
  static constexpr uint8_t kCenturyIndex = 0x32;

  // `memory_bytes` is what the customary CMOS bytes say about RAM.
  RtcMc146818(Scheduler& scheduler, IrqLine& irq8, uint64_t memory_bytes);

  // The date at virtual time 0, in seconds since 1970 (UTC). Without it the
  // clock starts in 1970. Dates past the year 9999 are that year's end.
  void SetPowerOnDate(uint64_t unix_seconds);

  // The NMI disable bit of port 0x70.
  bool nmi_disabled() const { return nmi_disabled_; }

  std::string_view name() const override { return "rtc"; }
  void DescribeState(StateVisitor& visitor) override;
  void AfterRestore() override;

 protected:
  uint8_t ReadByte(uint16_t port) override;
  void WriteByte(uint16_t port, uint8_t value) override;

 private:
  uint8_t ReadRegister(uint8_t index);
  void WriteRegister(uint8_t index, uint8_t value);
  void WriteRegisterA(uint8_t value);
  void WriteRegisterB(uint8_t value);
  void FillMemorySizes(uint64_t memory_bytes);

  // Whether the time bytes in `cmos_` are the time, because SET or a divider
  // reset holds the clock. Else `base_seconds_` and `base_ns_` are.
  bool Stopped() const;
  bool DividerInReset() const;
  // Seconds boundaries passed since `base_ns_`.
  int64_t SecondsSinceBase(uint64_t now) const;
  uint64_t NsOfSecond(int64_t seconds_since_base) const;
  // Writes the time at `now` into `cmos_`.
  void StoreTime(uint64_t now);
  // Takes the time from `cmos_`, keeping the phase of the seconds.
  void LoadTime(uint64_t now);

  uint8_t Encode(int value) const;
  int Decode(uint8_t value) const;
  uint8_t EncodeHour(int hour) const;
  int DecodeHour(uint8_t value) const;

  bool AlarmMatches(int64_t second_of_day) const;
  // The next second after `second` (both since 1970) at which the alarm goes
  // off, or nullopt if its bytes match no time.
  std::optional<int64_t> NextAlarm(int64_t second) const;
  // Ticks of the 32768 Hz clock per periodic interrupt; 0: none.
  uint64_t PeriodTicks() const;

  // Sets the flags of what has happened by `now`.
  void CatchUp(uint64_t now);
  // Brings IRQ 8 and the timer up to date after a change at `now`.
  void Update(uint64_t now);
  bool IrqFlag() const;

  Scheduler& scheduler_;
  IrqLine& irq8_;
  Timer* timer_;

  std::array<uint8_t, 256> cmos_{};
  uint8_t index_ = 0;
  uint8_t extended_index_ = 0;
  bool nmi_disabled_ = false;
  uint8_t flags_ = 0;         // register C, but for IRQF
  int64_t base_seconds_ = 0;  // since 1970, when the second at `base_ns_` began
  int64_t base_ns_ = 0;       // may lie before power-on
  uint8_t weekday_shift_ = 0;  // what the guest's weekday differs by
  uint64_t caught_up_ns_ = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_RTC_MC146818_H_
