// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The guest's RAM, and what is known about each of its pages.
//
// RAM beyond 3 GiB is mapped from 4 GiB up, so that devices have their hole.
// A page may only be written at full speed while it is dirty already and
// holds no code, page table or watched byte; every other store takes the slow
// path of `Mmu`, which looks at the page's flags.
#ifndef LIBRR_MACHINES_PC_CPU_MEMORY_H_
#define LIBRR_MACHINES_PC_CPU_MEMORY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"

namespace librr::pc {

inline constexpr int kPageShift = 12;
inline constexpr uint64_t kPageSize = 1ull << kPageShift;
inline constexpr uint64_t kPageMask = kPageSize - 1;
inline constexpr uint64_t kLowRamEnd = 3ull << 30;
inline constexpr uint64_t kHighRamStart = 4ull << 30;

enum PageFlags : uint8_t {
  kPageDirty = 1,         // written since the last TakeDirtyPages
  kPageCode = 2,          // decoded blocks were made from it
  kPageTable = 4,         // a page walk read it
  kPageWatched = 8,       // a watchpoint covers part of it
  kPageReadWatched = 16,  // the same, and reads are watched too
};

class PhysicalMemory {
 public:
  // ResourceExhausted if the host has no room for `bytes`.
  static absl::StatusOr<std::unique_ptr<PhysicalMemory>> Create(uint64_t bytes);
  ~PhysicalMemory();
  PhysicalMemory(const PhysicalMemory&) = delete;
  PhysicalMemory& operator=(const PhysicalMemory&) = delete;

  uint64_t bytes() const { return bytes_; }
  uint64_t page_count() const { return bytes_ >> kPageShift; }

  // The host's address of the byte at `physical`, or nullptr if no RAM is
  // there. Valid up to the end of the page.
  uint8_t* Host(uint64_t physical) const {
    if (physical < low_bytes_) return ram_ + physical;
    if (physical - kHighRamStart < high_bytes_)
      return ram_ + low_bytes_ + (physical - kHighRamStart);
    return nullptr;
  }
  bool IsRam(uint64_t physical) const { return Host(physical) != nullptr; }

  // Page numbers count RAM pages without the hole.
  uint64_t PageOfHost(const uint8_t* host) const {
    return static_cast<uint64_t>(host - ram_) >> kPageShift;
  }
  uint8_t* HostOfPage(uint64_t page) const {
    return ram_ + (page << kPageShift);
  }
  uint64_t PhysicalOfPage(uint64_t page) const {
    const uint64_t offset = page << kPageShift;
    return offset < low_bytes_ ? offset : offset - low_bytes_ + kHighRamStart;
  }

  uint8_t flags(uint64_t page) const { return flags_[page]; }
  void SetFlags(uint64_t page, uint8_t flags) { flags_[page] |= flags; }
  void ClearFlags(uint64_t page, uint8_t flags) { flags_[page] &= ~flags; }
  bool FastWritable(uint64_t page) const { return flags_[page] == kPageDirty; }

  // Must be called before a page's bytes change.
  void MarkDirty(uint64_t page) {
    if (flags_[page] & kPageDirty) return;
    flags_[page] |= kPageDirty;
    dirty_.push_back(static_cast<uint32_t>(page));
    ++dirtied_total_;
  }
  // The pages dirtied since the last call, which are clean from now on. Write
  // translations that were made for them must be dropped by the caller.
  std::vector<uint32_t> TakeDirtyPages();
  uint64_t dirtied_total() const { return dirtied_total_; }

 private:
  PhysicalMemory(uint8_t* ram, uint64_t bytes);

  uint8_t* const ram_;
  const uint64_t bytes_;
  const uint64_t low_bytes_;
  const uint64_t high_bytes_;
  std::vector<uint8_t> flags_;
  std::vector<uint32_t> dirty_;
  uint64_t dirtied_total_ = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_MEMORY_H_
