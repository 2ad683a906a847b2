// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The checkpoints that a trace holds, as checkpoints in memory.
//
//   CheckpointLoader loader(&trace, &store);
//   if (const std::optional<size_t> last = loader.AtOrBefore(position)) {
//     LIBRR_ASSIGN_OR_RETURN(LoadedCheckpoint loaded, loader.Load(*last));
//   }
//
// Pages that were loaded before, for another checkpoint, are shared with it.
// What is loaded is untrusted, and proven only by its digest. Thread-safe.
#ifndef LIBRR_REPLAYER_CHECKPOINT_LOADER_H_
#define LIBRR_REPLAYER_CHECKPOINT_LOADER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "librr-core/checkpoint/machine_image.h"
#include "librr-core/checkpoint/page_store.h"
#include "librr/digest.h"
#include "librr/trace.h"
#include "librr/units.h"

namespace librr {

struct LoadedCheckpoint {
  Checkpoint checkpoint;
  // Of a machine in this state.
  Digest digest;
  // The trace's events from this one on have not happened yet.
  uint64_t event_count = 0;
};

class CheckpointLoader {
 public:
  // Both must outlive it.
  CheckpointLoader(const TraceReader* trace, PageStore* store);

  // The last one that is usable; nullopt if there is none.
  std::optional<size_t> AtOrBefore(Position position) const;
  Position position(size_t index) const {
    return trace_->checkpoints()[index].position;
  }

  // DataLoss; Cancelled if `stop` was set on the way: what has been read is
  // kept for the next time.
  absl::StatusOr<LoadedCheckpoint> Load(size_t index,
                                        const std::atomic<bool>& stop);
  // It is not usable.
  void Discard(size_t index);

  // Frees the pages that are kept for the next `Load` alone.
  void ForgetPages();

 private:
  absl::StatusOr<std::vector<StoredPageRef>> PagesOf(const StoredState& state);
  absl::Status LoadPages(const std::vector<StoredPageRef>& pages,
                         const std::atomic<bool>& stop);

  const TraceReader* const trace_;
  PageStore* const store_;
  mutable std::mutex mutex_;
  std::vector<bool> discarded_ ABSL_GUARDED_BY(mutex_);
  // By number in the file.
  absl::flat_hash_map<uint32_t, PageRef> pages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace librr

#endif  // LIBRR_REPLAYER_CHECKPOINT_LOADER_H_
