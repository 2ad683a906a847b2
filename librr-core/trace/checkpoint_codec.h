// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The blocks of which checkpoints in a trace consist, as bytes and back.
//
// Pages of RAM are numbered in the order in which the file holds them, and so
// are page maps. A map says which pages a part of RAM of 16 MiB held; a
// checkpoint has the machine's state, its digest, and a map for each part. What
// does not change from one checkpoint to the next is in the file once.
#ifndef LIBRR_CORE_TRACE_CHECKPOINT_CODEC_H_
#define LIBRR_CORE_TRACE_CHECKPOINT_CODEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "librr/digest.h"
#include "librr/trace.h"
#include "librr/units.h"

namespace librr::trace {

// Heads are given and taken with their seal left out; see `IsSealed`.

struct PagesHead {
  uint64_t first_id = 0;
  uint64_t count = 0;  // at least 1
};
std::string EncodePagesHead(const PagesHead& head);
std::optional<PagesHead> DecodePagesHead(std::string_view bytes);

std::string EncodePageMapHead(uint64_t id);
std::optional<uint64_t> DecodePageMapHead(std::string_view bytes);

struct CheckpointHead {
  Position position;
  VirtualTime time;
  // How many of the trace's events had happened.
  uint64_t event_count = 0;
};
std::string EncodeCheckpointHead(const CheckpointHead& head);
std::optional<CheckpointHead> DecodeCheckpointHead(std::string_view bytes);

// A part's pages other than zero, in ascending order.
std::string EncodePageMap(const std::vector<StoredPageRef>& pages);
// Nullopt if malformed; otherwise pages are ascending and below kPagesInMap,
// and ids below `id_limit`.
std::optional<std::vector<StoredPageRef>> DecodePageMap(std::string_view bytes,
                                                        uint64_t id_limit);

struct CheckpointBody {
  std::string state;
  Digest digest;
  // For each part of RAM the map's id; nullopt if the part is zero.
  std::vector<std::optional<uint32_t>> maps;
};
// `state` has at most kMaxCheckpointState bytes and the digest is encodable.
std::string EncodeCheckpointBody(const CheckpointBody& body);
std::optional<CheckpointBody> DecodeCheckpointBody(std::string_view bytes);

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_CHECKPOINT_CODEC_H_
