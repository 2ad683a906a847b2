// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/checkpoint_codec.h"

#include <utility>

#include "librr-core/base/coding.h"
#include "librr-core/trace/digest_codec.h"
#include "librr-core/trace/trace_format.h"

namespace librr::trace {

std::string EncodePagesHead(const PagesHead& head) {
  std::string out;
  PutVarint(out, head.first_id);
  PutVarint(out, head.count);
  return out;
}

std::optional<PagesHead> DecodePagesHead(std::string_view bytes) {
  const std::optional<uint64_t> first_id = GetVarint(bytes);
  const std::optional<uint64_t> count = GetVarint(bytes);
  if (!first_id.has_value() || !count.has_value() || !bytes.empty() ||
      *count == 0 || *count > kMaxPagesInBlock ||
      *first_id > kMaxPageIds - *count) {
    return std::nullopt;
  }
  return PagesHead{*first_id, *count};
}

std::string EncodePageMapHead(uint64_t id) {
  std::string out;
  PutVarint(out, id);
  return out;
}

std::optional<uint64_t> DecodePageMapHead(std::string_view bytes) {
  const std::optional<uint64_t> id = GetVarint(bytes);
  if (!id.has_value() || !bytes.empty() || *id >= kMaxPageIds) {
    return std::nullopt;
  }
  return id;
}

std::string EncodeCheckpointHead(const CheckpointHead& head) {
  std::string out;
  PutVarint(out, head.position.value());
  PutVarint(out, head.time.value());
  PutVarint(out, head.event_count);
  return out;
}

std::optional<CheckpointHead> DecodeCheckpointHead(std::string_view bytes) {
  const std::optional<uint64_t> position = GetVarint(bytes);
  const std::optional<uint64_t> time = GetVarint(bytes);
  const std::optional<uint64_t> event_count = GetVarint(bytes);
  if (!position.has_value() || !time.has_value() || !event_count.has_value() ||
      !bytes.empty()) {
    return std::nullopt;
  }
  return CheckpointHead{Position(*position), VirtualTime(*time), *event_count};
}

// Runs of pages whose ids follow one another: how many pages of zeros are
// before it, how many it has, and how far its first id is from the one that
// would have continued the run before.
std::string EncodePageMap(const std::vector<StoredPageRef>& pages) {
  std::string out;
  uint64_t next_page = 0;
  uint64_t next_id = 0;
  for (size_t i = 0; i < pages.size();) {
    size_t end = i + 1;
    while (end < pages.size() && pages[end].page == pages[end - 1].page + 1 &&
           pages[end].id == pages[end - 1].id + 1) {
      ++end;
    }
    PutVarint(out, pages[i].page - next_page);
    PutVarint(out, end - i);
    PutVarint(out, ZigZag(static_cast<int64_t>(pages[i].id) -
                          static_cast<int64_t>(next_id)));
    next_page = uint64_t{pages[end - 1].page} + 1;
    next_id = uint64_t{pages[end - 1].id} + 1;
    i = end;
  }
  return out;
}

std::optional<std::vector<StoredPageRef>> DecodePageMap(std::string_view bytes,
                                                        uint64_t id_limit) {
  std::vector<StoredPageRef> pages;
  uint64_t next_page = 0;
  uint64_t next_id = 0;
  while (!bytes.empty()) {
    const std::optional<uint64_t> skipped = GetVarint(bytes);
    const std::optional<uint64_t> count = GetVarint(bytes);
    const std::optional<uint64_t> change = GetVarint(bytes);
    if (!skipped.has_value() || !count.has_value() || !change.has_value() ||
        *skipped > kPagesInMap - next_page || *count == 0 ||
        *count > kPagesInMap - next_page - *skipped) {
      return std::nullopt;
    }
    // Wraps around instead of overflowing; what is out of range is refused.
    const uint64_t id = next_id + static_cast<uint64_t>(UnZigZag(*change));
    if (id >= id_limit || *count > id_limit - id) return std::nullopt;
    next_page += *skipped;
    for (uint64_t i = 0; i < *count; ++i) {
      pages.push_back({static_cast<uint32_t>(next_page + i),
                       static_cast<uint32_t>(id + i)});
    }
    next_page += *count;
    next_id = id + *count;
  }
  return pages;
}

std::string EncodeCheckpointBody(const CheckpointBody& body) {
  std::string out;
  PutLengthPrefixed(out, body.state);
  PutLengthPrefixed(out, EncodeDigestBase(body.digest));
  for (const std::optional<uint32_t>& map : body.maps) {
    PutVarint(out, map.has_value() ? uint64_t{*map} + 1 : 0);
  }
  return out;
}

std::optional<CheckpointBody> DecodeCheckpointBody(std::string_view bytes) {
  const std::optional<std::string_view> state = GetLengthPrefixed(bytes);
  const std::optional<std::string_view> digest = GetLengthPrefixed(bytes);
  if (!state.has_value() || !digest.has_value() ||
      state->size() > kMaxCheckpointState) {
    return std::nullopt;
  }
  std::optional<Digest> decoded = DecodeDigestBase(*digest);
  if (!decoded.has_value()) return std::nullopt;
  CheckpointBody body{std::string(*state), *std::move(decoded), {}};
  while (!bytes.empty()) {
    const std::optional<uint64_t> map = GetVarint(bytes);
    if (!map.has_value() || *map > kMaxPageIds - 1) return std::nullopt;
    body.maps.push_back(*map == 0 ? std::nullopt
                                  : std::optional<uint32_t>(*map - 1));
  }
  return body;
}

}  // namespace librr::trace
