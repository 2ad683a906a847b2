// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The slow path of memory accesses: TLB misses, page crossings, MMIO, stores
// to tracked pages, alignment checks, data breakpoints.
#include <algorithm>
#include <cstring>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/page_tracker.h"
#include "machines/pc/cpu/stop_checker.h"

namespace librr::pc {
namespace {

uint8_t* Bytes(void* p) { return static_cast<uint8_t*>(p); }
const uint8_t* Bytes(const void* p) { return static_cast<const uint8_t*>(p); }

bool IsCanonical(uint64_t linear) {
  return static_cast<int64_t>(linear << 16) >> 16 ==
         static_cast<int64_t>(linear);
}

// How much of an access lies in its first page.
unsigned FirstPart(uint64_t linear, unsigned size) {
  return static_cast<unsigned>(
      std::min<uint64_t>(size, kPageSize - (linear & kPageMask)));
}

}  // namespace

bool Cpu::CheckCanonical(uint64_t linear, unsigned size, SegmentIndex segment) {
  if (!long_mode()) return true;
  if (IsCanonical(linear) && IsCanonical(linear + size - 1)) return true;
  return RaiseSegmentFault(segment);
}

bool Cpu::CheckAlignment(uint64_t linear, unsigned size) {
  if (regs.cpl != 3 || !(regs.cr0 & kCr0Am) || !(regs.system_flags & kAc))
    return true;
  // Only powers of two up to 8 are aligned accesses; 16-byte ones check by
  // themselves, and 10-byte ones need 8.
  const unsigned unit = size >= 8 ? 8 : size;
  if ((unit & (unit - 1)) || (linear & (unit - 1)) == 0) return true;
  return Raise(kAlignmentCheck, 0);
}

// SDM vol. 3, 17.2.5: ranges of 1, 2, 4 or 8 bytes in DR0 to DR3.
void Cpu::NoteDataBreakpoints(uint64_t linear, unsigned size, Access access) {
  if (!(regs.dr7 & 0xff)) return;
  for (int i = 0; i < 4; ++i) {
    if (!(regs.dr7 & (3ull << (2 * i)))) continue;
    const unsigned type = (regs.dr7 >> (16 + 4 * i)) & 3;
    const unsigned code = (regs.dr7 >> (18 + 4 * i)) & 3;
    const unsigned length = code == 2 ? 8 : code + 1;
    if (type == 0 || type == 2) continue;  // execution; I/O
    if (type == 1 && access != Access::kWrite) continue;
    const uint64_t start =
        regs.dr[static_cast<size_t>(i)] & ~uint64_t{length - 1};
    if (linear < start + length && start < linear + size)
      regs.pending_debug |= 1ull << i;
  }
  if (regs.pending_debug) BreakRun();
}

void Cpu::NoteRead(uint64_t physical, unsigned size) {
  const PhysicalMemory& memory = *shared_->memory;
  const uint64_t page = memory.PageOfHost(memory.Host(physical));
  if (memory.flags(page) & kPageReadWatched) {
    shared_->stops->OnRead(page, static_cast<unsigned>(physical & kPageMask),
                           size);
  }
}

bool Cpu::ReadSlow(uint64_t linear, void* value, unsigned size,
                   SegmentIndex segment) {
  if (!long_mode()) linear &= 0xffffffffu;
  LIBRR_TRY(CheckCanonical(linear, size, segment));
  LIBRR_TRY(CheckAlignment(linear, size));
  const unsigned first = FirstPart(linear, size);
  uint64_t physical[2];
  LIBRR_TRY(TranslateFor(linear, Access::kRead, mmu_mode_, &physical[0]));
  const uint64_t next =
      long_mode() ? linear + first : (linear + first) & 0xffffffffu;
  if (first < size)
    LIBRR_TRY(TranslateFor(next, Access::kRead, mmu_mode_, &physical[1]));
  unsigned done = 0;
  for (int part = 0; done < size; ++part) {
    const unsigned length = part == 0 ? first : size - first;
    if (const uint8_t* host = shared_->memory->Host(physical[part])) {
      std::memcpy(Bytes(value) + done, host, length);
      if (shared_->stops) NoteRead(physical[part], length);
    } else {
      // Devices see powers of two.
      for (unsigned at = 0; at < length;) {
        unsigned unit = 8;
        while (unit > length - at) unit /= 2;
        const uint64_t word = host_->ReadMmio(index_, physical[part] + at,
                                              static_cast<int>(unit));
        std::memcpy(Bytes(value) + done + at, &word, unit);
        at += unit;
      }
    }
    done += length;
  }
  if (tlb_ == &always_slow_) NoteDataBreakpoints(linear, size, Access::kRead);
  return true;
}

bool Cpu::CheckWrite(uint64_t linear, unsigned size, SegmentIndex segment) {
  if (!long_mode()) linear &= 0xffffffffu;
  LIBRR_TRY(CheckCanonical(linear, size, segment));
  LIBRR_TRY(CheckAlignment(linear, size));
  const unsigned first = FirstPart(linear, size);
  uint64_t physical;
  LIBRR_TRY(TranslateFor(linear, Access::kWrite, mmu_mode_, &physical));
  if (first == size) return true;
  const uint64_t next =
      long_mode() ? linear + first : (linear + first) & 0xffffffffu;
  return TranslateFor(next, Access::kWrite, mmu_mode_, &physical);
}

bool Cpu::WriteSlow(uint64_t linear, const void* value, unsigned size,
                    SegmentIndex segment) {
  if (!long_mode()) linear &= 0xffffffffu;
  LIBRR_TRY(CheckCanonical(linear, size, segment));
  LIBRR_TRY(CheckAlignment(linear, size));
  const unsigned first = FirstPart(linear, size);
  const uint64_t next =
      long_mode() ? linear + first : (linear + first) & 0xffffffffu;
  uint64_t physical[2];
  LIBRR_TRY(TranslateFor(linear, Access::kWrite, mmu_mode_, &physical[0]));
  if (first < size)
    LIBRR_TRY(TranslateFor(next, Access::kWrite, mmu_mode_, &physical[1]));
  PhysicalMemory& memory = *shared_->memory;
  unsigned done = 0;
  for (int part = 0; done < size; ++part) {
    const unsigned length = part == 0 ? first : size - first;
    if (uint8_t* host = memory.Host(physical[part])) {
      const uint64_t page = memory.PageOfHost(host);
      if (!memory.FastWritable(page)) {
        shared_->tracker->BeforeStore(
            page, static_cast<unsigned>(physical[part] & kPageMask), length);
        // Now that the page is dirty, later stores may be fast.
        if (memory.FastWritable(page) && tlb_ != &always_slow_) {
          const uint64_t at = part == 0 ? linear : next;
          TlbEntry& entry = tlb_->For(at);
          if (entry.read_tag == (at & ~kPageMask)) {
            entry.write_tag = entry.read_tag;
            shared_->tracker->NoteWriteTag(
                page, static_cast<int>((at >> kPageShift) % kTlbEntries));
          }
        }
      }
      std::memcpy(host, Bytes(value) + done, length);
    } else {
      for (unsigned at = 0; at < length;) {
        unsigned unit = 8;
        while (unit > length - at) unit /= 2;
        uint64_t word = 0;
        std::memcpy(&word, Bytes(value) + done + at, unit);
        host_->WriteMmio(index_, physical[part] + at, static_cast<int>(unit),
                         word);
        at += unit;
      }
    }
    done += length;
  }
  if (tlb_ == &always_slow_) NoteDataBreakpoints(linear, size, Access::kWrite);
  return true;
}

// Descriptor tables and task-state segments are read with supervisor rights at
// any CPL; SMAP applies whatever AC is. SDM vol. 3, 4.6.1.
bool Cpu::ReadSystemBytes(uint64_t linear, void* out, unsigned size) {
  const TlbEntry& entry = bank_->modes[kMmuSupervisor].For(linear);
  if (entry.read_tag == ((linear + size - 1) & ~kPageMask)) {
    std::memcpy(out, reinterpret_cast<const void*>(linear + entry.addend),
                size);
    return true;
  }
  if (!long_mode()) linear &= 0xffffffffu;
  LIBRR_TRY(CheckCanonical(linear, size, kDs));
  unsigned done = 0;
  while (done < size) {
    const unsigned length = FirstPart(linear + done, size - done);
    uint64_t physical;
    LIBRR_TRY(
        TranslateFor(linear + done, Access::kRead, kMmuSupervisor, &physical));
    if (const uint8_t* host = shared_->memory->Host(physical)) {
      std::memcpy(Bytes(out) + done, host, length);
      if (shared_->stops) NoteRead(physical, length);
    } else {
      std::memset(Bytes(out) + done, 0xff, length);
    }
    done += length;
  }
  return true;
}

bool Cpu::WriteSystemBytes(uint64_t linear, const void* in, unsigned size) {
  if (!long_mode()) linear &= 0xffffffffu;
  LIBRR_TRY(CheckCanonical(linear, size, kDs));
  uint64_t physical[2];
  const unsigned first = FirstPart(linear, size);
  LIBRR_TRY(TranslateFor(linear, Access::kWrite, kMmuSupervisor, &physical[0]));
  if (first < size)
    LIBRR_TRY(TranslateFor(linear + first, Access::kWrite, kMmuSupervisor,
                           &physical[1]));
  PhysicalMemory& memory = *shared_->memory;
  unsigned done = 0;
  for (int part = 0; done < size; ++part) {
    const unsigned length = part == 0 ? first : size - first;
    if (uint8_t* host = memory.Host(physical[part])) {
      shared_->tracker->BeforeStore(
          memory.PageOfHost(host),
          static_cast<unsigned>(physical[part] & kPageMask), length);
      std::memcpy(host, Bytes(in) + done, length);
    }
    done += length;
  }
  return true;
}

}  // namespace librr::pc
