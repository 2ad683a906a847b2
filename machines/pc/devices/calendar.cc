// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/calendar.h"

#include <algorithm>

namespace librr::pc {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
// From 0000-01-01 to 1970-01-01.
constexpr int64_t kEpochDay = 719'528;

bool IsLeapYear(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Days from 0000-01-01 to the first day of `year`; year 0 is a leap year.
int64_t DaysBeforeYear(int64_t year) {
  if (year == 0) return 0;
  const int64_t last = year - 1;
  return 365 * year + last / 4 - last / 100 + last / 400 + 1;
}

}  // namespace

int DaysInMonth(int year, int month) {
  switch (month) {
    case 2:
      return IsLeapYear(year) ? 29 : 28;
    case 4:
    case 6:
    case 9:
    case 11:
      return 30;
    default:
      return 31;
  }
}

CalendarTime CalendarFromUnix(int64_t seconds) {
  seconds = std::clamp(seconds, kFirstCalendarSecond, kLastCalendarSecond);
  const int64_t since_year_zero = seconds - kFirstCalendarSecond;
  int64_t day = since_year_zero / kSecondsPerDay;
  const int rest = static_cast<int>(since_year_zero % kSecondsPerDay);

  CalendarTime time;
  int64_t year = day / 366;
  while (DaysBeforeYear(year + 1) <= day) ++year;
  day -= DaysBeforeYear(year);
  time.year = static_cast<int>(year);
  time.month = 1;
  while (day >= DaysInMonth(time.year, time.month)) {
    day -= DaysInMonth(time.year, time.month);
    ++time.month;
  }
  time.day = static_cast<int>(day) + 1;
  time.hour = rest / 3600;
  time.minute = rest / 60 % 60;
  time.second = rest % 60;
  return time;
}

int64_t UnixFromCalendar(const CalendarTime& time) {
  int64_t day = DaysBeforeYear(time.year) + time.day - 1 - kEpochDay;
  for (int month = 1; month < time.month; ++month) {
    day += DaysInMonth(time.year, month);
  }
  return day * kSecondsPerDay + time.hour * 3600 + time.minute * 60 +
         time.second;
}

int WeekdayFromUnix(int64_t seconds) {
  const int64_t day = (seconds - kFirstCalendarSecond) / kSecondsPerDay;
  // 0000-01-01 was a Saturday.
  return static_cast<int>((day + 6) % 7);
}

}  // namespace librr::pc
