// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a trace holds and where: built from the header and head of each block,
// in order, whether they come from the file's index or from a scan.
//
//   TraceIndex index;
//   LIBRR_RETURN_IF_ERROR(index.AddBlock(offset, header, head));  // each block
//   size_t group = index.FindGroup(position);
//
// Groups count only once all their batches are there, so whatever was added,
// the index describes a good prefix of the recording.
#ifndef LIBRR_CORE_TRACE_TRACE_INDEX_H_
#define LIBRR_CORE_TRACE_TRACE_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "librr-core/trace/block_header.h"
#include "librr-core/trace/checkpoint_codec.h"
#include "librr-core/trace/event_batch.h"
#include "librr/trace.h"

namespace librr::trace {

// The head of an image's block.
struct ImageHead {
  std::string_view name;
  uint64_t total_size = 0;  // of the image
  uint64_t offset = 0;      // of this block's body in the image
};
std::string EncodeImageHead(const ImageHead& head);
// Nullopt if malformed or beyond a limit. Views `bytes`.
std::optional<ImageHead> DecodeImageHead(std::string_view bytes);

class TraceIndex {
 public:
  struct Batch {
    uint64_t offset = 0;  // of the block
    BlockType stream{};
    BatchHead head;
  };
  // Pages of RAM: those with numbers from `first_id` on.
  struct PagesEntry {
    uint64_t offset = 0;  // of the block
    uint64_t first_id = 0;
    uint64_t count = 0;
  };
  struct PageMapEntry {
    uint64_t offset = 0;
    uint64_t id = 0;
  };
  struct CheckpointEntry {
    uint64_t offset = 0;
    CheckpointHead head;
  };
  struct ImageEntry {
    std::string name;
    uint64_t size = 0;
    uint64_t offset = 0;  // of its first block; the others follow
    uint64_t known = 0;   // bytes of the image in the blocks added so far
  };

  // DataLoss, without a place, if the block cannot follow those before it;
  // Unimplemented if its type is unknown and it must not be skipped;
  // ResourceExhausted beyond the format's number of blocks.
  absl::Status AddBlock(uint64_t offset, const BlockHeader& header,
                        std::string_view head);

  // Where the good prefix ends: after the last block but those of a group that
  // lacks batches.
  uint64_t good_end() const {
    return open_group_.empty() ? end_ : open_group_.front().offset;
  }
  // Where the index begins that is in the file; `good_end` if there is none.
  uint64_t index_begin() const { return index_begin_.value_or(good_end()); }
  std::optional<uint64_t> end_record_offset() const { return end_record_; }
  const std::vector<ImageEntry>& images() const { return images_; }
  // Sizes by part, of the good prefix; `total` and `damaged` are 0.
  TraceBytes bytes() const;

  uint64_t event_count() const { return event_count_; }
  // Of a stream, or of the digests.
  uint64_t event_count(BlockType stream) const;
  uint64_t digest_count() const { return digest_count_; }
  Position last_position() const { return last_position_; }
  VirtualTime last_time() const { return last_time_; }

  // In the order of the file.
  const std::vector<CheckpointEntry>& checkpoints() const {
    return checkpoints_;
  }
  // Numbers of pages in the file are below this, and so are those of maps.
  uint64_t page_id_limit() const { return page_id_limit_; }
  uint64_t page_map_id_limit() const { return page_map_id_limit_; }
  // nullptr if the file has no such page, or map.
  const PagesEntry* FindPage(uint64_t id) const;
  const PageMapEntry* FindPageMap(uint64_t id) const;

  size_t group_count() const { return groups_.size(); }
  absl::Span<const Batch> GroupBatches(size_t group) const;
  // The first group with an event at `position` or later; group_count() if
  // there is none.
  size_t FindGroup(Position position) const;

 private:
  struct Group {
    size_t first_batch = 0;
    size_t batch_count = 0;
    Position last_position;
  };

  absl::Status AddImage(uint64_t offset, const BlockHeader& header,
                        std::string_view head);
  absl::Status AddBatch(uint64_t offset, const BlockHeader& header,
                        std::string_view head);
  absl::Status CloseGroup();
  // False if the block is of no use.
  bool AddCheckpointPart(uint64_t offset, const BlockHeader& header,
                         std::string_view head);

  uint64_t block_count_ = 0;
  uint64_t end_ = 0;
  std::optional<uint64_t> end_record_;
  std::optional<uint64_t> index_begin_;
  std::vector<ImageEntry> images_;
  std::vector<Batch> batches_;
  std::vector<Group> groups_;
  std::vector<PagesEntry> pages_;  // by id, as the next ones
  std::vector<PageMapEntry> page_maps_;
  std::vector<CheckpointEntry> checkpoints_;
  uint64_t page_id_limit_ = 0;
  uint64_t page_map_id_limit_ = 0;
  std::vector<Batch> open_group_;  // whose other batches are to come
  TraceBytes open_bytes_;          // what they take
  TraceBytes bytes_;
  uint64_t event_count_ = 0;
  uint64_t input_count_ = 0;
  uint64_t output_count_ = 0;
  uint64_t digest_count_ = 0;
  Position last_position_;
  VirtualTime last_time_;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_TRACE_INDEX_H_
