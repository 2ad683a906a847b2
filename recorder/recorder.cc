// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/recorder.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "librr-core/base/check.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/checkpoint_encoder.h"
#include "librr-core/trace/checkpoint_pacer.h"
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

// What checkpoints may take in the file, in multiples of the guest's RAM.
constexpr uint64_t kCheckpointsPerRam = 2;
// Hashing, copying, compressing and writing a page takes 2 to 4 us: this many
// steps take sixty times as long and more.
constexpr uint64_t kCheckpointStepsPerPage = 60'000;

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
                                            : &HostClock::Real()),
        checkpoint_file_bytes_(kCheckpointsPerRam * machine->memory_bytes()),
        checkpoint_pacer_(checkpoint_file_bytes_, kCheckpointStepsPerPage) {
    if (options.checkpoint_memory == 0 || !machine->has_pages()) return;
    trace::CheckpointEncoderOptions limits;
    limits.memory_bytes = options.checkpoint_memory;
    limits.file_bytes = checkpoint_file_bytes_;
    encoder_ = std::make_unique<trace::CheckpointEncoder>(machine, limits);
  }

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
    // Its thread has nothing to do any more.
    encoder_.reset();
    // What was recorded up to an error is kept.
    if (!end.ok()) writer_->Flush().IgnoreError();
    return end;
  }

  void RequestStop() {
    stop_requested_.store(true);
    if (LiveRun* run = run_.load()) run->RequestStop();
  }

  RunCosts costs() const { return costs_; }
  uint64_t checkpoints() const { return checkpoints_; }
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
    LIBRR_ASSIGN_OR_RETURN(const Position checkpoint, PassCheckpoints(machine));
    const Position digest = options_.digest_every.has_value()
                                ? NextMultiple(position, *options_.digest_every)
                                : pacer_.NextCheck(position, dirtied);
    return std::min(digest, checkpoint);
  }

  absl::Status OnEnd(Machine& machine, const EndRecord& end) override {
    if (last_digest_time_ != machine.time() ||
        pacer_.last() != machine.position()) {
      LIBRR_RETURN_IF_ERROR(AppendDigest(machine));
    }
    if (encoder_ != nullptr && IsEndCheckpointDue(machine)) {
      LIBRR_RETURN_IF_ERROR(TakeCheckpoint(machine));
    }
    if (encoder_ != nullptr) {
      LIBRR_RETURN_IF_ERROR(WriteBlocks(&trace::CheckpointEncoder::Finish));
    }
    const uint64_t begin = clock_->Now();
    absl::Status status = writer_->Finish(end);
    costs_.log += clock_->Now() - begin;
    return status;
  }

 private:
  static Position NextMultiple(Position position, uint64_t every) {
    const uint64_t passed = position.value() / every;
    return passed < Position::Max().value() / every
               ? Position((passed + 1) * every)
               : Position::Max();
  }

  bool IsCheckpointDue(const Machine& machine) const {
    const Position position = machine.position();
    if (options_.checkpoint_every.has_value()) {
      return position - checkpoint_pacer_.last() >= *options_.checkpoint_every;
    }
    return checkpoint_pacer_.IsDue(position, encoder_->changed_pages(),
                                   encoder_->bytes());
  }

  bool IsEndCheckpointDue(const Machine& machine) const {
    return options_.checkpoint_every.has_value() ||
           checkpoint_pacer_.IsEndWorthIt(machine.position());
  }

  // Takes one if it is due, and writes what is ready. Where this must be called
  // next.
  absl::StatusOr<Position> PassCheckpoints(Machine& machine) {
    if (encoder_ == nullptr) return Position::Max();
    const Position position = machine.position();
    if (IsCheckpointDue(machine)) {
      LIBRR_RETURN_IF_ERROR(TakeCheckpoint(machine));
    }
    if (encoder_ != nullptr) {
      LIBRR_RETURN_IF_ERROR(WriteBlocks(&trace::CheckpointEncoder::Write));
    }
    if (encoder_ == nullptr) return Position::Max();
    if (options_.checkpoint_every.has_value()) {
      return checkpoint_pacer_.last() + *options_.checkpoint_every;
    }
    return checkpoint_pacer_.NextCheck(position, encoder_->changed_pages(),
                                       encoder_->bytes());
  }

  auto ToTrace() {
    return [this](absl::Span<const trace::EncodedBlock> blocks) {
      return writer_->AppendBlocks(blocks);
    };
  }

  absl::Status TakeCheckpoint(Machine& machine) {
    // A trace that is cut off behind the checkpoint has come this far.
    if (last_event_ != machine.position()) {
      LIBRR_RETURN_IF_ERROR(Append(
          NewEvent(EventKind::kHeartbeat, machine.position(), machine.time())));
    }
    // The events that its blocks follow come first.
    if (needs_flush_) LIBRR_RETURN_IF_ERROR(Flush());
    const uint64_t begin = clock_->Now();
    checkpoint_pacer_.Taken(machine.position(), encoder_->changed_pages(),
                            encoder_->bytes());
    const absl::StatusOr<bool> taken =
        encoder_->Capture(writer_->event_count(), ToTrace());
    costs_.checkpoints += clock_->Now() - begin;
    if (!taken.ok()) return GoOnWithout(taken.status());
    if (*taken) ++checkpoints_;
    return absl::OkStatus();
  }

  // Writes with one of the encoder's ways.
  absl::Status WriteBlocks(absl::Status (trace::CheckpointEncoder::*write)(
      trace::CheckpointEncoder::Sink)) {
    const uint64_t begin = clock_->Now();
    const absl::Status status = (encoder_.get()->*write)(ToTrace());
    costs_.checkpoints += clock_->Now() - begin;
    return status.ok() ? status : GoOnWithout(status);
  }

  // A trace can go on without further checkpoints, unless it is the disk that
  // is full: then this fails in the same way.
  absl::Status GoOnWithout(const absl::Status& error) {
    if (!absl::IsResourceExhausted(error)) return error;
    encoder_.reset();
    return writer_->Flush();
  }

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
    if (encoder_ != nullptr) encoder_->CollectChanges();
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
  // Null: none are taken.
  std::unique_ptr<trace::CheckpointEncoder> encoder_;
  const uint64_t checkpoint_file_bytes_;
  CheckpointPacer checkpoint_pacer_;
  uint64_t checkpoints_ = 0;
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
  if (options.checkpoint_every.has_value() && *options.checkpoint_every == 0) {
    return absl::InvalidArgumentError(
        "checkpoints at every 0 steps are impossible; give 1 or more");
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

uint64_t Recorder::checkpoints() const { return impl_->checkpoints(); }

uint64_t Recorder::bytes_written() const { return impl_->bytes_written(); }

}  // namespace librr
