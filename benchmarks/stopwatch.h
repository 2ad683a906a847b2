// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// How long something took: as a clock on the wall says, and in CPU time.
//
//   const Stopwatch stopwatch;
//   ...
//   const Cost cost = stopwatch.Read();
//
// On a host that does other things too, elapsed time measures the others. What
// is done by one thread takes its CPU time on a host that is idle; what several
// threads share, that of the busiest one.
#ifndef LIBRR_BENCHMARKS_STOPWATCH_H_
#define LIBRR_BENCHMARKS_STOPWATCH_H_

#include <cstdint>
#include <map>

namespace librr::benchmarks {

struct Cost {
  double elapsed_ms = 0;
  double cpu_ms = 0;      // of this process, user and system
  double busiest_ms = 0;  // of the thread with most of it
};

class Stopwatch {
 public:
  Stopwatch();
  // Threads that were made since the beginning count; those that have ended
  // count for `cpu_ms` only.
  Cost Read() const;

 private:
  std::map<int, uint64_t> threads_;  // CPU time by thread, in nanoseconds
  uint64_t cpu_ns_;
  uint64_t elapsed_ns_;
};

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_STOPWATCH_H_
