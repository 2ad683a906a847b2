// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a debug stub talks to: a machine at one position of its history, and
// ways to move along that history.
//
//   class MyTarget final : public DebugTarget { ... };
//   MyTarget target;
//   LIBRR_ASSIGN_OR_RETURN(auto stub, DebugStub::Listen(&target, {}));
//   stub->Serve();
//
// `TimelineTarget` (librr/timeline_target.h) is the one over a recording. A
// target belongs to the thread that serves it; only `Interrupt` is called from
// another one. What a target cannot do it need not override: the person is
// told.
#ifndef LIBRR_DEBUG_TARGET_H_
#define LIBRR_DEBUG_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "librr/machine.h"
#include "librr/memory_reader.h"
#include "librr/stop_condition.h"
#include "librr/timeline.h"
#include "librr/units.h"

namespace librr {

// Whose a stop point is.
struct StopScope {
  // Whose user addresses are meant; nullopt: those of whatever address space
  // is current.
  std::optional<AddressSpace> address_space;
  // The process of the guest that it stops for; nullopt: any.
  std::optional<uint32_t> process;
};

// How to go on from the present position.
struct ResumeRequest {
  Direction direction = Direction::kForward;
  // Not -1: stop when this vCPU has executed one instruction more (backwards:
  // one less). The other vCPUs' turns run as they did.
  int step_vcpu = -1;
  // With `step_vcpu`: goes on while its next instruction is in [first, second).
  std::optional<std::pair<uint64_t, uint64_t>> step_range;
  // With `step_vcpu`: only instructions of the same context count, so that a
  // step does not end in an interrupt or fault handler.
  bool step_in_context = true;
  StopConditions conditions;
  // The process that a condition belongs to, by the condition's id; without an
  // entry it stops for any. Address spaces are used again by other processes
  // and shared by a child of vfork, so they do not say that.
  std::map<uint32_t, uint32_t> owners;
  // Stop there at the latest.
  std::optional<Position> bound;
};

struct TargetStop {
  enum class Reason : uint8_t {
    kStep,         // the step was done
    kCondition,    // `hits` says which
    kPosition,     // the bound was reached
    kBegin,        // of the history
    kEnd,          // of the history
    kInterrupted,  // `Interrupt`
  };
  Reason reason = Reason::kStep;
  int vcpu = 0;  // whom it concerns
  std::vector<StopHit> hits;
  // For the person, if there is something to say: one line.
  std::string note;
};

struct TargetMark {
  std::string name;
  Position position;
};

// What a debugger shows as a thread: a vCPU, or a task of the guest.
struct TargetThread {
  int number = 0;  // not negative; gdb shows the next number
  int core = -1;   // the vCPU that executes it; -1: none
  std::string name;
  std::string details;  // for people; may be empty
  int process = 0;      // of the guest; 0: none
};

// Where a function takes a `vcpu` it takes the number of a thread. Thread N is
// vCPU N unless the target knows the guest's operating system.
class DebugTarget {
 public:
  virtual ~DebugTarget() = default;

  // --- threads ---
  // Those that there are here.
  virtual std::vector<TargetThread> Threads() const;
  virtual bool HasThread(int number) const;
  // The one to show after a move that was not a thread's own; `shown` was
  // before it.
  virtual int ThreadHere(int shown) const;
  // Whose a stop point in user code is that is set for a thread here.
  virtual StopScope ScopeOf(int vcpu) const;
  // The same for one that belongs to the thread's process, whatever code the
  // thread is in.
  virtual StopScope ProcessScopeOf(int thread) const { return ScopeOf(thread); }
  // The guest's Linux; NotFound says why it is not seen here.
  virtual absl::StatusOr<LinuxGuest*> Linux() const;
  // The guest's task that is a thread here; NotFound if it is none.
  virtual absl::StatusOr<LinuxTask> TaskOf(int thread) const;
  // Whether threads can belong to processes of the guest.
  virtual bool has_processes() const { return false; }
  // Whether threads are the guest's tasks, where the target can show them.
  virtual void ShowTasks(bool /*show*/) {}
  // What a person has typed to look at the guest's Linux with; nullopt: what
  // the target has itself.
  virtual void SetLinuxOffsets(const std::optional<LinuxOffsets>& /*offsets*/) {
  }
  // Whether a process that does not execute shows the registers of its kernel
  // stack, not those of its user code.
  virtual void ShowKernelRegisters(bool /*show*/) {}

  // --- where it is ---
  virtual int vcpu_count() const = 0;
  virtual uint64_t memory_bytes() const = 0;
  virtual Position position() const = 0;
  virtual VirtualTime time() const = 0;
  // The first and last position that can be gone to.
  virtual Position begin() const = 0;
  virtual Position end() const = 0;

  // --- the state here ---
  // As `Machine` has them.
  virtual std::vector<RegisterValue> Registers(int vcpu) const = 0;
  virtual absl::Status ReadPhysical(GuestPhysical address,
                                    absl::Span<uint8_t> out) const = 0;
  virtual absl::StatusOr<GuestPhysical> Translate(
      int vcpu, GuestVirtual address) const = 0;
  // The page tables that the vCPUs use, each once.
  virtual std::vector<PagingRoot> PagingRoots() const;
  // The address space that is current on a vCPU.
  virtual AddressSpace CurrentAddressSpace(int vcpu) const = 0;
  // Reads as much of the range as is mapped to RAM from its beginning on;
  // returns how many bytes that is.
  virtual size_t ReadVirtual(int vcpu, GuestVirtual address,
                             absl::Span<uint8_t> out) const;

  // Why state cannot be changed here, in a sentence; empty if it can be.
  virtual std::string read_only_reason() const;
  virtual absl::Status WriteRegister(int vcpu, const RegisterValue& value);
  virtual absl::Status WritePhysical(GuestPhysical address,
                                     absl::Span<const uint8_t> bytes);
  virtual absl::Status WriteVirtual(int vcpu, GuestVirtual address,
                                    absl::Span<const uint8_t> bytes);

  // --- moving ---
  // An error leaves the target at a valid position.
  virtual absl::StatusOr<TargetStop> Resume(const ResumeRequest& request) = 0;
  // Cancelled if it was interrupted.
  virtual absl::Status Seek(Position position) = 0;
  // Makes the `Resume`, `Seek` or search that is executing return within
  // milliseconds; nothing if none is. Called from another thread, repeatedly
  // until it has returned.
  virtual void Interrupt() = 0;

  // What the person should know about the last move, once: lines, or nothing.
  virtual std::string TakeNotes() { return ""; }

  // --- what the history holds ---
  virtual absl::StatusOr<std::optional<StopHit>> LastWrite(
      const Watchpoint& range, Position before);
  virtual absl::Status AddMark(std::string_view name);
  // In order of position.
  virtual absl::StatusOr<std::vector<TargetMark>> Marks() const;
  // The first position whose virtual time is not before `time`.
  virtual absl::StatusOr<Position> FindTime(VirtualTime time) const;
  // Where the console first has printed `text`.
  virtual absl::StatusOr<Position> FindConsole(std::string_view text) const;
  // One line for each event in [from, to], at most `max`.
  virtual absl::StatusOr<std::vector<std::string>> Events(Position from,
                                                          Position to,
                                                          size_t max) const;
  // Lines for people.
  virtual std::vector<std::string> Information() const;
  virtual std::vector<std::string> Checkpoints() const;
};

}  // namespace librr

#endif  // LIBRR_DEBUG_TARGET_H_
