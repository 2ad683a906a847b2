// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Adds checkpoints to a trace that lacks them, so that it opens anywhere at
// once.
//
//   LIBRR_ASSIGN_OR_RETURN(auto indexer, TraceIndexer::Open("boot.vmrr"));
//   if (indexer->is_needed()) {
//     LIBRR_ASSIGN_OR_RETURN(IndexResult added, indexer->Run(factory, {}));
//   }
//
// The trace is replayed once, and checked on the way. Only what follows its
// events is written: a reader that has the file open goes on undisturbed, and
// whenever this ends, the recording is whole. Belongs to one thread.
#ifndef LIBRR_TRACE_INDEXER_H_
#define LIBRR_TRACE_INDEXER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "librr/replayer.h"
#include "librr/timeline.h"
#include "librr/trace.h"

namespace librr {

struct IndexOptions {
  std::string engine = "";  // "": the default
  // Bytes of memory for parts of checkpoints that wait to be compressed and
  // written; if more would wait, the machine does.
  uint64_t checkpoint_memory = uint64_t{4} << 20;
  // One after this many steps each; nullopt: at adaptive intervals.
  std::optional<uint64_t> checkpoint_every = std::nullopt;
  TimelineObserver* observer = nullptr;
  // Once it is set, `Run` returns Cancelled: what was added stays. May be set
  // by a signal handler or another thread.
  const std::atomic<bool>* stop = nullptr;
};

// What was added.
struct IndexResult {
  uint64_t checkpoints = 0;
  uint64_t bytes = 0;  // in the file
};

class TraceIndexer {
 public:
  // Locks the trace. FailedPrecondition if another process is writing it, or if
  // it is damaged.
  static absl::StatusOr<std::unique_ptr<TraceIndexer>> Open(
      const std::string& path);
  ~TraceIndexer();

  const TraceReader& trace() const;
  // False if the end is near a checkpoint already.
  bool is_needed() const;

  // Call once. Errors as Timeline's.
  absl::StatusOr<IndexResult> Run(const MachineFactory& factory,
                                  const IndexOptions& options);

 private:
  class Impl;
  explicit TraceIndexer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace librr

#endif  // LIBRR_TRACE_INDEXER_H_
