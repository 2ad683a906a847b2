// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs a machine on live inputs until it ends, a limit is reached or somebody
// stops it. This is the gate: the only place where something from outside
// enters a live machine. A `RunLog` sees everything that passes; a `Recorder`
// is one, and without one the machine just runs.
//
//   LiveRun run(machine.get(), keys.get(), &console, nullptr, options);
//   absl::StatusOr<EndRecord> end = run.Run();
//
// An idle machine's clock jumps to the next timer, unless a live source can
// still deliver: then it waits in real time. Belongs to one thread, but for
// `RequestStop`. Everything passed in must outlive the run.
#ifndef LIBRR_LIVE_RUN_H_
#define LIBRR_LIVE_RUN_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/input_source.h"
#include "librr/machine.h"
#include "librr/trace.h"

namespace librr {

// The host's clock, and waiting on it; replaced in tests.
class HostClock {
 public:
  virtual ~HostClock() = default;
  // Monotonic nanoseconds.
  virtual uint64_t Now() = 0;
  // Returns when one of the descriptors (-1: none) is readable, when
  // `timeout_ns` have passed (nullopt: no limit), or for no reason.
  virtual void Wait(int fd_a, int fd_b, std::optional<uint64_t> timeout_ns) = 0;

  static HostClock& Real();
};

enum class IdlePolicy {
  kAuto,  // wait while a live source can still deliver, else skip
  kSkip,
  kWait,
};

struct LiveRunOptions {
  uint64_t power_on_seconds = 0;  // since 1970, what the guest's RTC says
  uint64_t seed = 0;              // what RDRAND and RDSEED draw from
  IdlePolicy idle = IdlePolicy::kAuto;
  std::optional<Position> max_position = std::nullopt;
  std::optional<VirtualTime> max_time = std::nullopt;
  HostClock* clock = nullptr;  // nullptr: the real one
};

// Host nanoseconds, by what they were spent on.
struct RunCosts {
  uint64_t total = 0;
  uint64_t idle_wait = 0;  // waiting in real time
  uint64_t gate = 0;       // asking for inputs and applying them
  uint64_t log = 0;        // encoding and writing the trace
  uint64_t hash = 0;       // digests
  // Checkpoints, without their compression, which a thread of its own does.
  uint64_t checkpoints = 0;
};

// Sees what passes the gate. An error ends the run with it.
class RunLog {
 public:
  virtual ~RunLog() = default;
  virtual absl::Status OnInput(const Input& input, Position position,
                               VirtualTime time) = 0;
  virtual absl::Status OnOutput(OutputKind kind,
                                absl::Span<const uint8_t> bytes,
                                Position position, VirtualTime time) = 0;
  // The machine is at rest between two runs. Returns the position at which
  // this must be called next, at the latest: beyond the present one.
  virtual absl::StatusOr<Position> OnRest(Machine& machine) = 0;
  // The run is over; `machine` is where it ended.
  virtual absl::Status OnEnd(Machine& machine, const EndRecord& end) = 0;
};

class LiveRun final : private OutputSink {
 public:
  // `console` receives the outputs as they leave the guest, and `log` sees
  // everything that passes; both may be nullptr.
  LiveRun(Machine* machine, InputSource* inputs, OutputSink* console,
          RunLog* log, const LiveRunOptions& options);
  ~LiveRun() override;
  LiveRun(const LiveRun&) = delete;
  LiveRun& operator=(const LiveRun&) = delete;

  // Call once, with a machine that has executed nothing.
  absl::StatusOr<EndRecord> Run();

  // Makes `Run` end with EndReason::kStopped soon. Callable from any thread and
  // from a signal handler.
  void RequestStop();

  // Of the run so far; `log` and `hash` are the log's business.
  const RunCosts& costs() const { return costs_; }

 private:
  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                Position position, VirtualTime time) override;
  absl::Status Apply(const Input& input);
  // Whether an input was applied.
  absl::StatusOr<bool> PollGate();
  std::optional<EndReason> ReachedLimit() const;
  Position NextGate() const;
  std::optional<VirtualTime> Due() const;
  std::optional<VirtualTime> NextHappening() const;
  StopState PassIdle(VirtualTime next, bool wait);
  absl::StatusOr<EndRecord> Execute();

  Machine* const machine_;
  InputSource* const inputs_;
  OutputSink* const console_;
  RunLog* const log_;
  const LiveRunOptions options_;
  HostClock* const clock_;
  int stop_fd_ = -1;  // readable once a stop was requested
  std::atomic<bool> stop_requested_ = false;
  absl::Status log_status_;
  RunCosts costs_;
};

}  // namespace librr

#endif  // LIBRR_LIVE_RUN_H_
