// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/live_run.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// How many steps the machine runs between two looks at the gate. At 50 million
// steps a second: 0.2 s when nothing can arrive, 20 ms while somebody may type
// or a script watches the output, 2 ms while bytes only wait for room.
constexpr uint64_t kQuietBudget = 10'000'000;
constexpr uint64_t kLiveBudget = 1'000'000;
constexpr uint64_t kShortBudget = 100'000;

// Adds the time from its construction to its destruction to `total`.
class Stopwatch {
 public:
  Stopwatch(HostClock* clock, uint64_t* total)
      : clock_(clock), total_(total), begin_(clock->Now()) {}
  ~Stopwatch() { *total_ += clock_->Now() - begin_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  HostClock* const clock_;
  uint64_t* const total_;
  const uint64_t begin_;
};

// `position` + `steps`, or the largest position.
Position Later(Position position, uint64_t steps) {
  return steps < Position::Max() - position ? position + steps
                                            : Position::Max();
}

std::string Fixed64(uint64_t value) {
  std::string bytes;
  PutFixed64(bytes, value);
  return bytes;
}

EndRecord RecordEnd(const Machine& machine, EndReason reason) {
  EndRecord end;
  end.position = machine.position();
  end.time = machine.time();
  end.reason = reason;
  return end;
}

EndRecord RecordEnd(const Machine& machine, const StopState& stop) {
  EndRecord end = RecordEnd(machine, stop.end);
  end.exit_code = stop.exit_code;
  end.vcpu = stop.vcpu;
  end.detail = stop.detail;
  return end;
}

}  // namespace

LiveRun::LiveRun(Machine* machine, InputSource* inputs, OutputSink* console,
                 RunLog* log, const LiveRunOptions& options)
    : machine_(machine),
      inputs_(inputs),
      console_(console),
      log_(log),
      options_(options),
      clock_(options.clock != nullptr ? options.clock : &HostClock::Real()),
      stop_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LiveRun::~LiveRun() {
  if (stop_fd_ >= 0) close(stop_fd_);
}

void LiveRun::RequestStop() {
  stop_requested_.store(true);
  const uint64_t one = 1;
  // Fails only if a stop was requested already very often.
  [[maybe_unused]] const ssize_t written = write(stop_fd_, &one, sizeof(one));
  machine_->RequestStop();
}

void LiveRun::OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                       Position position, VirtualTime time) {
  if (log_ != nullptr && log_status_.ok()) {
    log_status_ = log_->OnOutput(kind, bytes, position, time);
    if (!log_status_.ok()) machine_->RequestStop();
  }
  if (kind == OutputKind::kConsole) inputs_->OnConsoleOutput(bytes, time);
  if (console_ != nullptr) console_->OnOutput(kind, bytes, position, time);
}

absl::Status LiveRun::Apply(const Input& input) {
  LIBRR_RETURN_IF_ERROR(machine_->ApplyInput(input));
  if (log_ == nullptr) return absl::OkStatus();
  return log_->OnInput(input, machine_->position(), machine_->time());
}

absl::StatusOr<bool> LiveRun::PollGate() {
  Input input{InputKind::kConsole, ""};
  {
    Stopwatch stopwatch(clock_, &costs_.gate);
    const size_t room = machine_->InputRoom(InputKind::kConsole);
    input.payload = inputs_->Poll(room, machine_->time());
    LIBRR_CHECK(input.payload.size() <= room);
  }
  if (input.payload.empty()) return false;
  LIBRR_RETURN_IF_ERROR(Apply(input));
  return true;
}

std::optional<EndReason> LiveRun::ReachedLimit() const {
  if (stop_requested_.load() || inputs_->stop_requested()) {
    return EndReason::kStopped;
  }
  if (options_.max_position.has_value() &&
      machine_->position() >= *options_.max_position) {
    return EndReason::kLimit;
  }
  if (options_.max_time.has_value() && machine_->time() >= *options_.max_time) {
    return EndReason::kLimit;
  }
  return std::nullopt;
}

// The gate is asked here and nowhere before, unless the machine idles: what a
// script types does not depend on where a log wants to rest.
Position LiveRun::NextGate() const {
  const Position position = machine_->position();
  const VirtualTime now = machine_->time();
  const bool watches_time = Due().has_value() || options_.max_time.has_value();
  const uint64_t budget = inputs_->holds_input() || watches_time ? kShortBudget
                          : inputs_->exhausted()                 ? kQuietBudget
                                                                 : kLiveBudget;
  Position next = Later(position, budget);
  // A step takes a nanosecond at least, so as many steps as there are
  // nanoseconds left do not go past a time.
  if (const std::optional<VirtualTime> due = Due()) {
    next = std::min(next, Later(position, *due - now));
  }
  if (options_.max_time.has_value() && *options_.max_time > now) {
    next = std::min(next, Later(position, *options_.max_time - now));
  }
  if (options_.max_position.has_value() && *options_.max_position > position) {
    next = std::min(next, *options_.max_position);
  }
  return next;
}

std::optional<VirtualTime> LiveRun::Due() const {
  const std::optional<VirtualTime> due = inputs_->NextDue();
  // What is due already waits for room, not for time.
  if (due.has_value() && *due <= machine_->time()) return std::nullopt;
  return due;
}

// When something will happen to the idle machine: `VirtualTime::Max()` if that
// is up to a live source alone, nullopt if nothing ever will.
std::optional<VirtualTime> LiveRun::NextHappening() const {
  VirtualTime next = VirtualTime::Max();
  for (const std::optional<VirtualTime> time :
       {machine_->NextTimer(), Due(), options_.max_time}) {
    if (time.has_value()) next = std::min(next, *time);
  }
  const bool can_wait_for_input =
      inputs_->live() && machine_->InputRoom(InputKind::kConsole) > 0;
  if (next == VirtualTime::Max() && !can_wait_for_input) return std::nullopt;
  return next;
}

// Moves the clock of the idle machine to `next`, in real time if `wait`, but
// not past the time at which an input arrives.
StopState LiveRun::PassIdle(VirtualTime next, bool wait) {
  RunLimits limits{.until = machine_->position(), .idle_until = next};
  if (!wait && next != VirtualTime::Max()) return machine_->Run(limits);

  const VirtualTime now = machine_->time();
  const uint64_t begin = clock_->Now();
  std::optional<uint64_t> timeout;
  if (next != VirtualTime::Max()) timeout = next - now;
  clock_->Wait(inputs_->WaitFd(), stop_fd_, timeout);
  const uint64_t waited = clock_->Now() - begin;
  costs_.idle_wait += waited;
  if (wait) {
    limits.idle_until = waited < next - now ? now + waited : next;
  } else {
    // Nothing is armed: if idle time is skipped, none passes until the input.
    limits.idle_until = now;
  }
  return machine_->Run(limits);
}

absl::StatusOr<EndRecord> LiveRun::Execute() {
  LIBRR_CHECK(machine_->position() == Position(0));
  LIBRR_RETURN_IF_ERROR(
      Apply({InputKind::kPowerOnDate, Fixed64(options_.power_on_seconds)}));
  LIBRR_RETURN_IF_ERROR(Apply({InputKind::kSeed, Fixed64(options_.seed)}));
  Position next_gate;
  while (true) {
    if (machine_->position() >= next_gate) {
      LIBRR_RETURN_IF_ERROR(PollGate().status());
      next_gate = NextGate();
    }
    Position next_rest = Position::Max();
    if (log_ != nullptr) {
      LIBRR_ASSIGN_OR_RETURN(next_rest, log_->OnRest(*machine_));
      LIBRR_CHECK(next_rest > machine_->position());
    }
    if (const std::optional<EndReason> reason = ReachedLimit()) {
      return RecordEnd(*machine_, *reason);
    }
    const bool wait = options_.idle == IdlePolicy::kWait ||
                      (options_.idle == IdlePolicy::kAuto && inputs_->live());
    // An idle machine returns at once, so that the gate is asked again before
    // its clock moves.
    StopState stop = machine_->Run({.until = std::min(next_gate, next_rest),
                                    .idle_until = machine_->time()});
    LIBRR_RETURN_IF_ERROR(log_status_);
    if (stop.kind == StopKind::kIdle && !ReachedLimit()) {
      next_gate = machine_->position();
      // What the machine did may have made room for more, or been awaited.
      LIBRR_ASSIGN_OR_RETURN(const bool arrived, PollGate());
      if (arrived) continue;
      if (const std::optional<VirtualTime> next = NextHappening()) {
        stop = PassIdle(*next, wait);
        LIBRR_RETURN_IF_ERROR(log_status_);
      } else {
        EndRecord end = RecordEnd(*machine_, EndReason::kIdle);
        end.detail = inputs_->Pending();
        if (end.detail.empty()) {
          end.detail = "no timer is armed and no input is left";
        }
        return end;
      }
    }
    if (stop.kind == StopKind::kEnded) return RecordEnd(*machine_, stop);
  }
}

absl::StatusOr<EndRecord> LiveRun::Run() {
  if (stop_fd_ < 0) {
    return absl::ResourceExhaustedError(
        "cannot create an event descriptor: too many open files");
  }
  const uint64_t begin = clock_->Now();
  machine_->SetOutputSink(this);
  absl::StatusOr<EndRecord> end = Execute();
  machine_->SetOutputSink(nullptr);
  absl::Status logged = absl::OkStatus();
  if (end.ok() && log_ != nullptr) logged = log_->OnEnd(*machine_, *end);
  costs_.total = clock_->Now() - begin;
  LIBRR_RETURN_IF_ERROR(logged);
  return end;
}

}  // namespace librr
