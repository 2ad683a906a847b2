// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/scheduler.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "machines/pc/devices/clock_rate.h"
#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

using ::testing::ElementsAre;

TEST(SchedulerTest, FiresByDeadlineThenByOrderOfAddition) {
  FakeClock clock;
  std::vector<std::string> fired;
  Timer* a = clock.scheduler.AddTimer("a", [&] { fired.push_back("a"); });
  Timer* b = clock.scheduler.AddTimer("b", [&] { fired.push_back("b"); });
  Timer* c = clock.scheduler.AddTimer("c", [&] { fired.push_back("c"); });
  c->Arm(5);
  b->Arm(10);
  a->Arm(10);
  EXPECT_EQ(clock.scheduler.next_deadline_ns(), 5u);
  clock.now = 20;
  clock.scheduler.FireDue();
  EXPECT_THAT(fired, ElementsAre("c", "a", "b"));
  EXPECT_EQ(clock.scheduler.next_deadline_ns(), Timer::kNever);
}

TEST(SchedulerTest, ATimerFiresOnceAndNotEarly) {
  FakeClock clock;
  int fired = 0;
  Timer* timer = clock.scheduler.AddTimer("t", [&] { ++fired; });
  timer->Arm(10);
  clock.now = 9;
  clock.scheduler.FireDue();
  EXPECT_EQ(fired, 0);
  clock.now = 10;
  clock.scheduler.FireDue();
  clock.scheduler.FireDue();
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(timer->armed());
}

TEST(SchedulerTest, ArmingInThePastFiresAtTheNextCall) {
  FakeClock clock;
  int fired = 0;
  Timer* timer = clock.scheduler.AddTimer("t", [&] { ++fired; });
  clock.now = 100;
  timer->Arm(1);
  EXPECT_EQ(fired, 0);
  clock.scheduler.FireDue();
  EXPECT_EQ(fired, 1);
}

TEST(SchedulerTest, ATimerThatRearmsForAReachedTimeFiresAgain) {
  FakeClock clock;
  int fired = 0;
  Timer* timer = nullptr;
  timer = clock.scheduler.AddTimer("t", [&] {
    if (++fired < 3) timer->Arm(clock.now);
  });
  timer->Arm(1);
  clock.now = 5;
  clock.scheduler.FireDue();
  EXPECT_EQ(fired, 3);
}

TEST(SchedulerTest, MovingADeadlineUpdatesTheEarliest) {
  FakeClock clock;
  int hooks = 0;
  clock.scheduler.SetEarlierHook([&] { ++hooks; });
  Timer* a = clock.scheduler.AddTimer("a", [] {});
  Timer* b = clock.scheduler.AddTimer("b", [] {});
  a->Arm(100);
  b->Arm(50);
  EXPECT_EQ(hooks, 2);
  b->Arm(200);
  EXPECT_EQ(clock.scheduler.next_deadline_ns(), 100u);
  a->Disarm();
  EXPECT_EQ(clock.scheduler.next_deadline_ns(), 200u);
  EXPECT_EQ(hooks, 2) << "later deadlines are no reason to shorten a run";
}

TEST(SchedulerTest, DeadlinesAreSavedAndRestored) {
  FakeClock one, two;
  Timer* timer = one.scheduler.AddTimer("t", [] {});
  int fired = 0;
  two.scheduler.AddTimer("t", [&] { ++fired; });
  timer->Arm(77);
  SaveVisitor save;
  one.scheduler.DescribeState(save);
  const std::string state = save.Take();
  RestoreVisitor restore(state);
  two.scheduler.DescribeState(restore);
  EXPECT_EQ(two.scheduler.next_deadline_ns(), 77u);
  two.AdvanceTo(77);
  EXPECT_EQ(fired, 1);
}

TEST(ClockRateTest, TicksAndNanosecondsAreExactInverses) {
  for (const uint64_t hertz : {32'768ull, 1'193'182ull, 3'579'545ull}) {
    const ClockRate rate(hertz);
    for (const uint64_t tick : {0ull, 1ull, 2ull, 1'193'181ull, 1ull << 40}) {
      const uint64_t ns = rate.NsOfTick(tick);
      EXPECT_EQ(rate.TicksAt(ns), tick);
      if (ns != 0) {
        EXPECT_EQ(rate.TicksAt(ns - 1), tick - 1);
      }
    }
    EXPECT_EQ(rate.TicksAt(1'000'000'000ull * 86'400 * 365),
              hertz * 86'400 * 365);
  }
  EXPECT_EQ(ClockRate(1).NsOfTick(~0ull), Timer::kNever);
}

}  // namespace
}  // namespace librr::pc
