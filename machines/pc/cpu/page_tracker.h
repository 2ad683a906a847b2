// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Makes caches invisible: what a store to RAM must drop.
//
// Decoded blocks and translations are derived from RAM. Pages that they were
// derived from are flagged, stores to flagged pages take the slow path, and the
// slow path calls `BeforeStore`, which drops exactly what the changed bytes
// had been used for. So the guest never sees a stale instruction or a stale
// translation, on any vCPU.
//
// A page-table page is known by its level and the linear address that its
// first entry maps. Overwriting an entry that was not present drops nothing:
// not-present entries are never cached.
#ifndef LIBRR_MACHINES_PC_CPU_PAGE_TRACKER_H_
#define LIBRR_MACHINES_PC_CPU_PAGE_TRACKER_H_

#include <cstdint>
#include <vector>

#include "machines/pc/cpu/cpu.h"

namespace librr::pc {

class PageTracker {
 public:
  explicit PageTracker(CpuShared* shared);

  // A page walk has read an entry of RAM page `page`, which maps linear
  // addresses from `linear_base`; `level` is 1 for tables of 4 KiB pages, and
  // an entry has `entry_size` bytes (4 or 8).
  void NotePageTable(uint64_t page, int level, int entry_size,
                     uint64_t linear_base);
  // Code was decoded from the page.
  void NoteCode(uint64_t page);
  // A watchpoint covers part of the page; `flag` is kPageWatched.
  void NoteWatched(uint64_t page, uint8_t flag) { Protect(page, flag); }

  // Must be called before bytes of a RAM page change (never across its end).
  void BeforeStore(uint64_t page, unsigned offset, unsigned size);
  // The same for accessed and dirty bits that the page walker sets itself:
  // translations stay.
  void BeforeWalkerStore(uint64_t page, unsigned offset, unsigned size);

  // A write translation was armed in TLB slot `slot` for the page.
  void NoteWriteTag(uint64_t page, int slot) {
    int16_t& known = write_slot_[page];
    known = known == kNoSlot || known == slot ? static_cast<int16_t>(slot)
                                              : kManySlots;
  }
  // Pages have become clean: drops their write translations.
  void DropWriteTags(const std::vector<uint32_t>& pages);

 private:
  // What a page with kPageTable is.
  struct Table {
    uint64_t linear_base = 0;
    uint8_t level = 0;
    uint8_t entry_size = 0;
    bool ambiguous = false;  // used at several levels or addresses
  };
  static constexpr int16_t kNoSlot = -1;
  static constexpr int16_t kManySlots = -2;

  // Stores to the page must take the slow path from now on.
  void Protect(uint64_t page, uint8_t flag);
  void BeforeTableStore(uint64_t page, unsigned offset, unsigned size);
  void DropAll();

  CpuShared* const shared_;
  std::vector<Table> tables_;        // by RAM page
  std::vector<int16_t> write_slot_;  // by RAM page
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_PAGE_TRACKER_H_
