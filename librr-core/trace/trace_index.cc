// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/trace_index.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"

namespace librr::trace {

std::string EncodeImageHead(const ImageHead& head) {
  std::string out;
  PutLengthPrefixed(out, head.name);
  PutVarint(out, head.total_size);
  PutVarint(out, head.offset);
  return out;
}

std::optional<ImageHead> DecodeImageHead(std::string_view bytes) {
  const std::optional<std::string_view> name = GetLengthPrefixed(bytes);
  const std::optional<uint64_t> total_size = GetVarint(bytes);
  const std::optional<uint64_t> offset = GetVarint(bytes);
  if (!name.has_value() || !total_size.has_value() || !offset.has_value() ||
      !bytes.empty() || name->size() > kMaxImageName ||
      *total_size > kMaxImageBytes || *offset > *total_size) {
    return std::nullopt;
  }
  return ImageHead{*name, *total_size, *offset};
}

absl::Status TraceIndex::AddBlock(uint64_t offset, const BlockHeader& header,
                                  std::string_view head) {
  if (block_count_ == kMaxBlocks) {
    return absl::ResourceExhaustedError("more blocks than a trace may have");
  }
  if ((header.type == BlockType::kHeader) != (block_count_ == 0)) {
    return absl::DataLossError("the header is not the first block");
  }
  if (!open_group_.empty() && !IsBatch(header.type)) {
    return absl::DataLossError("a group of events lacks a part");
  }
  switch (header.type) {
    case BlockType::kHeader:
      bytes_.header += kPreludeSize + header.total_size();
      break;
    case BlockType::kImage:
      LIBRR_RETURN_IF_ERROR(AddImage(offset, header, head));
      break;
    case BlockType::kDigestBase:
      bytes_.digests += header.total_size();
      break;
    case BlockType::kInputs:
    case BlockType::kOutputs:
    case BlockType::kProofs:
      LIBRR_RETURN_IF_ERROR(AddBatch(offset, header, head));
      break;
    case BlockType::kEnd:
      if (end_record_.has_value()) {
        return absl::DataLossError("a second end record");
      }
      end_record_ = offset;
      bytes_.header += header.total_size();
      break;
    case BlockType::kIndex:
    case BlockType::kTrailer:
      bytes_.index += header.total_size();
      if (!index_begin_.has_value()) index_begin_ = offset;
      break;
    case BlockType::kPages:
    case BlockType::kPageMap:
    case BlockType::kCheckpoint:
      if (AddCheckpointPart(offset, header, head)) {
        bytes_.checkpoints += header.total_size();
      } else {
        bytes_.other += header.total_size();
      }
      break;
    default:
      if (!header.optional()) {
        return absl::UnimplementedError(
            absl::StrCat("a block of type ", static_cast<int>(header.type),
                         ", which this version of librr does not know"));
      }
      bytes_.other += header.total_size();
      break;
  }
  ++block_count_;
  end_ = offset + header.total_size();
  return absl::OkStatus();
}

absl::Status TraceIndex::AddImage(uint64_t offset, const BlockHeader& header,
                                  std::string_view head) {
  const std::optional<ImageHead> image = DecodeImageHead(head);
  if (!image.has_value()) return absl::DataLossError("a malformed image block");
  if (image->offset == 0) {
    const bool before_is_whole =
        images_.empty() || images_.back().known == images_.back().size;
    const bool is_new = std::none_of(
        images_.begin(), images_.end(),
        [&](const ImageEntry& entry) { return entry.name == image->name; });
    if (!before_is_whole || !is_new || images_.size() == kMaxImages) {
      return absl::DataLossError("an image in the wrong place");
    }
    images_.push_back({std::string(image->name), image->total_size, offset, 0});
  }
  if (images_.empty() || images_.back().name != image->name ||
      images_.back().size != image->total_size ||
      images_.back().known != image->offset ||
      header.raw_size > image->total_size - image->offset) {
    return absl::DataLossError("a part of an image in the wrong place");
  }
  images_.back().known += header.raw_size;
  bytes_.image += header.total_size();
  return absl::OkStatus();
}

absl::Status TraceIndex::AddBatch(uint64_t offset, const BlockHeader& header,
                                  std::string_view head_bytes) {
  const std::optional<BatchHead> head = DecodeBatchHead(head_bytes);
  if (!head.has_value()) return absl::DataLossError("a malformed batch head");
  if (end_record_.has_value()) {
    return absl::DataLossError("events after the end record");
  }
  if (head->group_first_index != event_count_ || head->digest_base >= offset) {
    return absl::DataLossError("a batch of events in the wrong place");
  }
  for (const Batch& other : open_group_) {
    // Streams come in a fixed order, so each at most once.
    if (other.stream >= header.type ||
        other.head.group_event_count != head->group_event_count) {
      return absl::DataLossError("a batch of events in the wrong group");
    }
  }
  open_group_.push_back({offset, header.type, *head});
  switch (header.type) {
    case BlockType::kInputs:
      open_bytes_.inputs += header.total_size();
      break;
    case BlockType::kOutputs:
      open_bytes_.outputs += header.total_size();
      break;
    default:
      open_bytes_.digests += header.total_size();
      break;
  }
  return CloseGroup();
}

absl::Status TraceIndex::CloseGroup() {
  const uint64_t wanted = open_group_.front().head.group_event_count;
  uint64_t count = 0;
  Position first_position = Position::Max();
  Position last_position;
  VirtualTime first_time = VirtualTime::Max();
  VirtualTime last_time;
  for (const Batch& batch : open_group_) {
    count += batch.head.event_count;
    first_position = std::min(first_position, batch.head.first_position);
    last_position = std::max(last_position, batch.head.last_position);
    first_time = std::min(first_time, batch.head.first_time);
    last_time = std::max(last_time, batch.head.last_time);
  }
  if (count > wanted || first_position < last_position_ ||
      first_time < last_time_) {
    // The group does not count: it is what is damaged.
    return absl::DataLossError("a group of events in the wrong place");
  }
  if (count < wanted) return absl::OkStatus();
  groups_.push_back({batches_.size(), open_group_.size(), last_position});
  for (const Batch& batch : open_group_) {
    batches_.push_back(batch);
    digest_count_ += batch.head.digest_count;
    if (batch.stream == BlockType::kInputs) {
      input_count_ += batch.head.event_count;
    } else if (batch.stream == BlockType::kOutputs) {
      output_count_ += batch.head.event_count;
    }
  }
  event_count_ += count;
  last_position_ = last_position;
  last_time_ = last_time;
  bytes_.inputs += open_bytes_.inputs;
  bytes_.outputs += open_bytes_.outputs;
  bytes_.digests += open_bytes_.digests;
  open_bytes_ = {};
  open_group_.clear();
  return absl::OkStatus();
}

// What is wrong here costs checkpoints and nothing else: the events do not need
// them.
bool TraceIndex::AddCheckpointPart(uint64_t offset, const BlockHeader& header,
                                   std::string_view head) {
  if (!IsSealed(header, head)) return false;
  head.remove_suffix(4);
  if (header.type == BlockType::kPages) {
    const std::optional<PagesHead> pages = DecodePagesHead(head);
    if (!pages.has_value() || pages->first_id < page_id_limit_ ||
        header.raw_size != pages->count * kPageSize) {
      return false;
    }
    pages_.push_back({offset, pages->first_id, pages->count});
    page_id_limit_ = pages->first_id + pages->count;
    return true;
  }
  if (header.type == BlockType::kPageMap) {
    const std::optional<uint64_t> id = DecodePageMapHead(head);
    if (!id.has_value() || *id < page_map_id_limit_) return false;
    page_maps_.push_back({offset, *id});
    page_map_id_limit_ = *id + 1;
    return true;
  }
  const std::optional<CheckpointHead> checkpoint = DecodeCheckpointHead(head);
  if (!checkpoint.has_value()) return false;
  checkpoints_.push_back({offset, *checkpoint});
  return true;
}

const TraceIndex::PagesEntry* TraceIndex::FindPage(uint64_t id) const {
  const auto after = std::partition_point(
      pages_.begin(), pages_.end(),
      [id](const PagesEntry& entry) { return entry.first_id <= id; });
  if (after == pages_.begin()) return nullptr;
  const PagesEntry& entry = *std::prev(after);
  return id - entry.first_id < entry.count ? &entry : nullptr;
}

const TraceIndex::PageMapEntry* TraceIndex::FindPageMap(uint64_t id) const {
  const auto found = std::partition_point(
      page_maps_.begin(), page_maps_.end(),
      [id](const PageMapEntry& entry) { return entry.id < id; });
  return found != page_maps_.end() && found->id == id ? &*found : nullptr;
}

TraceBytes TraceIndex::bytes() const { return bytes_; }

uint64_t TraceIndex::event_count(BlockType stream) const {
  switch (stream) {
    case BlockType::kInputs:
      return input_count_;
    case BlockType::kOutputs:
      return output_count_;
    default:
      return event_count_ - input_count_ - output_count_;
  }
}

absl::Span<const TraceIndex::Batch> TraceIndex::GroupBatches(
    size_t group) const {
  LIBRR_CHECK(group < groups_.size());
  return absl::MakeConstSpan(batches_).subspan(groups_[group].first_batch,
                                               groups_[group].batch_count);
}

size_t TraceIndex::FindGroup(Position position) const {
  const auto found = std::partition_point(
      groups_.begin(), groups_.end(), [position](const Group& group) {
        return group.last_position < position;
      });
  return static_cast<size_t>(found - groups_.begin());
}

}  // namespace librr::trace
