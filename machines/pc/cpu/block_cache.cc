// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/block_cache.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "librr-core/base/check.h"
#include "machines/pc/cpu/page_tracker.h"

namespace librr::pc {
namespace {

constexpr unsigned kGranule = 64;

uint64_t Granules(unsigned first, unsigned last) {
  const unsigned low = first / kGranule;
  const unsigned high = last / kGranule;
  return (high == 63 ? ~0ull : (1ull << (high + 1)) - 1) & ~((1ull << low) - 1);
}

size_t BlockBytes(unsigned count) {
  return offsetof(Block, insns) + count * sizeof(Insn);
}

}  // namespace

BlockCache::BlockCache(CpuShared* shared)
    : shared_(shared), front_(kFrontSize, nullptr) {}

BlockCache::~BlockCache() {
  DropAll();
  FreeRetired();
}

const Block* BlockCache::FindSlow(uint64_t ram_address, uint32_t mode) {
  const auto it = blocks_.find(Key(ram_address, mode));
  if (it == blocks_.end()) return nullptr;
  front_[Slot(ram_address)] = it->second;
  return it->second;
}

const Block* BlockCache::Insert(const Block& block) {
  if (bytes_ > kMaxBytes) DropAll();
  const size_t bytes = BlockBytes(block.count);
  auto* copy = static_cast<Block*>(std::malloc(bytes));
  LIBRR_CHECK(copy != nullptr);
  // Block is trivially copyable; only the instructions in use are kept.
  std::memcpy(static_cast<void*>(copy), &block, bytes);
  auto [it, added] =
      blocks_.try_emplace(Key(copy->ram_address, copy->mode), copy);
  if (!added) {
    // A page-crossing instruction whose second page is another one by now.
    Drop(std::exchange(it->second, copy));
  }
  bytes_ += bytes;
  ++inserted_;
  const uint64_t page = copy->ram_address >> kPageShift;
  const unsigned first = copy->ram_address & kPageMask;
  const unsigned last = first + copy->bytes - 1;
  Track(page, first, std::min<unsigned>(last, kPageMask), copy);
  if (copy->second_page != kNoPage)
    Track(copy->second_page, 0, last - kPageSize, copy);
  front_[Slot(copy->ram_address)] = copy;
  return copy;
}

void BlockCache::Track(uint64_t page, unsigned first, unsigned last,
                       Block* block) {
  shared_->tracker->NoteCode(page);
  Page& tracked = pages_[page];
  tracked.granules |= Granules(first, last);
  tracked.blocks.push_back(block);
}

void BlockCache::Drop(Block* block) {
  const size_t slot = Slot(block->ram_address);
  if (front_[slot] == block) front_[slot] = nullptr;
  for (uint64_t page : {block->ram_address >> kPageShift, block->second_page}) {
    const auto it = pages_.find(page);
    if (it != pages_.end()) std::erase(it->second.blocks, block);
  }
  bytes_ -= BlockBytes(block->count);
  ++invalidated_;
  retired_.push_back(block);
}

void BlockCache::Invalidate(uint64_t page, unsigned offset, unsigned size) {
  const auto it = pages_.find(page);
  if (it == pages_.end() ||
      !(it->second.granules & Granules(offset, offset + size - 1)))
    return;
  DropPage(page);
  for (Cpu* cpu : shared_->cpus) cpu->BreakRun();
}

void BlockCache::DropPage(uint64_t page) {
  const auto it = pages_.find(page);
  const std::vector<Block*> blocks = std::move(it->second.blocks);
  pages_.erase(it);
  for (Block* block : blocks) {
    blocks_.erase(Key(block->ram_address, block->mode));
    Drop(block);
  }
  shared_->memory->ClearFlags(page, kPageCode);
}

void BlockCache::DropAll() {
  for (const auto& [page, tracked] : pages_)
    shared_->memory->ClearFlags(page, kPageCode);
  pages_.clear();
  for (const auto& [key, block] : blocks_) {
    bytes_ -= BlockBytes(block->count);
    retired_.push_back(block);
  }
  blocks_.clear();
  std::fill(front_.begin(), front_.end(), nullptr);
}

void BlockCache::FreeRetired() {
  for (Block* block : retired_) std::free(block);
  retired_.clear();
}

}  // namespace librr::pc
