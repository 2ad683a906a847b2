// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/event_batch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/digest_codec.h"

namespace librr::trace {
namespace {

// The columns of a body, in the order in which they are stored, each with its
// length before it.
struct Columns {
  std::string indexes;         // varint: event index - the one before - 1
  std::string tags;            // one byte: see `TagOf`
  std::string positions;       // varint: difference from the event before
  std::string times;           // zigzag varint: difference - position's
  std::string sizes;           // varint: of the payload
  std::string payloads;        // bytes
  std::string digest_changes;  // see digest_codec.h
  std::string digest_hashes;
};

struct ColumnViews {
  std::string_view indexes, tags, positions, times, sizes, payloads,
      digest_changes, digest_hashes;
};

template <typename T>
auto AllColumns(T& c) {
  return std::array{&c.indexes,        &c.tags,         &c.positions,
                    &c.times,          &c.sizes,        &c.payloads,
                    &c.digest_changes, &c.digest_hashes};
}

// What the stream does not say about an event: the subkind of inputs and
// outputs, the kind of proofs (which have no subkind).
uint8_t TagOf(const Event& event) {
  return StreamOf(event.kind) == BlockType::kProofs
             ? static_cast<uint8_t>(event.kind)
             : event.subkind;
}

absl::Status Malformed(std::string_view column) {
  return absl::DataLossError(
      absl::StrCat("the column of ", AbseilView(column), " is malformed"));
}

// Sets kind and subkind. Unimplemented for a kind that is not known.
absl::Status ApplyTag(BlockType stream, uint8_t tag, Event& event) {
  if (stream != BlockType::kProofs) {
    event.kind =
        stream == BlockType::kInputs ? EventKind::kInput : EventKind::kOutput;
    event.subkind = tag;
    return absl::OkStatus();
  }
  event.kind = static_cast<EventKind>(tag);
  if (event.kind == EventKind::kDigest || event.kind == EventKind::kMark ||
      event.kind == EventKind::kHeartbeat) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(
      "an event of kind ", tag, ", which this version of librr does not know"));
}

}  // namespace

BlockType StreamOf(EventKind kind) {
  switch (kind) {
    case EventKind::kInput:
      return BlockType::kInputs;
    case EventKind::kOutput:
      return BlockType::kOutputs;
    case EventKind::kDigest:
    case EventKind::kMark:
    case EventKind::kHeartbeat:
      break;
  }
  return BlockType::kProofs;
}

bool IsBatch(BlockType type) {
  return type == BlockType::kInputs || type == BlockType::kOutputs ||
         type == BlockType::kProofs;
}

std::string EncodeBatchHead(const BatchHead& head) {
  std::string out;
  PutVarint(out, head.group_first_index);
  PutVarint(out, head.group_event_count);
  PutVarint(out, head.event_count);
  PutVarint(out, head.first_position.value());
  PutVarint(out, head.last_position - head.first_position);
  PutVarint(out, head.first_time.value());
  PutVarint(out, head.last_time - head.first_time);
  PutVarint(out, head.digest_count);
  PutVarint(out, head.digest_base);
  return out;
}

std::optional<BatchHead> DecodeBatchHead(std::string_view bytes) {
  std::array<uint64_t, 9> fields;
  for (uint64_t& field : fields) {
    const std::optional<uint64_t> value = GetVarint(bytes);
    if (!value.has_value()) return std::nullopt;
    field = *value;
  }
  if (!bytes.empty()) return std::nullopt;
  BatchHead head;
  head.group_first_index = fields[0];
  head.group_event_count = fields[1];
  head.event_count = fields[2];
  head.first_position = Position(fields[3]);
  head.last_position = head.first_position + fields[4];
  head.first_time = VirtualTime(fields[5]);
  head.last_time = head.first_time + fields[6];
  head.digest_count = fields[7];
  head.digest_base = fields[8];
  const bool wraps =
      head.last_position < head.first_position ||
      head.last_time < head.first_time ||
      head.group_first_index + head.group_event_count < head.group_first_index;
  if (wraps || head.group_event_count > kMaxGroupEvents ||
      head.event_count < 1 || head.event_count > head.group_event_count ||
      head.digest_count > kMaxGroupDigests ||
      head.digest_count > head.event_count ||
      (head.digest_count > 0) != (head.digest_base != 0)) {
    return std::nullopt;
  }
  return head;
}

EncodedBatch EncodeBatch(absl::Span<const Event> events,
                         uint64_t group_first_index, uint64_t group_event_count,
                         const Digest* base, uint64_t base_offset) {
  LIBRR_CHECK(!events.empty());
  BatchHead head;
  head.group_first_index = group_first_index;
  head.group_event_count = group_event_count;
  head.event_count = events.size();
  head.first_position = events.front().position;
  head.last_position = events.back().position;
  head.first_time = events.front().time;
  head.last_time = events.back().time;

  Columns columns;
  uint64_t next_index = group_first_index;
  Position position = head.first_position;
  VirtualTime time = head.first_time;
  const Digest* digest = base;
  for (const Event& event : events) {
    LIBRR_CHECK(event.index >= next_index && event.position >= position &&
                event.time >= time);
    const uint64_t steps = event.position - position;
    const uint64_t nanoseconds = event.time - time;
    PutVarint(columns.indexes, event.index - next_index);
    columns.tags.push_back(static_cast<char>(TagOf(event)));
    PutVarint(columns.positions, steps);
    PutVarint(columns.times, ZigZag(static_cast<int64_t>(nanoseconds - steps)));
    PutVarint(columns.sizes, event.payload.size());
    columns.payloads += event.payload;
    if (event.kind == EventKind::kDigest) {
      LIBRR_CHECK(digest != nullptr && event.digest != nullptr);
      PutDigestChanges(*digest, *event.digest, columns.digest_changes,
                       columns.digest_hashes);
      digest = event.digest.get();
      ++head.digest_count;
    }
    next_index = event.index + 1;
    position = event.position;
    time = event.time;
  }
  if (head.digest_count > 0) head.digest_base = base_offset;

  EncodedBatch batch;
  batch.head = EncodeBatchHead(head);
  for (const std::string* column : AllColumns(columns)) {
    PutLengthPrefixed(batch.body, *column);
  }
  return batch;
}

absl::Status DecodeBatch(BlockType stream, const BatchHead& head,
                         std::string_view body, const Digest* base,
                         std::vector<Event>& out) {
  ColumnViews columns;
  for (std::string_view* column : AllColumns(columns)) {
    const std::optional<std::string_view> bytes = GetLengthPrefixed(body);
    if (!bytes.has_value()) return Malformed("a batch");
    *column = *bytes;
  }
  // Each event has one tag, so a count that the data does not hold is noticed
  // before memory is taken for it.
  if (!body.empty() || columns.tags.size() != head.event_count) {
    return Malformed("tags");
  }
  out.reserve(out.size() + head.event_count);
  const uint64_t end_index = head.group_first_index + head.group_event_count;
  uint64_t next_index = head.group_first_index;
  Position position = head.first_position;
  VirtualTime time = head.first_time;
  uint64_t digests = 0;
  std::shared_ptr<const Digest> digest;
  for (uint64_t i = 0; i < head.event_count; ++i) {
    Event event;
    const std::optional<uint64_t> skipped = GetVarint(columns.indexes);
    if (!skipped.has_value() || *skipped >= end_index - next_index) {
      return Malformed("indexes");
    }
    event.index = next_index + *skipped;
    next_index = event.index + 1;

    LIBRR_RETURN_IF_ERROR(
        ApplyTag(stream, static_cast<uint8_t>(columns.tags[i]), event));

    const std::optional<uint64_t> steps = GetVarint(columns.positions);
    const std::optional<uint64_t> extra = GetVarint(columns.times);
    if (!steps.has_value() || *steps > head.last_position - position) {
      return Malformed("positions");
    }
    if (!extra.has_value()) return Malformed("times");
    position += *steps;
    // Unsigned arithmetic wraps: a negative extra subtracts.
    const uint64_t nanoseconds =
        *steps + static_cast<uint64_t>(UnZigZag(*extra));
    if (nanoseconds > head.last_time - time) return Malformed("times");
    time += nanoseconds;
    event.position = position;
    event.time = time;

    const std::optional<uint64_t> size = GetVarint(columns.sizes);
    if (!size.has_value() || *size > kMaxEventPayload) {
      return Malformed("sizes");
    }
    const std::optional<std::string_view> payload =
        GetBytes(columns.payloads, *size);
    if (!payload.has_value()) return Malformed("payloads");
    event.payload = std::string(*payload);

    if (event.kind == EventKind::kDigest) {
      const Digest* before = digest != nullptr ? digest.get() : base;
      if (before == nullptr || ++digests > head.digest_count) {
        return Malformed("digests");
      }
      auto changed = std::make_shared<Digest>(*before);
      if (!GetDigestChanges(*changed, columns.digest_changes,
                            columns.digest_hashes)) {
        return Malformed("digests");
      }
      digest = changed;
      event.digest = std::move(changed);
    }
    out.push_back(std::move(event));
  }
  if (position != head.last_position || time != head.last_time) {
    return Malformed("positions");
  }
  if (digests != head.digest_count || !columns.indexes.empty() ||
      !columns.positions.empty() || !columns.times.empty() ||
      !columns.sizes.empty() || !columns.payloads.empty() ||
      !columns.digest_changes.empty() || !columns.digest_hashes.empty()) {
    return Malformed("a batch");
  }
  return absl::OkStatus();
}

}  // namespace librr::trace
