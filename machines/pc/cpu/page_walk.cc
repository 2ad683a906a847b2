// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Paging: walks the guest's tables and fills the TLB. SDM vol. 3, chapter 4.
//
// A walk is pure (`WalkTables`); accessed and dirty bits are set only when
// the access is permitted, so they depend on the tables and the access alone.
#include <cstring>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/page_tracker.h"

namespace librr::pc {
namespace {

// Entry bits. SDM vol. 3, table 4-15 and others.
constexpr uint64_t kPresent = 1u << 0;
constexpr uint64_t kWritable = 1u << 1;
constexpr uint64_t kUser = 1u << 2;
constexpr uint64_t kAccessed = 1u << 5;
constexpr uint64_t kDirty = 1u << 6;
constexpr uint64_t kLarge = 1u << 7;
constexpr uint64_t kNx = 1ull << 63;
constexpr uint64_t kAddressMask =
    ((1ull << kPhysicalAddressBits) - 1) & ~kPageMask;
// Bits between MAXPHYADDR and 51 must be zero.
constexpr uint64_t kReservedAddress =
    ((1ull << 52) - 1) & ~((1ull << kPhysicalAddressBits) - 1);

// Page-fault error code. SDM vol. 3, 4.7.
constexpr uint32_t kErrorPresent = 1;
constexpr uint32_t kErrorWrite = 2;
constexpr uint32_t kErrorUser = 4;
constexpr uint32_t kErrorReserved = 8;
constexpr uint32_t kErrorFetch = 16;

}  // namespace

struct Cpu::Walk {
  static constexpr int kMaxLevels = 4;
  struct Step {
    uint64_t ram_page;
    uint16_t offset;  // of the entry in the page
    uint64_t linear_base;
    uint8_t level;
  };
  Step steps[kMaxLevels];
  int count = 0;
  int entry_size = 8;
  // The result: permissions are those of all levels together.
  bool present = false;
  bool reserved = false;
  bool writable = true;
  bool user = true;
  bool executable = true;
  bool dirty = false;
  uint64_t physical = 0;
};

bool Cpu::WalkTables(uint64_t linear, uint64_t cr3, Walk* walk) const {
  const PhysicalMemory& memory = *shared_->memory;
  const bool pae = regs.cr4 & kCr4Pae;
  const bool nx_enabled = regs.efer & kEferNxe;
  int level;
  int bits;  // of the linear address that one level translates
  uint64_t table;
  uint64_t reserved_common = 0;
  if (long_mode()) {
    level = 4;
    bits = 9;
    table = cr3 & kAddressMask;
    reserved_common = kReservedAddress | (nx_enabled ? 0 : kNx);
  } else if (pae) {
    uint64_t pdpte = regs.pdptr[(linear >> 30) & 3];
    if (cr3 != regs.cr3) {
      const uint8_t* host =
          memory.Host((cr3 & 0xffffffe0u) + 8 * ((linear >> 30) & 3));
      if (!host) return false;
      std::memcpy(&pdpte, host, sizeof(pdpte));
    }
    if (!(pdpte & kPresent)) return false;
    level = 2;
    bits = 9;
    table = pdpte & kAddressMask;
    reserved_common =
        kReservedAddress | (0x7ffull << 52) | (nx_enabled ? 0 : kNx);
  } else {
    level = 2;
    bits = 10;
    table = cr3 & 0xfffff000u;
    walk->entry_size = 4;
  }
  for (;; --level) {
    const int shift = kPageShift + bits * (level - 1);
    const uint64_t index = (linear >> shift) & ((1ull << bits) - 1);
    const uint64_t address =
        table + index * static_cast<unsigned>(walk->entry_size);
    const uint8_t* host = memory.Host(address);
    uint64_t entry = ~0ull;  // beyond RAM reads float
    if (host) {
      entry = 0;
      std::memcpy(&entry, host, static_cast<size_t>(walk->entry_size));
      const uint64_t span = 1ull << (shift + bits);
      walk->steps[walk->count++] = {
          memory.PageOfHost(host), static_cast<uint16_t>(address & kPageMask),
          linear & ~(span - 1), static_cast<uint8_t>(level)};
    }
    if (!(entry & kPresent)) return false;
    walk->present = true;
    const bool leaf =
        level == 1 || ((entry & kLarge) && (level < 4) &&
                       (walk->entry_size == 8 || (regs.cr4 & kCr4Pse)));
    uint64_t reserved = reserved_common;
    if (level == 4) reserved |= kLarge;
    if (leaf && level > 1 && walk->entry_size == 8)
      reserved |= ((1ull << shift) - 1) & kAddressMask & ~(1ull << 12);  // PAT
    if (leaf && level > 1 && walk->entry_size == 4) reserved |= 1u << 21;
    if ((entry & reserved) || !host) {
      walk->reserved = true;
      return false;
    }
    walk->writable = walk->writable && (entry & kWritable);
    walk->user = walk->user && (entry & kUser);
    if (walk->entry_size == 8 && nx_enabled)
      walk->executable = walk->executable && !(entry & kNx);
    if (leaf) {
      walk->dirty = entry & kDirty;
      const uint64_t offset_mask = (1ull << shift) - 1;
      uint64_t frame;
      if (walk->entry_size == 4 && level == 2) {
        // PSE-36: bits 39:32 stand in bits 20:13. SDM vol. 3, table 4-4.
        frame = (entry & 0xffc00000u) | ((entry >> 13) & 0xff) << 32;
      } else {
        frame = entry & kAddressMask & ~offset_mask;
      }
      walk->physical = frame | (linear & offset_mask);
      return true;
    }
    table = entry & (walk->entry_size == 4 ? 0xfffff000u : kAddressMask);
  }
}

void Cpu::SetAccessedDirty(const Walk& walk, bool write) {
  PhysicalMemory& memory = *shared_->memory;
  for (int i = 0; i < walk.count; ++i) {
    const Walk::Step& step = walk.steps[i];
    const bool is_leaf = i + 1 == walk.count;
    // A and D are in the low byte of an entry of either size.
    uint8_t* low_byte = memory.HostOfPage(step.ram_page) + step.offset;
    const uint8_t wanted = static_cast<uint8_t>(
        *low_byte | kAccessed | (is_leaf && write ? kDirty : 0));
    if (wanted == *low_byte) continue;
    shared_->tracker->BeforeWalkerStore(step.ram_page, step.offset, 1);
    *low_byte = wanted;
  }
}

bool Cpu::TranslateFor(uint64_t linear, Access access, MmuMode mode,
                       uint64_t* physical) {
  const bool write = access == Access::kWrite;
  const bool fetch = access == Access::kExecute;
  if (!(regs.cr0 & kCr0Pg)) {
    *physical = linear & 0xffffffffu;
    FillTlb(linear, *physical, mode, true, true, true);
    return true;
  }
  ++statistics.page_walks;
  Walk walk;
  const bool found = WalkTables(linear, regs.cr3, &walk);
  const bool user_mode = mode == kMmuUser;
  const bool write_protect = user_mode || (regs.cr0 & kCr0Wp);
  const bool smap_bars = mode == kMmuSupervisor && (regs.cr4 & kCr4Smap);
  const bool smep_bars = !user_mode && (regs.cr4 & kCr4Smep);
  // A fetch is barred by SMEP, not by SMAP.
  const bool readable =
      found && (user_mode ? walk.user : !(walk.user && smap_bars));
  const bool writable = readable && (walk.writable || !write_protect);
  const bool executable = found && walk.executable &&
                          (user_mode ? walk.user : !(walk.user && smep_bars));
  if (!(write ? writable : fetch ? executable : readable)) {
    uint32_t error = (write ? kErrorWrite : 0) | (user_mode ? kErrorUser : 0);
    if (walk.reserved) {
      error |= kErrorPresent | kErrorReserved;
    } else if (found) {
      error |= kErrorPresent;
    }
    if (fetch && ((regs.cr4 & kCr4Smep) ||
                  ((regs.cr4 & kCr4Pae) && (regs.efer & kEferNxe))))
      error |= kErrorFetch;
    return RaisePageFault(linear, error);
  }
  for (int i = 0; i < walk.count; ++i) {
    const Walk::Step& step = walk.steps[i];
    shared_->tracker->NotePageTable(step.ram_page, step.level, walk.entry_size,
                                    step.linear_base);
  }
  SetAccessedDirty(walk, write);
  *physical = walk.physical;
  // A clean page takes the slow path at its first write, which sets D.
  FillTlb(linear, walk.physical, mode, readable,
          writable && (walk.dirty || write), executable);
  return true;
}

bool Cpu::Translate(uint64_t linear, uint64_t* physical) const {
  if (!(regs.cr0 & kCr0Pg)) {
    *physical = linear & 0xffffffffu;
    return true;
  }
  if (!long_mode()) {
    linear &= 0xffffffffu;
  } else if (static_cast<int64_t>(linear << 16) >> 16 !=
             static_cast<int64_t>(linear)) {
    return false;
  }
  Walk walk;
  if (!WalkTables(linear, regs.cr3, &walk)) return false;
  *physical = walk.physical;
  return true;
}

Cpu::Lookup Cpu::LookUp(uint64_t linear, uint64_t cr3) const {
  Lookup result;
  if (!(regs.cr0 & kCr0Pg)) {
    result.mapped = true;
    result.physical = linear & 0xffffffffu;
    return result;
  }
  if (!long_mode()) {
    linear &= 0xffffffffu;
  } else if (static_cast<int64_t>(linear << 16) >> 16 !=
             static_cast<int64_t>(linear)) {
    return result;
  }
  Walk walk;
  result.mapped = WalkTables(linear, cr3, &walk);
  result.physical = walk.physical;
  result.entry_size = static_cast<uint16_t>(walk.entry_size);
  result.entry_count = walk.count;
  for (int i = 0; i < walk.count; ++i)
    result.entries[i] = {walk.steps[i].ram_page, walk.steps[i].offset};
  if (walk.count > 0) {
    const int bits = walk.entry_size == 8 ? 9 : 10;
    result.size = kPageSize << (bits * (walk.steps[walk.count - 1].level - 1));
  }
  return result;
}

uint64_t Cpu::PageTableRoot() const {
  const bool pae = (regs.cr4 & kCr4Pae) && !long_mode();
  return regs.cr3 & (pae ? 0xffffffe0u : kAddressMask);
}

void Cpu::FillTlb(uint64_t linear, uint64_t physical, MmuMode mode,
                  bool readable, bool writable, bool executable) {
  PhysicalMemory& memory = *shared_->memory;
  uint8_t* host = memory.Host(physical & ~kPageMask);
  if (!host || tlb_ == &always_slow_) return;
  const uint64_t page = linear & ~kPageMask;
  const uint64_t ram_page = memory.PageOfHost(host);
  TlbTable& table = bank_->modes[mode];
  table.empty = false;
  TlbEntry& entry = table.For(linear);
  entry.addend = reinterpret_cast<uintptr_t>(host) - page;
  const bool reads_watched = memory.flags(ram_page) & kPageReadWatched;
  entry.read_tag = readable && !reads_watched ? page : kNoTag;
  entry.exec_tag = executable ? page : kNoTag;
  if (writable && memory.FastWritable(ram_page)) {
    entry.write_tag = page;
    shared_->tracker->NoteWriteTag(
        ram_page, static_cast<int>((linear >> kPageShift) % kTlbEntries));
  } else {
    entry.write_tag = kNoTag;
  }
}

}  // namespace librr::pc
