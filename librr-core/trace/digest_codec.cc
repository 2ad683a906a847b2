// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/digest_codec.h"

#include <algorithm>

#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/trace/trace_format.h"

namespace librr::trace {
namespace {

const uint64_t& HashAt(const Digest& digest, uint64_t number) {
  const uint64_t components = digest.components.size();
  return number < components ? digest.components[number].hash
                             : digest.ram[number - components];
}

uint64_t& HashAt(Digest& digest, uint64_t number) {
  const uint64_t components = digest.components.size();
  return number < components ? digest.components[number].hash
                             : digest.ram[number - components];
}

}  // namespace

bool IsEncodable(const Digest& digest) {
  return digest.components.size() <= kMaxDigestComponents &&
         std::all_of(digest.components.begin(), digest.components.end(),
                     [](const Digest::Component& component) {
                       return component.name.size() <= kMaxComponentName;
                     });
}

bool HasSameNames(const Digest& from, const Digest& to) {
  return std::equal(
      from.components.begin(), from.components.end(), to.components.begin(),
      to.components.end(),
      [](const auto& a, const auto& b) { return a.name == b.name; });
}

uint64_t HashCount(const Digest& digest) {
  return digest.components.size() + kRamBuckets;
}

uint64_t CountChanges(const Digest& from, const Digest& to) {
  LIBRR_CHECK(HashCount(from) == HashCount(to));
  uint64_t count = 0;
  for (uint64_t i = 0; i < HashCount(to); ++i) {
    if (HashAt(from, i) != HashAt(to, i)) ++count;
  }
  return count;
}

std::string EncodeDigestBase(const Digest& digest) {
  LIBRR_CHECK(IsEncodable(digest));
  std::string out;
  PutVarint(out, digest.components.size());
  for (const Digest::Component& component : digest.components) {
    PutLengthPrefixed(out, component.name);
  }
  for (uint64_t i = 0; i < HashCount(digest); ++i) {
    PutFixed64(out, HashAt(digest, i));
  }
  return out;
}

std::optional<Digest> DecodeDigestBase(std::string_view bytes) {
  Digest digest;
  const std::optional<uint64_t> count = GetVarint(bytes);
  if (!count.has_value() || *count > kMaxDigestComponents) return std::nullopt;
  for (uint64_t i = 0; i < *count; ++i) {
    const std::optional<std::string_view> name = GetLengthPrefixed(bytes);
    if (!name.has_value() || name->size() > kMaxComponentName) {
      return std::nullopt;
    }
    digest.components.push_back({std::string(*name), 0});
  }
  for (uint64_t i = 0; i < HashCount(digest); ++i) {
    const std::optional<uint64_t> hash = GetFixed(bytes, 8);
    if (!hash.has_value()) return std::nullopt;
    HashAt(digest, i) = *hash;
  }
  if (!bytes.empty()) return std::nullopt;
  return digest;
}

void PutDigestChanges(const Digest& from, const Digest& to,
                      std::string& changes, std::string& hashes) {
  PutVarint(changes, CountChanges(from, to));
  uint64_t next = 0;
  for (uint64_t i = 0; i < HashCount(to); ++i) {
    if (HashAt(from, i) == HashAt(to, i)) continue;
    PutVarint(changes, i - next);
    PutFixed64(hashes, HashAt(to, i));
    next = i + 1;
  }
}

bool GetDigestChanges(Digest& digest, std::string_view& changes,
                      std::string_view& hashes) {
  const uint64_t total = HashCount(digest);
  const std::optional<uint64_t> count = GetVarint(changes);
  if (!count.has_value() || *count > total) return false;
  uint64_t next = 0;
  for (uint64_t i = 0; i < *count; ++i) {
    const std::optional<uint64_t> distance = GetVarint(changes);
    const std::optional<uint64_t> hash = GetFixed(hashes, 8);
    if (!distance.has_value() || !hash.has_value()) return false;
    if (next >= total || *distance >= total - next) return false;
    HashAt(digest, next + *distance) = *hash;
    next += *distance + 1;
  }
  return true;
}

}  // namespace librr::trace
