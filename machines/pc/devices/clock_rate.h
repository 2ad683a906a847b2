// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Exact conversion between virtual nanoseconds and the ticks of a clock that
// has been running at a fixed rate since power-on. Tick k happens in the first
// nanosecond that is not before k / hertz seconds, so that
// `TicksAt(NsOfTick(k)) == k` for every tick.
//
//   constexpr ClockRate kPitClock(1'193'182);
//   uint64_t ticks = kPitClock.TicksAt(scheduler.now());
#ifndef LIBRR_MACHINES_PC_DEVICES_CLOCK_RATE_H_
#define LIBRR_MACHINES_PC_DEVICES_CLOCK_RATE_H_

#include <cstdint>

#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

class ClockRate {
 public:
  // `hertz` is at most 1'000'000'000.
  constexpr explicit ClockRate(uint64_t hertz) : hertz_(hertz) {}

  // Whole ticks that have happened by `ns`.
  constexpr uint64_t TicksAt(uint64_t ns) const {
    return static_cast<uint64_t>(static_cast<Wide>(ns) * hertz_ / kNsPerSecond);
  }
  // The earliest ns at which `tick` ticks have happened; Timer::kNever if that
  // is beyond the range of virtual time.
  constexpr uint64_t NsOfTick(uint64_t tick) const {
    const Wide ns =
        (static_cast<Wide>(tick) * kNsPerSecond + hertz_ - 1) / hertz_;
    return ns < Timer::kNever ? static_cast<uint64_t>(ns) : Timer::kNever;
  }

 private:
  using Wide = unsigned __int128;
  static constexpr uint64_t kNsPerSecond = 1'000'000'000;

  uint64_t hertz_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_CLOCK_RATE_H_
