// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The page tables of one address space of the guest, walked from outside
// (Intel SDM vol. 3, 4.3 to 4.5): those of 64-bit kernels, and of 32-bit ones
// with PAE and without.
//
//   PageTables tables(&memory, root);
//   std::vector<Mapping> kernel = tables.Mappings(first, last);
//   LIBRR_RETURN_IF_ERROR(tables.Read(address, absl::MakeSpan(bytes)));
//
// Sees the tables as they are at each call. Permissions are ignored when
// reading. The memory must outlive it.
#ifndef LIBRR_LINUX_INTROSPECT_PAGE_TABLES_H_
#define LIBRR_LINUX_INTROSPECT_PAGE_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/memory_reader.h"

namespace librr::linux_guest {

// A range that is mapped to consecutive physical addresses.
struct Mapping {
  uint64_t address = 0;
  uint64_t physical = 0;
  uint64_t size = 0;
};

class PageTables {
 public:
  PageTables(const MemoryReader* memory, PagingRoot root)
      : memory_(memory), root_(root) {}

  const PagingRoot& root() const { return root_; }
  const MemoryReader& memory() const { return *memory_; }

  // NotFound if not mapped.
  absl::StatusOr<GuestPhysical> Translate(GuestVirtual address) const;

  // All of `out`, or an error.
  absl::Status Read(GuestVirtual address, absl::Span<uint8_t> out) const;

  // What is mapped of [first, last], ascending; at most `max_count` ranges.
  // The ends of a range may be outside by less than its last page. Both
  // addresses must be of the same half of the address space.
  std::vector<Mapping> Mappings(uint64_t first, uint64_t last,
                                size_t max_count = 65536) const;

 private:
  struct Walk;
  void Collect(uint64_t table, int level, uint64_t base, Walk* walk) const;

  const MemoryReader* memory_;
  PagingRoot root_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_PAGE_TABLES_H_
