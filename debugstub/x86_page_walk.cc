// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/x86_page_walk.h"

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "librr/inspection.h"

namespace librr {
namespace {

constexpr uint64_t kCr0Paging = uint64_t{1} << 31;
constexpr uint64_t kCr4LargePages = uint64_t{1} << 4;
constexpr uint64_t kCr4Pae = uint64_t{1} << 5;
constexpr uint64_t kCr4Level5 = uint64_t{1} << 12;
constexpr uint64_t kEferLongMode = uint64_t{1} << 10;

constexpr uint64_t kPresent = 1;
constexpr uint64_t kWritable = 2;
constexpr uint64_t kUser = 4;
constexpr uint64_t kLarge = 0x80;
constexpr uint64_t kNoExecute = uint64_t{1} << 63;
constexpr uint64_t kAddressMask = 0x000ffffffffff000;  // 52 physical bits

struct Level {
  const char* table;
  int shift;  // of the index in the linear address
  bool may_be_page;
};

constexpr Level kLongLevels[] = {{"PML5", 48, false},
                                 {"PML4", 39, false},
                                 {"PDPT", 30, true},
                                 {"PD", 21, true},
                                 {"PT", 12, true}};
constexpr Level kLegacyLevels[] = {{"PD", 22, true}, {"PT", 12, true}};

struct Scheme {
  absl::Span<const Level> levels;
  int entry_bytes = 8;
  uint64_t index_mask = 0x1ff;
  uint64_t root = 0;
  bool large_pages = true;
  // The PDPT entries of 32-bit PAE paging have no permission bits.
  bool bare_first_level = false;
};

std::optional<uint64_t> ReadEntry(const DebugTarget& target, uint64_t address,
                                  int size) {
  uint8_t bytes[8] = {};
  if (!target
           .ReadPhysical(GuestPhysical(address),
                         absl::MakeSpan(bytes).first(static_cast<size_t>(size)))
           .ok()) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

void Walk(const DebugTarget& target, const Scheme& scheme, uint64_t linear,
          PageWalk* walk) {
  uint64_t table = scheme.root;
  for (size_t i = 0; i < scheme.levels.size(); ++i) {
    const Level& level = scheme.levels[i];
    const uint64_t index = linear >> level.shift & scheme.index_mask;
    const uint64_t at =
        table + index * static_cast<uint64_t>(scheme.entry_bytes);
    const auto entry = ReadEntry(target, at, scheme.entry_bytes);
    if (!entry.has_value()) {
      walk->failure = absl::StrCat("the ", level.table, " at 0x",
                                   HexNumber(table), " is not in RAM");
      return;
    }
    walk->steps.push_back({level.table, GuestPhysical(at), *entry});
    if ((*entry & kPresent) == 0) {
      walk->failure =
          absl::StrCat("the ", level.table, " entry is not present");
      return;
    }
    if (!(scheme.bare_first_level && i == 0)) {
      walk->writable &= (*entry & kWritable) != 0;
      walk->user &= (*entry & kUser) != 0;
      walk->executable &= (*entry & kNoExecute) == 0;
    }
    const bool is_last = i + 1 == scheme.levels.size();
    const bool is_large = !is_last && level.may_be_page && scheme.large_pages &&
                          (*entry & kLarge) != 0;
    if (is_last || is_large) {
      walk->page_bytes = uint64_t{1} << level.shift;
      uint64_t base = *entry & kAddressMask & ~(walk->page_bytes - 1);
      // PSE-36: bits 20 to 13 of a 4 MiB page's entry are address bits 39
      // to 32.
      if (is_large && scheme.entry_bytes == 4) {
        base = (*entry & 0xffc00000) | (*entry >> 13 & 0xff) << 32;
      }
      walk->physical = GuestPhysical(base | (linear & (walk->page_bytes - 1)));
      return;
    }
    table = *entry & kAddressMask;
  }
}

}  // namespace

PageWalk WalkPages(const DebugTarget& target,
                   absl::Span<const RegisterValue> registers, uint64_t linear) {
  const auto number = [&](const char* name) {
    return RegisterNumber(registers, name).value_or(0);
  };
  PageWalk walk;
  const uint64_t cr4 = number("cr4");
  if ((number("cr0") & kCr0Paging) == 0) {
    walk.mode = "no paging";
    walk.physical = GuestPhysical(linear & 0xffffffff);
    return walk;
  }
  Scheme scheme;
  if ((number("efer") & kEferLongMode) != 0) {
    const bool five = (cr4 & kCr4Level5) != 0;
    walk.mode = five ? "5-level paging" : "4-level paging";
    scheme.levels = absl::MakeConstSpan(kLongLevels).subspan(five ? 0 : 1);
    scheme.root = number("cr3") & kAddressMask;
    const int unused_bits = five ? 7 : 16;
    const auto extended = static_cast<uint64_t>(
        static_cast<int64_t>(linear << unused_bits) >> unused_bits);
    if (extended != linear) {
      walk.failure = "the address is not canonical";
      return walk;
    }
  } else if ((cr4 & kCr4Pae) != 0) {
    walk.mode = "PAE paging";
    linear &= 0xffffffff;
    static constexpr Level kPaeLevels[] = {
        {"PDPT", 30, false}, {"PD", 21, true}, {"PT", 12, true}};
    scheme.levels = kPaeLevels;
    scheme.root = number("cr3") & 0xffffffe0;
    scheme.bare_first_level = true;
  } else {
    walk.mode = "32-bit paging";
    linear &= 0xffffffff;
    scheme.levels = kLegacyLevels;
    scheme.entry_bytes = 4;
    scheme.index_mask = 0x3ff;
    scheme.root = number("cr3") & 0xfffff000;
    scheme.large_pages = (cr4 & kCr4LargePages) != 0;
  }
  Walk(target, scheme, linear, &walk);
  return walk;
}

std::string DescribeEntryBits(uint64_t entry) {
  static constexpr struct {
    int bit;
    const char* name;
  } kBits[] = {{0, "present"},    {1, "write"},        {2, "user"},
               {3, "pwt"},        {4, "pcd"},          {5, "accessed"},
               {6, "dirty"},      {7, "large-or-pat"}, {8, "global"},
               {63, "no-execute"}};
  std::string text;
  for (const auto& [bit, name] : kBits) {
    if ((entry >> bit & 1) == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : " ", name);
  }
  return text.empty() ? "empty" : text;
}

}  // namespace librr
