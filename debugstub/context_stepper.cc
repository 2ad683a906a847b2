// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/context_stepper.h"

#include <algorithm>
#include <utility>

#include "debugstub/signal_return.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"

namespace librr {
namespace {

// How far a handler may run before a step no longer waits for its end. A
// process that was interrupted can be long in getting its CPU back.
constexpr uint64_t kForwardReach = 200'000'000;
// Backwards the search costs more, and going on from a handler is what one who
// follows a fault to its cause wants anyway.
constexpr uint64_t kBackwardReach = 50'000'000;

// The identifiers of the conditions that are this file's own.
constexpr uint32_t kDeliveryId = ~uint32_t{0};
constexpr uint32_t kReturnId = ~uint32_t{0} - 1;

// In how many places that look alike one is looked for.
constexpr int kMaxStops = 1'000;

constexpr size_t kMaxInstruction = 15;

// The longest line, in bytes of code, that is looked at as a whole.
constexpr uint64_t kMaxRange = 16 << 10;

// What an instruction means for contexts. Intel SDM vol. 2.
enum class Transfer { kNone, kSystemCall, kReturn };

struct Instruction {
  Transfer transfer = Transfer::kNone;
  size_t length = 0;  // of system calls
};

Instruction Classify(const std::vector<uint8_t>& code) {
  size_t at = 0;
  // Only an operand size or REX prefix makes sense before these.
  while (at < code.size() && (code[at] == 0x66 || (code[at] & 0xf0) == 0x40)) {
    ++at;
  }
  const size_t left = code.size() - at;
  if (left >= 1 && code[at] == 0xcf) return {Transfer::kReturn, 0};  // IRET
  if (left >= 2 && code[at] == 0x0f) {
    if (code[at + 1] == 0x05) return {Transfer::kSystemCall, at + 2};
    if (code[at + 1] == 0x07) return {Transfer::kReturn, 0};  // SYSRET
    if (code[at + 1] == 0x35) return {Transfer::kReturn, 0};  // SYSEXIT
  }
  if (left >= 2 && code[at] == 0xcd) return {Transfer::kSystemCall, at + 2};
  return {};
}

// SYSCALL and INT n are two bytes long.
constexpr uint64_t kSystemCallLength = 2;

void AddDeliveries(StopConditions* conditions) {
  for (const auto kind :
       {Catchpoint::Kind::kException, Catchpoint::Kind::kInterrupt}) {
    conditions->catchpoints.push_back({.id = kDeliveryId, .kind = kind});
  }
}

}  // namespace

ContextStepper::ContextStepper(Timeline* timeline, const ResumeRequest& request)
    : timeline_(timeline),
      request_(request),
      forward_(request.direction == Direction::kForward) {
  watched_.watchpoints = request.conditions.watchpoints;
  watched_.catchpoints = request.conditions.catchpoints;
  // With several vCPUs a step of one runs the others, which may come to a
  // breakpoint. A single one comes to the end of the step.
  if (timeline->machine().vcpu_count() > 1) {
    watched_.breakpoints = request.conditions.breakpoints;
  }
}

ContextStepper::Context ContextStepper::Here() const {
  const Machine& machine = timeline_->machine();
  const auto registers = machine.Registers(request_.step_vcpu);
  Context context;
  context.position = timeline_->position();
  context.rip = RegisterNumber(registers, "rip").value_or(0);
  context.rsp = RegisterNumber(registers, "rsp").value_or(0);
  context.privilege =
      static_cast<int>(RegisterNumber(registers, "cs").value_or(0) & 3);
  context.space = PageTableRoot(machine, request_.step_vcpu);
  return context;
}

std::vector<uint8_t> ContextStepper::CodeHere() const {
  const Machine& machine = timeline_->machine();
  const auto registers = machine.Registers(request_.step_vcpu);
  return ReadVirtual(machine, request_.step_vcpu,
                     GuestVirtual(CodeAddress(registers)), kMaxInstruction);
}

TargetStop ContextStepper::Stopped(TargetStop::Reason reason) const {
  TargetStop stop;
  stop.reason = reason;
  stop.vcpu = request_.step_vcpu;
  stop.note = note_;
  return stop;
}

std::optional<TargetStop> ContextStepper::FromHits(
    std::vector<StopHit> hits) const {
  std::erase_if(hits, [](const StopHit& hit) {
    return hit.id == kDeliveryId || hit.id == kReturnId;
  });
  if (hits.empty()) return std::nullopt;
  TargetStop stop = Stopped(TargetStop::Reason::kCondition);
  stop.vcpu = hits.front().vcpu;
  stop.hits = std::move(hits);
  return stop;
}

bool ContextStepper::IsMine(const std::vector<RegisterValue>& before,
                            const std::vector<RegisterValue>& after) const {
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) {
    if (before[i].bytes != after[i].bytes) return true;
  }
  return false;
}

ContextStepper::MaybeStop ContextStepper::MachineStep(
    std::vector<StopHit>* deliveries) {
  const Machine& machine = timeline_->machine();
  const int vcpu = request_.step_vcpu;
  const bool alone = machine.vcpu_count() == 1;
  while (true) {
    const Position here = timeline_->position();
    if (request_.bound == here) {
      return Stopped(TargetStop::Reason::kPosition);
    }
    if (here == (forward_ ? timeline_->end() : timeline_->begin())) {
      return Stopped(forward_ ? TargetStop::Reason::kEnd
                              : TargetStop::Reason::kBegin);
    }
    std::vector<RegisterValue> before;
    if (!alone) before = machine.Registers(vcpu);
    StopConditions conditions = watched_;
    if (deliveries != nullptr) AddDeliveries(&conditions);
    absl::StatusOr<TimelineStop> stop =
        conditions.empty()
            ? timeline_->Step(forward_ ? 1 : -1)
            : timeline_->Run(request_.direction, conditions,
                             forward_ ? here + 1 : Position(here.value() - 1));
    LIBRR_RETURN_IF_ERROR(stop.status());
    const bool moved = timeline_->position() != here;
    if (stop->reason == TimelineStop::Reason::kInterrupted && !moved) {
      return Stopped(TargetStop::Reason::kInterrupted);
    }
    if (deliveries != nullptr) {
      for (const StopHit& hit : stop->hits) {
        if (hit.id == kDeliveryId && hit.vcpu == vcpu) {
          deliveries->push_back(hit);
        }
      }
    }
    if (auto hit = FromHits(std::move(stop->hits))) return hit;
    if (alone || IsMine(before, machine.Registers(vcpu))) return std::nullopt;
  }
}

absl::StatusOr<bool> ContextStepper::RunToContext(
    const Context& wanted, uint64_t address,
    std::optional<TargetStop>* stopped) {
  const Position from = timeline_->position();
  StopConditions conditions = request_.conditions;
  conditions.breakpoints.push_back(
      {.id = kReturnId, .address = address, .address_space = wanted.space});
  // A breakpoint at an instruction is not hit where something is delivered in
  // its stead.
  if (!forward_) AddDeliveries(&conditions);
  const Position first = timeline_->begin();
  const Position last = timeline_->end();
  const Position reach =
      forward_
          ? from + std::min(kForwardReach, last - from)
          : Position(from.value() - std::min(kBackwardReach, from - first));
  Position bound = reach;
  if (request_.bound.has_value()) {
    bound = forward_ ? std::min(bound, *request_.bound)
                     : std::max(bound, *request_.bound);
  }
  for (int stops = 0; stops < kMaxStops; ++stops) {
    LIBRR_ASSIGN_OR_RETURN(
        TimelineStop stop,
        timeline_->Run(request_.direction, conditions, bound));
    if (stop.reason == TimelineStop::Reason::kInterrupted) {
      *stopped = Stopped(TargetStop::Reason::kInterrupted);
      return true;
    }
    if (stop.reason != TimelineStop::Reason::kCondition) break;
    if (auto hit = FromHits(stop.hits)) {
      *stopped = std::move(hit);
      return true;
    }
    Context here = Here();
    const bool delivers =
        std::any_of(stop.hits.begin(), stop.hits.end(),
                    [](const StopHit& hit) { return hit.id == kDeliveryId; });
    const bool arrived =
        here.rip == address || (delivers && here.rip == wanted.rip);
    here.position = wanted.position;
    here.rip = wanted.rip;
    if (arrived && here == wanted) return true;
  }
  if (request_.bound == timeline_->position()) {
    *stopped = Stopped(TargetStop::Reason::kPosition);
    return true;
  }
  LIBRR_RETURN_IF_ERROR(timeline_->Seek(from));
  return false;
}

ContextStepper::MaybeStop ContextStepper::Plain() {
  return MachineStep(nullptr);
}

ContextStepper::MaybeStop ContextStepper::ForwardInContext() {
  while (true) {
    const Context start = Here();
    const Instruction instruction = Classify(CodeHere());
    const auto signal_return =
        FindSignalReturn(timeline_->machine(), request_.step_vcpu);
    std::vector<StopHit> deliveries;
    LIBRR_ASSIGN_OR_RETURN(std::optional<TargetStop> stop,
                           MachineStep(&deliveries));
    if (stop.has_value()) return stop;
    const bool calls = instruction.transfer == Transfer::kSystemCall &&
                       Here().privilege < start.privilege;
    if (deliveries.empty() && !calls) return std::nullopt;
    // An interrupt leaves the instruction to be executed afterwards, a system
    // call has executed it.
    const bool executed =
        calls && (deliveries.empty() || deliveries.front().address != 14);
    Context wanted = start;
    uint64_t back = executed ? start.rip + instruction.length : start.rip;
    if (executed && signal_return.has_value()) {
      wanted.rsp = signal_return->rsp;
      back = signal_return->rip;
    }
    LIBRR_ASSIGN_OR_RETURN(const bool found, RunToContext(wanted, back, &stop));
    if (stop.has_value()) return stop;
    if (!found) {
      note_ = "what was interrupted does not go on within reach";
      return std::nullopt;
    }
    if (executed) return std::nullopt;
  }
}

ContextStepper::MaybeStop ContextStepper::BackwardInContext() {
  while (true) {
    const Context start = Here();
    LIBRR_ASSIGN_OR_RETURN(std::optional<TargetStop> stop,
                           MachineStep(nullptr));
    if (stop.has_value()) return stop;
    const Context before = Here();
    // Was it an instruction by which a handler returned to where this began?
    if (before.privilege > start.privilege ||
        Classify(CodeHere()).transfer != Transfer::kReturn) {
      return std::nullopt;
    }
    LIBRR_ASSIGN_OR_RETURN(
        const bool found,
        RunToContext(start, start.rip - kSystemCallLength, &stop));
    if (stop.has_value()) return stop;
    if (!found) {
      note_ = "what came before, in this context, is out of reach";
      return std::nullopt;
    }
    // At a system call: that is the instruction before. At the delivery of what
    // interrupted: one more to go.
    if (Here().rip != start.rip) return std::nullopt;
  }
}

std::optional<RangeExits> ContextStepper::Exits() const {
  const Machine& machine = timeline_->machine();
  const auto [first, second] = *request_.step_range;
  // The other vCPUs' turns are looked at step by step.
  if (!forward_ || !request_.step_in_context || machine.vcpu_count() > 1 ||
      second <= first || second - first > kMaxRange) {
    return std::nullopt;
  }
  const auto registers = machine.Registers(request_.step_vcpu);
  const uint64_t base =
      CodeAddress(registers) - RegisterNumber(registers, "rip").value_or(0);
  const std::vector<uint8_t> code = ReadVirtual(
      machine, request_.step_vcpu, GuestVirtual(first + base), second - first);
  if (base != 0 || code.size() != second - first) return std::nullopt;
  return FindRangeExits(code, first, CodeBits(registers));
}

ContextStepper::MaybeStop ContextStepper::RunInRange(const RangeExits& exits) {
  const uint64_t here = Here().rip;
  StopConditions conditions = request_.conditions;
  AddDeliveries(&conditions);
  for (const auto* addresses : {&exits.outside, &exits.inside}) {
    for (const uint64_t address : *addresses) {
      if (addresses == &exits.inside && address == here) return std::nullopt;
      conditions.breakpoints.push_back({.id = kReturnId, .address = address});
    }
  }
  LIBRR_ASSIGN_OR_RETURN(
      const TimelineStop stop,
      timeline_->Run(Direction::kForward, conditions, request_.bound));
  switch (stop.reason) {
    case TimelineStop::Reason::kInterrupted:
      return Stopped(TargetStop::Reason::kInterrupted);
    case TimelineStop::Reason::kPosition:
      return Stopped(TargetStop::Reason::kPosition);
    case TimelineStop::Reason::kBegin:
    case TimelineStop::Reason::kEnd:
      return Stopped(TargetStop::Reason::kEnd);
    case TimelineStop::Reason::kCondition:
      break;
  }
  if (auto hit = FromHits(stop.hits)) return hit;
  // What was delivered is left to a step in context.
  for (const StopHit& hit : stop.hits) {
    if (hit.id != kDeliveryId) continue;
    LIBRR_RETURN_IF_ERROR(timeline_->Seek(hit.position));
    break;
  }
  return std::nullopt;
}

absl::StatusOr<TargetStop> ContextStepper::Step() {
  std::optional<RangeExits> exits;
  if (request_.step_range.has_value()) exits = Exits();
  const auto is_inside = [this](uint64_t rip) {
    return rip >= request_.step_range->first &&
           rip < request_.step_range->second;
  };
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(std::optional<TargetStop> stop,
                           !request_.step_in_context ? Plain()
                           : forward_                ? ForwardInContext()
                                                     : BackwardInContext());
    if (stop.has_value()) return *std::move(stop);
    if (!request_.step_range.has_value()) break;
    uint64_t rip = Here().rip;
    if (!is_inside(rip)) break;
    // gdb has taken its breakpoints at this place out, if it wants to pass it.
    for (const Breakpoint& point : request_.conditions.breakpoints) {
      if (!point.physical && point.address == rip) {
        return Stopped(TargetStop::Reason::kStep);
      }
    }
    if (!exits.has_value()) continue;
    LIBRR_ASSIGN_OR_RETURN(stop, RunInRange(*exits));
    if (stop.has_value()) return *std::move(stop);
    if (!is_inside(Here().rip)) break;
  }
  return Stopped(TargetStop::Reason::kStep);
}

}  // namespace librr
