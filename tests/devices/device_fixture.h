// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What device tests share: a clock that the test moves, an interrupt line that
// remembers, and saving and restoring of one device with its timers.
//
//   FakeClock clock;
//   FakeLine line;
//   Pit8254 pit(clock.scheduler, line);
//   clock.Advance(1'000'000);
#ifndef LIBRR_TESTS_DEVICES_DEVICE_FIXTURE_H_
#define LIBRR_TESTS_DEVICES_DEVICE_FIXTURE_H_

#include <cstdint>
#include <string>

#include "gtest/gtest.h"
#include "librr-core/machine/state_visitor.h"
#include "machines/pc/devices/device.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

struct FakeClock {
  uint64_t now = 0;
  Scheduler scheduler{[this] { return now; }};

  // Stops at every deadline on the way, as an idle machine does.
  void Advance(uint64_t ns) { AdvanceTo(now + ns); }
  void AdvanceTo(uint64_t end) {
    while (scheduler.next_deadline_ns() <= end) {
      if (scheduler.next_deadline_ns() > now) {
        now = scheduler.next_deadline_ns();
      }
      scheduler.FireDue();
    }
    now = end;
  }
};

struct FakeLine final : public IrqLine {
  bool high = false;
  int rising_edges = 0;
  void SetLevel(bool level) override {
    if (level && !high) ++rising_edges;
    high = level;
  }
};

inline uint64_t DigestOf(Device& device, Scheduler& scheduler) {
  DigestVisitor visitor;
  device.DescribeState(visitor);
  scheduler.DescribeState(visitor);
  return visitor.hash();
}

inline std::string SaveOf(Device& device, Scheduler& scheduler) {
  SaveVisitor visitor;
  device.DescribeState(visitor);
  scheduler.DescribeState(visitor);
  return visitor.Take();
}

inline void RestoreTo(Device& device, Scheduler& scheduler,
                      const std::string& state) {
  RestoreVisitor visitor(state);
  device.DescribeState(visitor);
  scheduler.DescribeState(visitor);
  ASSERT_TRUE(visitor.status().ok()) << visitor.status();
  ASSERT_EQ(visitor.remaining(), 0u);
  device.AfterRestore();
}

// Restores `from`'s state into `to`, at the same time, and compares digests.
inline void CopyState(Device& from, FakeClock& from_clock, Device& to,
                      FakeClock& to_clock) {
  to_clock.now = from_clock.now;
  RestoreTo(to, to_clock.scheduler, SaveOf(from, from_clock.scheduler));
  ASSERT_EQ(DigestOf(from, from_clock.scheduler),
            DigestOf(to, to_clock.scheduler));
}

}  // namespace librr::pc

#endif  // LIBRR_TESTS_DEVICES_DEVICE_FIXTURE_H_
