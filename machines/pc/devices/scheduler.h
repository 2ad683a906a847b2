// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Virtual time, and the timers that fire in it.
//
// Virtual nanoseconds = steps + surcharges + idle time. The machine moves the
// clock; devices read it and arm timers. Timers that are due at the same time
// fire in the order in which they were added: part of the machine model.
//
//   Timer* timer = scheduler.AddTimer("pit.channel0", [this] { OnTick(); });
//   timer->Arm(scheduler.now() + 1'000'000);
#ifndef LIBRR_MACHINES_PC_DEVICES_SCHEDULER_H_
#define LIBRR_MACHINES_PC_DEVICES_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "librr-core/machine/state_visitor.h"

namespace librr::pc {

class Scheduler;

class Timer {
 public:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

  // Fires once, when virtual time reaches `deadline_ns` (absolute; in the past
  // means at once, but never inside this call). Re-arming moves the deadline.
  void Arm(uint64_t deadline_ns);
  void Disarm() { Arm(kNever); }
  bool armed() const { return deadline_ns_ != kNever; }
  uint64_t deadline_ns() const { return deadline_ns_; }

 private:
  friend class Scheduler;
  Timer(Scheduler* scheduler, std::string name, std::function<void()> fire)
      : scheduler_(scheduler), name_(std::move(name)), fire_(std::move(fire)) {}

  Scheduler* scheduler_;
  std::string name_;
  std::function<void()> fire_;
  uint64_t deadline_ns_ = kNever;
};

class Scheduler {
 public:
  // Gives the current virtual time in ns, exact to the step that executes.
  using NowFunction = std::function<uint64_t()>;

  explicit Scheduler(NowFunction now) : now_(std::move(now)) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  uint64_t now() const { return now_(); }

  // Timers live as long as the scheduler.
  Timer* AddTimer(std::string name, std::function<void()> fire);

  // The earliest deadline, or Timer::kNever.
  uint64_t next_deadline_ns() const { return next_deadline_ns_; }

  // Fires all timers whose deadline is not after now(), earliest first, ties in
  // order of addition. A timer that re-arms itself for a time already reached
  // fires again.
  void FireDue();

  // Called when the earliest deadline has become earlier than it was, so that
  // a running CPU can shorten its run.
  void SetEarlierHook(std::function<void()> hook) {
    earlier_ = std::move(hook);
  }

  // The deadlines of all timers.
  void DescribeState(StateVisitor& visitor);

 private:
  friend class Timer;
  void Recompute();

  NowFunction now_;
  std::function<void()> earlier_;
  std::vector<std::unique_ptr<Timer>> timers_;
  uint64_t next_deadline_ns_ = Timer::kNever;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_SCHEDULER_H_
