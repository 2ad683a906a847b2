// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// libFuzzer target: opens the input as a trace, reads all of it, seeks about.
// Nothing may crash, hang or take much memory, and positions never decrease.
// A mutator of its own repairs the checksums of what it changed: otherwise
// nearly every input would be refused at its first block. Without a corpus it
// begins with a trace that the writer made.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "librr-core/base/coding.h"
#include "librr-core/base/crc32c.h"
#include "librr-core/trace/trace_format.h"
#include "librr/trace.h"
#include "tests/trace/trace_builder.h"

// Provided by libFuzzer.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace librr::trace {
namespace {

void ReadAll(EventCursor cursor) {
  Position last;
  while (true) {
    const absl::StatusOr<const Event*> event = cursor.Next();
    if (!event.ok() || *event == nullptr) return;
    if ((*event)->position < last) std::abort();
    last = (*event)->position;
  }
}

void ReadCheckpoints(const TraceReader& reader) {
  constexpr size_t kMost = 16;
  const std::vector<StoredCheckpoint>& all = reader.checkpoints();
  for (size_t i = 0; i < std::min(all.size(), kMost); ++i) {
    if (i > 0 && all[i].position < all[i - 1].position) std::abort();
    if (all[i].position > reader.info().end.position) std::abort();
    const absl::StatusOr<StoredState> state = reader.ReadCheckpoint(all[i]);
    if (!state.ok()) continue;
    for (size_t part = 0; part < std::min(state->maps.size(), kMost); ++part) {
      if (!state->maps[part].has_value()) continue;
      const auto pages = reader.ReadPageMap(*state->maps[part]);
      if (!pages.ok()) continue;
      std::vector<uint32_t> ids;
      for (const StoredPageRef& page : *pages) {
        if (page.page >= kPagesInMap) std::abort();
        ids.push_back(page.id);
      }
      std::sort(ids.begin(), ids.end());
      uint8_t sum = 0;
      reader
          .ReadPages(ids,
                     [&sum](uint32_t, const uint8_t* bytes) {
                       for (size_t i = 0; i < kPageSize; ++i) sum ^= bytes[i];
                     })
          .IgnoreError();
    }
  }
}

void ReadTrace(const TraceReader& reader) {
  const TraceInfo& info = reader.info();
  ReadCheckpoints(reader);
  ReadAll(reader.Events());
  ReadAll(reader.Events({.kinds = {EventKind::kDigest}}));
  EventCursor cursor = reader.Events();
  for (int i = 0; i < 4; ++i) {
    const Position position(info.end.position.value() / 4 * i);
    if (!cursor.SeekTo(position).ok()) continue;
    const absl::StatusOr<const Event*> event = cursor.Next();
    if (event.ok() && *event != nullptr && (*event)->position < position) {
      std::abort();
    }
  }
  for (const auto& [name, bytes] : info.images) {
    const absl::StatusOr<std::string> image = reader.ReadImage(name);
    if (image.ok() && image->size() != bytes) std::abort();
  }
}

void PutChecksum(std::string& bytes, size_t offset, uint32_t crc) {
  std::string encoded;
  PutFixed32(encoded, crc);
  bytes.replace(offset, encoded.size(), encoded);
}

void RepairChecksums(std::string& bytes) {
  if (bytes.size() < kPreludeSize) return;
  const auto part = [&](size_t offset, size_t size) {
    return std::string_view(bytes).substr(offset, size);
  };
  PutChecksum(bytes, kPreludeSize - 4, Crc32c(part(0, kPreludeSize - 4)));
  size_t offset = kPreludeSize;
  while (bytes.size() - offset >= kBlockHeaderSize) {
    std::string_view sizes = part(offset + 2, 6);
    const uint64_t head_size = *GetFixed(sizes, 2);
    const uint64_t content_size = head_size + *GetFixed(sizes, 4);
    const size_t content = offset + kBlockHeaderSize;
    if (content_size > bytes.size() - content) return;
    if (head_size >= 4 && IsCheckpointPart(static_cast<BlockType>(
                              static_cast<uint8_t>(bytes[offset])))) {
      PutChecksum(bytes, content + head_size - 4,
                  Crc32c(part(content, head_size - 4),
                         Crc32c(part(offset, kBlockHeaderChecked))));
    }
    PutChecksum(bytes, offset + kBlockHeaderChecked,
                Crc32c(part(content, content_size),
                       Crc32c(part(offset, kBlockHeaderChecked))));
    offset = content + content_size;
  }
}

}  // namespace
}  // namespace librr::trace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Bytes are chars to std::string.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto reader = librr::TraceReader::OpenBytes(bytes);
  if (reader.ok()) librr::trace::ReadTrace(**reader);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed) {
  std::string bytes;
  if (size < librr::trace::kPreludeSize) {
    // Compressed, it is smaller than the fuzzer's inputs are at first.
    bytes = librr::trace::SmallTraceWithCheckpoints(librr::trace::kPageLevel);
  } else if (seed % 64 != 0) {
    size = LLVMFuzzerMutate(data, size, max_size);
    // Bytes are chars to std::string.
    bytes.assign(reinterpret_cast<const char*>(data), size);
    librr::trace::RepairChecksums(bytes);
  } else {
    // Now and then the checksums stay wrong.
    return LLVMFuzzerMutate(data, size, max_size);
  }
  if (bytes.size() > max_size) return 0;
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
