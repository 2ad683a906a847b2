// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A recording as a place to go: any position, forwards and backwards.
//
//   LIBRR_ASSIGN_OR_RETURN(auto timeline,
//                          Timeline::Open(trace.get(), factory, {}));
//   LIBRR_RETURN_IF_ERROR(timeline->Seek(timeline->end()));
//   LIBRR_ASSIGN_OR_RETURN(TimelineStop stop,
//                          timeline->Run(Direction::kBackward, conditions));
//   if (stop.reason == TimelineStop::Reason::kCondition) {
//     std::cout << stop.hits.front().position.value();
//   }
//
// A timeline owns a machine and takes checkpoints as it replays, within its
// memory budget, densely near the position it is at: that is what makes going
// back cheap. The trace's own checkpoints make it cheap to go anywhere at
// first. Nothing that is done here changes the recording. Belongs to one
// thread, but for `RequestStop`. The trace must outlive the timeline.
#ifndef LIBRR_TIMELINE_H_
#define LIBRR_TIMELINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/machine.h"
#include "librr/replayer.h"
#include "librr/stop_condition.h"
#include "librr/trace.h"
#include "librr/units.h"

namespace librr {

enum class Direction : uint8_t { kForward, kBackward };

// Looks on while a timeline moves.
class TimelineObserver {
 public:
  virtual ~TimelineObserver() = default;
  // Called several times a second during long operations, on the timeline's
  // thread: `done` of `total` steps were executed for the operation so far.
  virtual void OnProgress(uint64_t /*done*/, uint64_t /*total*/) {}
};

struct TimelineOptions {
  std::string engine = "";  // "": the default
  // What checkpoints may take, in bytes of this process's memory.
  uint64_t checkpoint_memory = uint64_t{1} << 30;
  // How many machines search backwards at the same time; 0: one per core.
  int jobs = 0;
  // Whether the recorded digests are compared as they are passed.
  bool check = true;
  TimelineObserver* observer = nullptr;
};

struct TimelineStop {
  enum class Reason : uint8_t {
    kCondition,    // `hits` says which
    kPosition,     // the steps were done, or the bound was reached
    kBegin,        // of the recording
    kEnd,          // of the recording
    kInterrupted,  // RequestStop
  };

  Reason reason = Reason::kPosition;
  std::vector<StopHit> hits;  // all that were met by this step
};

// What checkpoints there are, for people.
struct CheckpointStatistics {
  uint64_t count = 0;
  uint64_t bytes = 0;           // of memory in use
  uint64_t discarded = 0;       // of the trace's own: damaged ones
  uint64_t restores = 0;        // so far
  uint64_t replayed_steps = 0;  // so far, by all machines
};

class Timeline {
 public:
  // At position 0. FailedPrecondition if the machine is not of the trace's
  // shape or lacks what a timeline needs.
  static absl::StatusOr<std::unique_ptr<Timeline>> Open(
      const TraceReader* trace, const MachineFactory& factory,
      const TimelineOptions& options);
  ~Timeline();

  Position position() const;
  VirtualTime time() const;
  // The first and the last position that can be gone to.
  Position begin() const;
  Position end() const;
  const TraceReader& trace() const;

  // The machine at `position()`, at rest. Reading from it is fine; running or
  // changing it is not. Stays the same object as long as the timeline lives.
  Machine& machine();

  // Errors of all that moves: Aborted if the replay does not agree with the
  // recording, DataLoss if the trace is damaged. The position is a valid one
  // after an error too, as far as the machine came.

  // Goes to a position: after the idle time and the inputs that belong to it,
  // before the next step. OutOfRange beyond the end. Cancelled if it was
  // interrupted: the position is then between the old one and `position`, or
  // where the nearest checkpoint was.
  absl::Status Seek(Position position);

  // |steps| steps of the machine, backwards if negative; fewer at the
  // recording's begin and end. Stops for nothing but them and RequestStop.
  absl::StatusOr<TimelineStop> Step(int64_t steps);

  // Runs until a condition is met, to `bound` at most (by default to the end
  // or begin). Conditions met by the present position do not count: forwards, a
  // breakpoint here does not stop; backwards, the step that led here counts.
  //
  // An interrupted backward run leaves the timeline at the earliest position
  // behind which it has proved that there is no hit.
  absl::StatusOr<TimelineStop> Run(
      Direction direction, const StopConditions& conditions,
      std::optional<Position> bound = std::nullopt);

  // The latest hits of the steps in [from, to), at most `max`, in order of
  // position. The position stays; Cancelled if it was interrupted.
  absl::StatusOr<std::vector<StopHit>> FindHits(
      const StopConditions& conditions, Position from, Position to, size_t max);

  // The last step before `before` (at most the end) that wrote to the range;
  // nullopt if none did: it holds what it held at power-on. The watchpoint's
  // kind does not matter. The position stays.
  absl::StatusOr<std::optional<StopHit>> LastWrite(const Watchpoint& range,
                                                   Position before);

  // Makes the operation that is going on (or the next one) stop within
  // milliseconds. Callable from any thread and from a signal handler.
  void RequestStop();
  // Forgets a request that came when nothing was going on any more.
  void ForgetStop();

  CheckpointStatistics statistics() const;

 private:
  class Impl;
  explicit Timeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The address space that is current on a vCPU: what a user address belongs to.
AddressSpace PageTableRoot(const Machine& machine, int vcpu);

}  // namespace librr

#endif  // LIBRR_TIMELINE_H_
