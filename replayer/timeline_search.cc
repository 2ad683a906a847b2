// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/timeline_search.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// More machines share caches and memory without being faster.
constexpr size_t kMaxJobs = 64;
// How many hits are kept for later.
constexpr size_t kMaxKnownHits = 1 << 17;

uint64_t AvailableMemory() {
  const long pages = sysconf(_SC_AVPHYS_PAGES);
  const long page_size = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_size <= 0) return 0;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_size);
}

// How many machines of this size may be searched with: half of the memory that
// is free now is the most that they may take.
size_t UsefulJobs(int wanted, uint64_t memory_bytes) {
  const size_t jobs = wanted > 0
                          ? static_cast<size_t>(wanted)
                          : std::max(1u, std::thread::hardware_concurrency());
  const size_t room = 1 + AvailableMemory() / 2 / memory_bytes;
  return std::min({jobs, room, kMaxJobs});
}

}  // namespace

std::vector<StopHit> KnownHits::LastBefore(Position position) const {
  const auto end = std::lower_bound(
      hits.begin(), hits.end(), position,
      [](const StopHit& hit, Position at) { return hit.position < at; });
  if (end == hits.begin()) return {};
  const Position last = std::prev(end)->position;
  auto begin = end;
  while (begin != hits.begin() && std::prev(begin)->position == last) --begin;
  return {begin, end};
}

TimelineSearch::TimelineSearch(const TraceReader* trace,
                               const MachineFactory& factory, Ladder* ladder,
                               StopFlags* flags, TimelineWorker* first,
                               int jobs)
    : trace_(trace),
      factory_(factory),
      ladder_(ladder),
      flags_(flags),
      first_(first),
      jobs_(UsefulJobs(jobs, first->machine().memory_bytes())),
      threads_(jobs_ - 1) {}

absl::StatusOr<bool> TimelineSearch::Extend(KnownHits* known, Position lowest) {
  Round round;
  round.conditions = &known->conditions;
  round.lowest = lowest;
  {
    const std::lock_guard lock(round.mutex);
    round.next_end = known->from;
  }
  const size_t helpers = UsefulHelpers(known->from, lowest);
  if (helpers_.size() < helpers) helpers_.resize(helpers);
  // Each makes its machine, which takes a while, when it is first needed.
  threads_.Start(helpers, [this, &round](size_t i) { Help(i, &round); });
  first_->player().SetProgress([this, known] {
    if (progress_) progress_(*known);
  });
  Work(first_, &round);
  first_->player().SetProgress(nullptr);
  threads_.Wait();
  flags_->Resume();

  const std::lock_guard lock(round.mutex);
  LIBRR_RETURN_IF_ERROR(round.status);
  for (Interval& interval : round.intervals) {
    if (!interval.done) break;
    std::deque<StopHit>& hits = interval.found.hits;
    if (known->hits.size() + hits.size() > kMaxKnownHits) {
      known->hits.clear();
      known->to = interval.end;
    }
    known->hits.insert(known->hits.begin(),
                       std::make_move_iterator(hits.begin()),
                       std::make_move_iterator(hits.end()));
    known->from = interval.found.from;
    // The interval's beginning was dropped: what is before it does not follow.
    if (known->from > interval.begin.position) break;
  }
  return !flags_->requested.load();
}

void TimelineSearch::Work(TimelineWorker* worker, Round* round) {
  while (true) {
    Interval* interval;
    {
      const std::lock_guard lock(round->mutex);
      if (round->over || round->next_end <= round->lowest) return;
      interval = &round->intervals.emplace_back();
      interval->end = round->next_end;
      interval->begin =
          ladder_->AtOrBefore(Position(round->next_end.value() - 1));
      round->next_end = interval->begin.position;
    }
    absl::StatusOr<IntervalHits> found =
        worker->Scan(interval->begin, interval->end, *round->conditions);
    if (!found.ok()) return Fail(found.status(), round);
    const std::lock_guard lock(round->mutex);
    if (found->interrupted) return;
    interval->found = *std::move(found);
    interval->done = true;
    for (const Interval& known : round->intervals) {
      if (!known.done) break;
      if (known.found.hits.empty()) continue;
      // Whoever searches earlier intervals does so in vain.
      round->over = true;
      flags_->stop.store(true);
      break;
    }
  }
}

size_t TimelineSearch::UsefulHelpers(Position from, Position lowest) const {
  const size_t machines = threads_.count() + 1;
  size_t intervals = 0;
  Position end = from;
  while (intervals < machines && end > lowest) {
    end = ladder_->AtOrBefore(Position(end.value() - 1)).position;
    ++intervals;
  }
  return std::max<size_t>(intervals, 1) - 1;
}

void TimelineSearch::Help(size_t number, Round* round) {
  std::unique_ptr<TimelineWorker>& helper = helpers_[number];
  if (helper == nullptr) {
    TimelineWorker::Options options;
    // The first machine has compared the digests on its way there.
    options.check = false;
    options.stop = &flags_->stop;
    options.only_scans = true;
    const std::lock_guard lock(creating_);
    if (flags_->stop.load()) return;
    absl::StatusOr<std::unique_ptr<TimelineWorker>> created =
        TimelineWorker::Create(trace_, factory_, ladder_, options);
    if (!created.ok()) return Fail(created.status(), round);
    helper = *std::move(created);
  }
  Work(helper.get(), round);
}

void TimelineSearch::Fail(const absl::Status& status, Round* round) {
  const std::lock_guard lock(round->mutex);
  round->status.Update(status);
  round->over = true;
  flags_->stop.store(true);
}

uint64_t TimelineSearch::replayed_steps() const {
  uint64_t steps = 0;
  for (const auto& helper : helpers_) {
    if (helper != nullptr) steps += helper->replayed_steps();
  }
  return steps;
}

}  // namespace librr
