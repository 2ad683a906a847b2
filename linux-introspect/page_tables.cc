// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/page_tables.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kPageSize = 4096;
constexpr uint64_t kPresent = 1;
constexpr uint64_t kLarge = 1 << 7;
constexpr uint64_t kFrame = 0x000ffffffffff000;

// How tables are made: with two levels entries have 4 bytes, else 8.
struct Shape {
  explicit constexpr Shape(int levels)
      : entry_bytes(levels == 2 ? 4 : 8), index_bits(levels == 2 ? 10 : 9) {}

  constexpr uint64_t entries() const { return uint64_t{1} << index_bits; }
  // What one entry of a table maps; level 1 is the last.
  constexpr uint64_t EntrySpan(int level) const {
    return kPageSize << (index_bits * (level - 1));
  }

  uint64_t entry_bytes;
  int index_bits;
};

uint64_t LoadEntry(const uint8_t* bytes, const Shape& shape) {
  uint64_t entry = 0;
  for (size_t i = shape.entry_bytes; i-- > 0;) entry = entry << 8 | bytes[i];
  return entry;
}

// Level 1 maps pages, levels 2 and 3 may (2 or 4 MiB and 1 GiB).
constexpr bool IsLeaf(uint64_t entry, int level) {
  return level == 1 || (level <= 3 && (entry & kLarge) != 0);
}

absl::Status NotMapped(uint64_t address) {
  return absl::NotFoundError(
      absl::StrCat("address 0x", absl::Hex(address), " is not mapped"));
}

}  // namespace

absl::StatusOr<GuestPhysical> PageTables::Translate(
    GuestVirtual address) const {
  const Shape shape(root_.levels);
  uint64_t table = root_.table.value();
  if (root_.levels <= 3 && address.value() >> 32 != 0) {
    return NotMapped(address.value());
  }
  for (int level = root_.levels; level >= 1; --level) {
    const uint64_t span = shape.EntrySpan(level);
    const uint64_t index = address.value() / span % shape.entries();
    std::array<uint8_t, 8> bytes;
    LIBRR_RETURN_IF_ERROR(
        memory_->ReadPhysical(GuestPhysical(table + shape.entry_bytes * index),
                              absl::MakeSpan(bytes.data(), shape.entry_bytes)));
    const uint64_t entry = LoadEntry(bytes.data(), shape);
    if ((entry & kPresent) == 0) break;
    if (IsLeaf(entry, level)) {
      const uint64_t offset = address.value() & (span - 1);
      return GuestPhysical((entry & kFrame & ~(span - 1)) + offset);
    }
    table = entry & kFrame;
  }
  return NotMapped(address.value());
}

absl::Status PageTables::Read(GuestVirtual address,
                              absl::Span<uint8_t> out) const {
  uint64_t at = address.value();
  while (!out.empty()) {
    const size_t chunk =
        std::min<uint64_t>(out.size(), kPageSize - at % kPageSize);
    LIBRR_ASSIGN_OR_RETURN(const GuestPhysical physical,
                           Translate(GuestVirtual(at)));
    LIBRR_RETURN_IF_ERROR(
        memory_->ReadPhysical(physical, out.subspan(0, chunk)));
    out.remove_prefix(chunk);
    at += chunk;
    if (at == 0 && !out.empty()) return NotMapped(at);
  }
  return absl::OkStatus();
}

struct PageTables::Walk {
  uint64_t first;
  uint64_t last;
  size_t max_count;
  std::vector<Mapping> found;

  void Add(const Mapping& mapping) {
    if (!found.empty()) {
      Mapping& before = found.back();
      if (before.address + before.size == mapping.address &&
          before.physical + before.size == mapping.physical) {
        before.size += mapping.size;
        return;
      }
    }
    if (found.size() < max_count) found.push_back(mapping);
  }
};

std::vector<Mapping> PageTables::Mappings(uint64_t first, uint64_t last,
                                          size_t max_count) const {
  Walk walk = {first, last, max_count, {}};
  // The bits above those that the tables translate repeat the highest of them.
  const Shape shape(root_.levels);
  const uint64_t covered = shape.EntrySpan(root_.levels) * shape.entries();
  Collect(root_.table.value(), root_.levels, first & ~(covered - 1), &walk);
  return std::move(walk.found);
}

// A table costs one read, whatever is in it: a guest can make the walk no
// longer than [first, last] is.
void PageTables::Collect(uint64_t table, int level, uint64_t base,
                         Walk* walk) const {
  const Shape shape(root_.levels);
  const uint64_t span = shape.EntrySpan(level);
  std::array<uint8_t, kPageSize> bytes;
  if (!memory_->ReadPhysical(GuestPhysical(table), absl::MakeSpan(bytes))
           .ok()) {
    return;
  }
  for (uint64_t i = 0; i < shape.entries(); ++i) {
    const uint64_t address = base + i * span;
    if (address + (span - 1) < walk->first) continue;
    if (address > walk->last) return;
    const uint64_t entry = LoadEntry(&bytes[shape.entry_bytes * i], shape);
    if ((entry & kPresent) == 0) continue;
    if (IsLeaf(entry, level)) {
      walk->Add({address, entry & kFrame & ~(span - 1), span});
    } else {
      Collect(entry & kFrame, level - 1, address, walk);
    }
    if (walk->found.size() >= walk->max_count) return;
  }
}

}  // namespace librr::linux_guest
