// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Batches of events, as columns.
//
// Events are written in groups. Each group has at most one batch for each
// stream (inputs, outputs, proofs), a block of its own: so reading the inputs
// never touches the outputs. The batch's head says what it holds, the body is
// one column for each property, so that the compressor sees like beside like.
// Positions and times are kept as differences; a time's difference is kept
// relative to the position's, because a busy machine's clock advances by about
// one nanosecond a step.
#ifndef LIBRR_CORE_TRACE_EVENT_BATCH_H_
#define LIBRR_CORE_TRACE_EVENT_BATCH_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "librr-core/trace/trace_format.h"
#include "librr/trace.h"

namespace librr::trace {

inline constexpr std::array<BlockType, 3> kStreams = {
    BlockType::kInputs, BlockType::kOutputs, BlockType::kProofs};

// Which stream holds events of a kind.
BlockType StreamOf(EventKind kind);

bool IsBatch(BlockType type);

// The head of a batch's block.
struct BatchHead {
  uint64_t group_first_index = 0;  // of the group's first event
  uint64_t group_event_count = 0;  // in all batches of the group
  uint64_t event_count = 0;        // in this batch, at least 1
  Position first_position;
  Position last_position;
  VirtualTime first_time;
  VirtualTime last_time;
  uint64_t digest_count = 0;
  // The offset of the block that the batch's first digest is relative to; 0 if
  // the batch has no digest.
  uint64_t digest_base = 0;

  bool operator==(const BatchHead&) const = default;
};

std::string EncodeBatchHead(const BatchHead& head);
// Nullopt if malformed or beyond a limit.
std::optional<BatchHead> DecodeBatchHead(std::string_view bytes);

struct EncodedBatch {
  std::string head;
  std::string body;
};

// `events` are those of one stream in a group, in order, at least one. `base`
// is needed if there is a digest: it is at offset `base_offset` of the file.
EncodedBatch EncodeBatch(absl::Span<const Event> events,
                         uint64_t group_first_index, uint64_t group_event_count,
                         const Digest* base, uint64_t base_offset);

// Appends the batch's events to `out`. `base` is the digest base that the head
// names, or null if it names none. DataLoss, without a place, if malformed;
// Unimplemented for a kind of event that this build does not know.
absl::Status DecodeBatch(BlockType stream, const BatchHead& head,
                         std::string_view body, const Digest* base,
                         std::vector<Event>& out);

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_EVENT_BATCH_H_
