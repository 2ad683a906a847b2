// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_cache.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "librr-core/base/check.h"
#include "linux-introspect/guest_bytes.h"
#include "linux-introspect/page_tables.h"

namespace librr::linux_guest {
namespace {

// Whether guest memory from `address` on is `wanted`. Mappings ascend.
bool Holds(const MemoryReader& memory, const std::vector<Mapping>& mappings,
           uint64_t address, std::string_view wanted) {
  constexpr uint64_t kPiece = 64 << 10;
  std::vector<uint8_t> piece(std::min<uint64_t>(kPiece, wanted.size()));
  for (const Mapping& mapping : mappings) {
    while (!wanted.empty() && address >= mapping.address &&
           address - mapping.address < mapping.size) {
      const uint64_t inside = address - mapping.address;
      const uint64_t size =
          std::min({kPiece, uint64_t{wanted.size()}, mapping.size - inside});
      if (!memory
               .ReadPhysical(GuestPhysical(mapping.physical + inside),
                             absl::MakeSpan(piece.data(), size))
               .ok() ||
          std::memcmp(piece.data(), wanted.data(), size) != 0) {
        return false;
      }
      address += size;
      wanted.remove_prefix(size);
    }
    if (wanted.empty()) break;
  }
  return wanted.empty();
}

std::string Word(uint64_t value) {
  std::array<char, sizeof(value)> bytes;
  std::memcpy(bytes.data(), &value, sizeof(value));
  return std::string(bytes.data(), bytes.size());
}

}  // namespace

// ELF notes: sizes of name and description, a type, both padded to four bytes
// (System V ABI, Note Section).
std::string_view FindBuildId(const KernelImage& image,
                             const KernelDescription& description) {
  constexpr uint32_t kBuildId = 3;
  constexpr uint64_t kHead = 12, kMaxNotes = 1 << 16;
  constexpr std::string_view kGnu("GNU\0", 4);
  const std::optional<uint64_t> begin = description.Find("__start_notes");
  const std::optional<uint64_t> end = description.Find("__stop_notes");
  if (!begin.has_value() || !end.has_value() || *end <= *begin ||
      *end - *begin > kMaxNotes) {
    return {};
  }
  std::string_view notes = image.Bytes(
      *begin + (image.text() - description.parts().text), *end - *begin);
  while (notes.size() >= kHead) {
    const uint64_t name_size = LoadInteger<uint32_t>(notes, 0);
    const uint64_t size = LoadInteger<uint32_t>(notes, 4);
    const uint64_t at = kHead + ((name_size + 3) & ~uint64_t{3});
    const uint64_t next = at + ((size + 3) & ~uint64_t{3});
    if (next > notes.size()) break;
    if (LoadInteger<uint32_t>(notes, 8) == kBuildId &&
        notes.substr(kHead, name_size) == kGnu) {
      return notes.substr(at, size);
    }
    notes.remove_prefix(next);
  }
  return {};
}

bool KernelCache::IsThere(const MemoryReader& memory, const KernelPlace& place,
                          const Entry& entry) {
  const auto holds = [&](uint64_t offset, std::string_view wanted) {
    return Holds(memory, place.mappings, place.text() + offset, wanted);
  };
  return std::all_of(entry.pieces.begin(), entry.pieces.end(),
                     [&](const Piece& piece) {
                       return holds(piece.offset, piece.bytes);
                     }) &&
         (entry.base_offset == 0 ||
          holds(entry.base_offset, Word(place.text() + entry.base_distance))) &&
         holds(entry.btf_offset, entry.btf);
}

std::shared_ptr<const KernelDescription> KernelCache::Find(
    const MemoryReader& memory, const KernelPlace& place) {
  std::vector<std::shared_ptr<const Entry>> entries;
  {
    const std::lock_guard lock(mutex_);
    entries = entries_;
  }
  // Memory is read without the lock: others may look at the same time.
  for (const std::shared_ptr<const Entry>& entry : entries) {
    if (!IsThere(memory, place, *entry)) continue;
    const std::lock_guard lock(mutex_);
    const auto it = std::find(entries_.begin(), entries_.end(), entry);
    if (it != entries_.end()) std::rotate(entries_.begin(), it, it + 1);
    return entry->description;
  }
  return nullptr;
}

void KernelCache::Add(const KernelImage& image,
                      std::shared_ptr<const KernelDescription> description) {
  const KernelDescription::Parts& parts = description->parts();
  if (parts.kallsyms.pieces.empty() || parts.btf == nullptr) return;
  auto entry = std::make_shared<Entry>();
  const auto add = [&](uint64_t address, std::string_view bytes) {
    entry->pieces.push_back({address - image.text(), std::string(bytes)});
  };
  const auto place_of = [&](std::string_view view) -> uint64_t {
    for (const KernelImage::Part& part : image.parts()) {
      if (view.data() >= part.bytes.data() &&
          view.data() < part.bytes.data() + part.bytes.size()) {
        return part.address + (view.data() - part.bytes.data());
      }
    }
    return 0;
  };
  // What differs between kernels first.
  const std::string_view id = FindBuildId(image, *description);
  if (!id.empty()) add(place_of(id), id);
  for (const KernelImage::Part& part : image.parts()) {
    const size_t at = FindBytes(part.bytes, parts.banner, 0);
    if (at == std::string_view::npos) continue;
    add(part.address + at, parts.banner);
    break;
  }
  for (const Kallsyms::Source::Piece& piece : parts.kallsyms.pieces) {
    const std::string_view bytes = image.Bytes(piece.address, piece.size);
    LIBRR_CHECK(bytes.size() == piece.size);
    add(piece.address, bytes);
  }
  if (parts.kallsyms.base != 0) {
    entry->base_offset = parts.kallsyms.base - image.text();
    entry->base_distance =
        LoadInteger<uint64_t>(image.Bytes(parts.kallsyms.base, 8), 0) -
        image.text();
  }
  entry->btf = parts.btf->bytes();
  entry->btf_offset = parts.btf_address - image.text();
  entry->description = std::move(description);
  const std::lock_guard lock(mutex_);
  entries_.insert(entries_.begin(), std::move(entry));
  if (entries_.size() > kMaxKernels) entries_.pop_back();
}

}  // namespace librr::linux_guest
