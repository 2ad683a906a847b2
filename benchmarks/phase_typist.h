// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Types one command after the other at the Linux guest's shell, and notes what
// each of them cost.
//
//   PhaseTypist typist(machine.get(), {{"SHA-256", "workload sha256 4"}},
//                      &turns);
//   LiveRun run(machine.get(), &typist, nullptr, nullptr, options);
//   ... run.Run() ...
//   for (const PhaseFigures& phase : typist.figures()) ...
//
// The first phase is the boot, up to the line in which the guest says that it
// is ready; then the given ones, from the first key to the next prompt. At last
// it types `poweroff -f`. Keys are pressed at times that follow from what the
// guest printed, so all runs of the same phases get the same keys. Belongs to
// the thread that runs the machine.
#ifndef LIBRR_BENCHMARKS_PHASE_TYPIST_H_
#define LIBRR_BENCHMARKS_PHASE_TYPIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/figures.h"
#include "benchmarks/turn_taking.h"
#include "librr/input_source.h"
#include "librr/machine.h"

namespace librr::benchmarks {

struct Phase {
  std::string name;
  std::string command;  // without a newline, shorter than a line
  // Like a person: one key at a time, at uneven intervals.
  bool key_by_key = false;
};

class PhaseTypist final : public InputSource {
 public:
  // `machine` and `turns` must outlive it.
  PhaseTypist(const Machine* machine, std::vector<Phase> phases,
              TurnTaker* turns);

  std::string Poll(size_t room, VirtualTime now) override;
  void OnConsoleOutput(absl::Span<const uint8_t> bytes,
                       VirtualTime now) override;
  bool live() const override { return false; }
  bool exhausted() const override { return done_ && held_.empty(); }
  bool holds_input() const override;
  std::optional<VirtualTime> NextDue() const override;
  std::string Pending() const override;

  // The boot, then the phases that are over.
  const std::vector<PhaseFigures>& figures() const { return figures_; }
  uint64_t keystrokes() const { return keystrokes_; }

 private:
  PhaseFigures Now() const;
  void EndPhase();
  void TypeNext();
  uint64_t NextKeyDelay();

  const Machine* const machine_;
  const std::vector<Phase> phases_;
  TurnTaker* const turns_;
  std::vector<PhaseFigures> figures_;
  PhaseFigures phase_began_;
  bool phase_over_ = false;  // noticed, not yet noted
  bool done_ = false;
  size_t next_phase_ = 0;
  std::string expected_;  // what the guest is to print; empty: nothing
  std::string printed_;   // its end, at most as long as `expected_`
  // When the next key is pressed, if it is known.
  std::optional<VirtualTime> due_;
  std::string held_;  // keys still to be pressed
  bool key_by_key_ = false;
  uint64_t random_ = 1;
  uint64_t keystrokes_ = 0;
};

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_PHASE_TYPIST_H_
