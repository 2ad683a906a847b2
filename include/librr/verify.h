// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Proves that a trace replays exactly, or finds out what went wrong.
//
//   absl::StatusOr<VerifyReport> report = Verify(*trace, factory, {});
//   if (report.ok() && !report->exact()) std::cerr << report->Explain();
//
// A divergence is replayed again with another budget and engine. Where those
// two replays differ, the first differing step is searched for and named; where
// they agree with each other, the recording or something that all replays do
// alike is to blame; and where the second one agrees with the recording and the
// first cannot be repeated, the host is. Callable from any thread.
#ifndef LIBRR_VERIFY_H_
#define LIBRR_VERIFY_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/replayer.h"
#include "librr/trace.h"

namespace librr {

class VerifyObserver : public ReplayObserver {
 public:
  // What is being done now: "replaying", "replaying again", "searching ...".
  virtual void OnPhase(const std::string& /*phase*/) {}
};

struct VerifyOptions {
  std::string engine = "";  // of the replay that decides
  uint64_t budget = 0;      // see ReplayOptions
  // How a divergence is replayed again; by default with the same engine and a
  // budget of 997 steps (or 1009, if `budget` is 997).
  std::string second_engine = "";
  uint64_t second_budget = 0;
  VerifyObserver* observer = nullptr;
  const std::atomic<bool>* stop = nullptr;  // see ReplayOptions
};

// How two machines differ that should be in the same state.
struct StateDifference {
  std::vector<std::string> parts;      // as in Divergence::differing
  std::vector<std::string> registers;  // "cpu0 rax: 0x1, 0x2"
  // "0x1234000: 1 byte, first at 0x1234567: 0x10, 0x00 (1 bit)"; at most
  // `kMaxPages`.
  std::vector<std::string> pages;
  uint64_t page_count = 0;  // all that differ

  static constexpr size_t kMaxPages = 8;
};

struct DifferingStep {
  Position position;                      // before the step
  std::vector<std::string> instructions;  // the next of each vCPU, there
  StateDifference after;                  // first replay, then the second
};

struct VerifyReport {
  enum class Diagnosis {
    kExact,
    // Both replays agree with each other, not with the recording.
    kRepeats,
    // The first replay's divergence did not come again.
    kDidNotRepeat,
    // The two replays differ, each time.
    kDependsOnExecution,
  };

  Diagnosis diagnosis = Diagnosis::kExact;
  ReplayCounts counts;  // of the first replay
  Position end;         // how far it came
  std::optional<Divergence> divergence;
  // The two replays where the divergence was noticed (kDidNotRepeat).
  std::optional<StateDifference> difference;
  std::optional<DifferingStep> step;  // kDependsOnExecution, if it was found
  // Where the search ended (kDependsOnExecution): the replays agree at `first`
  // and differ at `second`.
  std::optional<std::pair<Position, Position>> narrowed;

  bool exact() const { return diagnosis == Diagnosis::kExact; }
  // Several lines for people, each ending with a newline: what differs, since
  // when, why, and what to do. Empty if exact.
  std::string Explain() const;
};

// Errors are those of reading the trace and of making the machine, and
// Cancelled. A divergence is a result.
absl::StatusOr<VerifyReport> Verify(const TraceReader& trace,
                                    const MachineFactory& factory,
                                    const VerifyOptions& options);

}  // namespace librr

#endif  // LIBRR_VERIFY_H_
