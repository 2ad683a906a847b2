// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/recorder.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "librr-core/base/check.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/trace_writer.h"
#include "recorder/digest_pacer.h"

namespace librr {
namespace {

// Less than the second that a killed recording may lose: the machine looks at
// the clock only between two runs, which may take a fifth of a second.
constexpr uint64_t kHeartbeatNanos = 750'000'000;
// A machine that executed less than this since the last heartbeat counts as
// idle, and gets none.
constexpr uint64_t kBusySteps = 1'000'000;
// A heartbeat holds a digest if this much was executed since the last one: on
// a slow host the digests of a second would be many for few steps.
constexpr uint64_t kHeartbeatDigestSteps = uint64_t{1} << 25;

Event NewEvent(EventKind kind, Position position, VirtualTime time) {
  Event event;
  event.kind = kind;
  event.position = position;
  event.time = time;
  return event;
}

}  // namespace

class Recorder::Impl final : public RunLog {
 public:
  Impl(std::unique_ptr<trace::TraceWriter> writer, Machine* machine,
       const RecorderOptions& options)
      : writer_(std::move(writer)),
        machine_(machine),
        options_(options),
        clock_(options.run.clock != nullptr ? options.run.clock
                                            : &HostClock::Real()) {}

  absl::StatusOr<EndRecord> Record(InputSource* inputs, OutputSink* console) {
    LIBRR_CHECK(owned_run_ == nullptr);
    owned_run_ = std::make_unique<LiveRun>(machine_, inputs, console, this,
                                           options_.run);
    run_.store(owned_run_.get());
    if (stop_requested_.load()) owned_run_->RequestStop();
    last_flush_ = clock_->Now();
    absl::StatusOr<EndRecord> end = owned_run_->Run();
    costs_.total = owned_run_->costs().total;
    costs_.idle_wait = owned_run_->costs().idle_wait;
    costs_.gate = owned_run_->costs().gate;
    // What was recorded up to an error is kept.
    if (!end.ok()) writer_->Flush().IgnoreError();
    return end;
  }

  void RequestStop() {
    stop_requested_.store(true);
    if (LiveRun* run = run_.load()) run->RequestStop();
  }

  RunCosts costs() const { return costs_; }
  uint64_t bytes_written() const { return writer_->bytes_written(); }

  absl::Status OnInput(const Input& input, Position position,
                       VirtualTime time) override {
    Event event = NewEvent(EventKind::kInput, position, time);
    event.subkind = static_cast<uint8_t>(input.kind);
    event.payload = input.payload;
    return Append(std::move(event));
  }

  absl::Status OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                        Position position, VirtualTime time) override {
    Event event = NewEvent(EventKind::kOutput, position, time);
    event.subkind = static_cast<uint8_t>(kind);
    event.payload.assign(bytes.begin(), bytes.end());
    return Append(std::move(event));
  }

  absl::StatusOr<Position> OnRest(Machine& machine) override {
    const Position position = machine.position();
    const uint64_t dirtied = machine.DirtiedPages();
    if (IsDigestDue(position, dirtied)) {
      const bool is_first = !has_digest_;
      LIBRR_RETURN_IF_ERROR(AppendDigest(machine));
      // However early a recording is killed, it shows that its image is whole.
      if (is_first) LIBRR_RETURN_IF_ERROR(Flush());
    }
    if (clock_->Now() - last_flush_ >= kHeartbeatNanos) {
      LIBRR_RETURN_IF_ERROR(Heartbeat(machine));
      // From its end, so that the machine gets on however slow the disk is.
      last_flush_ = clock_->Now();
    }
    if (options_.digest_every.has_value()) {
      const uint64_t every = *options_.digest_every;
      const uint64_t passed = position.value() / every;
      return passed < Position::Max().value() / every
                 ? Position((passed + 1) * every)
                 : Position::Max();
    }
    return pacer_.NextCheck(position, dirtied);
  }

  absl::Status OnEnd(Machine& machine, const EndRecord& end) override {
    if (last_digest_time_ != machine.time() ||
        pacer_.last() != machine.position()) {
      LIBRR_RETURN_IF_ERROR(AppendDigest(machine));
    }
    const uint64_t begin = clock_->Now();
    absl::Status status = writer_->Finish(end);
    costs_.log += clock_->Now() - begin;
    return status;
  }

 private:
  absl::Status Append(Event event) {
    const uint64_t begin = clock_->Now();
    last_event_ = event.position;
    needs_flush_ = true;
    absl::Status status = writer_->Append(std::move(event));
    costs_.log += clock_->Now() - begin;
    return status;
  }

  bool IsDigestDue(Position position, uint64_t dirtied) const {
    // The first one shows whether a replay begins with the same machine.
    if (!has_digest_) return true;
    if (!options_.digest_every.has_value()) {
      return pacer_.IsDue(position, dirtied);
    }
    return position.value() % *options_.digest_every == 0 &&
           position != pacer_.last();
  }

  absl::Status AppendDigest(Machine& machine) {
    const uint64_t begin = clock_->Now();
    Event event =
        NewEvent(EventKind::kDigest, machine.position(), machine.time());
    event.digest = std::make_shared<const Digest>(machine.ComputeDigest());
    costs_.hash += clock_->Now() - begin;
    has_digest_ = true;
    last_digest_time_ = machine.time();
    pacer_.Taken(machine.position(), machine.DirtiedPages());
    return Append(std::move(event));
  }

  // So that a recording that is killed now ends here, proven. Where this
  // happens depends on the host's time, but the guest cannot see it.
  absl::Status Heartbeat(Machine& machine) {
    const Position position = machine.position();
    if (position - last_event_ >= kBusySteps) {
      const bool digest = !options_.digest_every.has_value() &&
                          position - pacer_.last() >= kHeartbeatDigestSteps &&
                          pacer_.IsAffordable(position, machine.DirtiedPages());
      if (digest) {
        LIBRR_RETURN_IF_ERROR(AppendDigest(machine));
      } else {
        LIBRR_RETURN_IF_ERROR(
            Append(NewEvent(EventKind::kHeartbeat, position, machine.time())));
      }
    }
    return needs_flush_ ? Flush() : absl::OkStatus();
  }

  absl::Status Flush() {
    needs_flush_ = false;
    const uint64_t begin = clock_->Now();
    absl::Status status = writer_->Flush();
    costs_.log += clock_->Now() - begin;
    return status;
  }

  const std::unique_ptr<trace::TraceWriter> writer_;
  Machine* const machine_;
  const RecorderOptions options_;
  HostClock* const clock_;
  std::unique_ptr<LiveRun> owned_run_;
  // `owned_run_`, for a signal handler or another thread.
  std::atomic<LiveRun*> run_ = nullptr;
  std::atomic<bool> stop_requested_ = false;
  DigestPacer pacer_;
  bool has_digest_ = false;
  VirtualTime last_digest_time_;
  Position last_event_;
  bool needs_flush_ = false;
  uint64_t last_flush_ = 0;
  RunCosts costs_;
};

Recorder::Recorder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Recorder::~Recorder() = default;

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Create(
    const std::string& path, const RecordedMachine& what, Machine* machine,
    const RecorderOptions& options) {
  if (options.digest_every.has_value() && *options.digest_every == 0) {
    return absl::InvalidArgumentError(
        "digests at every 0 steps are impossible; give 1 or more");
  }
  std::vector<trace::Image> images;
  for (const auto& [name, bytes] : what.images) images.push_back({name, bytes});
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<trace::TraceWriter> writer,
                         trace::TraceWriter::Create(path, what.header, images,
                                                    {.sync = options.sync}));
  return std::unique_ptr<Recorder>(new Recorder(
      std::make_unique<Impl>(std::move(writer), machine, options)));
}

absl::StatusOr<EndRecord> Recorder::Record(InputSource* inputs,
                                           OutputSink* console) {
  return impl_->Record(inputs, console);
}

void Recorder::RequestStop() { impl_->RequestStop(); }

RunCosts Recorder::costs() const { return impl_->costs(); }

uint64_t Recorder::bytes_written() const { return impl_->bytes_written(); }

}  // namespace librr
