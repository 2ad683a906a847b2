// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: Motorola MC146818A data sheet (1984); for the use of CMOS memory,
// the conventions of PC firmware since the IBM AT.
#include "machines/pc/devices/rtc_mc146818.h"

#include <algorithm>

#include "machines/pc/devices/calendar.h"
#include "machines/pc/devices/clock_rate.h"

namespace librr::pc {
namespace {

enum Index : uint8_t {
  kSeconds = 0x00,
  kSecondsAlarm = 0x01,
  kMinutes = 0x02,
  kMinutesAlarm = 0x03,
  kHours = 0x04,
  kHoursAlarm = 0x05,
  kWeekday = 0x06,
  kDay = 0x07,
  kMonth = 0x08,
  kYear = 0x09,
  kRegisterA = 0x0a,
  kRegisterB = 0x0b,
  kRegisterC = 0x0c,
  kRegisterD = 0x0d,
};

constexpr uint8_t kUpdateInProgress = 0x80;  // register A

constexpr uint8_t kSet = 0x80;       // register B
constexpr uint8_t kPeriodic = 0x40;  // these three in register C too
constexpr uint8_t kAlarm = 0x20;
constexpr uint8_t kUpdateEnded = 0x10;
constexpr uint8_t kInterrupts = kPeriodic | kAlarm | kUpdateEnded;
constexpr uint8_t kBinary = 0x04;
constexpr uint8_t k24Hours = 0x02;

constexpr uint8_t kIrqf = 0x80;      // register C
constexpr uint8_t kValidRam = 0x80;  // register D

constexpr uint8_t kAlarmWildcard = 0xc0;
constexpr uint8_t kPm = 0x80;

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kUipLeadNs = 244'000;
// The first update after a divider reset comes half a second later.
constexpr int64_t kDividerResetNs = 500'000'000;

constexpr ClockRate kCrystal(32'768);

bool IsTimeIndex(uint8_t index) {
  return index == kSeconds || index == kMinutes || index == kHours ||
         (index >= kWeekday && index <= kYear) ||
         index == RtcMc146818::kCenturyIndex;
}

int64_t FloorDivide(int64_t a, int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

int64_t SecondOfDay(int64_t seconds) {
  return (seconds - kFirstCalendarSecond) % kSecondsPerDay;
}

}  // namespace

RtcMc146818::RtcMc146818(Scheduler& scheduler, IrqLine& irq8,
                         uint64_t memory_bytes)
    : scheduler_(scheduler),
      irq8_(irq8),
      timer_(scheduler.AddTimer("rtc", [this] {
        const uint64_t now = scheduler_.now();
        CatchUp(now);
        Update(now);
      })) {
  cmos_[kRegisterA] = 0x26;  // 32768 Hz crystal, 1024 Hz periodic rate
  cmos_[kRegisterB] = k24Hours;
  FillMemorySizes(memory_bytes);
}

void RtcMc146818::FillMemorySizes(uint64_t memory_bytes) {
  const auto store = [this](uint8_t index, uint64_t value, uint64_t max) {
    value = std::min(value, max);
    cmos_[index] = static_cast<uint8_t>(value);
    cmos_[index + 1] = static_cast<uint8_t>(value >> 8);
  };
  constexpr uint64_t kKib = 1024;
  constexpr uint64_t kMib = 1024 * kKib;
  cmos_[0x14] = 0x02;  // equipment: FPU
  store(0x15, 640, 640);
  const uint64_t above_1m = memory_bytes - std::min(memory_bytes, kMib);
  store(0x17, above_1m / kKib, 0xffff);
  store(0x30, above_1m / kKib, 0xffff);
  const uint64_t above_16m = memory_bytes - std::min(memory_bytes, 16 * kMib);
  store(0x34, above_16m / (64 * kKib), 0xffff);
}

void RtcMc146818::SetPowerOnDate(uint64_t unix_seconds) {
  base_seconds_ = static_cast<int64_t>(
      std::min<uint64_t>(unix_seconds, kLastCalendarSecond));
  base_ns_ = 0;
  Update(scheduler_.now());
}

// --- Time ---

bool RtcMc146818::DividerInReset() const {
  return (cmos_[kRegisterA] & 0x60) == 0x60;
}

bool RtcMc146818::Stopped() const {
  return (cmos_[kRegisterB] & kSet) || DividerInReset();
}

int64_t RtcMc146818::SecondsSinceBase(uint64_t now) const {
  return FloorDivide(static_cast<int64_t>(now) - base_ns_, kNsPerSecond);
}

uint64_t RtcMc146818::NsOfSecond(int64_t seconds_since_base) const {
  return static_cast<uint64_t>(base_ns_ + seconds_since_base * kNsPerSecond);
}

uint8_t RtcMc146818::Encode(int value) const {
  if (cmos_[kRegisterB] & kBinary) return static_cast<uint8_t>(value);
  return static_cast<uint8_t>(value / 10 << 4 | value % 10);
}

int RtcMc146818::Decode(uint8_t value) const {
  if (cmos_[kRegisterB] & kBinary) return value;
  return (value >> 4) * 10 + (value & 15);
}

uint8_t RtcMc146818::EncodeHour(int hour) const {
  if (cmos_[kRegisterB] & k24Hours) return Encode(hour);
  const int hour12 = hour % 12 == 0 ? 12 : hour % 12;
  return Encode(hour12) | (hour >= 12 ? kPm : 0);
}

int RtcMc146818::DecodeHour(uint8_t value) const {
  if (cmos_[kRegisterB] & k24Hours) return Decode(value);
  const int hour = Decode(value & ~kPm) % 12;
  return hour + (value & kPm ? 12 : 0);
}

void RtcMc146818::StoreTime(uint64_t now) {
  const int64_t seconds = std::clamp(base_seconds_ + SecondsSinceBase(now),
                                     kFirstCalendarSecond, kLastCalendarSecond);
  const CalendarTime time = CalendarFromUnix(seconds);
  cmos_[kSeconds] = Encode(time.second);
  cmos_[kMinutes] = Encode(time.minute);
  cmos_[kHours] = EncodeHour(time.hour);
  cmos_[kWeekday] = Encode((WeekdayFromUnix(seconds) + weekday_shift_) % 7 + 1);
  cmos_[kDay] = Encode(time.day);
  cmos_[kMonth] = Encode(time.month);
  cmos_[kYear] = Encode(time.year % 100);
  cmos_[kCenturyIndex] = Encode(time.year / 100);
}

void RtcMc146818::LoadTime(uint64_t now) {
  // What is out of range counts as the nearest value in range.
  CalendarTime time;
  time.year = std::min(Decode(cmos_[kCenturyIndex]), 99) * 100 +
              std::min(Decode(cmos_[kYear]), 99);
  time.month = std::clamp(Decode(cmos_[kMonth]), 1, 12);
  time.day =
      std::clamp(Decode(cmos_[kDay]), 1, DaysInMonth(time.year, time.month));
  time.hour = std::min(DecodeHour(cmos_[kHours]), 23);
  time.minute = std::min(Decode(cmos_[kMinutes]), 59);
  time.second = std::min(Decode(cmos_[kSeconds]), 59);
  const int64_t boundary = SecondsSinceBase(now);
  base_ns_ = static_cast<int64_t>(NsOfSecond(boundary));
  base_seconds_ = UnixFromCalendar(time);
  const int weekday = std::clamp(Decode(cmos_[kWeekday]), 1, 7) - 1;
  weekday_shift_ =
      static_cast<uint8_t>((weekday - WeekdayFromUnix(base_seconds_) + 7) % 7);
}

// --- Flags and interrupts ---

bool RtcMc146818::AlarmMatches(int64_t second_of_day) const {
  const auto matches = [](uint8_t pattern, int decoded, int64_t value) {
    return (pattern & kAlarmWildcard) == kAlarmWildcard || decoded == value;
  };
  return matches(cmos_[kSecondsAlarm], Decode(cmos_[kSecondsAlarm]),
                 second_of_day % 60) &&
         matches(cmos_[kMinutesAlarm], Decode(cmos_[kMinutesAlarm]),
                 second_of_day / 60 % 60) &&
         matches(cmos_[kHoursAlarm], DecodeHour(cmos_[kHoursAlarm]),
                 second_of_day / 3600);
}

std::optional<int64_t> RtcMc146818::NextAlarm(int64_t second) const {
  // Skips whole hours and minutes that cannot match: at most some 150 steps.
  const auto is_wild = [](uint8_t pattern) {
    return (pattern & kAlarmWildcard) == kAlarmWildcard;
  };
  const int hour = DecodeHour(cmos_[kHoursAlarm]);
  const int minute = Decode(cmos_[kMinutesAlarm]);
  const int64_t end = second + kSecondsPerDay;
  int64_t candidate = second + 1;
  while (candidate <= end) {
    const int64_t of_day = SecondOfDay(candidate);
    if (!is_wild(cmos_[kHoursAlarm]) && of_day / 3600 != hour) {
      candidate += 3600 - of_day % 3600;
    } else if (!is_wild(cmos_[kMinutesAlarm]) && of_day / 60 % 60 != minute) {
      candidate += 60 - of_day % 60;
    } else if (AlarmMatches(of_day)) {
      return candidate;
    } else if (is_wild(cmos_[kSecondsAlarm]) || of_day % 60 == 59 ||
               Decode(cmos_[kSecondsAlarm]) > 59) {
      candidate += 60 - of_day % 60;
    } else {
      ++candidate;
    }
  }
  return std::nullopt;
}

uint64_t RtcMc146818::PeriodTicks() const {
  if (DividerInReset()) return 0;
  const int rate = cmos_[kRegisterA] & 15;
  if (rate == 0) return 0;
  // Rates 1 and 2 are those of 8 and 9.
  return 1ull << (rate <= 2 ? rate + 6 : rate - 1);
}

void RtcMc146818::CatchUp(uint64_t now) {
  if (now <= caught_up_ns_) return;
  if (!Stopped()) {
    const int64_t before = SecondsSinceBase(caught_up_ns_);
    const int64_t after = SecondsSinceBase(now);
    if (after > before) {
      flags_ |= kUpdateEnded;
      const std::optional<int64_t> alarm = NextAlarm(base_seconds_ + before);
      if (alarm.has_value() && *alarm <= base_seconds_ + after) {
        flags_ |= kAlarm;
      }
    }
  }
  const uint64_t period = PeriodTicks();
  if (period != 0 && kCrystal.TicksAt(now) / period >
                         kCrystal.TicksAt(caught_up_ns_) / period) {
    flags_ |= kPeriodic;
  }
  caught_up_ns_ = now;
}

bool RtcMc146818::IrqFlag() const {
  return (flags_ & cmos_[kRegisterB] & kInterrupts) != 0;
}

void RtcMc146818::Update(uint64_t now) {
  irq8_.SetLevel(IrqFlag());
  // The line stays up until register C is read, which catches up: no need for
  // a timer meanwhile.
  uint64_t next = Timer::kNever;
  const uint8_t enabled = IrqFlag() ? 0 : cmos_[kRegisterB] & kInterrupts;
  if (!Stopped()) {
    const int64_t second = SecondsSinceBase(now);
    if (enabled & kUpdateEnded) next = NsOfSecond(second + 1);
    if (enabled & kAlarm) {
      const std::optional<int64_t> alarm = NextAlarm(base_seconds_ + second);
      if (alarm.has_value()) {
        next = std::min(next, NsOfSecond(*alarm - base_seconds_));
      }
    }
  }
  const uint64_t period = PeriodTicks();
  if ((enabled & kPeriodic) && period != 0) {
    const uint64_t tick = (kCrystal.TicksAt(now) / period + 1) * period;
    next = std::min(next, kCrystal.NsOfTick(tick));
  }
  timer_->Arm(next);
}

// --- Registers ---

uint8_t RtcMc146818::ReadRegister(uint8_t index) {
  const uint64_t now = scheduler_.now();
  CatchUp(now);
  if (IsTimeIndex(index) && !Stopped()) StoreTime(now);
  switch (index) {
    case kRegisterA: {
      const bool updating =
          !Stopped() && NsOfSecond(SecondsSinceBase(now) + 1) - now <=
                            static_cast<uint64_t>(kUipLeadNs);
      return cmos_[kRegisterA] | (updating ? kUpdateInProgress : 0);
    }
    case kRegisterC: {
      const uint8_t value = flags_ | (IrqFlag() ? kIrqf : 0);
      flags_ = 0;
      Update(now);
      return value;
    }
    case kRegisterD:
      return kValidRam;
    default:
      return cmos_[index];
  }
}

void RtcMc146818::WriteRegisterA(uint8_t value) {
  const uint64_t now = scheduler_.now();
  const bool was_stopped = Stopped();
  const bool was_reset = DividerInReset();
  if (!was_stopped) StoreTime(now);
  cmos_[kRegisterA] = value & 0x7f;
  if (was_reset && !DividerInReset()) {
    base_ns_ = static_cast<int64_t>(now) - kDividerResetNs;
  }
  if (was_stopped && !Stopped()) LoadTime(now);
}

void RtcMc146818::WriteRegisterB(uint8_t value) {
  const uint64_t now = scheduler_.now();
  const bool was_stopped = Stopped();
  if (!was_stopped) StoreTime(now);
  // A rising SET clears the update-ended interrupt enable.
  if (value & ~cmos_[kRegisterB] & kSet) value &= ~kUpdateEnded;
  cmos_[kRegisterB] = value;
  if (was_stopped && !Stopped()) LoadTime(now);
}

void RtcMc146818::WriteRegister(uint8_t index, uint8_t value) {
  const uint64_t now = scheduler_.now();
  CatchUp(now);
  switch (index) {
    case kRegisterA:
      WriteRegisterA(value);
      break;
    case kRegisterB:
      WriteRegisterB(value);
      break;
    case kRegisterC:
    case kRegisterD:
      return;  // read-only
    default:
      if (IsTimeIndex(index) && !Stopped()) {
        StoreTime(now);
        cmos_[index] = value;
        LoadTime(now);
      } else {
        cmos_[index] = value;
      }
  }
  Update(now);
}

uint8_t RtcMc146818::ReadByte(uint16_t port) {
  switch (port - kPort) {
    case 1:
      return ReadRegister(index_);
    case 3:
      return cmos_[0x80 + extended_index_];
    default:
      return 0xff;  // the index ports are write-only
  }
}

void RtcMc146818::WriteByte(uint16_t port, uint8_t value) {
  switch (port - kPort) {
    case 0:
      index_ = value & 0x7f;
      nmi_disabled_ = (value & 0x80) != 0;
      break;
    case 1:
      WriteRegister(index_, value);
      break;
    case 2:
      extended_index_ = value & 0x7f;
      break;
    default:
      cmos_[0x80 + extended_index_] = value;
  }
}

// --- State ---

void RtcMc146818::DescribeState(StateVisitor& visitor) {
  visitor.Bytes("cmos", absl::MakeSpan(cmos_));
  visitor.Field("index", index_);
  visitor.Field("extended_index", extended_index_);
  visitor.Field("nmi_disabled", nmi_disabled_);
  visitor.Field("flags", flags_);
  visitor.Field("base_seconds", base_seconds_);
  visitor.Field("base_ns", base_ns_);
  visitor.Field("weekday_shift", weekday_shift_);
  visitor.Field("caught_up_ns", caught_up_ns_);
}

void RtcMc146818::AfterRestore() {
  // Saved states are untrusted: keep indexes and arithmetic within range.
  index_ &= 0x7f;
  extended_index_ &= 0x7f;
  weekday_shift_ %= 7;
  base_seconds_ =
      std::clamp(base_seconds_, kFirstCalendarSecond, kLastCalendarSecond);
  constexpr int64_t kMaxNs = int64_t{1} << 61;
  base_ns_ = std::clamp(base_ns_, -kMaxNs, kMaxNs);
}

}  // namespace librr::pc
