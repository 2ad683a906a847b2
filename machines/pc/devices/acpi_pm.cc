// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: ACPI specification 6.3, sections 4.8.3 (PM1 and PM timer) and
// 4.8.4 (general-purpose events).
#include "machines/pc/devices/acpi_pm.h"

#include <utility>

#include "machines/pc/devices/clock_rate.h"

namespace librr::pc {
namespace {

constexpr uint16_t kTimerStatus = 1u << 0;
// TMR, GBL, PWRBTN, SLPBTN, RTC.
constexpr uint16_t kEnableWritable = 0x0721;

constexpr uint16_t kSciEnable = 1u << 0;
constexpr uint16_t kSleepEnable = 1u << 13;
constexpr int kSleepTypeShift = 10;
// BM_RLD and SLP_TYP; GBL_RLS and SLP_EN read as zero.
constexpr uint16_t kControlWritable = 0x1c02;

constexpr ClockRate kTimerClock(AcpiPm::kTimerHz);
constexpr int kHalfPeriodShift = 31;

uint16_t ReplaceByte(uint16_t word, int index, uint8_t value) {
  return static_cast<uint16_t>((word & ~(0xff << (8 * index))) |
                               value << (8 * index));
}

}  // namespace

AcpiPm::AcpiPm(Scheduler& scheduler, IrqLine& sci,
               std::function<void()> power_off)
    : scheduler_(scheduler),
      sci_(sci),
      power_off_(std::move(power_off)),
      timer_(scheduler.AddTimer("acpi_pm.timer",
                                [this] {
                                  CatchUp();
                                  Update();
                                })),
      control_(kSciEnable) {}

void AcpiPm::CatchUp() {
  const uint64_t half =
      kTimerClock.TicksAt(scheduler_.now()) >> kHalfPeriodShift;
  if (half > caught_up_half_) status_ |= kTimerStatus;
  caught_up_half_ = half;
}

void AcpiPm::Update() {
  sci_.SetLevel((status_ & enable_) != 0);
  const bool waiting = (enable_ & ~status_ & kTimerStatus) != 0;
  timer_->Arm(
      waiting ? kTimerClock.NsOfTick((caught_up_half_ + 1) << kHalfPeriodShift)
              : Timer::kNever);
}

uint8_t AcpiPm::ReadByte(uint16_t port) {
  if (port == kSmiCommandPort) return 0;
  const int index = port & 1;
  switch (port & ~1) {
    case kEventPort:
      CatchUp();
      return static_cast<uint8_t>(status_ >> (8 * index));
    case kEventPort + 2:
      return static_cast<uint8_t>(enable_ >> (8 * index));
    case kControlPort:
      return static_cast<uint8_t>(control_ >> (8 * index));
    case kTimerPort:
    case kTimerPort + 2:
      return static_cast<uint8_t>(kTimerClock.TicksAt(scheduler_.now()) >>
                                  (8 * (port - kTimerPort)));
    case kGpe0Port + 2:
      return static_cast<uint8_t>(gpe_enable_ >> (8 * index));
    default:
      return 0;
  }
}

void AcpiPm::WriteByte(uint16_t port, uint8_t value) {
  if (port == kSmiCommandPort) return;  // already in ACPI mode, for good
  const int index = port & 1;
  CatchUp();
  switch (port & ~1) {
    case kEventPort:  // write one to clear
      status_ &= static_cast<uint16_t>(~(value << (8 * index)));
      break;
    case kEventPort + 2:
      enable_ = ReplaceByte(enable_, index, value) & kEnableWritable;
      break;
    case kControlPort: {
      const uint16_t written = ReplaceByte(control_, index, value);
      control_ = (written & kControlWritable) | kSciEnable;
      if ((written & kSleepEnable) &&
          (written >> kSleepTypeShift & 7) == kSleepTypeS5) {
        power_off_();
      }
      break;
    }
    case kGpe0Port + 2:
      gpe_enable_ = ReplaceByte(gpe_enable_, index, value);
      break;
    default:
      break;
  }
  Update();
}

void AcpiPm::DescribeState(StateVisitor& visitor) {
  visitor.Field("status", status_);
  visitor.Field("enable", enable_);
  visitor.Field("control", control_);
  visitor.Field("gpe_enable", gpe_enable_);
  visitor.Field("caught_up_half", caught_up_half_);
}

}  // namespace librr::pc
