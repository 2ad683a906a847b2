// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The proleptic Gregorian calendar in integers, for the years 0 to 9999: what
// a real-time clock shows for a number of seconds, and back.
//
//   CalendarTime t = CalendarFromUnix(1'700'000'000);   // 2023-11-14 22:13:20
//   int64_t seconds = UnixFromCalendar(t);
#ifndef LIBRR_MACHINES_PC_DEVICES_CALENDAR_H_
#define LIBRR_MACHINES_PC_DEVICES_CALENDAR_H_

#include <cstdint>

namespace librr::pc {

struct CalendarTime {
  int year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
  int hour = 0;
  int minute = 0;
  int second = 0;

  bool operator==(const CalendarTime&) const = default;
};

// The first and the last second of the range, relative to 1970 (UTC).
inline constexpr int64_t kFirstCalendarSecond = -62'167'219'200;
inline constexpr int64_t kLastCalendarSecond = 253'402'300'799;

int DaysInMonth(int year, int month);

// Seconds outside the range are moved to its nearest end.
CalendarTime CalendarFromUnix(int64_t seconds);

// Fields must be in range.
int64_t UnixFromCalendar(const CalendarTime& time);

// 0 for Sunday to 6 for Saturday.
int WeekdayFromUnix(int64_t seconds);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_CALENDAR_H_
