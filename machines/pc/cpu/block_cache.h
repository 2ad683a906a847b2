// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Decoded code, by the place in RAM that it was decoded from.
//
// A block is a run of instructions within one page that ends where control may
// go elsewhere. Blocks are found by RAM address and decoding mode, so all
// linear addresses and address spaces that map a page share its blocks. An
// instruction that crosses into another page is a block of its own, valid while
// the same second page follows.
//
// Lookup: a direct-mapped front table, then a hash map. A store to a page with
// code drops the blocks of the page if it hits one of the 64-byte granules that
// were decoded.
#ifndef LIBRR_MACHINES_PC_CPU_BLOCK_CACHE_H_
#define LIBRR_MACHINES_PC_CPU_BLOCK_CACHE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

inline constexpr uint64_t kNoPage = ~0ull;
inline constexpr unsigned kMaxBlockInsns = 32;

struct Block {
  uint64_t ram_address;  // of the first byte, in RAM without the hole
  uint64_t second_page;  // RAM page that the last instruction reaches; kNoPage
  uint32_t mode;         // DecodeMode bits
  uint16_t bytes;        // of code
  uint16_t count;        // of instructions
  Insn insns[kMaxBlockInsns];  // `count` of them are allocated
};

class BlockCache {
 public:
  explicit BlockCache(CpuShared* shared);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  const Block* Find(uint64_t ram_address, uint32_t mode) {
    const Block* block = front_[Slot(ram_address)];
    if (block && block->ram_address == ram_address && block->mode == mode)
        [[likely]]
      return block;
    return FindSlow(ram_address, mode);
  }
  // Copies a block into the cache and tracks its pages. The result lives until
  // the next FreeRetired after it was dropped.
  const Block* Insert(const Block& block);

  // Drops the blocks of a page whose code a store changes.
  void Invalidate(uint64_t page, unsigned offset, unsigned size);
  void DropAll();
  // Frees dropped blocks; no block may be executing.
  void FreeRetired();

  uint64_t inserted() const { return inserted_; }
  uint64_t invalidated() const { return invalidated_; }

 private:
  static constexpr size_t kFrontSize = 1 << 15;
  // Caps the memory that decoded code takes.
  static constexpr size_t kMaxBytes = 48u << 20;

  struct Page {
    uint64_t granules = 0;  // bit i: bytes [64 i, 64 i + 64) were decoded
    std::vector<Block*> blocks;
  };

  static size_t Slot(uint64_t ram_address) {
    return (ram_address ^ (ram_address >> 14)) % kFrontSize;
  }
  static uint64_t Key(uint64_t ram_address, uint32_t mode) {
    return ram_address << 12 | mode;
  }
  const Block* FindSlow(uint64_t ram_address, uint32_t mode);
  void Track(uint64_t page, unsigned first, unsigned last, Block* block);
  void Drop(Block* block);
  void DropPage(uint64_t page);

  CpuShared* const shared_;
  std::vector<const Block*> front_;
  absl::flat_hash_map<uint64_t, Block*> blocks_;
  absl::flat_hash_map<uint64_t, Page> pages_;
  std::vector<Block*> retired_;
  size_t bytes_ = 0;
  uint64_t inserted_ = 0;
  uint64_t invalidated_ = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_BLOCK_CACHE_H_
