// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a machine stops for: breakpoints, watchpoints and events, any number of
// each. The guest cannot see them; they change no digest.
//
//   StopConditions conditions;
//   conditions.breakpoints.push_back(
//       {.id = 1, .address = 0xffffffff81000000});
//   conditions.watchpoints.push_back(
//       {.id = 2, .kind = WatchKind::kWrite, .address = 0x7ffe1000, .length =
//       8,
//        .address_space = PageTableRoot(machine, 0)});
//   TimelineStop stop = *timeline.Run(Direction::kBackward, conditions);
//
// Plain values: copy them freely.
#ifndef LIBRR_STOP_CONDITION_H_
#define LIBRR_STOP_CONDITION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "librr/units.h"

namespace librr {

class Machine;

// An address space, named by the physical address of its top page table: CR3
// without its flags.
using AddressSpace = GuestPhysical;

// Hits before the step at `address` executes. Each iteration of a REP
// instruction is a step.
struct Breakpoint {
  uint32_t id = 0;  // the caller's; need not be unique
  uint64_t address = 0;
  // Whether `address` is physical; else it is linear.
  bool physical = false;
  // Only while this address space is current; nullopt: in any.
  std::optional<AddressSpace> address_space = std::nullopt;

  bool operator==(const Breakpoint&) const = default;
};

enum class WatchKind : uint8_t {
  kWrite,     // a byte changes
  kAnyWrite,  // a byte is written, even with the value it had
  kRead,
  kAccess,  // read, or written with whatever value
};

// Hits after the step that accesses one of `length` bytes. All that writes
// counts: instructions, pushes of an event's delivery, accessed and dirty bits
// set by the page walker, devices. Code fetches and the page walker's reads do
// not count as reads.
//
// A linear range follows its mapping: what counts is the RAM behind it at that
// moment, by whatever address it is accessed.
struct Watchpoint {
  uint32_t id = 0;
  WatchKind kind = WatchKind::kWrite;
  uint64_t address = 0;
  uint64_t length = 1;
  bool physical = false;
  // Whose mapping a linear range follows; nullopt: of the address space that
  // is current on the vCPU that executes.
  std::optional<AddressSpace> address_space = std::nullopt;

  bool operator==(const Watchpoint&) const = default;
};

// Hits after the step that does it.
struct Catchpoint {
  enum class Kind : uint8_t {
    kException,     // an exception was delivered
    kInterrupt,     // an interrupt or NMI was delivered
    kAddressSpace,  // CR3 got another value
  };

  uint32_t id = 0;
  Kind kind = Kind::kException;
  std::optional<uint8_t> vector = std::nullopt;  // nullopt: any

  bool operator==(const Catchpoint&) const = default;
};

struct StopConditions {
  std::vector<Breakpoint> breakpoints;
  std::vector<Watchpoint> watchpoints;
  std::vector<Catchpoint> catchpoints;

  bool empty() const {
    return breakpoints.empty() && watchpoints.empty() && catchpoints.empty();
  }
  bool operator==(const StopConditions&) const = default;
};

// A condition that was met.
struct StopHit {
  enum class Kind : uint8_t { kBreakpoint, kWatchpoint, kCatchpoint };
  // Who accessed a watched range.
  enum class Cause : uint8_t {
    kInstruction,  // or the delivery of an event
    kPageWalker,
    kDevice,
  };
  // How many bytes of a watched range are shown.
  static constexpr size_t kMaxBytes = 64;

  Kind kind = Kind::kBreakpoint;
  uint32_t id = 0;
  // Of the step that hit: before it. Going forward, a breakpoint stops here, a
  // watchpoint or catchpoint behind the step; going backward, all stop here.
  Position position;
  int vcpu = 0;
  // The breakpoint's address; the first watched byte that was accessed, as the
  // watchpoint gives it (linear or physical); a vector; the new CR3.
  uint64_t address = 0;
  GuestPhysical physical;  // of that watched byte
  Cause cause = Cause::kInstruction;
  bool is_write = false;
  uint64_t length = 0;  // watched bytes that were accessed
  // Up to `kMaxBytes` of them, before and after the step.
  std::string old_bytes;
  std::string new_bytes;

  // Where a machine stops for it, going forward.
  Position forward_stop() const {
    return kind == Kind::kBreakpoint ? position : position + 1;
  }
  bool operator==(const StopHit&) const = default;
};

}  // namespace librr

#endif  // LIBRR_STOP_CONDITION_H_
