// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/stopwatch.h"

#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace librr::benchmarks {
namespace {

std::optional<uint64_t> Nanoseconds(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return std::nullopt;
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<uint64_t>(now.tv_nsec);
}

// The clock of any thread of this process, as pthread_getcpuclockid makes it
// for those whose handles are known (CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED
// in the kernel's posix-timers.h).
clockid_t ClockOfThread(int thread) { return (~thread * 8) | 6; }

std::map<int, uint64_t> Threads() {
  std::map<int, uint64_t> threads;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task", error)) {
    const int thread = std::atoi(entry.path().filename().c_str());
    if (const auto time = Nanoseconds(ClockOfThread(thread))) {
      threads[thread] = *time;
    }
  }
  return threads;
}

double Milliseconds(uint64_t begin, uint64_t end) {
  return static_cast<double>(end - begin) / 1e6;
}

}  // namespace

Stopwatch::Stopwatch()
    : threads_(Threads()),
      cpu_ns_(Nanoseconds(CLOCK_PROCESS_CPUTIME_ID).value_or(0)),
      elapsed_ns_(Nanoseconds(CLOCK_MONOTONIC).value_or(0)) {}

Cost Stopwatch::Read() const {
  Cost cost;
  cost.elapsed_ms =
      Milliseconds(elapsed_ns_, Nanoseconds(CLOCK_MONOTONIC).value_or(0));
  cost.cpu_ms =
      Milliseconds(cpu_ns_, Nanoseconds(CLOCK_PROCESS_CPUTIME_ID).value_or(0));
  for (const auto& [thread, time] : Threads()) {
    const auto before = threads_.find(thread);
    cost.busiest_ms = std::max(
        cost.busiest_ms,
        Milliseconds(before != threads_.end() ? before->second : 0, time));
  }
  return cost;
}

}  // namespace librr::benchmarks
