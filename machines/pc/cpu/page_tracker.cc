// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/page_tracker.h"

#include <cstring>

#include "machines/pc/cpu/block_cache.h"
#include "machines/pc/cpu/stop_checker.h"

namespace librr::pc {
namespace {

// Bit 0 of an entry: present.
bool IsPresent(const uint8_t* entry) { return entry[0] & 1; }

}  // namespace

PageTracker::PageTracker(CpuShared* shared)
    : shared_(shared),
      tables_(shared->memory->page_count()),
      write_slot_(shared->memory->page_count(), kNoSlot) {}

void PageTracker::Protect(uint64_t page, uint8_t flag) {
  PhysicalMemory& memory = *shared_->memory;
  if (memory.flags(page) & flag) return;
  memory.SetFlags(page, flag);
  const int16_t slot = write_slot_[page];
  if (slot == kNoSlot) return;
  for (Cpu* cpu : shared_->cpus) cpu->DropWriteTag(page, slot);
  write_slot_[page] = kNoSlot;
}

void PageTracker::NoteCode(uint64_t page) { Protect(page, kPageCode); }

void PageTracker::NotePageTable(uint64_t page, int level, int entry_size,
                                uint64_t linear_base) {
  Table& known = tables_[page];
  if (shared_->memory->flags(page) & kPageTable) {
    if (known.level != level || known.entry_size != entry_size ||
        known.linear_base != linear_base)
      known.ambiguous = true;
    return;
  }
  Protect(page, kPageTable);
  known = {linear_base, static_cast<uint8_t>(level),
           static_cast<uint8_t>(entry_size), false};
}

void PageTracker::BeforeStore(uint64_t page, unsigned offset, unsigned size) {
  PhysicalMemory& memory = *shared_->memory;
  memory.MarkDirty(page);
  const uint8_t flags = memory.flags(page);
  if (flags & kPageTable) BeforeTableStore(page, offset, size);
  if (flags & kPageCode) shared_->blocks->Invalidate(page, offset, size);
  if (flags & kPageWatched) {
    shared_->stops->BeforeStore(page, offset, size,
                                StopHit::Cause::kInstruction);
  }
}

void PageTracker::BeforeWalkerStore(uint64_t page, unsigned offset,
                                    unsigned size) {
  shared_->memory->MarkDirty(page);
  if (shared_->memory->flags(page) & kPageCode)
    shared_->blocks->Invalidate(page, offset, size);
  if (shared_->memory->flags(page) & kPageWatched) {
    shared_->stops->BeforeStore(page, offset, size,
                                StopHit::Cause::kPageWalker);
  }
}

void PageTracker::BeforeTableStore(uint64_t page, unsigned offset,
                                   unsigned size) {
  const Table table = tables_[page];
  const uint8_t* bytes = shared_->memory->HostOfPage(page);
  const unsigned entry_size = table.entry_size;
  const unsigned first = offset / entry_size;
  const unsigned last = (offset + size - 1) / entry_size;
  for (unsigned i = first; i <= last; ++i) {
    const uint8_t* entry = bytes + i * entry_size;
    if (!IsPresent(entry)) continue;
    if (table.level == 1 && !table.ambiguous) {
      for (Cpu* cpu : shared_->cpus)
        cpu->DropTranslation(table.linear_base + (uint64_t{i} << kPageShift));
      continue;
    }
    // The subtree goes. The table below is forgotten too: it may become an
    // ordinary page; another walk through it will note it again.
    if (table.level > 1) {
      uint64_t value = 0;
      std::memcpy(&value, entry, entry_size);
      const uint64_t below =
          value & ((1ull << kPhysicalAddressBits) - 1) & ~kPageMask;
      if (const uint8_t* host = shared_->memory->Host(below)) {
        shared_->memory->ClearFlags(shared_->memory->PageOfHost(host),
                                    kPageTable);
      }
    } else {
      shared_->memory->ClearFlags(page, kPageTable);
    }
    DropAll();
    // Every translation is gone, so nothing is derived from this page either.
    if (table.level == 1) return;
  }
}

void PageTracker::DropAll() {
  for (Cpu* cpu : shared_->cpus) cpu->DropTranslations();
}

void PageTracker::DropWriteTags(const std::vector<uint32_t>& pages) {
  // Looking into one slot of each table costs about this much less than
  // clearing them all.
  constexpr size_t kFew = kTlbEntries / 4;
  bool one_by_one = pages.size() <= kFew;
  for (uint32_t page : pages)
    one_by_one = one_by_one && write_slot_[page] != kManySlots;
  for (Cpu* cpu : shared_->cpus) {
    if (one_by_one) {
      for (uint32_t page : pages) {
        if (write_slot_[page] != kNoSlot)
          cpu->DropWriteTag(page, write_slot_[page]);
      }
    } else {
      cpu->DropWriteTags();
    }
  }
  for (uint32_t page : pages) write_slot_[page] = kNoSlot;
}

}  // namespace librr::pc
