// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/rtc_mc146818.h"

#include <ctime>
#include <vector>

#include "gmock/gmock.h"
#include "machines/pc/devices/calendar.h"
#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;
// Tuesday, 2023-11-14 22:13:20 UTC.
constexpr uint64_t kDate = 1'700'000'000;

TEST(CalendarTest, AgreesWithTheHostsLibrary) {
  for (int64_t seconds = -5'000'000'000; seconds < 250'000'000'000;
       seconds += 86'399 * 1'003) {
    const time_t wanted = seconds;
    tm expected{};
    ASSERT_NE(gmtime_r(&wanted, &expected), nullptr);
    const CalendarTime time = CalendarFromUnix(seconds);
    ASSERT_EQ(time, (CalendarTime{expected.tm_year + 1900, expected.tm_mon + 1,
                                  expected.tm_mday, expected.tm_hour,
                                  expected.tm_min, expected.tm_sec}));
    ASSERT_EQ(WeekdayFromUnix(seconds), expected.tm_wday);
    ASSERT_EQ(UnixFromCalendar(time), seconds);
  }
}

TEST(CalendarTest, CoversItsRangeAndNoMore) {
  EXPECT_EQ(CalendarFromUnix(kFirstCalendarSecond),
            (CalendarTime{0, 1, 1, 0, 0, 0}));
  EXPECT_EQ(CalendarFromUnix(kLastCalendarSecond),
            (CalendarTime{9999, 12, 31, 23, 59, 59}));
  EXPECT_EQ(CalendarFromUnix(INT64_MAX), CalendarFromUnix(kLastCalendarSecond));
  EXPECT_EQ(CalendarFromUnix(INT64_MIN),
            CalendarFromUnix(kFirstCalendarSecond));
}

class RtcTest : public ::testing::Test {
 protected:
  RtcTest() { rtc_.SetPowerOnDate(kDate); }
  static uint8_t Read(RtcMc146818& rtc, uint8_t index) {
    rtc.WritePort(0x70, 1, index);
    return static_cast<uint8_t>(rtc.ReadPort(0x71, 1));
  }
  uint8_t Read(uint8_t index) { return Read(rtc_, index); }
  void Write(uint8_t index, uint8_t value) {
    rtc_.WritePort(0x70, 1, index);
    rtc_.WritePort(0x71, 1, value);
  }
  // Century, year, month, day, hour, minute, second.
  std::vector<int> Time() {
    std::vector<int> time;
    for (const uint8_t index : {0x32, 9, 8, 7, 4, 2, 0}) {
      time.push_back(Read(index));
    }
    return time;
  }

  FakeClock clock_;
  FakeLine line_;
  RtcMc146818 rtc_{clock_.scheduler, line_, 512ull << 20};
};

TEST_F(RtcTest, ShowsThePowerOnDateInBcd) {
  EXPECT_THAT(Time(), ElementsAre(0x20, 0x23, 0x11, 0x14, 0x22, 0x13, 0x20));
  EXPECT_EQ(Read(6), 3) << "Tuesday";
  EXPECT_EQ(Read(0x0d), 0x80);
}

TEST_F(RtcTest, TimePasses) {
  clock_.Advance(kSecond - 1);
  EXPECT_EQ(Read(0), 0x20);
  clock_.Advance(1);
  EXPECT_EQ(Read(0), 0x21);
  clock_.Advance(100ull * 86'400 * kSecond);
  EXPECT_THAT(Time(), ElementsAre(0x20, 0x24, 0x02, 0x22, 0x22, 0x13, 0x21));
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever)
      << "a clock that nobody listens to wakes nobody";
}

TEST_F(RtcTest, BinaryAndTwelveHourFormats) {
  Write(0x0b, 0x06);
  EXPECT_THAT(Time(), ElementsAre(20, 23, 11, 14, 22, 13, 20));
  Write(0x0b, 0x00);
  EXPECT_EQ(Read(4), 0x80 | 0x10);
  clock_.Advance(2 * 3600 * kSecond);
  EXPECT_EQ(Read(4), 0x12) << "midnight";
  clock_.Advance(12 * 3600 * kSecond);
  EXPECT_EQ(Read(4), 0x80 | 0x12) << "noon";
}

TEST_F(RtcTest, SettingTheTimeAsLinuxDoes) {
  // drivers/rtc/rtc-mc146818-lib.c, mc146818_set_time (Linux 6.1).
  clock_.Advance(kSecond / 3);
  const uint8_t control = Read(0x0b);
  Write(0x0b, control | 0x80);
  const uint8_t rate = Read(0x0a);
  Write(0x0a, rate | 0x70);
  Write(9, 0x99);
  Write(8, 0x12);
  Write(7, 0x31);
  Write(4, 0x23);
  Write(2, 0x59);
  Write(0, 0x58);
  Write(0x32, 0x19);
  Write(0x0b, control);
  clock_.Advance(5 * kSecond);
  EXPECT_EQ(Read(0), 0x58) << "held by the divider";
  Write(0x0a, rate);
  EXPECT_THAT(Time(), ElementsAre(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x58));
  clock_.Advance(kSecond / 2 - 1);
  EXPECT_EQ(Read(0), 0x58);
  clock_.Advance(1);
  EXPECT_EQ(Read(0), 0x59) << "the first update comes after half a second";
  clock_.Advance(kSecond);
  EXPECT_THAT(Time(), ElementsAre(0x20, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00));
}

TEST_F(RtcTest, SetHoldsTheBytesAndKeepsThePhase) {
  clock_.Advance(kSecond / 4);
  Write(0x0b, 0x82);
  Write(0, 0x30);
  clock_.Advance(3 * kSecond);
  EXPECT_EQ(Read(0), 0x30);
  EXPECT_EQ(Read(0x0a) & 0x80, 0);
  Write(0x0b, 0x02);
  clock_.Advance(kSecond * 3 / 4);
  EXPECT_EQ(Read(0), 0x31);
}

TEST_F(RtcTest, NonsenseIsMadeSenseOf) {
  Write(0x0b, 0x82);
  for (const uint8_t index : {0x32, 9, 8, 7, 6, 4, 2, 0}) Write(index, 0xff);
  EXPECT_EQ(Read(0), 0xff) << "memory while SET";
  Write(0x0b, 0x02);
  EXPECT_THAT(Time(), ElementsAre(0x99, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59));
  clock_.Advance(1000 * kSecond);
  EXPECT_THAT(Time(), ElementsAre(0x99, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59))
      << "the calendar ends there";
}

TEST_F(RtcTest, UpdateInProgressAnnouncesTheUpdate) {
  EXPECT_EQ(Read(0x0a), 0x26);
  clock_.Advance(kSecond - 244'001);
  EXPECT_EQ(Read(0x0a), 0x26);
  clock_.Advance(1);
  EXPECT_EQ(Read(0x0a), 0xa6);
  clock_.Advance(244'000);
  EXPECT_EQ(Read(0x0a), 0x26);
}

TEST_F(RtcTest, UpdateEndedInterrupts) {
  Write(0x0b, 0x12);
  clock_.Advance(kSecond - 1);
  EXPECT_FALSE(line_.high);
  clock_.Advance(1);
  EXPECT_TRUE(line_.high);
  clock_.Advance(10 * kSecond);
  EXPECT_EQ(line_.rising_edges, 1) << "until register C is read";
  EXPECT_EQ(Read(0x0c), 0x80 | 0x40 | 0x10) << "the periodic flag sets as well";
  EXPECT_FALSE(line_.high);
  clock_.Advance(kSecond);
  EXPECT_EQ(line_.rising_edges, 2);
  Write(0x0b, 0x92);
  EXPECT_EQ(Read(0x0b), 0x82) << "SET clears the enable";
}

TEST_F(RtcTest, FlagsCanBePolled) {
  Read(0x0c);
  clock_.Advance(kSecond);
  EXPECT_EQ(Read(0x0c) & 0xf0, 0x50);
  EXPECT_EQ(Read(0x0c), 0);
  EXPECT_FALSE(line_.high);
}

TEST_F(RtcTest, PeriodicInterrupts) {
  for (const auto& [rate, per_second] :
       {std::pair<int, int>{6, 1024}, {3, 8192}, {15, 2}, {1, 256}, {2, 128}}) {
    Write(0x0b, 0x02);
    Write(0x0a, static_cast<uint8_t>(0x20 | rate));
    clock_.AdvanceTo((clock_.now / kSecond + 1) * kSecond);
    Read(0x0c);
    Write(0x0b, 0x42);
    int count = 0;
    const uint64_t end = clock_.now + kSecond;
    while (clock_.scheduler.next_deadline_ns() <= end) {
      clock_.AdvanceTo(clock_.scheduler.next_deadline_ns());
      EXPECT_EQ(Read(0x0c) & 0xc0, 0xc0);
      ++count;
    }
    EXPECT_EQ(count, per_second) << rate;
  }
  Write(0x0a, 0x20);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
}

TEST_F(RtcTest, AlarmsWithAndWithoutWildcards) {
  Write(5, 0x22);
  Write(3, 0x15);
  Write(1, 0x00);
  Write(0x0b, 0x22);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), 100 * kSecond);
  clock_.Advance(100 * kSecond);
  EXPECT_TRUE(line_.high);
  EXPECT_EQ(Read(0x0c) & 0xa0, 0xa0);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), (100 + 86'400) * kSecond);
  Write(5, 0xff);
  Write(3, 0xc0);
  Write(1, 0x30);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), 130 * kSecond);
  Write(1, 0xff);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), 101 * kSecond);
  Write(1, 0x61);  // no such second
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
  Write(1, 0x00);
  Write(3, 0x99);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
}

TEST_F(RtcTest, MemorySizesAreWhereTheyCustomarilyAre) {
  EXPECT_EQ(Read(0x15) | Read(0x16) << 8, 640);
  EXPECT_EQ(Read(0x17) | Read(0x18) << 8, 0xffff);
  EXPECT_EQ(Read(0x34) | Read(0x35) << 8, (512 - 16) * 16);
}

TEST_F(RtcTest, BothBanksOfMemoryKeepBytes) {
  Write(0x0f, 0x0a);
  Write(0x7f, 0x11);
  rtc_.WritePort(0x72, 1, 0x7f);
  rtc_.WritePort(0x73, 1, 0x22);
  EXPECT_EQ(Read(0x0f), 0x0a);
  EXPECT_EQ(Read(0x7f), 0x11);
  EXPECT_EQ(rtc_.ReadPort(0x73, 1), 0x22u);
  EXPECT_EQ(rtc_.ReadPort(0x70, 1), 0xffu);
  rtc_.WritePort(0x70, 1, 0x8f);
  EXPECT_TRUE(rtc_.nmi_disabled());
  EXPECT_EQ(rtc_.ReadPort(0x71, 1), 0x0au);
}

TEST_F(RtcTest, ExtremeDatesAreClamped) {
  rtc_.SetPowerOnDate(~0ull);
  EXPECT_THAT(Time(), ElementsAre(0x99, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59));
}

TEST_F(RtcTest, StateRoundTripsBetweenInterrupts) {
  Write(0x0b, 0x72);
  Write(1, 0xff);
  Write(3, 0xff);
  Write(5, 0xff);
  clock_.Advance(123'456'789);
  Read(0x0c);

  FakeClock clock2;
  FakeLine line2;
  RtcMc146818 copy(clock2.scheduler, line2, 512ull << 20);
  CopyState(rtc_, clock_, copy, clock2);
  clock_.Advance(kSecond * 3 / 2);
  clock2.Advance(kSecond * 3 / 2);
  EXPECT_EQ(Read(rtc_, 0x0c), Read(copy, 0x0c));
  EXPECT_EQ(Read(rtc_, 0x00), Read(copy, 0x00));
  EXPECT_EQ(DigestOf(rtc_, clock_.scheduler), DigestOf(copy, clock2.scheduler));
}

}  // namespace
}  // namespace librr::pc
