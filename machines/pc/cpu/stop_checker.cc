// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/stop_checker.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "machines/pc/cpu/page_tracker.h"

namespace librr::pc {
namespace {

// A longer linear range would take too long to resolve at each change of
// address space.
constexpr uint64_t kMaxLinearBytes = uint64_t{1} << 30;

bool WantsReads(WatchKind kind) {
  return kind == WatchKind::kRead || kind == WatchKind::kAccess;
}

bool WantsWrites(WatchKind kind) { return kind != WatchKind::kRead; }

}  // namespace

absl::Status StopChecker::Check(const StopConditions& conditions) {
  for (const Watchpoint& watch : conditions.watchpoints) {
    if (watch.length == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the watchpoint at 0x", absl::Hex(watch.address), " has no length"));
    }
    if (watch.address + (watch.length - 1) < watch.address) {
      return absl::InvalidArgumentError(
          absl::StrCat("the watchpoint at 0x", absl::Hex(watch.address),
                       " reaches beyond the last address"));
    }
    if (!watch.physical && watch.length > kMaxLinearBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the watchpoint at 0x", absl::Hex(watch.address), " has ",
          watch.length, " bytes; a linear one has at most ", kMaxLinearBytes));
    }
  }
  return absl::OkStatus();
}

StopChecker::StopChecker(CpuShared* shared, StopConditions conditions)
    : shared_(shared), conditions_(std::move(conditions)) {
  for (const Breakpoint& breakpoint : conditions_.breakpoints) {
    const unsigned offset = breakpoint.address & kPageMask;
    offsets_.set(offset);
    granules_ |= uint64_t{1} << (offset / kGranule);
  }
  StateReplaced();
}

StopChecker::~StopChecker() { ClearFlags(); }

// --- breakpoints ------------------------------------------------------------

bool StopChecker::BreaksAt(Cpu& cpu, uint64_t linear) {
  if (!MayBreakAt(linear & kPageMask)) return false;
  // A code page that is not mapped: the next step is the fault.
  uint64_t physical;
  if (!cpu.Translate(linear, &physical)) return false;
  bool found = false;
  const bool skip = cpu.position() == skip_at_;
  for (const Breakpoint& breakpoint : conditions_.breakpoints) {
    if (breakpoint.address != (breakpoint.physical ? physical : linear))
      continue;
    if (breakpoint.address_space &&
        breakpoint.address_space->value() != cpu.PageTableRoot())
      continue;
    found = true;
    if (skip) break;
    StopHit hit;
    hit.kind = StopHit::Kind::kBreakpoint;
    hit.id = breakpoint.id;
    hit.position = Position(cpu.position());
    hit.vcpu = cpu.index();
    hit.address = breakpoint.address;
    hit.physical = GuestPhysical(physical);
    hits_.push_back(std::move(hit));
  }
  if (found && skip) {
    // So that the next iteration of a REP instruction stops.
    cpu.EndRunAfterStep();
    return false;
  }
  return found;
}

// --- watchpoints ------------------------------------------------------------

void StopChecker::Break() {
  for (Cpu* cpu : shared_->cpus) cpu->BreakRun();
}

void StopChecker::BeforeStore(uint64_t page, unsigned offset, unsigned size,
                              StopHit::Cause cause) {
  const auto found = pieces_.find(page);
  if (found == pieces_.end()) return;
  const uint8_t* bytes = shared_->memory->HostOfPage(page);
  for (const Piece& piece : found->second) {
    const unsigned first = std::max<unsigned>(offset, piece.offset);
    const unsigned end =
        std::min<unsigned>(offset + size, piece.offset + piece.size);
    if (first >= end) continue;
    Break();
    if (piece.watch == kMapping) {
      resolve_needed_ = true;
      continue;
    }
    if (!WantsWrites(conditions_.watchpoints[piece.watch].kind)) continue;
    // Of a byte that is written twice in a step the first value is the old one.
    const uint8_t* host = bytes + first;
    const bool known =
        std::any_of(touches_.begin(), touches_.end(), [&](const Touch& touch) {
          return touch.is_write && touch.watch == piece.watch &&
                 touch.host <= host &&
                 host + (end - first) <= touch.host + touch.old_bytes.size();
        });
    if (known) continue;
    touches_.push_back({piece.watch,
                        piece.watch_offset + (first - piece.offset), host,
                        shared_->memory->PhysicalOfPage(page) + first, cause,
                        true, std::string(host, host + (end - first))});
  }
}

void StopChecker::OnRead(uint64_t page, unsigned offset, unsigned size) {
  const auto found = pieces_.find(page);
  if (found == pieces_.end()) return;
  const uint8_t* bytes = shared_->memory->HostOfPage(page);
  for (const Piece& piece : found->second) {
    if (!Reads(piece.watch)) continue;
    const unsigned first = std::max<unsigned>(offset, piece.offset);
    const unsigned end =
        std::min<unsigned>(offset + size, piece.offset + piece.size);
    if (first >= end) continue;
    Break();
    touches_.push_back(
        {piece.watch, piece.watch_offset + (first - piece.offset),
         bytes + first, shared_->memory->PhysicalOfPage(page) + first,
         StopHit::Cause::kInstruction, false,
         std::string(bytes + first, bytes + end)});
  }
}

void StopChecker::OnFault() {
  std::erase_if(touches_, [](const Touch& touch) { return !touch.is_write; });
}

bool StopChecker::Reads(uint32_t watch) const {
  return watch != kMapping && WantsReads(conditions_.watchpoints[watch].kind);
}

// --- events -----------------------------------------------------------------

void StopChecker::OnEvent(Catchpoint::Kind kind, uint64_t value) {
  for (const Catchpoint& point : conditions_.catchpoints) {
    if (point.kind != kind) continue;
    events_.push_back({kind, value});
    Break();
    return;
  }
}

void StopChecker::OnAddressSpace() {
  resolve_needed_ = true;
  Break();
}

// --- between runs -----------------------------------------------------------

void StopChecker::FinishRun(uint64_t position, int vcpu) {
  if (resolve_needed_) {
    for (const Cpu* cpu : shared_->cpus) {
      uint64_t& last = last_cr3_[static_cast<size_t>(cpu->index())];
      if (last != cpu->regs.cr3)
        OnEvent(Catchpoint::Kind::kAddressSpace, cpu->regs.cr3);
      last = cpu->regs.cr3;
    }
  }
  if (!touches_.empty() || !events_.empty()) {
    const uint64_t step = position == 0 ? 0 : position - 1;
    const std::vector<Touch> touches = std::exchange(touches_, {});
    for (uint32_t i = 0; i < conditions_.watchpoints.size(); ++i)
      AddHits(touches, i, step, vcpu);
    for (const Event& event : events_) {
      for (const Catchpoint& point : conditions_.catchpoints) {
        if (point.kind != event.kind) continue;
        if (point.kind != Catchpoint::Kind::kAddressSpace && point.vector &&
            *point.vector != event.value)
          continue;
        StopHit hit;
        hit.kind = StopHit::Kind::kCatchpoint;
        hit.id = point.id;
        hit.position = Position(step);
        hit.vcpu = vcpu;
        hit.address = event.value;
        hits_.push_back(std::move(hit));
      }
    }
    events_.clear();
  }
  if (resolve_needed_) ResolveAll();
}

// One hit for the bytes of a watched range that a step has accessed.
void StopChecker::AddHits(const std::vector<Touch>& touches, uint32_t watch,
                          uint64_t position, int vcpu) {
  const Watchpoint& point = conditions_.watchpoints[watch];
  std::vector<const Touch*> counted;
  for (const Touch& touch : touches) {
    if (touch.watch != watch) continue;
    const bool changed = !std::equal(
        touch.old_bytes.begin(), touch.old_bytes.end(), touch.host,
        [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
    if (touch.is_write && point.kind == WatchKind::kWrite && !changed) continue;
    counted.push_back(&touch);
  }
  if (counted.empty()) return;
  // Writes first: they say more about an access.
  std::stable_sort(counted.begin(), counted.end(),
                   [](const Touch* a, const Touch* b) {
                     if (a->is_write != b->is_write) return a->is_write;
                     return a->watch_offset < b->watch_offset;
                   });
  const Touch& first = *counted.front();
  StopHit hit;
  hit.kind = StopHit::Kind::kWatchpoint;
  hit.id = point.id;
  hit.position = Position(position);
  hit.vcpu = vcpu;
  hit.address = point.address + first.watch_offset;
  hit.physical = GuestPhysical(first.physical);
  hit.cause = first.cause;
  hit.is_write = first.is_write;
  for (const Touch* touch : counted) {
    if (touch->is_write != first.is_write) break;
    // Parts of one access that crosses pages.
    if (touch->watch_offset != first.watch_offset + hit.length) break;
    hit.length += touch->old_bytes.size();
    hit.old_bytes += touch->old_bytes;
    hit.new_bytes.append(touch->host, touch->host + touch->old_bytes.size());
  }
  if (hit.old_bytes.size() > StopHit::kMaxBytes) {
    hit.old_bytes.resize(StopHit::kMaxBytes);
    hit.new_bytes.resize(StopHit::kMaxBytes);
  }
  hits_.push_back(std::move(hit));
}

void StopChecker::StateReplaced() {
  Forget();
  last_cr3_.clear();
  for (const Cpu* cpu : shared_->cpus) last_cr3_.push_back(cpu->regs.cr3);
  ResolveAll();
}

void StopChecker::Forget() {
  touches_.clear();
  events_.clear();
  hits_.clear();
}

// --- resolving --------------------------------------------------------------

void StopChecker::ResolveAll() {
  resolve_needed_ = false;
  Pieces pieces;
  for (uint32_t i = 0; i < conditions_.watchpoints.size(); ++i) {
    const Watchpoint& watch = conditions_.watchpoints[i];
    if (watch.physical) {
      AddRam(i, 0, watch.address, watch.length, &pieces);
    } else if (watch.address_space) {
      ResolveLinear(i, watch.address_space->value(), &pieces);
    } else {
      absl::flat_hash_set<uint64_t> done;
      for (const Cpu* cpu : shared_->cpus) {
        if (done.insert(cpu->regs.cr3).second)
          ResolveLinear(i, cpu->regs.cr3, &pieces);
      }
    }
  }
  for (auto& [page, list] : pieces) {
    std::sort(list.begin(), list.end(), [](const Piece& a, const Piece& b) {
      return std::tie(a.watch, a.offset, a.size, a.watch_offset) <
             std::tie(b.watch, b.offset, b.size, b.watch_offset);
    });
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  if (pieces == pieces_) return;
  ClearFlags();
  pieces_ = std::move(pieces);
  SetFlags();
}

void StopChecker::ResolveLinear(uint32_t watch, uint64_t cr3, Pieces* pieces) {
  const Watchpoint& point = conditions_.watchpoints[watch];
  // All vCPUs are in the same paging mode, or their watchers see nothing.
  const Cpu& cpu = *shared_->cpus.front();
  uint64_t done = 0;
  while (done < point.length) {
    const uint64_t linear = point.address + done;
    const Cpu::Lookup found = cpu.LookUp(linear, cr3);
    for (int i = 0; i < found.entry_count; ++i) {
      const Cpu::Lookup::Entry& entry = found.entries[i];
      (*pieces)[entry.ram_page].push_back(
          {entry.offset, found.entry_size, kMapping, 0});
    }
    const uint64_t left = found.size - (linear & (found.size - 1));
    const uint64_t size = std::min(point.length - done, left);
    if (found.mapped) AddRam(watch, done, found.physical, size, pieces);
    done += size;
  }
}

void StopChecker::AddRam(uint32_t watch, uint64_t watch_offset,
                         uint64_t physical, uint64_t size, Pieces* pieces) {
  const PhysicalMemory& memory = *shared_->memory;
  const uint64_t end = memory.PhysicalOfPage(memory.page_count() - 1) +
                       kPageSize;  // of the last byte of RAM
  uint64_t done = 0;
  while (done < size && physical + done < end) {
    const uint64_t at = physical + done;
    const uint64_t part = std::min(size - done, kPageSize - (at & kPageMask));
    if (const uint8_t* host = memory.Host(at)) {
      (*pieces)[memory.PageOfHost(host)].push_back(
          {static_cast<uint16_t>(at & kPageMask), static_cast<uint16_t>(part),
           watch, watch_offset + done});
    }
    done += part;
  }
}

void StopChecker::SetFlags() {
  bool reads = false;
  for (const auto& [page, list] : pieces_) {
    shared_->tracker->NoteWatched(page, kPageWatched);
    for (const Piece& piece : list) {
      if (!Reads(piece.watch)) continue;
      shared_->memory->SetFlags(page, kPageReadWatched);
      reads = true;
    }
  }
  // Where reads are translated at full speed is not known.
  if (!reads) return;
  for (Cpu* cpu : shared_->cpus) cpu->DropTranslations();
}

void StopChecker::ClearFlags() {
  for (const auto& [page, list] : pieces_)
    shared_->memory->ClearFlags(page, kPageWatched | kPageReadWatched);
}

}  // namespace librr::pc
