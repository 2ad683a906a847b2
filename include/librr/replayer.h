// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs a recorded machine again: feeds the inputs of a trace to a new machine
// and checks that it does what the recorded one did, digest by digest and
// output by output.
//
//   LIBRR_ASSIGN_OR_RETURN(auto trace, TraceReader::Open("boot.vmrr"));
//   LIBRR_ASSIGN_OR_RETURN(auto replayer,
//                          Replayer::Create(trace.get(), factory, {}));
//   LIBRR_RETURN_IF_ERROR(replayer->SeekTo(Position(1'000'000)));
//   std::vector<RegisterValue> registers = replayer->machine().Registers(0);
//
// A replay that does not agree with the trace stops with a `Divergence`; it
// never hangs and never goes on silently. Belongs to one thread. The trace
// must outlive the replayer.
#ifndef LIBRR_REPLAYER_H_
#define LIBRR_REPLAYER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/machine.h"
#include "librr/pc_machine.h"
#include "librr/trace.h"

namespace librr {

// Makes the machine that was recorded, in its initial state, for an engine
// ("" means the default one). A timeline calls it on threads of its own too,
// one at a time.
using MachineFactory = std::function<absl::StatusOr<std::unique_ptr<Machine>>(
    const std::string& engine)>;

// The configuration of the embedded machine that a trace holds; see
// `DescribePc`. FailedPrecondition if it is of another kind or model.
absl::StatusOr<PcConfig> PcConfigFromTrace(const TraceReader& trace);

// Where and how a replay ceased to agree with its trace.
struct Divergence {
  enum class Kind {
    kDigest,  // the state differs
    kOutput,  // something else left the machine
    kClock,   // it could not come to an event's position and time
    kInput,   // it could not take an input there
    kEnd,     // it ended earlier, later or otherwise
  };
  struct LastInput {
    Position position;
    VirtualTime time;
    InputKind kind = InputKind::kConsole;
    std::string payload;
  };

  Kind kind = Kind::kDigest;
  Position position;  // where it was noticed
  VirtualTime time;
  // The last digest that agreed: what went wrong did so after it. 0 if none
  // did.
  Position last_good;
  // "cpu0", "RAM 0x1000000-0x1ffffff" (a bucket), "console output", "clock",
  // "end".
  std::string component;
  int ram_bucket = -1;  // the first that differs, if RAM does
  // All that differs, in digests: components, then buckets of RAM.
  std::vector<std::string> differing;
  std::string expected;  // what the trace has, for people
  std::string actual;
  std::optional<LastInput> last_input;  // the last one before `position`

  // One line: where, what, and since when.
  std::string Message() const;
};

// Looks on while a replay executes.
class ReplayObserver {
 public:
  virtual ~ReplayObserver() = default;
  // Called several times a second. `goal` is where the replay is going.
  virtual void OnProgress(Position /*position*/, VirtualTime /*time*/,
                          Position /*goal*/) {}
  // An output left the machine, and agreed with the trace.
  virtual void OnOutput(OutputKind /*kind*/,
                        absl::Span<const uint8_t> /*bytes*/,
                        Position /*position*/, VirtualTime /*time*/) {}
};

struct ReplayOptions {
  std::string engine = "";  // "": the default
  // The most steps in one run of the machine, 0: as it comes. Runs end at
  // multiples of it. What is replayed does not depend on it.
  uint64_t budget = 0;
  ReplayObserver* observer = nullptr;
  // Whether digests and outputs are compared. Without it a replay goes on after
  // the first difference, as far as the machine can follow the trace.
  bool check = true;
  // Looked at between two runs of the machine: once it is set, the replay
  // returns Cancelled. May be set by a signal handler or another thread.
  const std::atomic<bool>* stop = nullptr;
};

// What was compared so far.
struct ReplayCounts {
  uint64_t inputs = 0;
  uint64_t digests = 0;
  uint64_t output_bytes = 0;
};

class Replayer {
 public:
  // FailedPrecondition if the machine is not of the trace's shape.
  static absl::StatusOr<std::unique_ptr<Replayer>> Create(
      const TraceReader* trace, const MachineFactory& factory,
      const ReplayOptions& options);
  ~Replayer();

  // Goes forward to the state at `position`: after the idle time and the inputs
  // that belong to it, before the next step. OutOfRange if that is behind the
  // machine or beyond the trace's end, Aborted at a divergence (see
  // `divergence`), Cancelled if it was stopped, DataLoss if the trace is
  // damaged. After Cancelled it may be called again.
  absl::Status SeekTo(Position position);
  // Goes to the end of the trace, and checks that the machine ends as it did.
  absl::Status RunToEnd();
  // Set once a call returned Aborted; the machine is where it was noticed, and
  // goes no further.
  const std::optional<Divergence>& divergence() const;

  // At rest between calls. Reading from it is fine; running it is not.
  Machine& machine();
  const ReplayCounts& counts() const;

 private:
  class Impl;
  explicit Replayer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_H_
