// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: Intel 8254 data sheet (order number 231164-005), "Mode
// Definitions" and "Read Operations".
#include "machines/pc/devices/pit_counter.h"

#include <algorithm>

namespace librr::pc {
namespace {

constexpr uint8_t kLowByte = 1;
constexpr uint8_t kHighByte = 2;
constexpr uint8_t kBothBytes = 3;

int64_t FromBcd(uint16_t value) {
  return (value >> 12) * 1000 + ((value >> 8) & 15) * 100 +
         ((value >> 4) & 15) * 10 + (value & 15);
}

uint16_t ToBcd(int64_t value) {
  return static_cast<uint16_t>((value / 1000 % 10) << 12 |
                               (value / 100 % 10) << 8 |
                               (value / 10 % 10) << 4 | value % 10);
}

}  // namespace

void PitCounter::WriteControl(uint8_t value) {
  access_ = (value >> 4) & 3;
  programmed_mode_ = (value >> 1) & 7;
  bcd_ = (value & 1) != 0;
  written_ = false;
  triggered_ = false;
  running_ = false;
  next_count_ = 0;
  next_tick_ = 0;
  frozen_elapsed_ = 0;
  write_high_ = false;
  read_high_ = false;
  count_latched_ = false;
  status_latched_ = false;
}

void PitCounter::WriteData(uint8_t value, int64_t now) {
  switch (access_) {
    case kLowByte:
      Load(value, now);
      break;
    case kHighByte:
      Load(static_cast<uint16_t>(value << 8), now);
      break;
    default:
      if (!write_high_) {
        write_low_ = value;
        write_high_ = true;
        // In mode 0 the first byte stops the counter and its output falls.
        if (mode() == 0) {
          Freeze(now);
          written_ = false;
        }
      } else {
        write_high_ = false;
        Load(static_cast<uint16_t>(value << 8 | write_low_), now);
      }
  }
}

void PitCounter::Load(uint16_t value, int64_t now) {
  int64_t count = bcd_ ? FromBcd(value) : value;
  if (count == 0) count = bcd_ ? 10'000 : 0x10000;

  if (TriggeredByGate()) {
    // A cycle that has begun is not disturbed.
    if (triggered_) {
      next_count_ = count;
      next_tick_ = kNever;
    } else {
      count_ = count;
    }
    written_ = true;
    return;
  }
  if (Periodic() && written_ && running_) {
    next_count_ = count;
    const int64_t elapsed = now - start_;
    if (elapsed < 0) {
      next_tick_ = start_;
    } else {
      const int64_t cycle = now - elapsed % count_;
      const int64_t high = cycle + HighTicks(count_);
      next_tick_ = mode() == 3 && now < high ? high : cycle + count_;
    }
    return;
  }
  written_ = true;
  count_ = count;
  next_count_ = 0;
  Start(now);
}

void PitCounter::Start(int64_t now) {
  running_ = gate_ || TriggeredByGate();
  start_ = now + 1;
  frozen_elapsed_ = 0;
}

void PitCounter::Freeze(int64_t now) {
  frozen_elapsed_ = std::max<int64_t>(0, Elapsed(now));
  running_ = false;
}

void PitCounter::Sync(int64_t now) {
  if (next_count_ == 0 || now < next_tick_) return;
  // Mode 3 reloads at each half: if the low half begins, the (virtual) start
  // of its period lies before.
  const bool low_half =
      mode() == 3 && start_ < next_tick_ && (next_tick_ - start_) % count_ != 0;
  count_ = next_count_;
  start_ = low_half ? next_tick_ - HighTicks(count_) : next_tick_;
  next_count_ = 0;
  next_tick_ = 0;
}

void PitCounter::SetGate(bool high, int64_t now) {
  if (high == gate_) return;
  gate_ = high;
  if (TriggeredByGate()) {
    if (!high || !written_) return;
    if (next_count_ != 0) count_ = next_count_;
    next_count_ = 0;
    triggered_ = true;
    Start(now);
  } else if (!high) {
    if (written_) Freeze(now);
  } else if (Periodic()) {
    if (!written_) return;
    if (next_count_ != 0) count_ = next_count_;
    next_count_ = 0;
    Start(now);
  } else if (written_) {
    running_ = true;
    start_ = now - frozen_elapsed_;
  }
}

bool PitCounter::Output(int64_t now) const {
  if (!written_) return mode() != 0;
  const int64_t elapsed = Elapsed(now);
  switch (mode()) {
    case 0:
      return elapsed >= count_;
    case 1:
      return !triggered_ || elapsed < 0 || elapsed >= count_;
    case 2:
      return !running_ || elapsed < 0 || elapsed % count_ != count_ - 1;
    case 3:
      return !running_ || elapsed < 0 || elapsed % count_ < HighTicks(count_);
    case 4:
      return elapsed != count_;
    default:
      return !triggered_ || elapsed != count_;
  }
}

int64_t PitCounter::NextTransition(int64_t now) const {
  if (!written_ || !running_) return kNever;
  const int64_t elapsed = now - start_;
  int64_t next = kNever;
  switch (mode()) {
    case 0:
      if (elapsed < count_) next = start_ + count_;
      break;
    case 1:
      if (elapsed < 0) {
        next = start_;
      } else if (elapsed < count_) {
        next = start_ + count_;
      }
      break;
    case 2: {
      // A count of one is illegal and holds the output low.
      const int64_t position = elapsed < 0 ? elapsed : elapsed % count_;
      if (position < count_ - 1) {
        next = now + count_ - 1 - position;
      } else if (count_ > 1) {
        next = now + 1;
      }
      break;
    }
    case 3: {
      const int64_t position = elapsed < 0 ? elapsed : elapsed % count_;
      if (count_ == 1) break;
      next = now + (position < HighTicks(count_) ? HighTicks(count_) : count_) -
             position;
      break;
    }
    default:
      if (elapsed < count_) {
        next = start_ + count_;
      } else if (elapsed == count_) {
        next = now + 1;
      }
  }
  return next_count_ != 0 ? std::min(next, next_tick_) : next;
}

uint16_t PitCounter::Count(int64_t now) const {
  if (!written_) return 0;
  const int64_t modulus = bcd_ ? 10'000 : 0x10000;
  int64_t elapsed = std::max<int64_t>(0, Elapsed(now));
  int64_t value;
  if (TriggeredByGate() && !triggered_) {
    value = count_;
  } else if (mode() == 2) {
    value = count_ - elapsed % count_;
  } else if (mode() == 3) {
    // Each half counts down by two from the even part of the count.
    elapsed %= count_;
    if (elapsed >= HighTicks(count_)) elapsed -= HighTicks(count_);
    value = (count_ & ~int64_t{1}) - 2 * elapsed;
  } else {
    value = (count_ - elapsed) % modulus;
    if (value < 0) value += modulus;
  }
  value %= modulus;
  return bcd_ ? ToBcd(value) : static_cast<uint16_t>(value);
}

void PitCounter::LatchCount(int64_t now) {
  if (count_latched_) return;
  count_latched_ = true;
  latched_count_ = Count(now);
}

void PitCounter::LatchStatus(int64_t now) {
  if (status_latched_) return;
  status_latched_ = true;
  const bool null_count = !written_ || next_count_ != 0 || Elapsed(now) < 0;
  latched_status_ =
      static_cast<uint8_t>(Output(now) << 7 | null_count << 6 | access_ << 4 |
                           programmed_mode_ << 1 | bcd_);
}

uint8_t PitCounter::ReadData(int64_t now) {
  if (status_latched_) {
    status_latched_ = false;
    return latched_status_;
  }
  const uint16_t count = count_latched_ ? latched_count_ : Count(now);
  const bool high =
      access_ == kHighByte || (access_ == kBothBytes && read_high_);
  if (access_ == kBothBytes) read_high_ = !read_high_;
  // The latch is released by its last byte.
  if (access_ != kBothBytes || high) count_latched_ = false;
  return static_cast<uint8_t>(high ? count >> 8 : count);
}

void PitCounter::DescribeState(StateVisitor& visitor, std::string_view name) {
  const auto field = [&](auto& value) { visitor.Field(name, value); };
  field(programmed_mode_);
  field(access_);
  field(bcd_);
  field(gate_);
  field(written_);
  field(triggered_);
  field(running_);
  field(count_);
  field(next_count_);
  field(next_tick_);
  field(start_);
  field(frozen_elapsed_);
  field(write_high_);
  field(write_low_);
  field(read_high_);
  field(count_latched_);
  field(latched_count_);
  field(status_latched_);
  field(latched_status_);
}

void PitCounter::AfterRestore() {
  // Saved states are untrusted: keep the arithmetic above within its range.
  constexpr int64_t kMaxTick = int64_t{1} << 60;
  programmed_mode_ &= 7;
  access_ = static_cast<uint8_t>(access_ & 3);
  count_ = std::clamp<int64_t>(count_, 1, 0x10000);
  next_count_ = std::clamp<int64_t>(next_count_, 0, 0x10000);
  if (next_tick_ != kNever) {
    next_tick_ = std::clamp<int64_t>(next_tick_, 0, kMaxTick);
  }
  start_ = std::clamp<int64_t>(start_, -kMaxTick, kMaxTick);
  frozen_elapsed_ = std::clamp<int64_t>(frozen_elapsed_, 0, kMaxTick);
}

}  // namespace librr::pc
