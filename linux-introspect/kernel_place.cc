// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_place.h"

#include <utility>

#include "absl/status/status.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kTextRegion = 0xffffffff80000000;
constexpr uint64_t kTextRegionLast = 0xffffffffbfffffff;
// The kernel is placed at multiples of this (CONFIG_PHYSICAL_ALIGN).
constexpr uint64_t kAlignment = 2 << 20;
// Linux, arch/x86/mm/pti.c: the user's top table is the page behind the
// kernel's.
constexpr uint64_t kUserTable = 0x1000;

}  // namespace

absl::StatusOr<std::vector<KernelPlace>> FindKernelPlaces(
    const MemoryReader& memory) {
  std::vector<KernelPlace> places;
  bool is_64_bit = false;
  for (const PagingRoot& root : memory.PagingRoots()) {
    if (root.levels < 4) continue;
    is_64_bit = true;
    // The kernel's half first: the user's maps only the entry code.
    PagingRoot kernel = root;
    kernel.table = GuestPhysical(root.table.value() & ~kUserTable);
    std::vector<PagingRoot> roots = {kernel};
    if (!(kernel == root)) roots.push_back(root);
    for (const PagingRoot& candidate : roots) {
      std::vector<Mapping> mappings =
          PageTables(&memory, candidate).Mappings(kTextRegion, kTextRegionLast);
      if (mappings.empty() || mappings.front().address % kAlignment != 0) {
        continue;
      }
      places.push_back({candidate, std::move(mappings)});
    }
  }
  if (!places.empty()) return places;
  return absl::NotFoundError(
      is_64_bit ? "nothing is mapped where 64-bit Linux kernels are"
                : "no vCPU is in 64-bit mode");
}

}  // namespace librr::linux_guest
