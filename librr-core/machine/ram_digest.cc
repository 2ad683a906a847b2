// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/machine/ram_digest.h"

#include <cstring>

#include "librr-core/base/check.h"
#include "xxhash.h"

namespace librr {
namespace {

// All bytes equal their successor and the first is 0.
bool IsZeroPage(const uint8_t* content) {
  return content[0] == 0 &&
         std::memcmp(content, content + 1, RamDigest::kPageSize - 1) == 0;
}

uint64_t HashPage(uint64_t page, const uint8_t* content) {
  if (IsZeroPage(content)) return 0;
  return XXH3_64bits_withSeed(content, RamDigest::kPageSize, page);
}

}  // namespace

RamDigest::RamDigest(uint64_t memory_bytes)
    : page_hashes_(memory_bytes / kPageSize) {
  LIBRR_CHECK(memory_bytes % kPageSize == 0);
}

void RamDigest::PageChanged(uint64_t page, const uint8_t* content) {
  LIBRR_CHECK(page < page_hashes_.size());
  const uint64_t hash = HashPage(page, content);
  const uint64_t bucket = page * kRamBuckets / page_hashes_.size();
  buckets_[bucket] += hash - page_hashes_[page];
  page_hashes_[page] = hash;
}

}  // namespace librr
