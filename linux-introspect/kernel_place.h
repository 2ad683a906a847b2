// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where in the guest's memory a Linux kernel may be: what is mapped in the
// kernel text mapping, 0xffffffff80000000 to 0xffffffffc0000000 (Linux,
// Documentation/arch/x86/x86_64/mm.rst), at an offset of this boot (KASLR).
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<KernelPlace> places,
//                          FindKernelPlaces(memory));
//   places[0].text();
//
// Pure functions of the memory.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_PLACE_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_PLACE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/memory_reader.h"
#include "linux-introspect/page_tables.h"

namespace librr::linux_guest {

struct KernelPlace {
  // The page tables that it is mapped by: those of the kernel half where the
  // guest isolates them from the user's (KPTI).
  PagingRoot root;
  std::vector<Mapping> mappings;  // at least one, ascending

  uint64_t text() const { return mappings.front().address; }
  uint64_t physical() const { return mappings.front().physical; }
};

// The likeliest first; NotFound says what was looked for.
absl::StatusOr<std::vector<KernelPlace>> FindKernelPlaces(
    const MemoryReader& memory);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_PLACE_H_
