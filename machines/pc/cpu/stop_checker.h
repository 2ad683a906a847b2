// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Notices when a stop condition is met. Exists only while conditions are set:
// `CpuShared::stops` is null otherwise, and then nothing here costs anything.
//
// Watched ranges are resolved into pieces of RAM pages, which are flagged, so
// that accesses to them take the slow paths, which call `BeforeStore` and
// `OnRead`. The page-table entries that a linear range was resolved by are
// watched too: after a step that changes one of them, or the address space, the
// range is resolved again. The machine calls `FinishRun` at the end of every
// run; a run ends with the step that met a condition.
#ifndef LIBRR_MACHINES_PC_CPU_STOP_CHECKER_H_
#define LIBRR_MACHINES_PC_CPU_STOP_CHECKER_H_

#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "librr/stop_condition.h"
#include "machines/pc/cpu/cpu.h"

namespace librr::pc {

class StopChecker {
 public:
  // InvalidArgument names a condition that is out of range.
  static absl::Status Check(const StopConditions& conditions);

  // The conditions have passed `Check`.
  StopChecker(CpuShared* shared, StopConditions conditions);
  // Removes the flags.
  ~StopChecker();
  StopChecker(const StopChecker&) = delete;
  StopChecker& operator=(const StopChecker&) = delete;

  // --- breakpoints, asked by the interpreter ---
  bool has_breakpoints() const { return !conditions_.breakpoints.empty(); }
  // Whether there may be a breakpoint in `bytes` of code from this offset in a
  // page on.
  bool MayBreakIn(unsigned offset, unsigned bytes) const {
    const unsigned last = offset + bytes - 1;
    const uint64_t high = last >= 63 * kGranule
                              ? ~uint64_t{0}
                              : (uint64_t{1} << (last / kGranule + 1)) - 1;
    return granules_ & high & ~((uint64_t{1} << (offset / kGranule)) - 1);
  }
  bool MayBreakAt(unsigned offset) const { return offsets_[offset]; }
  // The vCPU is about to execute the instruction at `linear`: true if it must
  // stop. A breakpoint that is to be skipped ends the run after this step.
  bool BreaksAt(Cpu& cpu, uint64_t linear);
  // Breakpoints at this position do not stop.
  void SkipBreakpointsAt(uint64_t position) { skip_at_ = position; }

  // --- watchpoints, called for flagged pages; ranges are within a page ---
  void BeforeStore(uint64_t page, unsigned offset, unsigned size,
                   StopHit::Cause cause);
  void OnRead(uint64_t page, unsigned offset, unsigned size);
  // The instruction that executes has not retired: it has read nothing.
  void OnFault();

  // --- events ---
  void OnException(uint8_t vector) {
    OnEvent(Catchpoint::Kind::kException, vector);
  }
  void OnInterrupt(uint8_t vector) {
    OnEvent(Catchpoint::Kind::kInterrupt, vector);
  }
  void OnAddressSpace();

  // --- between runs ---
  // A run of vCPU `vcpu` has ended, or devices have done something, at
  // `position`. Turns what was noticed into hits.
  void FinishRun(uint64_t position, int vcpu);
  // The state was changed from outside.
  void StateReplaced();
  const std::vector<StopHit>& hits() const { return hits_; }
  std::vector<StopHit> TakeHits() { return std::exchange(hits_, {}); }

 private:
  static constexpr unsigned kGranule = 64;
  // Of a piece that is not watched but part of a mapping.
  static constexpr uint32_t kMapping = ~0u;

  // A watched part of a page.
  struct Piece {
    uint16_t offset;
    uint16_t size;
    uint32_t watch;         // index into conditions_.watchpoints
    uint64_t watch_offset;  // of its first byte in the watched range
    bool operator==(const Piece&) const = default;
  };
  using Pieces = absl::flat_hash_map<uint64_t, std::vector<Piece>>;
  // An access to watched bytes in the present step.
  struct Touch {
    uint32_t watch;
    uint64_t watch_offset;
    const uint8_t* host;
    uint64_t physical;
    StopHit::Cause cause;
    bool is_write;
    std::string old_bytes;  // all that were accessed
  };
  struct Event {
    Catchpoint::Kind kind;
    uint64_t value;
  };

  void OnEvent(Catchpoint::Kind kind, uint64_t value);
  void Break();
  void ResolveAll();
  void ResolveLinear(uint32_t watch, uint64_t cr3, Pieces* pieces);
  void AddRam(uint32_t watch, uint64_t watch_offset, uint64_t physical,
              uint64_t size, Pieces* pieces);
  void SetFlags();
  void ClearFlags();
  bool Reads(uint32_t watch) const;
  void AddHits(const std::vector<Touch>& touches, uint32_t watch,
               uint64_t position, int vcpu);
  void Forget();

  CpuShared* const shared_;
  const StopConditions conditions_;
  std::bitset<kPageSize> offsets_;  // in a page, of breakpoints
  uint64_t granules_ = 0;           // the same by granules
  uint64_t skip_at_ = ~uint64_t{0};

  Pieces pieces_;  // by RAM page
  bool resolve_needed_ = false;
  std::vector<uint64_t> last_cr3_;  // by vCPU
  // What was noticed in the present step.
  std::vector<Touch> touches_;
  std::vector<Event> events_;
  std::vector<StopHit> hits_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_STOP_CHECKER_H_
