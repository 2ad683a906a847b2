// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Turns states of a machine into the blocks of checkpoints.
//
//   CheckpointEncoder encoder(machine, options);  // where the machine begins
//   const auto write = [&](absl::Span<const EncodedBlock> blocks) {
//     return writer->AppendBlocks(blocks);
//   };
//   ... encoder.Capture(event_count, write);  // while the machine is at rest
//   ... encoder.Write(write);                 // now and then
//   ... encoder.Finish(write);                // at the end
//
// A capture costs the pages that were dirtied since the last one: each is
// hashed, and copied if the file has no such content yet. A thread of the
// encoder's own compresses. Memory that a process touches for the first time
// costs more than compressing what is put there, so buffers are few and used
// again and again. It must be the only one that calls the machine's
// TakeChangedPages. Belongs to one thread.
#ifndef LIBRR_CORE_TRACE_CHECKPOINT_ENCODER_H_
#define LIBRR_CORE_TRACE_CHECKPOINT_ENCODER_H_

#include <pthread.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr-core/trace/block_writer.h"
#include "librr-core/trace/checkpoint_codec.h"
#include "librr/machine.h"

namespace librr::trace {

// A block as it is to be in the file. The first `entry_size` bytes are its
// header and head.
struct EncodedBlock {
  std::string bytes;
  size_t entry_size = 0;
};

struct CheckpointEncoderOptions {
  // For what waits: pages to be compressed, and blocks to be written.
  uint64_t memory_bytes = 0;
  // What all blocks together may take in the file.
  uint64_t file_bytes = 0;
  // The numbers that are free in the file.
  uint64_t first_page_id = 0;
  uint64_t first_map_id = 0;
};

class CheckpointEncoder {
 public:
  // The machine has pages (Machine::has_pages) and must outlive the encoder.
  CheckpointEncoder(Machine* machine, const CheckpointEncoderOptions& options);
  ~CheckpointEncoder();
  CheckpointEncoder(const CheckpointEncoder&) = delete;
  CheckpointEncoder& operator=(const CheckpointEncoder&) = delete;

  // Notes which pages have changed. Called where the machine has just forgotten
  // which are dirty (a digest was computed) this costs next to nothing.
  void CollectChanges();
  // How many pages have changed since the last capture, at most: those that
  // were dirtied before and after the last CollectChanges count twice.
  uint64_t changed_pages() const {
    return changed_.size() + machine_->DirtiedPages() - collected_at_;
  }

  // Puts blocks, in their order, where they belong.
  using Sink =
      absl::FunctionRef<absl::Status(absl::Span<const EncodedBlock> blocks)>;

  // False if the file might become too large; a later one may fit. If more
  // pages have changed than may wait, waits for the compression and writes
  // meanwhile.
  // Errors, here and below, are those of `write`: after one there are no more
  // blocks.
  absl::StatusOr<bool> Capture(uint64_t event_count, Sink write);
  // Writes the blocks that are ready.
  absl::Status Write(Sink write);
  // Waits for all that was captured, and writes it.
  absl::Status Finish(Sink write);

  uint64_t captured() const { return captured_; }
  // Of all blocks so far; at most, as long as some are not ready.
  uint64_t bytes() const;

 private:
  // Not a cryptographic hash, but a guest does not know the seed.
  using PageHash = std::pair<uint64_t, uint64_t>;

  struct PagesJob {
    uint64_t first_id;
    std::string pages;
  };
  struct PageMapJob {
    uint64_t id;
    std::vector<StoredPageRef> pages;
  };
  struct CheckpointJob {
    CheckpointHead head;
    CheckpointBody body;
  };
  using Job = std::variant<PagesJob, PageMapJob, CheckpointJob>;

  // 0: zero; else the content's number + 1.
  uint32_t Store(const uint8_t* bytes);
  void FinishPages();
  void UpdateMap(uint64_t part);
  void Add(Job job);
  absl::Status MakeRoom(Sink write);
  // `buffer` is where the block is put.
  EncodedBlock Encode(Job& job, std::string buffer);
  // An empty one for a block of pages.
  std::string TakeBuffer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void KeepBuffer(std::string buffer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static uint64_t BytesOf(const Job& job);
  static void* Main(void* self);
  void Work();

  Machine* const machine_;
  const CheckpointEncoderOptions options_;
  const size_t max_buffers_;  // that wait, to be compressed or to be written
  const uint64_t seed_;
  absl::flat_hash_map<PageHash, uint32_t> known_;
  std::vector<uint32_t> contents_;  // of each page: as `Store` returns
  std::vector<std::optional<uint32_t>> maps_;
  std::vector<uint32_t> changed_;  // pages, since the last capture; each once
  std::vector<bool> has_changed_;  // whether a page is among these
  uint64_t collected_at_ = 0;      // dirtied pages at the last CollectChanges
  uint64_t next_page_id_ = 0;
  uint64_t next_map_id_ = 0;
  uint64_t captured_ = 0;
  std::string filling_;  // pages of the next block
  absl::Status failed_;  // what writing ended with

  BlockWriter blocks_;  // the thread's, or if there is none the caller's
  bool has_thread_ = false;
  pthread_t thread_{};
  mutable std::mutex mutex_;
  std::condition_variable changed_state_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  std::vector<EncodedBlock> done_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> buffers_ ABSL_GUARDED_BY(mutex_);  // to be reused
  uint64_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t encoded_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_CHECKPOINT_ENCODER_H_
