// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/timeline.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"
#include "replayer/ladder.h"
#include "replayer/timeline_search.h"
#include "replayer/timeline_worker.h"

namespace librr {
namespace {

// Running on this far is cheaper than restoring a checkpoint.
constexpr uint64_t kShortRun = 10'000;
// A move forwards of fewer steps needs no new ladder: the old one is near.
constexpr uint64_t kLongMove = 4'096;

// Flags of CR3 are in its low bits; with PAE the table is 32 bytes long.
constexpr uint64_t kRootMask = ~uint64_t{0xfff};
constexpr uint64_t kPaeRootMask = 0xffffffe0;
constexpr uint64_t kPhysicalMask = (uint64_t{1} << 52) - 1;
constexpr uint64_t kCr4Pae = 1 << 5;           // Intel SDM vol. 3, 2.5
constexpr uint64_t kLongModeActive = 1 << 10;  // EFER.LMA, vol. 3, 2.2.1

}  // namespace

class Timeline::Impl {
 public:
  Impl(const TraceReader* trace, const MachineFactory& factory,
       const TimelineOptions& options)
      : trace_(trace),
        factory_(factory),
        options_(options),
        end_(trace->info().end.position),
        ladder_(options.checkpoint_memory, trace) {}

  absl::Status Start() {
    TimelineWorker::Options options;
    options.engine = options_.engine;
    options.check = options_.check;
    options.stop = &flags_.stop;
    LIBRR_ASSIGN_OR_RETURN(
        worker_, TimelineWorker::Create(trace_, factory_, &ladder_, options));
    search_.emplace(trace_, factory_, &ladder_, &flags_, worker_.get(),
                    options_.jobs);
    LIBRR_RETURN_IF_ERROR(
        worker_->player().RunTo(Position(0), Position::Max()).status());
    worker_->TakeCheckpoint();
    return absl::OkStatus();
  }

  const TraceReader& trace() const { return *trace_; }
  Machine& machine() { return worker_->machine(); }
  Position end() const { return end_; }

  absl::Status Seek(Position position) {
    if (position > end_) {
      return absl::OutOfRangeError(
          absl::StrCat("position ", position.value(),
                       " is beyond the end of the recording, ", end_.value()));
    }
    LIBRR_ASSIGN_OR_RETURN(const bool arrived, GoTo(position));
    if (arrived) return absl::OkStatus();
    return absl::CancelledError(
        absl::StrCat("interrupted on the way to position ", position.value(),
                     ", at ", machine().position().value()));
  }

  absl::StatusOr<TimelineStop> Step(int64_t steps) {
    const Position here = machine().position();
    TimelineStop stop;
    Position goal;
    if (steps < 0) {
      const uint64_t count = uint64_t{0} - static_cast<uint64_t>(steps);
      if (count > here.value()) stop.reason = TimelineStop::Reason::kBegin;
      goal = Position(here.value() - std::min(count, here.value()));
    } else {
      const uint64_t count = static_cast<uint64_t>(steps);
      if (count > end_ - here) stop.reason = TimelineStop::Reason::kEnd;
      goal = here + std::min(count, end_ - here);
    }
    LIBRR_ASSIGN_OR_RETURN(const bool arrived, GoTo(goal));
    if (!arrived) stop.reason = TimelineStop::Reason::kInterrupted;
    return stop;
  }

  absl::StatusOr<TimelineStop> Run(Direction direction,
                                   const StopConditions& conditions,
                                   std::optional<Position> bound) {
    // Says what is wrong with the conditions before anything moves.
    LIBRR_RETURN_IF_ERROR(machine().SetStopConditions(conditions));
    return direction == Direction::kForward
               ? RunForward(std::min(bound.value_or(end_), end_))
               : RunBackward(conditions, bound.value_or(Position(0)));
  }

  absl::StatusOr<std::vector<StopHit>> FindHits(
      const StopConditions& conditions, Position from, Position to,
      size_t max) {
    LIBRR_RETURN_IF_ERROR(machine().SetStopConditions(conditions));
    LIBRR_RETURN_IF_ERROR(machine().SetStopConditions({}));
    const Position here = machine().position();
    KeepPlace();
    to = std::min(to, end_);
    KnownHits known(conditions, to);
    bool go_on = true;
    BeginProgress(to > from ? to - from : 0);
    search_->SetProgress([this, to](const KnownHits& known) {
      ReportProgress(to - known.from);
    });
    while (go_on && known.from > from && CountSince(known, from) < max) {
      LIBRR_ASSIGN_OR_RETURN(go_on, search_->Extend(&known, from));
    }
    LIBRR_RETURN_IF_ERROR(GoBackTo(here));
    if (!go_on) {
      return absl::CancelledError(
          absl::StrCat("interrupted: the search had come from position ",
                       to.value(), " to ", known.from.value()));
    }
    std::vector<StopHit> hits;
    for (StopHit& hit : known.hits) {
      if (hit.position >= from) hits.push_back(std::move(hit));
    }
    if (hits.size() > max) hits.erase(hits.begin(), hits.end() - max);
    return hits;
  }

  absl::StatusOr<std::optional<StopHit>> LastWrite(const Watchpoint& range,
                                                   Position before) {
    StopConditions conditions;
    conditions.watchpoints.push_back(range);
    conditions.watchpoints.front().kind = WatchKind::kAnyWrite;
    LIBRR_ASSIGN_OR_RETURN(std::vector<StopHit> hits,
                           FindHits(conditions, Position(0), before, 1));
    if (hits.empty()) return std::nullopt;
    return std::move(hits.back());
  }

  void RequestStop() {
    flags_.Request();
    worker_->machine().RequestStop();
  }

  void ForgetStop() { flags_.Clear(); }

  CheckpointStatistics statistics() const {
    CheckpointStatistics statistics;
    ladder_.Fill(&statistics);
    statistics.restores = worker_->restores();
    statistics.replayed_steps =
        worker_->replayed_steps() + search_->replayed_steps();
    return statistics;
  }

 private:
  // --- moving ---

  // False if it was interrupted.
  absl::StatusOr<bool> GoTo(Position goal) {
    LIBRR_RETURN_IF_ERROR(machine().SetStopConditions({}));
    ladder_.SetCursor(goal);
    const Position here = machine().position();
    TimelineWorker::Move move;
    move.with_rungs = goal < here || goal - here >= kLongMove;
    if (goal < here || goal - here > kShortRun) {
      Ladder::Start nearest = ladder_.AtOrBefore(goal);
      if (goal < here || nearest.position > here) {
        const absl::Status restored = worker_->Restore(std::move(nearest));
        if (absl::IsCancelled(restored)) {
          flags_.Clear();
          return false;
        }
        LIBRR_RETURN_IF_ERROR(restored);
      }
    }
    const Position from = machine().position();
    BeginProgress(goal - from);
    worker_->player().SetProgress(
        [this, from] { ReportProgress(machine().position() - from); });
    absl::StatusOr<PlayResult> result = worker_->Advance(goal, move);
    worker_->player().SetProgress(nullptr);
    LIBRR_RETURN_IF_ERROR(result.status());
    if (result->kind == PlayResult::Kind::kArrived) return true;
    flags_.Clear();
    LIBRR_RETURN_IF_ERROR(worker_->player().Complete().status());
    return false;
  }

  // So that a search that is interrupted comes back here at once.
  void KeepPlace() {
    const Position here = machine().position();
    ladder_.SetCursor(here);
    const Ladder::Start nearest = ladder_.AtOrBefore(here);
    if (nearest.kept == nullptr || here - nearest.position > kShortRun) {
      worker_->TakeCheckpoint();
    }
  }

  // Goes to where the timeline was: an interruption does not keep it from that.
  absl::Status GoBackTo(Position position) {
    bool arrived = false;
    while (!arrived) {
      flags_.Clear();
      LIBRR_ASSIGN_OR_RETURN(arrived, GoTo(position));
    }
    return absl::OkStatus();
  }

  // --- running ---

  absl::StatusOr<TimelineStop> RunForward(Position bound) {
    const Position here = machine().position();
    TimelineStop stop;
    stop.reason = bound == end_ ? TimelineStop::Reason::kEnd
                                : TimelineStop::Reason::kPosition;
    if (bound > here) {
      TimelineWorker::Move move;
      move.skip_breakpoints_at = here;
      ladder_.SetCursor(here);
      BeginProgress(bound - here);
      worker_->player().SetProgress(
          [this, here] { ReportProgress(machine().position() - here); });
      absl::StatusOr<PlayResult> result = worker_->Advance(bound, move);
      worker_->player().SetProgress(nullptr);
      LIBRR_RETURN_IF_ERROR(result.status());
      if (result->kind == PlayResult::Kind::kInterrupted) {
        flags_.Clear();
        stop.reason = TimelineStop::Reason::kInterrupted;
        // The last step may have met a condition.
        result = worker_->player().Complete();
        LIBRR_RETURN_IF_ERROR(result.status());
      }
      if (result->kind == PlayResult::Kind::kCondition) {
        stop.reason = TimelineStop::Reason::kCondition;
        stop.hits = std::move(result->hits);
      }
    }
    LIBRR_RETURN_IF_ERROR(machine().SetStopConditions({}));
    return stop;
  }

  absl::StatusOr<TimelineStop> RunBackward(const StopConditions& conditions,
                                           Position bound) {
    LIBRR_RETURN_IF_ERROR(machine().SetStopConditions({}));
    const Position here = machine().position();
    TimelineStop stop;
    stop.reason = bound == Position(0) ? TimelineStop::Reason::kBegin
                                       : TimelineStop::Reason::kPosition;
    if (bound >= here) return stop;
    if (conditions.empty()) return GoToBound(bound, stop);
    if (!known_.has_value() || !(known_->conditions == conditions) ||
        here < known_->from || here > known_->to) {
      known_.emplace(conditions, here);
    }
    KeepPlace();
    BeginProgress(here - bound);
    search_->SetProgress([this, here](const KnownHits& known) {
      ReportProgress(here - std::min(here, known.from));
    });
    while (true) {
      stop.hits = known_->LastBefore(here);
      if (!stop.hits.empty() && stop.hits.front().position >= bound) {
        LIBRR_ASSIGN_OR_RETURN(const bool arrived,
                               GoTo(stop.hits.front().position));
        if (arrived) {
          stop.reason = TimelineStop::Reason::kCondition;
          return stop;
        }
        // The hits are kept for the next time.
        LIBRR_RETURN_IF_ERROR(GoBackTo(here));
        stop.reason = TimelineStop::Reason::kInterrupted;
        stop.hits.clear();
        return stop;
      }
      if (!stop.hits.empty() || known_->from <= bound) {
        stop.hits.clear();
        return GoToBound(bound, stop);
      }
      LIBRR_ASSIGN_OR_RETURN(const bool go_on,
                             search_->Extend(&*known_, bound));
      if (go_on) continue;
      stop.hits = known_->LastBefore(here);
      if (!stop.hits.empty()) continue;
      LIBRR_RETURN_IF_ERROR(
          GoBackTo(std::max(bound, std::min(here, known_->from))));
      stop.reason = TimelineStop::Reason::kInterrupted;
      return stop;
    }
  }

  absl::StatusOr<TimelineStop> GoToBound(Position bound, TimelineStop stop) {
    LIBRR_ASSIGN_OR_RETURN(const bool arrived, GoTo(bound));
    if (!arrived) stop.reason = TimelineStop::Reason::kInterrupted;
    return stop;
  }

  static size_t CountSince(const KnownHits& known, Position from) {
    return static_cast<size_t>(std::count_if(
        known.hits.begin(), known.hits.end(),
        [from](const StopHit& hit) { return hit.position >= from; }));
  }

  // --- progress ---

  void BeginProgress(uint64_t total) {
    progress_total_ = total;
    progress_done_ = 0;
  }

  void ReportProgress(uint64_t done) {
    if (options_.observer == nullptr) return;
    progress_done_ = std::max(progress_done_, std::min(done, progress_total_));
    options_.observer->OnProgress(progress_done_, progress_total_);
  }

  const TraceReader* const trace_;
  const MachineFactory factory_;
  const TimelineOptions options_;
  const Position end_;
  StopFlags flags_;
  Ladder ladder_;
  std::unique_ptr<TimelineWorker> worker_;
  std::optional<TimelineSearch> search_;
  std::optional<KnownHits> known_;  // of the last backward run's conditions
  uint64_t progress_total_ = 0;
  uint64_t progress_done_ = 0;
};

absl::StatusOr<std::unique_ptr<Timeline>> Timeline::Open(
    const TraceReader* trace, const MachineFactory& factory,
    const TimelineOptions& options) {
  auto impl = std::make_unique<Impl>(trace, factory, options);
  LIBRR_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<Timeline>(new Timeline(std::move(impl)));
}

Timeline::Timeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Timeline::~Timeline() = default;

Position Timeline::position() const { return impl_->machine().position(); }
VirtualTime Timeline::time() const { return impl_->machine().time(); }
Position Timeline::begin() const { return Position(0); }
Position Timeline::end() const { return impl_->end(); }
const TraceReader& Timeline::trace() const { return impl_->trace(); }
Machine& Timeline::machine() { return impl_->machine(); }

absl::Status Timeline::Seek(Position position) { return impl_->Seek(position); }

absl::StatusOr<TimelineStop> Timeline::Step(int64_t steps) {
  return impl_->Step(steps);
}

absl::StatusOr<TimelineStop> Timeline::Run(Direction direction,
                                           const StopConditions& conditions,
                                           std::optional<Position> bound) {
  return impl_->Run(direction, conditions, bound);
}

absl::StatusOr<std::vector<StopHit>> Timeline::FindHits(
    const StopConditions& conditions, Position from, Position to, size_t max) {
  return impl_->FindHits(conditions, from, to, max);
}

absl::StatusOr<std::optional<StopHit>> Timeline::LastWrite(
    const Watchpoint& range, Position before) {
  return impl_->LastWrite(range, before);
}

void Timeline::RequestStop() { impl_->RequestStop(); }
void Timeline::ForgetStop() { impl_->ForgetStop(); }

CheckpointStatistics Timeline::statistics() const {
  return impl_->statistics();
}

AddressSpace PageTableRoot(const Machine& machine, int vcpu) {
  const std::vector<RegisterValue> registers = machine.Registers(vcpu);
  const uint64_t cr3 = RegisterNumber(registers, "cr3").value_or(0);
  const bool long_mode =
      RegisterNumber(registers, "efer").value_or(0) & kLongModeActive;
  const bool pae = RegisterNumber(registers, "cr4").value_or(0) & kCr4Pae;
  return AddressSpace(
      cr3 & (pae && !long_mode ? kPaeRootMask : kRootMask & kPhysicalMask));
}

}  // namespace librr
