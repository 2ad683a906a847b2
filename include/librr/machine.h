// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What librr asks of a virtual machine, and what a machine may count on.
//
// A machine's state is a function of its initial image and of the inputs that
// it was given, each at an exact position and virtual time. It executes until
// a position and stops exactly there. It never asks the host for time, for
// randomness or for data: whoever drives it (a recorder, a replayer) applies
// inputs between two calls of `Run`, so recording and replaying differ only
// in where the inputs come from.
//
//   machine->SetOutputSink(&sink);
//   machine->ApplyInput({InputKind::kSeed, "12345678"});
//   StopState stop = machine->Run({.until = Position(1'000'000)});
//
// A machine belongs to one thread at a time; only `RequestStop` may be called
// from another thread. Different machines share nothing.
#ifndef LIBRR_MACHINE_H_
#define LIBRR_MACHINE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/digest.h"
#include "librr/stop_condition.h"
#include "librr/units.h"

namespace librr {

// The kinds of input of an embedded machine. Values are part of the trace
// format: never renumber.
enum class InputKind : uint8_t {
  kPowerOnDate = 1,  // 8 bytes, little-endian seconds since 1970 (UTC)
  kSeed = 2,         // 8 bytes, little-endian: what RDRAND and RDSEED draw from
  kConsole = 3,      // bytes that arrive at the first serial port
};

struct Input {
  InputKind kind;
  std::string payload;
};

// Values are part of the trace format: never renumber.
enum class OutputKind : uint8_t {
  kConsole = 1,   // bytes that left the first serial port
  kExitCode = 2,  // one byte: the guest wrote (value << 1) | 1 to the exit port
};

// Receives what leaves the machine, while `Run` executes. `position` counts
// the step that caused the output: output of the first step has position 1.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  virtual void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                        Position position, VirtualTime time) = 0;
};

// Why a machine can execute no further. Values are part of the trace format.
enum class EndReason : uint8_t {
  kNone = 0,
  kPowerOff = 1,     // ACPI S5
  kReset = 2,        // a reset port, or the CPU's reset
  kHalt = 3,         // HLT with interrupts off and no NMI source
  kIdle = 4,         // nothing can happen any more
  kExit = 5,         // the exit port
  kTripleFault = 6,  // a fault while delivering a double fault
  kUnsupported = 7,  // something that the machine advertises but lacks
  kStopped = 8,      // a person stopped the recording
  kLimit = 9,        // a position or time limit of the recording
  kTruncated = 10,   // the recording was cut off
};

// "poweroff", "triple_fault", ...: the words of `vmrr info --json`.
std::string_view EndReasonName(EndReason reason);

enum class StopKind : uint8_t {
  kPosition,     // `until` was reached
  kIdle,         // the machine idles and `idle_until` was reached
  kEnded,        // see `EndState`
  kInterrupted,  // `RequestStop` was called
  kCondition,    // a stop condition was met, see `hits`
};

struct StopState {
  StopKind kind = StopKind::kPosition;
  EndReason end = EndReason::kNone;  // set with kEnded
  int vcpu = 0;                      // which one ended the run
  uint8_t exit_code = 0;             // set with EndReason::kExit
  std::string detail;                // one line for people; may be empty
  // What was met by the last step (or, for breakpoints, will be by the next).
  // With kIdle: what the next kCondition will report.
  std::vector<StopHit> hits;
};

struct RunLimits {
  // Stops when the position equals this. An idle machine at `until` still
  // moves its clock up to `idle_until`: idle time belongs to the position at
  // which the machine idles.
  Position until = Position::Max();
  // The clock of an idle machine is not moved past this.
  VirtualTime idle_until = VirtualTime::Max();
  // Breakpoints do not stop at this position: where a run goes on from one.
  Position skip_breakpoints_at = Position::Max();
};

// A register as gdb names it. `bytes` is little-endian, 1 to 16 bytes.
struct RegisterValue {
  std::string name;
  std::vector<uint8_t> bytes;
};

// What a run cost and did; for people and benchmarks, never for the guest.
struct MachineStatistics {
  uint64_t steps = 0;           // the position
  uint64_t rep_iterations = 0;  // of these, REP iterations past the first
  uint64_t exceptions = 0;      // delivered
  uint64_t interrupts = 0;      // delivered
  uint64_t decoded_blocks = 0;  // by the interpreter's cache
  uint64_t invalidated_blocks = 0;
  uint64_t page_walks = 0;
};

class Machine {
 public:
  virtual ~Machine() = default;

  // --- shape ---
  virtual int vcpu_count() const = 0;
  virtual uint64_t memory_bytes() const = 0;

  // --- execution ---
  virtual Position position() const = 0;
  virtual VirtualTime time() const = 0;
  // Executes until a limit, the end, or a stop request. After kEnded every
  // further call returns the same at once.
  virtual StopState Run(const RunLimits& limits) = 0;
  // Makes a `Run` that is executing (or the next one) return kInterrupted
  // soon. Callable from any thread and from a signal handler.
  virtual void RequestStop() = 0;
  // When an idle machine would wake by itself; nullopt if no timer is armed.
  virtual std::optional<VirtualTime> NextTimer() const = 0;
  // Makes `Run` return kCondition when one of these is met, exactly there: a
  // breakpoint before its instruction, all others behind the step. Replaces
  // those set before; changes nothing that the guest or a digest can see.
  // Unimplemented, or InvalidArgument naming the condition.
  virtual absl::Status SetStopConditions(const StopConditions& conditions) {
    if (conditions.empty()) return absl::OkStatus();
    return absl::UnimplementedError("this machine has no stop conditions");
  }

  // --- the gate ---
  // How many bytes of this kind can be applied now; 0 means not yet.
  virtual size_t InputRoom(InputKind kind) const = 0;
  // Applies an input at the current position and time. Fails with
  // InvalidArgument on a malformed payload or one beyond `InputRoom`.
  virtual absl::Status ApplyInput(const Input& input) = 0;
  // `sink` must outlive the machine, or be replaced by nullptr.
  virtual void SetOutputSink(OutputSink* sink) = 0;

  // --- state: none of these change it ---
  virtual Digest ComputeDigest() = 0;
  // General registers, rip, eflags, segments and their bases, control
  // registers, x87 and SSE, named as gdb's target descriptions name them.
  virtual std::vector<RegisterValue> Registers(int vcpu) const = 0;
  // OutOfRange beyond RAM. Devices are never accessed.
  virtual absl::Status ReadPhysical(GuestPhysical address,
                                    absl::Span<uint8_t> out) const = 0;
  // NotFound if not mapped. Sets no accessed bit; ignores permissions.
  virtual absl::StatusOr<GuestPhysical> Translate(
      int vcpu, GuestVirtual address) const = 0;
  // A count of pages dirtied so far: deterministic, what digests are paced by.
  virtual uint64_t DirtiedPages() const = 0;
  virtual MachineStatistics Statistics() const = 0;

  // --- changing state behind the guest's back ---
  virtual absl::Status WritePhysical(GuestPhysical address,
                                     absl::Span<const uint8_t> bytes) = 0;
  // Everything but RAM: vCPUs, devices, clock, position. Versioned by the
  // machine model.
  virtual std::string SaveState() const = 0;
  virtual absl::Status RestoreState(std::string_view state) = 0;

  // --- RAM in pages of 4096 bytes, for checkpoints ---
  // Pages are numbered by `memory_bytes`, without the holes of the physical
  // address space. Optional: without it there are no checkpoints.
  virtual bool has_pages() const { return false; }
  // The pages that may have changed since the last call, or, in the first one,
  // the pages that may be other than zero. Each once, in no order.
  virtual std::vector<uint32_t> TakeChangedPages() { return {}; }
  // Valid until the machine runs or is changed.
  virtual const uint8_t* PageBytes(uint64_t /*page*/) const { return nullptr; }
  // To be followed by `RestoreState` before the machine runs.
  virtual void RestorePage(uint64_t /*page*/, const uint8_t* /*bytes*/) {}
};

}  // namespace librr

#endif  // LIBRR_MACHINE_H_
