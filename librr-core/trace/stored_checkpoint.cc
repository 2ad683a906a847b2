// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading checkpoints back from a trace.
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/checkpoint_codec.h"
#include "librr-core/trace/open_trace.h"
#include "librr-core/trace/trace_format.h"

namespace librr::trace {

absl::StatusOr<StoredState> OpenTrace::ReadCheckpoint(
    const StoredCheckpoint& checkpoint) const {
  LIBRR_ASSIGN_OR_RETURN(const Block block, blocks_.Read(checkpoint.offset));
  std::optional<CheckpointBody> body;
  if (block.header.type == BlockType::kCheckpoint) {
    body = DecodeCheckpointBody(block.body);
  }
  const uint64_t pages = info_.header.memory_bytes / kPageSize;
  if (!body.has_value() ||
      body->maps.size() != (pages + kPagesInMap - 1) / kPagesInMap) {
    return blocks_.DamageAt(checkpoint.offset, "the checkpoint is malformed");
  }
  return StoredState{std::move(body->state), std::move(body->digest),
                     std::move(body->maps)};
}

absl::StatusOr<std::vector<StoredPageRef>> OpenTrace::ReadPageMap(
    uint32_t id) const {
  const TraceIndex::PageMapEntry* entry = index_.FindPageMap(id);
  if (entry == nullptr) {
    return absl::DataLossError(
        absl::StrCat(blocks_.name(), ": lacks the page map ", id));
  }
  LIBRR_ASSIGN_OR_RETURN(const Block block, blocks_.Read(entry->offset));
  std::optional<std::vector<StoredPageRef>> pages;
  if (block.header.type == BlockType::kPageMap) {
    pages = DecodePageMap(block.body, index_.page_id_limit());
  }
  if (!pages.has_value()) {
    return blocks_.DamageAt(entry->offset, "the page map is malformed");
  }
  return *std::move(pages);
}

absl::Status OpenTrace::ReadPages(
    absl::Span<const uint32_t> ids,
    absl::FunctionRef<void(uint32_t id, const uint8_t* bytes)> visit) const {
  const TraceIndex::PagesEntry* entry = nullptr;
  Block block;
  for (const uint32_t id : ids) {
    if (entry == nullptr || id - entry->first_id >= entry->count) {
      entry = index_.FindPage(id);
      if (entry == nullptr) {
        return absl::DataLossError(
            absl::StrCat(blocks_.name(), ": lacks the page ", id));
      }
      LIBRR_ASSIGN_OR_RETURN(block, blocks_.Read(entry->offset));
      if (block.header.type != BlockType::kPages ||
          block.body.size() != entry->count * kPageSize) {
        return blocks_.DamageAt(entry->offset, "not what the index says");
      }
    }
    // Bytes are chars to std::string.
    visit(id, reinterpret_cast<const uint8_t*>(block.body.data()) +
                  (id - entry->first_id) * kPageSize);
  }
  return absl::OkStatus();
}

}  // namespace librr::trace
