// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The local APIC's timer: Intel SDM volume 3, section 10.5.4.
//
// While its LVT entry is masked the timer counts, but arms nothing: an idle
// machine is not woken by what nobody can see.
#include <algorithm>

#include "machines/pc/devices/local_apic.h"

namespace librr::pc {
namespace {

constexpr uint32_t kLvtMasked = 1u << 16;
constexpr int kTimerModeShift = 17;
constexpr uint32_t kModePeriodic = 1;
constexpr uint32_t kModeDeadline = 2;

// The end of virtual time is far beyond any run; sums stop there.
uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  return a > Timer::kNever - b ? Timer::kNever : a + b;
}

}  // namespace

int LocalApic::TimerDivideShift() const {
  // Bits 0, 1 and 3: 0 divides by 2, 6 by 128, 7 by 1.
  const uint32_t code = (divide_ & 3) | (divide_ >> 1 & 4);
  return static_cast<int>((code + 1) & 7);
}

bool LocalApic::TimerIsDeadline() const {
  return (lvt_[kTimer] >> kTimerModeShift & 3) == kModeDeadline;
}

void LocalApic::SettleTimer() {
  const uint64_t now = scheduler_.now();
  bool expired = false;
  if (TimerIsDeadline()) {
    expired =
        tsc_deadline_ != 0 && now + callbacks_.tsc_offset() >= tsc_deadline_;
    if (expired) tsc_deadline_ = 0;
  } else if (timer_running_ && now >= timer_end_ns_) {
    expired = true;
    if ((lvt_[kTimer] >> kTimerModeShift & 3) == kModePeriodic) {
      const uint64_t period = uint64_t{initial_count_} << TimerDivideShift();
      timer_end_ns_ = SaturatingAdd(
          timer_end_ns_, ((now - timer_end_ns_) / period + 1) * period);
    } else {
      timer_running_ = false;
      timer_end_ns_ = 0;
    }
  }
  if (expired) DeliverLvt(kTimer);
}

void LocalApic::ArmTimer() {
  uint64_t deadline = Timer::kNever;
  if (!(lvt_[kTimer] & kLvtMasked)) {
    if (!TimerIsDeadline()) {
      if (timer_running_) deadline = timer_end_ns_;
    } else if (tsc_deadline_ != 0) {
      const uint64_t now = scheduler_.now();
      const uint64_t tsc = now + callbacks_.tsc_offset();
      deadline =
          tsc_deadline_ <= tsc ? now : SaturatingAdd(now, tsc_deadline_ - tsc);
    }
  }
  timer_->Arm(deadline);
}

uint32_t LocalApic::CurrentCount() const {
  const uint64_t now = scheduler_.now();
  if (!timer_running_ || now >= timer_end_ns_) return 0;
  const int shift = TimerDivideShift();
  return static_cast<uint32_t>((timer_end_ns_ - now + (1ull << shift) - 1) >>
                               shift);
}

void LocalApic::WriteInitialCount(uint32_t value) {
  // Ignored in TSC-deadline mode.
  if (TimerIsDeadline()) return;
  initial_count_ = value;
  timer_running_ = value != 0;
  timer_end_ns_ = 0;
  if (timer_running_) {
    timer_end_ns_ =
        SaturatingAdd(scheduler_.now(), uint64_t{value} << TimerDivideShift());
  }
  ArmTimer();
}

void LocalApic::WriteDivide(uint32_t value) {
  const uint32_t count = CurrentCount();
  divide_ = value & 0xb;
  if (timer_running_) {
    timer_end_ns_ =
        SaturatingAdd(scheduler_.now(), uint64_t{count} << TimerDivideShift());
  }
  ArmTimer();
}

void LocalApic::WriteTscDeadline(uint64_t value) {
  // Ignored in the other modes.
  if (!TimerIsDeadline()) return;
  tsc_deadline_ = value;
  SettleTimer();
  ArmTimer();
}

void LocalApic::OnTscOffsetChanged() {
  if (!TimerIsDeadline()) return;
  SettleTimer();
  ArmTimer();
}

void LocalApic::StopTimer() {
  initial_count_ = 0;
  timer_running_ = false;
  timer_end_ns_ = 0;
  tsc_deadline_ = 0;
  ArmTimer();
}

}  // namespace librr::pc
