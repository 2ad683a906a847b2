// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/digest.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "librr-core/base/coding.h"
#include "xxhash.h"

namespace librr {
namespace {

constexpr uint64_t kPageSize = 4096;

const Digest::Component* FindComponent(const Digest& digest,
                                       std::string_view name) {
  for (const Digest::Component& component : digest.components) {
    if (component.name == name) return &component;
  }
  return nullptr;
}

// Page p belongs to bucket p * kRamBuckets / page_count, so bucket i begins at
// the first page for which that is at least i.
uint64_t FirstByteOfBucket(uint64_t bucket, uint64_t memory_bytes) {
  const uint64_t pages = memory_bytes / kPageSize;
  return (bucket * pages + kRamBuckets - 1) / kRamBuckets * kPageSize;
}

}  // namespace

uint64_t Digest::Summary() const {
  std::string bytes;
  PutVarint(bytes, components.size());
  for (const Component& component : components) {
    PutLengthPrefixed(bytes, component.name);
    PutFixed64(bytes, component.hash);
  }
  for (const uint64_t bucket : ram) PutFixed64(bytes, bucket);
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string FirstDifference(const Digest& expected, const Digest& actual,
                            uint64_t memory_bytes) {
  for (const Digest::Component& component : expected.components) {
    const Digest::Component* other = FindComponent(actual, component.name);
    if (other == nullptr) return absl::StrCat(component.name, " (missing)");
    if (other->hash != component.hash) return component.name;
  }
  for (const Digest::Component& component : actual.components) {
    if (FindComponent(expected, component.name) == nullptr) {
      return absl::StrCat(component.name, " (unexpected)");
    }
  }
  for (int i = 0; i < kRamBuckets; ++i) {
    if (expected.ram[i] == actual.ram[i]) continue;
    const uint64_t first = FirstByteOfBucket(i, memory_bytes);
    const uint64_t end = FirstByteOfBucket(i + 1, memory_bytes);
    return absl::StrCat("RAM 0x", absl::Hex(first), "-0x",
                        absl::Hex(std::max(end, first + 1) - 1));
  }
  // Equal parts in another order do not compare equal as values.
  return expected == actual ? "" : "the order of components";
}

}  // namespace librr
