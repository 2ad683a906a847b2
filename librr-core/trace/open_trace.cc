// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/open_trace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/crc32c.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/header_codec.h"
#include "librr-core/trace/trace_format.h"

namespace librr::trace {

absl::StatusOr<std::unique_ptr<OpenTrace>> OpenTrace::Open(
    std::unique_ptr<RandomAccessSource> source, std::string name,
    bool is_locked) {
  std::unique_ptr<OpenTrace> trace(
      new OpenTrace(std::move(source), std::move(name)));
  LIBRR_RETURN_IF_ERROR(trace->ReadPrelude());
  LIBRR_RETURN_IF_ERROR(trace->ReadHeader());
  absl::Status status = trace->LoadIndex();
  if (status.ok()) status = trace->ReadEnd();
  if (!status.ok()) {
    // Whatever is wrong with the index, the blocks themselves count: a scan
    // meets the same trouble if it is theirs, and knows where it is.
    LIBRR_RETURN_IF_ERROR(trace->ScanBlocks());
    status = trace->ReadEnd();
    if (absl::IsDataLoss(status)) {
      trace->info_.damage = std::string(status.message());
      trace->info_.damage_offset = trace->index_.end_record_offset();
      trace->EndAtLastEvent();
      status = absl::OkStatus();
    }
  }
  LIBRR_RETURN_IF_ERROR(status);
  trace->FillInfo(is_locked);
  return trace;
}

absl::Status OpenTrace::ReadPrelude() {
  const std::string& name = blocks_.name();
  std::string prelude(kPreludeSize, '\0');
  if (source_->size() >= kPreludeSize) {
    LIBRR_RETURN_IF_ERROR(source_->ReadAt(0, absl::MakeSpan(prelude)));
  }
  std::string_view rest = prelude;
  if (GetBytes(rest, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": is not a trace: traces are made by `vmrr record`"));
  }
  const uint64_t version = *GetFixed(rest, 4);
  const uint64_t crc = *GetFixed(rest, 4);
  if (Crc32c(std::string_view(prelude).substr(0, kPreludeSize - 4)) != crc) {
    return blocks_.DamageAt(0, "the checksum is wrong");
  }
  if (version != kFormatVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        name, ": has trace format ", version, ", this version of librr reads ",
        kFormatVersion, ": use a newer one"));
  }
  info_.format_version = static_cast<uint32_t>(version);
  return absl::OkStatus();
}

absl::Status OpenTrace::ReadHeader() {
  LIBRR_ASSIGN_OR_RETURN(const Block block, blocks_.Read(kPreludeSize));
  if (block.header.type != BlockType::kHeader) {
    return blocks_.DamageAt(kPreludeSize, "the header is missing");
  }
  absl::StatusOr<TraceHeader> header = DecodeHeader(block.body);
  if (absl::IsDataLoss(header.status())) {
    return blocks_.DamageAt(kPreludeSize,
                            std::string(header.status().message()));
  }
  if (!header.ok()) {
    return absl::Status(
        header.status().code(),
        absl::StrCat(blocks_.name(), ": ", header.status().message()));
  }
  info_.header = *std::move(header);
  return absl::OkStatus();
}

absl::Status OpenTrace::LoadIndex() {
  const uint64_t size = source_->size();
  if (size < kPreludeSize + kTrailerSize) {
    return absl::DataLossError("no room for an index");
  }
  const uint64_t trailer_offset = size - kTrailerSize;
  LIBRR_ASSIGN_OR_RETURN(const Block trailer, blocks_.Read(trailer_offset));
  std::string_view trailer_body = trailer.body;
  const std::optional<uint64_t> index_offset = GetFixed(trailer_body, 8);
  if (trailer.header.type != BlockType::kTrailer ||
      trailer.header.total_size() != kTrailerSize ||
      !index_offset.has_value() || *index_offset > trailer_offset) {
    return absl::DataLossError("no trailer");
  }
  TraceIndex index;
  uint64_t described = kPreludeSize;
  std::vector<std::pair<uint64_t, BlockHeader>> index_blocks;
  for (uint64_t offset = *index_offset; offset < trailer_offset;) {
    LIBRR_ASSIGN_OR_RETURN(const Block block, blocks_.Read(offset));
    if (block.header.type != BlockType::kIndex) {
      return blocks_.DamageAt(offset, "not a part of the index");
    }
    LIBRR_RETURN_IF_ERROR(
        AddIndexBlock(block.body, described, *index_offset, index));
    index_blocks.emplace_back(offset, block.header);
    offset += block.header.total_size();
  }
  if (described != *index_offset) {
    return absl::DataLossError("the index is not whole");
  }
  index_blocks.emplace_back(trailer_offset, trailer.header);
  for (const auto& [offset, header] : index_blocks) {
    LIBRR_RETURN_IF_ERROR(index.AddBlock(offset, header, ""));
  }
  if (index.good_end() != size) {
    return absl::DataLossError("the index is not whole");
  }
  index_ = std::move(index);
  return absl::OkStatus();
}

absl::Status OpenTrace::AddIndexBlock(std::string_view entries,
                                      uint64_t& offset, uint64_t end,
                                      TraceIndex& index) const {
  while (!entries.empty()) {
    const std::optional<std::string_view> bytes =
        GetBytes(entries, kBlockHeaderSize);
    if (!bytes.has_value()) return absl::DataLossError("a cut off index entry");
    LIBRR_ASSIGN_OR_RETURN(const BlockHeader header, DecodeBlockHeader(*bytes));
    const std::optional<std::string_view> head =
        GetBytes(entries, header.head_size);
    if (!head.has_value() || offset > end ||
        header.total_size() > end - offset) {
      return absl::DataLossError("a cut off index entry");
    }
    LIBRR_RETURN_IF_ERROR(index.AddBlock(offset, header, *head));
    offset += header.total_size();
  }
  return absl::OkStatus();
}

absl::Status OpenTrace::ScanBlocks() {
  index_ = TraceIndex();
  info_.damage_offset.reset();
  for (uint64_t offset = kPreludeSize; offset < source_->size();) {
    absl::StatusOr<Block> block = blocks_.ReadHead(offset);
    // A checkpoint's content is checked when it is needed: its damage is not
    // the recording's.
    const bool is_checkpoint = block.ok() &&
                               IsCheckpointPart(block->header.type) &&
                               IsSealed(block->header, block->head);
    if (block.ok() && !is_checkpoint) block = blocks_.Check(offset);
    absl::Status status = block.status();
    if (status.ok() && (block->header.type == BlockType::kIndex ||
                        block->header.type == BlockType::kTrailer)) {
      // A scan comes here only if the index was refused: blocks may be missing.
      status = blocks_.DamageAt(offset, "the index does not fit the file");
    } else if (status.ok()) {
      status = index_.AddBlock(offset, block->header, block->head);
      if (absl::IsDataLoss(status)) {
        status = blocks_.DamageAt(offset, std::string(status.message()));
      }
    }
    if (absl::IsDataLoss(status)) {
      info_.damage = std::string(status.message());
      break;
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(blocks_.name(), ": ", status.message(),
                                       " (at offset ", offset, ")"));
    }
    offset += block->header.total_size();
  }
  if (index_.good_end() < source_->size()) {
    info_.damage_offset = index_.good_end();
    if (info_.damage.empty()) {
      info_.damage = absl::StrCat(blocks_.name(),
                                  ": the file ends within a group of events");
    }
  }
  return absl::OkStatus();
}

absl::Status OpenTrace::ReadEnd() {
  const std::optional<uint64_t> offset = index_.end_record_offset();
  // An end that is followed by damage may be in the wrong place.
  info_.complete = offset.has_value() && !info_.damage_offset.has_value();
  if (!info_.complete) {
    EndAtLastEvent();
    return absl::OkStatus();
  }
  LIBRR_ASSIGN_OR_RETURN(const Block block, blocks_.Read(*offset));
  if (block.header.type != BlockType::kEnd) {
    return blocks_.DamageAt(*offset, "no end record, as the index says");
  }
  absl::StatusOr<EndRecord> end = DecodeEnd(block.body, info_.header.vcpus);
  if (!end.ok()) {
    return blocks_.DamageAt(*offset, std::string(end.status().message()));
  }
  if (end->position < index_.last_position() ||
      end->time < index_.last_time()) {
    return blocks_.DamageAt(*offset, "the end lies before the last event");
  }
  info_.end = *std::move(end);
  return absl::OkStatus();
}

void OpenTrace::EndAtLastEvent() {
  info_.complete = false;
  info_.end = EndRecord();
  info_.end.position = index_.last_position();
  info_.end.time = index_.last_time();
  info_.end.reason = EndReason::kTruncated;
}

void OpenTrace::FillInfo(bool is_locked) {
  info_.path = blocks_.name();
  info_.being_written = is_locked && !info_.complete;
  info_.event_count = index_.event_count();
  info_.input_count = index_.event_count(BlockType::kInputs);
  info_.output_count = index_.event_count(BlockType::kOutputs);
  info_.digest_count = index_.digest_count();
  for (const TraceIndex::ImageEntry& image : index_.images()) {
    info_.images.emplace_back(image.name, image.size);
  }
  for (const TraceIndex::CheckpointEntry& entry : index_.checkpoints()) {
    // What a cut off trace has lost cannot be told from a checkpoint.
    if (entry.head.position > info_.end.position ||
        entry.head.event_count > index_.event_count()) {
      continue;
    }
    checkpoints_.push_back({entry.head.position, entry.head.time,
                            entry.head.event_count, entry.offset});
  }
  std::stable_sort(checkpoints_.begin(), checkpoints_.end(),
                   [](const StoredCheckpoint& a, const StoredCheckpoint& b) {
                     return a.position < b.position;
                   });
  info_.checkpoint_count = checkpoints_.size();
  info_.features = info_.header.features;
  if (!checkpoints_.empty()) info_.features.push_back("checkpoints");
  info_.bytes = index_.bytes();
  info_.bytes.total = source_->size();
  info_.bytes.damaged = source_->size() - index_.good_end();
}

absl::StatusOr<std::string> OpenTrace::ReadImage(std::string_view name) const {
  for (const TraceIndex::ImageEntry& image : index_.images()) {
    if (image.name != name) continue;
    if (image.known != image.size) {
      return absl::DataLossError(
          absl::StrCat(blocks_.name(), ": holds only a part of the image \"",
                       AbseilView(name), "\""));
    }
    std::string bytes;
    uint64_t offset = image.offset;
    do {
      LIBRR_ASSIGN_OR_RETURN(const Block block, blocks_.Read(offset));
      const std::optional<ImageHead> head = DecodeImageHead(block.head);
      if (block.header.type != BlockType::kImage || !head.has_value() ||
          head->name != name || head->offset != bytes.size() ||
          block.body.size() > image.size - bytes.size() ||
          (block.body.empty() && image.size != 0)) {
        return blocks_.DamageAt(offset,
                                "not the part of an image that the "
                                "index says");
      }
      bytes += block.body;
      offset += block.header.total_size();
    } while (bytes.size() < image.size);
    return bytes;
  }
  return absl::NotFoundError(absl::StrCat(blocks_.name(), ": holds no image \"",
                                          AbseilView(name), "\""));
}

}  // namespace librr::trace
