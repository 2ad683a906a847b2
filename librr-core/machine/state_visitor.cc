// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/machine/state_visitor.h"

#include <bit>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "xxhash.h"

namespace librr {
namespace {

// The hashes below are taken over host words.
static_assert(std::endian::native == std::endian::little);

uint64_t MaskToSize(uint64_t value, size_t size) {
  LIBRR_CHECK(size >= 1 && size <= 8);
  return size == 8 ? value : value & ((uint64_t{1} << (8 * size)) - 1);
}

// Extends the hash of what came before by one field. `size` and `kind` keep
// integers and byte arrays of equal content apart.
enum class FieldKind : uint64_t { kInteger = 1, kBytes = 2 };
uint64_t HashField(uint64_t before, std::string_view name, FieldKind kind,
                   uint64_t size, uint64_t content) {
  const uint64_t words[5] = {before, XXH3_64bits(name.data(), name.size()),
                             static_cast<uint64_t>(kind), size, content};
  return XXH3_64bits(words, sizeof(words));
}

}  // namespace

void StateVisitor::Queue(std::string_view name, std::deque<uint8_t>& queue,
                         size_t max_size) {
  LIBRR_CHECK(queue.size() <= max_size);
  uint32_t size = static_cast<uint32_t>(queue.size());
  Field(name, size);
  if (size > max_size) {
    ReportMalformed(name, "is longer than the queue can be");
    size = 0;
  }
  std::vector<uint8_t> bytes(queue.begin(), queue.end());
  bytes.resize(size);
  if (!bytes.empty()) Bytes(name, absl::MakeSpan(bytes));
  queue.assign(bytes.begin(), bytes.end());
}

void DigestVisitor::VisitInteger(std::string_view name, size_t size,
                                 uint64_t& value) {
  hash_ = HashField(hash_, name, FieldKind::kInteger, size,
                    MaskToSize(value, size));
}

void DigestVisitor::VisitBytes(std::string_view name,
                               absl::Span<uint8_t> bytes) {
  hash_ = HashField(hash_, name, FieldKind::kBytes, bytes.size(),
                    XXH3_64bits(bytes.data(), bytes.size()));
}

void SaveVisitor::VisitInteger(std::string_view /*name*/, size_t size,
                               uint64_t& value) {
  PutFixed(out_, value, size);
}

void SaveVisitor::VisitBytes(std::string_view /*name*/,
                             absl::Span<uint8_t> bytes) {
  // The bytes as chars: the same memory, seen through the one other type that
  // may alias it.
  out_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void RestoreVisitor::ReportMalformed(std::string_view name,
                                     std::string_view what) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(
      "saved state is malformed: ", AbseilView(name), " ", AbseilView(what)));
}

void RestoreVisitor::VisitInteger(std::string_view name, size_t size,
                                  uint64_t& value) {
  value = 0;
  if (!status_.ok()) return;
  const std::optional<uint64_t> read = GetFixed(in_, size);
  if (!read.has_value()) return ReportMalformed(name, "is cut off");
  value = *read;
}

void RestoreVisitor::VisitBytes(std::string_view name,
                                absl::Span<uint8_t> bytes) {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  if (!status_.ok()) return;
  const std::optional<std::string_view> read = GetBytes(in_, bytes.size());
  if (!read.has_value()) return ReportMalformed(name, "is cut off");
  std::memcpy(bytes.data(), read->data(), read->size());
}

}  // namespace librr
