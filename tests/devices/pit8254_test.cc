// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/pit8254.h"

#include "machines/pc/devices/clock_rate.h"
#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

constexpr ClockRate kClock(Pit8254::kHertz);

class PitTest : public ::testing::Test {
 protected:
  void Out(uint16_t port, uint8_t value) { pit_.WritePort(port, 1, value); }
  uint8_t In(uint16_t port) {
    return static_cast<uint8_t>(pit_.ReadPort(port, 1));
  }
  void Program(int counter, int mode, uint16_t count) {
    Out(0x43, static_cast<uint8_t>(counter << 6 | 0x30 | mode << 1));
    Write(counter, count);
  }
  void Write(int counter, uint16_t count) {
    Out(static_cast<uint16_t>(0x40 + counter), static_cast<uint8_t>(count));
    Out(static_cast<uint16_t>(0x40 + counter),
        static_cast<uint8_t>(count >> 8));
  }
  uint16_t Read(int counter) {
    Out(0x43, static_cast<uint8_t>(counter << 6));
    const uint8_t low = In(static_cast<uint16_t>(0x40 + counter));
    return static_cast<uint16_t>(low | In(static_cast<uint16_t>(0x40 + counter))
                                           << 8);
  }
  void Gate2(bool high) { Out(0x61, high ? 1 : 0); }
  bool Out2() { return (In(0x61) & 0x20) != 0; }
  // To `ticks` after the tick of the last load, which is the next one.
  void Mark() { loaded_ = kClock.TicksAt(clock_.now) + 1; }
  void GoTo(uint64_t ticks) {
    clock_.AdvanceTo(kClock.NsOfTick(loaded_ + ticks));
  }

  FakeClock clock_;
  FakeLine line_;
  Pit8254 pit_{clock_.scheduler, line_};
  uint64_t loaded_ = 0;
};

TEST_F(PitTest, Mode0RaisesItsOutputAtTheEndAndCountsOn) {
  Gate2(true);
  Program(2, 0, 100);
  Mark();
  EXPECT_FALSE(Out2());
  GoTo(0);
  EXPECT_EQ(Read(2), 100);
  GoTo(99);
  EXPECT_EQ(Read(2), 1);
  EXPECT_FALSE(Out2());
  GoTo(100);
  EXPECT_TRUE(Out2());
  GoTo(103);
  EXPECT_EQ(Read(2), 0xfffd);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, Mode0StopsWhileTheGateIsLow) {
  Gate2(true);
  Program(2, 0, 100);
  Mark();
  GoTo(40);
  Gate2(false);
  GoTo(1000);
  EXPECT_EQ(Read(2), 60);
  EXPECT_FALSE(Out2());
  Gate2(true);
  GoTo(1059);
  EXPECT_FALSE(Out2());
  GoTo(1060);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, Mode0CalibrationOfLinuxSeesCountsFall) {
  // arch/x86/kernel/tsc.c, quick_pit_calibrate (Linux 6.1).
  Out(0x61, static_cast<uint8_t>((In(0x61) & ~0x02) | 0x01));
  Out(0x43, 0xb0);
  Out(0x42, 0xff);
  Out(0x42, 0xff);
  uint8_t previous = 0xff;
  for (int i = 0; i < 200; ++i) {
    clock_.Advance(20'000);
    In(0x42);
    const uint8_t high = In(0x42);
    EXPECT_LE(high, previous);
    EXPECT_LE(previous - high, 1);
    previous = high;
  }
  EXPECT_LT(previous, 0xf0);
}

TEST_F(PitTest, TheFirstByteOfTwoStopsMode0) {
  Gate2(true);
  Program(2, 0, 10);
  Mark();
  GoTo(20);
  EXPECT_TRUE(Out2());
  Out(0x42, 50);
  EXPECT_FALSE(Out2());
  GoTo(500);
  EXPECT_FALSE(Out2());
  Out(0x42, 0);
  Mark();
  GoTo(49);
  EXPECT_FALSE(Out2());
  GoTo(50);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, Mode1IsTriggeredByTheGate) {
  Program(2, 1, 30);
  GoTo(100);
  EXPECT_TRUE(Out2());
  Gate2(true);
  Mark();
  GoTo(0);
  EXPECT_FALSE(Out2());
  GoTo(29);
  EXPECT_FALSE(Out2());
  Write(2, 50);  // does not disturb the cycle
  GoTo(30);
  EXPECT_TRUE(Out2());
  Gate2(false);
  Gate2(true);
  Mark();
  GoTo(49);
  EXPECT_FALSE(Out2());
  GoTo(50);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, Mode2InterruptsPeriodically) {
  Program(0, 2, 1193);
  Mark();
  EXPECT_TRUE(line_.high) << "the output is high at once";
  line_.rising_edges = 0;
  GoTo(1191);
  EXPECT_TRUE(line_.high);
  EXPECT_EQ(Read(0), 2);
  GoTo(1192);
  EXPECT_FALSE(line_.high);
  EXPECT_EQ(Read(0), 1);
  GoTo(1193);
  EXPECT_TRUE(line_.high);
  EXPECT_EQ(Read(0), 1193);
  GoTo(1193 * 1000);
  EXPECT_EQ(line_.rising_edges, 1000);
}

TEST_F(PitTest, NoEdgeIsLostWhenTimeJumpsOverAPulse) {
  Program(0, 2, 1000);
  Mark();
  line_.rising_edges = 0;
  for (int i = 1; i <= 10; ++i) {
    // From just before the pulse to well after it, as a surcharge does.
    clock_.now = kClock.NsOfTick(loaded_ + 1000 * i - 2);
    clock_.scheduler.FireDue();
    clock_.now = kClock.NsOfTick(loaded_ + 1000 * i + 3);
    clock_.scheduler.FireDue();
    EXPECT_EQ(line_.rising_edges, i);
  }
}

TEST_F(PitTest, ANewCountInMode2WaitsForTheEndOfTheCycle) {
  Gate2(true);
  Program(2, 2, 100);
  Mark();
  GoTo(30);
  Write(2, 20);
  GoTo(98);
  EXPECT_EQ(Read(2), 2);
  GoTo(99);
  EXPECT_FALSE(Out2());
  GoTo(100);
  EXPECT_EQ(Read(2), 20);
  GoTo(119);
  EXPECT_FALSE(Out2());
  GoTo(120);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, TheGateHoldsAndRestartsMode2) {
  Gate2(true);
  Program(2, 2, 100);
  Mark();
  GoTo(99);
  EXPECT_FALSE(Out2());
  Gate2(false);
  EXPECT_TRUE(Out2());
  GoTo(500);
  EXPECT_TRUE(Out2());
  Gate2(true);
  Mark();
  GoTo(0);
  EXPECT_EQ(Read(2), 100);
  GoTo(99);
  EXPECT_FALSE(Out2());
}

TEST_F(PitTest, Mode3IsASquareWave) {
  Gate2(true);
  Program(2, 3, 7);
  Mark();
  const char* expected = "1111000111100011110001";
  for (int i = 0; expected[i] != '\0'; ++i) {
    GoTo(i);
    EXPECT_EQ(Out2(), expected[i] == '1') << i;
  }
}

TEST_F(PitTest, Mode3CountsDownByTwo) {
  Gate2(true);
  Program(2, 3, 8);
  Mark();
  const int expected[] = {8, 6, 4, 2, 8, 6, 4, 2, 8};
  for (int i = 0; i < 9; ++i) {
    GoTo(i);
    EXPECT_EQ(Read(2), expected[i]) << i;
  }
}

TEST_F(PitTest, ANewCountInMode3TakesEffectAtTheNextHalf) {
  Gate2(true);
  Program(2, 3, 20);
  Mark();
  GoTo(3);
  Write(2, 4);
  GoTo(9);
  EXPECT_TRUE(Out2());
  for (const auto& [tick, out] : {std::pair{10, false},
                                  {11, false},
                                  {12, true},
                                  {13, true},
                                  {14, false}}) {
    GoTo(tick);
    EXPECT_EQ(Out2(), out) << tick;
  }
}

TEST_F(PitTest, Mode4StrobesOnce) {
  Gate2(true);
  Program(2, 4, 5);
  Mark();
  const char* expected = "111110111";
  for (int i = 0; expected[i] != '\0'; ++i) {
    GoTo(i);
    EXPECT_EQ(Out2(), expected[i] == '1') << i;
  }
  GoTo(5 + 0x10000);
  EXPECT_TRUE(Out2()) << "wrapping around strobes no more";
}

TEST_F(PitTest, Mode4OnCounter0IsAOneShotInterrupt) {
  Program(0, 4, 2000);  // pit_set_oneshot and pit_next_event of Linux
  Mark();
  line_.rising_edges = 0;
  GoTo(2000);
  EXPECT_FALSE(line_.high);
  GoTo(2001);
  EXPECT_TRUE(line_.high);
  GoTo(200'000);
  EXPECT_EQ(line_.rising_edges, 1);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
}

TEST_F(PitTest, Mode5StrobesAfterItsTrigger) {
  Program(2, 5, 5);
  GoTo(50);
  EXPECT_TRUE(Out2());
  Gate2(true);
  Mark();
  GoTo(4);
  EXPECT_TRUE(Out2());
  GoTo(5);
  EXPECT_FALSE(Out2());
  GoTo(6);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, LatchesHoldUntilRead) {
  Program(0, 2, 1000);
  Mark();
  GoTo(10);
  Out(0x43, 0x00);
  GoTo(20);
  Out(0x43, 0x00);  // ignored: the first latch is unread
  EXPECT_EQ(In(0x40), 990 & 0xff);
  GoTo(30);
  EXPECT_EQ(In(0x40), 990 >> 8);
  EXPECT_EQ(In(0x40), 970 & 0xff) << "live again";
}

TEST_F(PitTest, ReadBackLatchesStatusThenCount) {
  Gate2(true);
  Program(2, 3, 1000);
  Out(0x43, 0xe8);  // status of counter 2
  EXPECT_EQ(In(0x42), 0x80 | 0x40 | 0x30 | 3 << 1) << "null count";
  Mark();
  GoTo(0);
  GoTo(600);
  Out(0x43, 0xc8);  // count and status
  GoTo(700);
  EXPECT_EQ(In(0x42), 0x30 | 3 << 1);
  EXPECT_EQ(In(0x42), 800 & 0xff);
  EXPECT_EQ(In(0x42), 800 >> 8);
}

TEST_F(PitTest, SingleByteAccessModes) {
  Gate2(true);
  Out(0x43, 0x90);  // counter 2, low byte, mode 0
  Out(0x42, 0x40);
  Mark();
  GoTo(0);
  EXPECT_EQ(In(0x42), 0x40);
  EXPECT_EQ(In(0x42), 0x40);
  Out(0x43, 0xa0);  // high byte
  Out(0x42, 0x12);
  Mark();
  GoTo(1);
  EXPECT_EQ(In(0x42), 0x11) << "0x1200 - 1";
}

TEST_F(PitTest, BcdCounts) {
  Gate2(true);
  Out(0x43, 0xb1);  // counter 2, mode 0, BCD
  Write(2, 0x1000);
  Mark();
  GoTo(1);
  EXPECT_EQ(Read(2), 0x0999);
  GoTo(1000);
  EXPECT_TRUE(Out2());
  GoTo(1001);
  EXPECT_EQ(Read(2), 0x9999);
  Write(2, 0);
  Mark();
  GoTo(9999);
  EXPECT_FALSE(Out2());
  GoTo(10'000);
  EXPECT_TRUE(Out2());
}

TEST_F(PitTest, ZeroCountsTheWholeRange) {
  Program(0, 0, 0);
  Mark();
  GoTo(65'535);
  EXPECT_FALSE(line_.high);
  GoTo(65'536);
  EXPECT_TRUE(line_.high);
}

TEST_F(PitTest, IllegalCountsOfOneDoNotHang) {
  for (const int mode : {2, 3}) {
    Program(0, mode, 1);
    clock_.Advance(1'000'000);
  }
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
}

TEST_F(PitTest, AnUnprogrammedCounterArmsNothing) {
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
  EXPECT_EQ(In(0x43), 0xff);
}

TEST_F(PitTest, TheRefreshBitToggles) {
  EXPECT_EQ(In(0x61) & 0x10, 0);
  clock_.Advance(15'085);
  EXPECT_EQ(In(0x61) & 0x10, 0x10);
  clock_.Advance(15'085);
  EXPECT_EQ(In(0x61) & 0x10, 0);
}

TEST_F(PitTest, LongRunsStayExact) {
  Program(0, 2, 11'932);
  Mark();
  const uint64_t day = 86'400ull * 1'000'000'000;
  clock_.now = day * 300;
  clock_.scheduler.FireDue();
  const uint64_t ticks = kClock.TicksAt(clock_.now) - loaded_;
  EXPECT_EQ(Read(0), 11'932 - ticks % 11'932);
}

TEST_F(PitTest, StateRoundTripsInMidCycle) {
  Gate2(true);
  Program(0, 2, 5000);
  Program(2, 3, 777);
  clock_.Advance(1'234'567);
  Write(0, 3000);
  Out(0x43, 0x80);
  In(0x42);

  FakeClock clock2;
  FakeLine line2;
  Pit8254 copy(clock2.scheduler, line2);
  CopyState(pit_, clock_, copy, clock2);
  line_.rising_edges = 0;
  line2.high = line_.high;
  clock_.Advance(50'000'000);
  clock2.Advance(50'000'000);
  EXPECT_EQ(line_.rising_edges, line2.rising_edges);
  EXPECT_EQ(In(0x42), copy.ReadPort(0x42, 1));
  EXPECT_EQ(DigestOf(pit_, clock_.scheduler), DigestOf(copy, clock2.scheduler));
}

}  // namespace
}  // namespace librr::pc
