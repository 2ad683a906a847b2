// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What one measured process found out about itself. Plain bytes: a process
// sends it through a socket to the one that compares.
#ifndef LIBRR_BENCHMARKS_FIGURES_H_
#define LIBRR_BENCHMARKS_FIGURES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "librr/live_run.h"
#include "librr/trace.h"

namespace librr::benchmarks {

inline constexpr size_t kMaxPhases = 8;

// CPU time is user and system time of the process, in nanoseconds.
struct PhaseFigures {
  uint64_t steps = 0;
  uint64_t rep_iterations = 0;  // of these, REP iterations past the first
  uint64_t cpu_ns = 0;
};

struct ProcessFigures {
  uint64_t cpu_ns = 0;            // of the whole process
  uint64_t execution_cpu_ns = 0;  // of it, while the machine executed
  uint64_t peak_resident_bytes = 0;
  uint64_t guest_ram_bytes = 0;
  uint64_t resident_guest_ram_bytes = 0;  // of it, at the end
  uint64_t steps = 0;
  uint64_t rep_iterations = 0;
  uint64_t guest_ns = 0;
  uint64_t keystrokes = 0;
  uint64_t phase_count = 0;
  std::array<PhaseFigures, kMaxPhases> phases{};
  // Of recordings:
  RunCosts costs;
  TraceBytes bytes;
  uint64_t input_count = 0;
  uint64_t output_count = 0;
  uint64_t digest_count = 0;
};

static_assert(std::is_trivially_copyable_v<ProcessFigures>);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_FIGURES_H_
