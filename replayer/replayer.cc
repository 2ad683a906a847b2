// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/replayer.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/check.h"
#include "librr-core/base/status_macros.h"
#include "replayer/digest_difference.h"

namespace librr {
namespace {

// At 50 million steps a second: 12 times a second.
constexpr uint64_t kProgressSteps = uint64_t{1} << 22;
// Guest nanoseconds. The PIT can fire a million times in them.
constexpr uint64_t kIdleSlice = 1'000'000'000;
constexpr size_t kShownBytes = 16;

std::string Quote(std::string_view bytes) {
  return absl::StrCat(
      "\"", absl::CHexEscape(AbseilView(bytes.substr(0, kShownBytes))),
      bytes.size() > kShownBytes ? "\"..." : "\"");
}

std::string DescribeOutput(uint8_t kind, std::string_view bytes,
                           Position position, VirtualTime time) {
  return absl::StrCat(
      kind == static_cast<uint8_t>(OutputKind::kConsole) ? "console " : "exit ",
      Quote(bytes), " at position ", position.value(), ", ", time.value(),
      " ns");
}

std::string DescribeEnd(const StopState& stop) {
  std::string text(EndReasonName(stop.end));
  if (stop.end == EndReason::kExit) {
    absl::StrAppend(&text, " ", static_cast<int>(stop.exit_code));
  }
  if (!stop.detail.empty()) absl::StrAppend(&text, " (", stop.detail, ")");
  return text;
}

// Whether the machine ended by itself, so that a replay must end so too.
bool IsEndOfMachine(EndReason reason) {
  switch (reason) {
    case EndReason::kPowerOff:
    case EndReason::kReset:
    case EndReason::kHalt:
    case EndReason::kIdle:
    case EndReason::kExit:
    case EndReason::kTripleFault:
    case EndReason::kUnsupported:
      return true;
    case EndReason::kNone:
    case EndReason::kStopped:
    case EndReason::kLimit:
    case EndReason::kTruncated:
      return false;
  }
  return false;
}

}  // namespace

class Replayer::Impl final : private OutputSink {
 public:
  Impl(const TraceReader* trace, std::unique_ptr<Machine> machine,
       const ReplayOptions& options)
      : trace_(trace),
        machine_(std::move(machine)),
        options_(options),
        events_(trace->Events({.kinds = {EventKind::kInput, EventKind::kDigest,
                                         EventKind::kHeartbeat}})),
        outputs_(trace->Events({.kinds = {EventKind::kOutput}})) {
    machine_->SetOutputSink(this);
  }
  ~Impl() override { machine_->SetOutputSink(nullptr); }

  absl::Status SeekTo(Position position) {
    const Position end = trace_->info().end.position;
    if (position > end) {
      return absl::OutOfRangeError(
          absl::StrCat("position ", position.value(),
                       " is beyond the end of the trace, ", end.value()));
    }
    if (position < machine_->position()) {
      return absl::OutOfRangeError(absl::StrCat(
          "position ", position.value(), " is behind the replay, which is at ",
          machine_->position().value()));
    }
    LIBRR_RETURN_IF_ERROR(status_);
    goal_ = position;
    absl::Status status = GoForward(position);
    // A cancelled replay can go on; any other error is final.
    if (!absl::IsCancelled(status)) status_ = status;
    return status;
  }

  absl::Status RunToEnd() {
    LIBRR_RETURN_IF_ERROR(SeekTo(trace_->info().end.position));
    absl::Status status = CheckEnd();
    if (!absl::IsCancelled(status)) status_ = status;
    return status;
  }

  const std::optional<Divergence>& divergence() const { return divergence_; }
  Machine& machine() { return *machine_; }
  const ReplayCounts& counts() const { return counts_; }

 private:
  // --- events ---

  absl::Status GoForward(Position position) {
    while (true) {
      LIBRR_ASSIGN_OR_RETURN(const Event* event, PeekEvent());
      if (event == nullptr || event->position > position) {
        const VirtualTime idle_until =
            event != nullptr ? event->time : trace_->info().end.time;
        return RunTo(position, idle_until, /*exact_time=*/false);
      }
      LIBRR_RETURN_IF_ERROR(
          RunTo(event->position, event->time, /*exact_time=*/true));
      LIBRR_RETURN_IF_ERROR(Apply(*event));
      has_event_ = false;
    }
  }

  absl::StatusOr<const Event*> PeekEvent() {
    if (!has_event_) {
      LIBRR_ASSIGN_OR_RETURN(event_, events_.Next());
      has_event_ = true;
    }
    return event_;
  }

  absl::Status Apply(const Event& event) {
    switch (event.kind) {
      case EventKind::kInput: {
        Input input{static_cast<InputKind>(event.subkind), event.payload};
        const absl::Status applied = machine_->ApplyInput(input);
        if (!applied.ok()) {
          return Diverge(Divergence::Kind::kInput, "input",
                         absl::StrCat("taking ", Quote(event.payload)),
                         absl::StrCat("refusing it: ", applied.message()));
        }
        ++counts_.inputs;
        last_input_ = {event.position, event.time, input.kind,
                       std::move(input.payload)};
        return absl::OkStatus();
      }
      case EventKind::kDigest:
        return CheckDigest(*event.digest);
      case EventKind::kOutput:
      case EventKind::kMark:
      case EventKind::kHeartbeat:
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  absl::Status CheckDigest(const Digest& expected) {
    if (!options_.check) return absl::OkStatus();
    const Digest actual = machine_->ComputeDigest();
    ++counts_.digests;
    if (actual == expected) {
      last_good_ = machine_->position();
      return absl::OkStatus();
    }
    const DigestDifference difference =
        CompareDigests(expected, actual, machine_->memory_bytes());
    absl::Status status =
        Diverge(Divergence::Kind::kDigest, difference.names.front(),
                absl::StrCat("digest ", absl::Hex(expected.Summary())),
                absl::StrCat("digest ", absl::Hex(actual.Summary())));
    divergence_->differing = difference.names;
    divergence_->ram_bucket = difference.first_ram_bucket;
    return absl::AbortedError(divergence_->Message());
  }

  // --- execution ---

  // Runs to a position and lets an idle machine's clock go on until
  // `idle_until`, which it must reach exactly if `exact_time`.
  absl::Status RunTo(Position position, VirtualTime idle_until,
                     bool exact_time) {
    while (true) {
      if (IsStopped()) {
        return absl::CancelledError("the replay was stopped");
      }
      RunLimits limits;
      limits.until = std::min(position, NextStop());
      limits.idle_until = NextIdleStop(idle_until);
      const StopState stop = machine_->Run(limits);
      LIBRR_RETURN_IF_ERROR(output_status_);
      ReportProgress();
      const bool arrived = machine_->position() == position &&
                           (!exact_time || machine_->time() == idle_until);
      switch (stop.kind) {
        case StopKind::kInterrupted:
          // By an output that was not compared.
          continue;
        case StopKind::kCondition:
          // None was set.
          continue;
        case StopKind::kEnded:
          if (arrived) return CheckNoOutputIsMissing();
          return Diverge(
              Divergence::Kind::kEnd, "end",
              absl::StrCat("running on to position ", position.value()),
              DescribeEnd(stop));
        case StopKind::kIdle:
          if (machine_->time() < idle_until) continue;
          if (arrived) return CheckNoOutputIsMissing();
          return Diverge(Divergence::Kind::kClock, "clock",
                         DescribePoint(position, idle_until),
                         absl::StrCat("idling at ", DescribeHere()));
        case StopKind::kPosition:
          if (machine_->position() < position) continue;
          if (arrived) return CheckNoOutputIsMissing();
          return Diverge(Divergence::Kind::kClock, "clock",
                         DescribePoint(position, idle_until), DescribeHere());
      }
    }
  }

  bool IsStopped() const {
    return options_.stop != nullptr && options_.stop->load();
  }

  // Where a run ends because of the budget.
  Position NextStop() const {
    const uint64_t slice =
        options_.budget != 0 ? options_.budget : kProgressSteps;
    const uint64_t passed = machine_->position().value() / slice;
    return passed < Position::Max().value() / slice
               ? Position((passed + 1) * slice)
               : Position::Max();
  }

  // Where a run of an idle machine ends, so that a stop is noticed: timers that
  // wake nobody may be many.
  VirtualTime NextIdleStop(VirtualTime idle_until) const {
    const std::optional<VirtualTime> timer = machine_->NextTimer();
    const VirtualTime now =
        std::max(machine_->time(), timer.value_or(idle_until));
    if (now >= idle_until || idle_until - now <= kIdleSlice) return idle_until;
    return now + kIdleSlice;
  }

  void ReportProgress() {
    if (options_.observer == nullptr) return;
    if (machine_->position() < next_progress_) return;
    next_progress_ = machine_->position() + kProgressSteps;
    options_.observer->OnProgress(machine_->position(), machine_->time(),
                                  goal_);
  }

  // The machine is where the trace ends; it must end there too.
  absl::Status CheckEnd() {
    const EndRecord& end = trace_->info().end;
    if (!trace_->info().complete) return absl::OkStatus();
    if (!IsEndOfMachine(end.reason)) {
      if (machine_->time() == end.time) return absl::OkStatus();
      return Diverge(Divergence::Kind::kClock, "clock",
                     DescribePoint(end.position, end.time), DescribeHere());
    }
    StopState stop;
    do {
      if (IsStopped()) {
        return absl::CancelledError("the replay was stopped");
      }
      RunLimits limits;
      limits.until = end.position + 1;
      // With a timer armed, the machine might idle for ever.
      if (machine_->NextTimer().has_value()) limits.idle_until = end.time;
      stop = machine_->Run(limits);
      LIBRR_RETURN_IF_ERROR(output_status_);
    } while (stop.kind == StopKind::kInterrupted);
    StopState recorded;
    recorded.kind = StopKind::kEnded;
    recorded.end = end.reason;
    recorded.exit_code = end.exit_code;
    // Which vCPU was the last one to go idle is not part of an end.
    const bool same_vcpu =
        stop.vcpu == end.vcpu || end.reason == EndReason::kIdle;
    if (stop.kind != StopKind::kEnded || stop.end != end.reason ||
        stop.exit_code != end.exit_code || !same_vcpu ||
        machine_->position() != end.position || machine_->time() != end.time) {
      return Diverge(
          Divergence::Kind::kEnd, "end",
          absl::StrCat(DescribeEnd(recorded), " at ",
                       DescribePoint(end.position, end.time)),
          absl::StrCat(
              stop.kind == StopKind::kEnded ? DescribeEnd(stop) : "running on",
              " at ", DescribeHere()));
    }
    return absl::OkStatus();
  }

  // --- outputs ---

  absl::StatusOr<const Event*> PeekOutput() {
    if (!has_output_) {
      LIBRR_ASSIGN_OR_RETURN(output_, outputs_.Next());
      has_output_ = true;
    }
    return output_;
  }

  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                Position position, VirtualTime time) override {
    if (!output_status_.ok()) return;
    if (options_.check) {
      output_status_ = CheckOutput(kind, bytes, position, time);
      if (!output_status_.ok()) {
        machine_->RequestStop();
        return;
      }
    }
    counts_.output_bytes += bytes.size();
    if (options_.observer != nullptr) {
      options_.observer->OnOutput(kind, bytes, position, time);
    }
  }

  absl::Status CheckOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                           Position position, VirtualTime time) {
    LIBRR_ASSIGN_OR_RETURN(const Event* expected, PeekOutput());
    const std::string actual(bytes.begin(), bytes.end());
    const uint8_t subkind = static_cast<uint8_t>(kind);
    if (expected == nullptr) {
      const TraceInfo& info = trace_->info();
      // The trace was cut off within this step.
      if (!info.complete && position >= info.end.position) {
        return absl::OkStatus();
      }
      return DivergeAt(position, time, Divergence::Kind::kOutput,
                       OutputName(subkind), "nothing more",
                       DescribeOutput(subkind, actual, position, time));
    }
    if (expected->subkind != subkind || expected->payload != actual ||
        expected->position != position || expected->time != time) {
      return DivergeAt(position, time, Divergence::Kind::kOutput,
                       OutputName(subkind),
                       DescribeOutput(expected->subkind, expected->payload,
                                      expected->position, expected->time),
                       DescribeOutput(subkind, actual, position, time));
    }
    has_output_ = false;
    return absl::OkStatus();
  }

  // All outputs up to where the machine is have left it.
  absl::Status CheckNoOutputIsMissing() {
    if (!options_.check) return absl::OkStatus();
    LIBRR_ASSIGN_OR_RETURN(const Event* expected, PeekOutput());
    if (expected == nullptr || expected->position > machine_->position()) {
      return absl::OkStatus();
    }
    return Diverge(Divergence::Kind::kOutput, OutputName(expected->subkind),
                   DescribeOutput(expected->subkind, expected->payload,
                                  expected->position, expected->time),
                   "nothing");
  }

  static std::string OutputName(uint8_t subkind) {
    return subkind == static_cast<uint8_t>(OutputKind::kConsole)
               ? "console output"
               : "exit code";
  }

  // --- divergence ---

  static std::string DescribePoint(Position position, VirtualTime time) {
    return absl::StrCat("position ", position.value(), ", ", time.value(),
                        " ns");
  }
  std::string DescribeHere() const {
    return DescribePoint(machine_->position(), machine_->time());
  }

  absl::Status Diverge(Divergence::Kind kind, std::string component,
                       std::string expected, std::string actual) {
    return DivergeAt(machine_->position(), machine_->time(), kind,
                     std::move(component), std::move(expected),
                     std::move(actual));
  }

  absl::Status DivergeAt(Position position, VirtualTime time,
                         Divergence::Kind kind, std::string component,
                         std::string expected, std::string actual) {
    Divergence divergence;
    divergence.kind = kind;
    divergence.position = position;
    divergence.time = time;
    divergence.last_good = last_good_;
    divergence.differing = {component};
    divergence.component = std::move(component);
    divergence.expected = std::move(expected);
    divergence.actual = std::move(actual);
    divergence.last_input = last_input_;
    divergence_ = std::move(divergence);
    return absl::AbortedError(divergence_->Message());
  }

  const TraceReader* const trace_;
  const std::unique_ptr<Machine> machine_;
  const ReplayOptions options_;
  EventCursor events_;
  EventCursor outputs_;
  // What the cursors stand at, if they were asked already; nullptr at the end.
  const Event* event_ = nullptr;
  const Event* output_ = nullptr;
  bool has_event_ = false;
  bool has_output_ = false;
  Position goal_;
  Position next_progress_;
  Position last_good_;
  std::optional<Divergence::LastInput> last_input_;
  std::optional<Divergence> divergence_;
  absl::Status output_status_;  // what went wrong inside a run
  absl::Status status_;         // what went wrong for good
  ReplayCounts counts_;
};

absl::StatusOr<std::unique_ptr<Replayer>> Replayer::Create(
    const TraceReader* trace, const MachineFactory& factory,
    const ReplayOptions& options) {
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Machine> machine,
                         factory(options.engine));
  const TraceHeader& header = trace->info().header;
  if (machine->memory_bytes() != header.memory_bytes ||
      machine->vcpu_count() != static_cast<int>(header.vcpus)) {
    return absl::FailedPreconditionError(
        "the machine differs from the recorded one in memory or vCPUs");
  }
  return std::unique_ptr<Replayer>(
      new Replayer(std::make_unique<Impl>(trace, std::move(machine), options)));
}

Replayer::Replayer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replayer::~Replayer() = default;

absl::Status Replayer::SeekTo(Position position) {
  return impl_->SeekTo(position);
}
absl::Status Replayer::RunToEnd() { return impl_->RunToEnd(); }
const std::optional<Divergence>& Replayer::divergence() const {
  return impl_->divergence();
}
Machine& Replayer::machine() { return impl_->machine(); }
const ReplayCounts& Replayer::counts() const { return impl_->counts(); }

}  // namespace librr
