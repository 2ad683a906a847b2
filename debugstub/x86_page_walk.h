// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Follows a linear address through the page tables, for people to see each
// level. Sets no accessed bit. Intel SDM vol. 3, chapter 4.
//
//   const PageWalk walk = WalkPages(target, registers, 0xffffffff81000000);
//   for (const PageWalkStep& step : walk.steps) { ... }
#ifndef LIBRR_DEBUGSTUB_X86_PAGE_WALK_H_
#define LIBRR_DEBUGSTUB_X86_PAGE_WALK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "librr/debug_target.h"

namespace librr {

struct PageWalkStep {
  std::string table;       // "PML4", "PDPT", "PD", "PT"
  GuestPhysical entry_at;  // where the entry is
  uint64_t entry = 0;      // what it holds
};

struct PageWalk {
  std::string mode;  // "4-level paging", "no paging", ...
  std::vector<PageWalkStep> steps;
  std::optional<GuestPhysical> physical;  // nullopt: not mapped
  uint64_t page_bytes = 0;
  // What all levels together allow.
  bool writable = true;
  bool user = true;
  bool executable = true;
  std::string failure;  // why there is no translation
};

PageWalk WalkPages(const DebugTarget& target,
                   absl::Span<const RegisterValue> registers, uint64_t linear);

// What the low bits of an entry say: "present write user accessed dirty ...".
std::string DescribeEntryBits(uint64_t entry);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_X86_PAGE_WALK_H_
