// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The interpreter's loop.
//
//   while steps are left and nothing broke the run:
//     block = decoded code at RIP            (FindBlock: TLB, then BlockCache)
//     for each instruction: advance RIP, count a step, call its handler
//     a handler that fails: put RIP back, deliver the fault (its step)
//
// A block may stop after any instruction: when steps_left reaches `stop_at_`,
// which is 0, or where BreakRun put it. Single steps, shadows and breakpoints
// take `StepCarefully`.
#include <cstring>

#include "machines/pc/cpu/block_cache.h"
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/decoder.h"
#include "machines/pc/cpu/page_tracker.h"
#include "machines/pc/cpu/stop_checker.h"

namespace librr::pc {
namespace {

// DR6.BS: single step.
constexpr uint64_t kDr6Bs = 1u << 14;

}  // namespace

void Cpu::RunBlocks() {
  stop_at_ = 0;
  shared_->blocks->FreeRetired();
  if (shared_->stops && shared_->stops->has_breakpoints()) [[unlikely]] {
    Interpret<true>();
  } else {
    Interpret<false>();
  }
}

template <bool kBreakpoints>
void Cpu::Interpret() {
  while (steps_left > stop_at_) {
    if constexpr (kBreakpoints) {
      uint64_t linear = regs.gpr[kRip];
      if (code_size_ != 8)
        linear = static_cast<uint32_t>(linear + regs.segments[kCs].base);
      if (shared_->stops->BreaksAt(*this, linear)) return;
    }
    const Block* block = FindBlock();
    // An accessed bit that the fetch has set lies in decoded code: the run is
    // broken, before this step, and the block may be dropped.
    if (RunBroken()) [[unlikely]]
      return;
    if (!block) [[unlikely]] {
      --steps_left;
      DeliverFault();
      continue;
    }
    if ((regs.system_flags & (kTf | kRf)) || regs.interrupt_shadow ||
        (regs.dr7 & 0xff)) [[unlikely]] {
      StepCarefully(*block);
      continue;
    }
    const Insn* in = block->insns;
    const Insn* end = in + block->count;
    if constexpr (kBreakpoints) end = UpToBreakpoint(*block);
    do {
      const uint64_t start = regs.gpr[kRip];
      regs.gpr[kRip] = start + in->length;
      --steps_left;
      if (!in->handler(*this, *in)) [[unlikely]] {
        regs.gpr[kRip] = start;
        DeliverFault();
        break;
      }
      ++in;
    } while (in != end && steps_left > stop_at_);
  }
}

// The first instruction of a block, but for its beginning, that may have a
// breakpoint.
const Insn* Cpu::UpToBreakpoint(const Block& block) const {
  const StopChecker& stops = *shared_->stops;
  const Insn* const end = block.insns + block.count;
  unsigned offset = block.ram_address & kPageMask;
  if (block.count == 1 || !stops.MayBreakIn(offset, block.bytes)) return end;
  for (const Insn* in = block.insns; in + 1 != end; ++in) {
    offset += in->length;
    if (stops.MayBreakAt(offset)) return in + 1;
  }
  return end;
}

// One instruction, and what the end of an instruction means for TF, RF,
// shadows. SDM vol. 3, 17.3.1.
void Cpu::StepCarefully(const Block& block) {
  const uint64_t before = regs.system_flags;
  const bool shadow = regs.interrupt_shadow;
  const uint64_t pending = regs.pending_debug;
  if (!(before & kRf) && !regs.debug_shadow && !regs.mid_repeat &&
      ExecuteBreakpointHit(regs.segments[kCs].base + regs.gpr[kRip])) {
    --steps_left;
    Raise(kDebug);
    DeliverFault();
    return;
  }
  // The flags are gone once the instruction has executed, unless it sets them
  // itself (IRET, POPF, STI, MOV SS).
  regs.system_flags &= ~kRf;
  regs.interrupt_shadow = false;
  const bool debug_shadow = regs.debug_shadow;
  regs.debug_shadow = false;
  suppress_step_trap = false;
  // With no step left after this one a REP instruction executes one iteration.
  const int64_t rest = steps_left - 1;
  position_at_zero -= static_cast<uint64_t>(rest);
  steps_left = 0;
  const Insn& in = block.insns[0];
  const uint64_t start = regs.gpr[kRip];
  regs.gpr[kRip] = start + in.length;
  const bool retired = in.handler(*this, in);
  steps_left = rest;
  position_at_zero += static_cast<uint64_t>(rest);
  BreakRun();
  if (!retired) {
    regs.gpr[kRip] = start;
    regs.system_flags |= before & kRf;
    // Data breakpoints that a faulting instruction met are forgotten.
    regs.pending_debug = pending;
    regs.interrupt_shadow = shadow;
    regs.debug_shadow = debug_shadow;
    DeliverFault();
    return;
  }
  if ((before & kTf) && !suppress_step_trap) regs.pending_debug |= kDr6Bs;
}

bool Cpu::ExecuteBreakpointHit(uint64_t linear) {
  uint64_t hits = 0;
  for (int i = 0; i < 4; ++i) {
    const bool enabled = regs.dr7 & (3ull << (2 * i));
    const bool execution = ((regs.dr7 >> (16 + 4 * i)) & 3) == 0;
    if (enabled && execution && regs.dr[static_cast<size_t>(i)] == linear)
      hits |= 1ull << i;
  }
  regs.dr6 |= hits;
  return hits != 0;
}

bool Cpu::FetchPage(uint64_t linear, uint64_t* ram_page) {
  if (long_mode() && code64() &&
      static_cast<int64_t>(linear << 16) >> 16 != static_cast<int64_t>(linear))
    return RaiseGp();
  const TlbEntry& entry = tlb_->For(linear);
  const PhysicalMemory& memory = *shared_->memory;
  if (entry.exec_tag == (linear & ~kPageMask)) {
    *ram_page = memory.PageOfHost(
        reinterpret_cast<const uint8_t*>(linear + entry.addend));
    return true;
  }
  uint64_t physical;
  LIBRR_TRY(TranslateFor(linear, Access::kExecute, mmu_mode_, &physical));
  // By an accessed bit, which had been used as code or is watched.
  if (RunBroken()) EndRunAfterStep();
  const uint8_t* host = memory.Host(physical);
  // Bytes beyond RAM float: FF FF is no instruction.
  if (!host) return RaiseUd();
  *ram_page = memory.PageOfHost(host);
  return true;
}

const Block* Cpu::FindBlock() {
  uint64_t linear = regs.gpr[kRip];
  if (code_size_ != 8) [[unlikely]] {
    regs.gpr[kRip] = static_cast<uint32_t>(linear);
    if (regs.gpr[kRip] > regs.segments[kCs].limit) {
      RaiseGp();
      return nullptr;
    }
    linear = static_cast<uint32_t>(regs.gpr[kRip] + regs.segments[kCs].base);
  }
  if ((linear & ~kPageMask) != fetch_page_) {
    uint64_t page;
    if (!FetchPage(linear, &page)) return nullptr;
    fetch_page_ = linear & ~kPageMask;
    fetch_ram_page_ = page;
  }
  const uint64_t ram_address =
      fetch_ram_page_ << kPageShift | (linear & kPageMask);
  const Block* block = shared_->blocks->Find(ram_address, decode_mode_);
  if (!block) {
    block = BuildBlock(linear, kMaxBlockInsns);
    if (!block) return nullptr;
  } else if (block->second_page != kNoPage) [[unlikely]] {
    uint64_t second;
    if (!FetchPage((linear & ~kPageMask) + kPageSize, &second)) return nullptr;
    if (second != block->second_page) {
      block = BuildBlock(linear, 1);
      if (!block) return nullptr;
    }
  }
  if (code_size_ != 8 && regs.gpr[kRip] + block->bytes - 1 >
                             regs.segments[kCs].limit) [[unlikely]] {
    // Some instruction of the block reaches past the limit: perhaps the first.
    block = BuildBlock(linear, 1);
    if (block && regs.gpr[kRip] + block->bytes - 1 > regs.segments[kCs].limit) {
      RaiseGp();
      return nullptr;
    }
  }
  return block;
}

const Block* Cpu::BuildBlock(uint64_t linear, unsigned max_count) {
  Block block;
  block.ram_address = fetch_ram_page_ << kPageShift | (linear & kPageMask);
  block.second_page = kNoPage;
  block.mode = decode_mode_;
  block.bytes = 0;
  block.count = 0;
  const uint8_t* page = shared_->memory->HostOfPage(fetch_ram_page_);
  unsigned at = linear & kPageMask;
  while (block.count < max_count && at < kPageSize) {
    Insn& in = block.insns[block.count];
    const unsigned available = static_cast<unsigned>(kPageSize) - at;
    if (Decode(page + at, available, decode_mode_, &in) ==
        DecodeResult::kNeedsMoreBytes) {
      if (block.count > 0) break;
      uint64_t second;
      if (!FetchPage((linear & ~kPageMask) + kPageSize, &second))
        return nullptr;
      uint8_t bytes[2 * kMaxInsnBytes];
      std::memcpy(bytes, page + at, available);
      std::memcpy(bytes + available, shared_->memory->HostOfPage(second),
                  kMaxInsnBytes);
      Decode(bytes, available + kMaxInsnBytes, decode_mode_, &in);
      // The fetch may have set an accessed bit in the instruction itself.
      if (in.length > available) block.second_page = second;
    }
    if (shared_->injected_fault && in.row == shared_->injected_fault->row)
        [[unlikely]]
      in.handler = shared_->injected_fault->handler;
    at += in.length;
    block.bytes = static_cast<uint16_t>(block.bytes + in.length);
    ++block.count;
    if (EndsBlock(in)) break;
  }
  return shared_->blocks->Insert(block);
}

}  // namespace librr::pc
