// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/trace_indexer.h"

#include <algorithm>
#include <utility>

#include "librr-core/base/status_macros.h"
#include "librr-core/trace/checkpoint_encoder.h"
#include "librr-core/trace/checkpoint_pacer.h"
#include "librr-core/trace/trace_writer.h"
#include "replayer/timeline_player.h"

namespace librr {
namespace {

// A person waits for this once: it may take a tenth of a replay's time.
constexpr uint64_t kStepsPerPage = 10'000;
constexpr uint64_t kCheckpointsPerRam = 2;

}  // namespace

class TraceIndexer::Impl {
 public:
  Impl(std::unique_ptr<trace::TraceWriter> writer,
       std::unique_ptr<TraceReader> trace)
      : writer_(std::move(writer)),
        trace_(std::move(trace)),
        pacer_(kCheckpointsPerRam * trace_->info().header.memory_bytes,
               kStepsPerPage) {
    const std::vector<StoredCheckpoint>& all = trace_->checkpoints();
    if (!all.empty()) pacer_.Taken(all.back().position, 0, 0);
  }

  const TraceReader& trace() const { return *trace_; }
  bool is_needed() const {
    return pacer_.IsEndWorthIt(trace_->info().end.position);
  }

  absl::StatusOr<IndexResult> Run(const MachineFactory& factory,
                                  const IndexOptions& options) {
    if (options.checkpoint_every == 0) {
      return absl::InvalidArgumentError(
          "checkpoints at every 0 steps are impossible; give 1 or more");
    }
    LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<Machine> machine,
                           factory(options.engine));
    const TraceInfo& info = trace_->info();
    if (machine->memory_bytes() != info.header.memory_bytes ||
        !machine->has_pages()) {
      return absl::FailedPreconditionError(
          "this kind of machine cannot be put back to a checkpoint");
    }
    trace::CheckpointEncoderOptions limits;
    limits.memory_bytes = options.checkpoint_memory;
    const uint64_t allowed = kCheckpointsPerRam * info.header.memory_bytes;
    limits.file_bytes = allowed - std::min(allowed, info.bytes.checkpoints);
    limits.first_page_id = writer_->next_page_id();
    limits.first_map_id = writer_->next_page_map_id();
    trace::CheckpointEncoder encoder(machine.get(), limits);
    const auto write = [this](absl::Span<const trace::EncodedBlock> blocks) {
      return writer_->AppendBlocks(blocks);
    };
    absl::Status status = Play(*machine, encoder, write, options);
    // Whatever has happened: what was added before is good.
    status.Update(encoder.Finish(write));
    status.Update(writer_->FinishIndex());
    LIBRR_RETURN_IF_ERROR(status);
    return IndexResult{encoder.captured(), encoder.bytes()};
  }

 private:
  absl::Status Play(Machine& machine, trace::CheckpointEncoder& encoder,
                    trace::CheckpointEncoder::Sink write,
                    const IndexOptions& options) {
    const std::atomic<bool> never = false;
    TracePlayer player(trace_.get(), &machine,
                       options.stop != nullptr ? options.stop : &never,
                       /*check=*/true);
    const Position end = trace_->info().end.position;
    if (options.observer != nullptr) {
      player.SetProgress([&machine, end, observer = options.observer] {
        observer->OnProgress(machine.position().value(), end.value());
      });
    }
    const uint64_t used = trace_->info().bytes.checkpoints;
    const std::optional<uint64_t> every = options.checkpoint_every;
    bool at_end = false;
    while (!at_end) {
      const Position here = machine.position();
      const Position next =
          every.has_value() ? pacer_.last() + *every
                            : pacer_.NextCheck(here, encoder.changed_pages(),
                                               used + encoder.bytes());
      const Position goal = std::min(end, next);
      LIBRR_ASSIGN_OR_RETURN(const PlayResult result,
                             player.RunTo(goal, Position::Max()));
      if (result.kind == PlayResult::Kind::kInterrupted) {
        return absl::CancelledError("interrupted");
      }
      at_end = goal == end;
      encoder.CollectChanges();
      const bool due = every.has_value() ? true
                       : at_end          ? pacer_.IsEndWorthIt(end)
                                : pacer_.IsDue(goal, encoder.changed_pages(),
                                               used + encoder.bytes());
      if (!due) continue;
      LIBRR_ASSIGN_OR_RETURN(const uint64_t events, player.AppliedEvents());
      pacer_.Taken(goal, encoder.changed_pages(), used + encoder.bytes());
      LIBRR_RETURN_IF_ERROR(encoder.Capture(events, write).status());
      LIBRR_RETURN_IF_ERROR(encoder.Write(write));
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<trace::TraceWriter> writer_;
  const std::unique_ptr<TraceReader> trace_;
  CheckpointPacer pacer_;
};

absl::StatusOr<std::unique_ptr<TraceIndexer>> TraceIndexer::Open(
    const std::string& path) {
  // Who can only read the file is told what it is, too.
  LIBRR_RETURN_IF_ERROR(TraceReader::Open(path).status());
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<trace::TraceWriter> writer,
                         trace::TraceWriter::Extend(path));
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<TraceReader> trace,
                         TraceReader::Open(path));
  return std::unique_ptr<TraceIndexer>(new TraceIndexer(
      std::make_unique<Impl>(std::move(writer), std::move(trace))));
}

TraceIndexer::TraceIndexer(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
TraceIndexer::~TraceIndexer() = default;

const TraceReader& TraceIndexer::trace() const { return impl_->trace(); }
bool TraceIndexer::is_needed() const { return impl_->is_needed(); }

absl::StatusOr<IndexResult> TraceIndexer::Run(const MachineFactory& factory,
                                              const IndexOptions& options) {
  return impl_->Run(factory, options);
}

}  // namespace librr
