// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace librr::pc {

absl::StatusOr<std::unique_ptr<PhysicalMemory>> PhysicalMemory::Create(
    uint64_t bytes) {
  void* ram = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (ram == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the host has no room for ", bytes >> 20,
                     " MiB of guest memory: choose a smaller --memory"));
  }
  // Pages of 4 KiB: a huge page would make a page written once cost 2 MiB.
  madvise(ram, bytes, MADV_NOHUGEPAGE);
  return std::unique_ptr<PhysicalMemory>(
      new PhysicalMemory(static_cast<uint8_t*>(ram), bytes));
}

PhysicalMemory::PhysicalMemory(uint8_t* ram, uint64_t bytes)
    : ram_(ram),
      bytes_(bytes),
      low_bytes_(std::min(bytes, kLowRamEnd)),
      high_bytes_(bytes - low_bytes_),
      flags_(bytes >> kPageShift) {}

PhysicalMemory::~PhysicalMemory() { munmap(ram_, bytes_); }

std::vector<uint32_t> PhysicalMemory::TakeDirtyPages() {
  std::vector<uint32_t> pages = std::exchange(dirty_, {});
  for (uint32_t page : pages) flags_[page] &= ~kPageDirty;
  return pages;
}

}  // namespace librr::pc
