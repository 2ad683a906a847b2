// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Searches a recording backwards for steps that meet stop conditions.
//
// The recording is cut at its checkpoints; the intervals are replayed forwards
// with the conditions armed, the latest first, by several machines at a time.
// All hits of an interval are kept, so that the next search for the same
// conditions begins with what is known.
//
//   KnownHits known(conditions, position);
//   while (known.LastBefore(position) == nullptr && known.from > begin) {
//     LIBRR_ASSIGN_OR_RETURN(bool go_on, search.Extend(&known, begin));
//   }
//
// Belongs to the timeline's thread; its own threads work within `Extend`.
#ifndef LIBRR_REPLAYER_TIMELINE_SEARCH_H_
#define LIBRR_REPLAYER_TIMELINE_SEARCH_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr/replayer.h"
#include "librr/stop_condition.h"
#include "librr/units.h"
#include "replayer/ladder.h"
#include "replayer/search_threads.h"
#include "replayer/timeline_worker.h"

namespace librr {

// What is known about the steps in [from, to).
struct KnownHits {
  KnownHits(const StopConditions& conditions, Position at)
      : conditions(conditions), from(at), to(at) {}

  // The hits of the last step before `position`, if one is known.
  std::vector<StopHit> LastBefore(Position position) const;

  StopConditions conditions;
  Position from;
  Position to;
  std::deque<StopHit> hits;  // in order of position
};

// Interrupts machines: because a person wants it, or because a search is over.
struct StopFlags {
  std::atomic<bool> requested = false;  // by a person
  std::atomic<bool> stop = false;       // what machines look at

  void Request() {
    requested.store(true);
    stop.store(true);
  }
  // What a search has stopped may run again.
  void Resume() {
    stop.store(false);
    if (requested.load()) stop.store(true);
  }
  void Clear() {
    requested.store(false);
    stop.store(false);
  }
};

class TimelineSearch {
 public:
  // At most `jobs` machines, `first` among them; 0: one per core. All must
  // outlive the search. Its threads are made here.
  TimelineSearch(const TraceReader* trace, const MachineFactory& factory,
                 Ladder* ladder, StopFlags* flags, TimelineWorker* first,
                 int jobs);

  // Called now and then, on the caller's thread, with the number of steps that
  // are known by then.
  void SetProgress(std::function<void(const KnownHits&)> progress) {
    progress_ = std::move(progress);
  }

  // Goes on backwards from `known->from` until there are hits, or `lowest` is
  // reached. False if it was interrupted. The machine of `first` is somewhere
  // afterwards.
  absl::StatusOr<bool> Extend(KnownHits* known, Position lowest);

  uint64_t replayed_steps() const;

 private:
  struct Interval {
    Ladder::Start begin;
    Position end;
    bool done = false;
    IntervalHits found;
  };

  // The state of one call of Extend.
  struct Round {
    std::mutex mutex;
    const StopConditions* conditions = nullptr;
    Position lowest;
    Position next_end ABSL_GUARDED_BY(mutex);
    // In the order in which they are searched: the latest first.
    std::deque<Interval> intervals ABSL_GUARDED_BY(mutex);
    bool over ABSL_GUARDED_BY(mutex) = false;
    absl::Status status ABSL_GUARDED_BY(mutex);
  };

  void Work(TimelineWorker* worker, Round* round);
  // How many helpers would do something useful, and have room.
  size_t UsefulHelpers(Position from, Position lowest) const;
  // The work of one of the further threads.
  void Help(size_t number, Round* round);
  void Fail(const absl::Status& status, Round* round);

  const TraceReader* const trace_;
  const MachineFactory& factory_;
  Ladder* const ladder_;
  StopFlags* const flags_;
  TimelineWorker* const first_;
  const size_t jobs_;
  SearchThreads threads_;
  std::mutex creating_;  // of helpers: one at a time
  std::vector<std::unique_ptr<TimelineWorker>> helpers_;  // by thread
  std::function<void(const KnownHits&)> progress_;
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_TIMELINE_SEARCH_H_
