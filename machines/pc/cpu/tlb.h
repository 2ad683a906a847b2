// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Cached translations: pure caches that no state of the guest depends on.
//
// One table per address space (bank) and MMU mode, direct-mapped by linear
// page. A tag equals the linear page if that access needs no further look;
// kNoTag otherwise. A hit is
//
//   entry = table[(linear >> 12) % size]
//   if entry.read_tag == page of the access's last byte:
//     value = *(entry.addend + linear)
//
// The page of the *last* byte is compared, so an access that crosses a page
// misses. A store to a page table drops what was derived from the changed
// entry (`PageTracker`), so no translation ever outlives its tables.
#ifndef LIBRR_MACHINES_PC_CPU_TLB_H_
#define LIBRR_MACHINES_PC_CPU_TLB_H_

#include <array>
#include <cstdint>

#include "machines/pc/cpu/memory.h"

namespace librr::pc {

inline constexpr uint64_t kNoTag = ~0ull;

struct TlbEntry {
  uint64_t read_tag = kNoTag;
  uint64_t write_tag = kNoTag;
  uint64_t exec_tag = kNoTag;
  uintptr_t addend = 0;  // host address = linear + addend
};

inline constexpr int kTlbEntries = 2048;

struct TlbTable {
  std::array<TlbEntry, kTlbEntries> entries;
  bool empty = true;  // every tag is kNoTag

  TlbEntry& For(uint64_t linear) {
    return entries[(linear >> kPageShift) % kTlbEntries];
  }
  void Clear() {
    if (empty) return;
    entries.fill(TlbEntry());
    empty = true;
  }
};

// Who accesses, as far as permissions depend on it.
enum MmuMode : uint8_t {
  kMmuSupervisor,  // user pages are barred from data accesses (SMAP, AC = 0)
  kMmuSupervisorUser,  // user pages may be accessed
  kMmuUser,
  kMmuModes,
};

// The translations of one address space.
struct TlbBank {
  // What translations depend on besides the tables.
  uint64_t cr3 = 0;
  uint64_t controls = 0;  // of CR0, CR4, EFER
  uint64_t last_used = 0;
  bool valid = false;
  std::array<TlbTable, kMmuModes> modes;

  void Clear() {
    for (TlbTable& table : modes) table.Clear();
  }
};

inline constexpr int kTlbBanks = 8;

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_TLB_H_
