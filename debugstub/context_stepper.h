// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A debugger's step, made of a timeline's: until a vCPU has executed one
// instruction more (or one less), and, "in context", without the interrupt and
// fault handlers and system calls that run in between.
//
//   ContextStepper stepper(&timeline, request);
//   LIBRR_ASSIGN_OR_RETURN(TargetStop stop, stepper.Step());
//
// A context is an address space, a privilege and a stack pointer: the handler
// of an interrupt returns to the very state that it interrupted. Where it does
// not return within reach, the step ends in the handler and says so.
#ifndef LIBRR_DEBUGSTUB_CONTEXT_STEPPER_H_
#define LIBRR_DEBUGSTUB_CONTEXT_STEPPER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "debugstub/range_exits.h"
#include "librr/debug_target.h"
#include "librr/timeline.h"

namespace librr {

class ContextStepper {
 public:
  // `request.step_vcpu` must name a vCPU. Both must outlive the stepper.
  ContextStepper(Timeline* timeline, const ResumeRequest& request);

  // Steps once, or, with a range, until the next instruction is outside of it.
  absl::StatusOr<TargetStop> Step();

 private:
  // What a handler must restore.
  struct Context {
    Position position;
    uint64_t rip = 0;
    uint64_t rsp = 0;
    int privilege = 0;
    AddressSpace space;
    bool operator==(const Context&) const = default;
  };

  // nullopt: go on, nothing has stopped it.
  using MaybeStop = absl::StatusOr<std::optional<TargetStop>>;

  Context Here() const;
  std::vector<uint8_t> CodeHere() const;
  // One step of the machine.
  MaybeStop MachineStep(std::vector<StopHit>* deliveries);
  // Whether the vCPU was the one that the last machine step belonged to.
  bool IsMine(const std::vector<RegisterValue>& before,
              const std::vector<RegisterValue>& after) const;
  MaybeStop ForwardInContext();
  // Runs on within the range, without looking at each instruction, as far as
  // that can be done; `exits` are the range's.
  MaybeStop RunInRange(const RangeExits& exits);
  std::optional<RangeExits> Exits() const;
  MaybeStop BackwardInContext();
  MaybeStop Plain();
  // Runs until the vCPU is at `address` in the context of `wanted`; backwards
  // also to where `wanted` was interrupted. False if that is out of reach; the
  // position is then the old one.
  absl::StatusOr<bool> RunToContext(const Context& wanted, uint64_t address,
                                    std::optional<TargetStop>* stopped);
  TargetStop Stopped(TargetStop::Reason reason) const;
  std::optional<TargetStop> FromHits(std::vector<StopHit> hits) const;

  Timeline* const timeline_;
  const ResumeRequest& request_;
  const bool forward_;
  StopConditions watched_;  // what stops a single step
  std::string note_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_CONTEXT_STEPPER_H_
