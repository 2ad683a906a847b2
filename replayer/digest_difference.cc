// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "replayer/digest_difference.h"

#include "absl/strings/str_cat.h"

namespace librr {
namespace {

constexpr uint64_t kPageSize = 4096;

uint64_t FirstByteOfBucket(uint64_t bucket, uint64_t memory_bytes) {
  const uint64_t pages = memory_bytes / kPageSize;
  return (bucket * pages + kRamBuckets - 1) / kRamBuckets * kPageSize;
}

const Digest::Component* Find(const Digest& digest, const std::string& name) {
  for (const Digest::Component& component : digest.components) {
    if (component.name == name) return &component;
  }
  return nullptr;
}

}  // namespace

DigestDifference CompareDigests(const Digest& expected, const Digest& actual,
                                uint64_t memory_bytes) {
  DigestDifference difference;
  for (const Digest::Component& component : expected.components) {
    const Digest::Component* other = Find(actual, component.name);
    if (other == nullptr) {
      difference.names.push_back(component.name + " (missing)");
    } else if (other->hash != component.hash) {
      difference.names.push_back(component.name);
    }
  }
  for (const Digest::Component& component : actual.components) {
    if (Find(expected, component.name) == nullptr) {
      difference.names.push_back(component.name + " (unexpected)");
    }
  }
  for (int i = 0; i < kRamBuckets; ++i) {
    if (expected.ram[i] == actual.ram[i]) continue;
    if (difference.first_ram_bucket < 0) difference.first_ram_bucket = i;
    const uint64_t begin = FirstByteOfBucket(i, memory_bytes);
    const uint64_t end = FirstByteOfBucket(i + 1, memory_bytes);
    difference.names.push_back(
        absl::StrCat("RAM 0x", absl::Hex(begin), "-0x", absl::Hex(end - 1)));
  }
  if (difference.names.empty() && expected != actual) {
    difference.names.push_back("the order of components");
  }
  return difference;
}

}  // namespace librr
