// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/event_cursor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/digest_codec.h"

namespace librr::trace {

bool EventCursorImpl::IsVisited(BlockType stream) const {
  for (const EventKind kind :
       {EventKind::kInput, EventKind::kOutput, EventKind::kDigest,
        EventKind::kMark, EventKind::kHeartbeat}) {
    if (StreamOf(kind) == stream && filter_.kinds.Has(kind)) return true;
  }
  return false;
}

absl::StatusOr<const Event*> EventCursorImpl::Next() {
  LIBRR_RETURN_IF_ERROR(status_);
  while (true) {
    while (next_event_ < events_.size()) {
      const Event& event = events_[next_event_++];
      if (filter_.kinds.Has(event.kind)) return &event;
    }
    if (next_group_ == trace_.index().group_count()) return nullptr;
    status_ = LoadGroup(next_group_);
    LIBRR_RETURN_IF_ERROR(status_);
    ++next_group_;
  }
}

absl::Status EventCursorImpl::SeekTo(Position position) {
  status_ = absl::OkStatus();
  events_.clear();
  next_event_ = 0;
  next_group_ = trace_.index().FindGroup(position);
  if (next_group_ == trace_.index().group_count()) return absl::OkStatus();
  status_ = LoadGroup(next_group_);
  LIBRR_RETURN_IF_ERROR(status_);
  ++next_group_;
  const auto found = std::partition_point(
      events_.begin(), events_.end(),
      [position](const Event& event) { return event.position < position; });
  next_event_ = static_cast<size_t>(found - events_.begin());
  return absl::OkStatus();
}

absl::Status EventCursorImpl::LoadGroup(size_t group) {
  events_.clear();
  next_event_ = 0;
  uint64_t offset = 0;
  for (const TraceIndex::Batch& batch : trace_.index().GroupBatches(group)) {
    offset = batch.offset;
    if (!IsVisited(batch.stream)) continue;
    LIBRR_RETURN_IF_ERROR(LoadBatch(batch));
  }
  std::sort(events_.begin(), events_.end(),
            [](const Event& a, const Event& b) { return a.index < b.index; });
  for (size_t i = 1; i < events_.size(); ++i) {
    const Event& before = events_[i - 1];
    const Event& event = events_[i];
    if (event.index == before.index || event.position < before.position ||
        event.time < before.time) {
      events_.clear();
      return trace_.blocks().DamageAt(offset, "events are out of order");
    }
  }
  return absl::OkStatus();
}

absl::Status EventCursorImpl::LoadBatch(const TraceIndex::Batch& batch) {
  const BlockReader& blocks = trace_.blocks();
  LIBRR_ASSIGN_OR_RETURN(const Block block, blocks.Read(batch.offset));
  if (block.header.type != batch.stream ||
      DecodeBatchHead(block.head) != batch.head) {
    return blocks.DamageAt(batch.offset, "not what the index says");
  }
  const Digest* base = nullptr;
  if (batch.head.digest_base != 0) {
    LIBRR_ASSIGN_OR_RETURN(base, LoadBase(batch.head.digest_base));
  }
  const absl::Status status =
      DecodeBatch(batch.stream, batch.head, block.body, base, events_);
  if (absl::IsDataLoss(status)) {
    events_.clear();
    return blocks.DamageAt(batch.offset, std::string(status.message()));
  }
  if (!status.ok()) {
    events_.clear();
    return absl::Status(status.code(),
                        absl::StrCat(blocks.name(), ": ", status.message(),
                                     " (at offset ", batch.offset, ")"));
  }
  return absl::OkStatus();
}

absl::StatusOr<const Digest*> EventCursorImpl::LoadBase(uint64_t offset) {
  if (base_.has_value() && base_offset_ == offset) return &*base_;
  const BlockReader& blocks = trace_.blocks();
  LIBRR_ASSIGN_OR_RETURN(const Block block, blocks.Read(offset));
  base_.reset();
  if (block.header.type == BlockType::kDigestBase) {
    base_ = DecodeDigestBase(block.body);
  }
  if (!base_.has_value()) {
    return blocks.DamageAt(offset, "the digest base is malformed");
  }
  base_offset_ = offset;
  return &*base_;
}

}  // namespace librr::trace
