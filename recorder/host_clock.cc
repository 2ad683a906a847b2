// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <time.h>

#include "librr/live_run.h"

namespace librr {
namespace {

constexpr uint64_t kNanosPerSecond = 1'000'000'000;

class RealClock final : public HostClock {
 public:
  uint64_t Now() override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * kNanosPerSecond +
           static_cast<uint64_t>(now.tv_nsec);
  }

  void Wait(int fd_a, int fd_b, std::optional<uint64_t> timeout_ns) override {
    // A negative descriptor is ignored by poll.
    pollfd fds[] = {{fd_a, POLLIN, 0}, {fd_b, POLLIN, 0}};
    timespec timeout{};
    if (timeout_ns.has_value()) {
      timeout.tv_sec = static_cast<time_t>(*timeout_ns / kNanosPerSecond);
      timeout.tv_nsec = static_cast<long>(*timeout_ns % kNanosPerSecond);
    }
    // An interruption by a signal counts as "for no reason".
    ppoll(fds, 2, timeout_ns.has_value() ? &timeout : nullptr, nullptr);
  }
};

}  // namespace

HostClock& HostClock::Real() {
  static RealClock clock;  // has no state
  return clock;
}

}  // namespace librr
