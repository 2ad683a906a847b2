// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Processes that take turns, so that a noisy host disturbs all of them alike.
//
// A shared host's speed changes from second to second. Processes that are
// compared by CPU time therefore run alternately, a few hundredths of a second
// each: what slows one down slows down the others.
//
//   absl::StatusOr<std::vector<ProcessFigures>> figures =
//       RunByTurns({[](TurnTaker& turns) { ... turns.MayPass(); ... }, ...});
//
// To be called from a process with one thread: it forks.
#ifndef LIBRR_BENCHMARKS_TURN_TAKING_H_
#define LIBRR_BENCHMARKS_TURN_TAKING_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/figures.h"

namespace librr::benchmarks {

// CPU time of this process, user and system, in nanoseconds.
uint64_t ProcessCpuNs();

// A measured process's end of the arrangement.
class TurnTaker {
 public:
  // CPU time of a turn.
  static constexpr uint64_t kTurnNs = 40'000'000;

  explicit TurnTaker(int socket) : socket_(socket) {}

  // Waits for the first turn.
  void Begin() { AwaitTurn(); }
  // Lets the others run if this turn is used up. To be called often.
  void MayPass();

 private:
  void AwaitTurn();

  const int socket_;
  uint64_t turn_began_ns_ = 0;
};

using Job = std::function<absl::StatusOr<ProcessFigures>(TurnTaker&)>;

// Runs each job in a process of its own, one at a time. The first error of any
// job is returned, naming nothing but what the job said.
absl::StatusOr<std::vector<ProcessFigures>> RunByTurns(
    const std::vector<Job>& jobs);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_TURN_TAKING_H_
