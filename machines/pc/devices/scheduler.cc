// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/scheduler.h"

#include <algorithm>
#include <utility>

namespace librr::pc {

void Timer::Arm(uint64_t deadline_ns) {
  const uint64_t old = deadline_ns_;
  deadline_ns_ = deadline_ns;
  if (deadline_ns < scheduler_->next_deadline_ns_) {
    scheduler_->next_deadline_ns_ = deadline_ns;
    if (scheduler_->earlier_) scheduler_->earlier_();
  } else if (old == scheduler_->next_deadline_ns_) {
    scheduler_->Recompute();
  }
}

Timer* Scheduler::AddTimer(std::string name, std::function<void()> fire) {
  timers_.emplace_back(new Timer(this, std::move(name), std::move(fire)));
  return timers_.back().get();
}

void Scheduler::Recompute() {
  next_deadline_ns_ = Timer::kNever;
  for (const auto& timer : timers_) {
    next_deadline_ns_ = std::min(next_deadline_ns_, timer->deadline_ns_);
  }
}

void Scheduler::FireDue() {
  const uint64_t now = now_();
  while (next_deadline_ns_ <= now && next_deadline_ns_ != Timer::kNever) {
    const auto due =
        std::find_if(timers_.begin(), timers_.end(), [this](const auto& timer) {
          return timer->deadline_ns_ == next_deadline_ns_;
        });
    Timer* timer = due->get();
    timer->Disarm();
    timer->fire_();
  }
}

void Scheduler::DescribeState(StateVisitor& visitor) {
  for (const auto& timer : timers_) {
    visitor.Field(timer->name_, timer->deadline_ns_);
  }
  Recompute();
}

}  // namespace librr::pc
