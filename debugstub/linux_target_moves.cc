// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Moving while threads are tasks: stop points that belong to a process, and
// steps of tasks that do not execute here.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"
#include "librr/linux_target.h"

namespace librr {
namespace {

// The stop points that are not the client's.
constexpr uint32_t kOurId = std::numeric_limits<uint32_t>::max();

template <typename Points>
const typename Points::value_type* FindPoint(const Points& points,
                                             uint32_t id) {
  for (const auto& point : points) {
    if (point.id == id) return &point;
  }
  return nullptr;
}

void DropPoint(StopConditions* conditions, uint32_t id) {
  std::erase_if(conditions->breakpoints,
                [id](const Breakpoint& point) { return point.id == id; });
  std::erase_if(conditions->watchpoints,
                [id](const Watchpoint& point) { return point.id == id; });
}

void Append(const StopConditions& from, StopConditions* to) {
  to->breakpoints.insert(to->breakpoints.end(), from.breakpoints.begin(),
                         from.breakpoints.end());
  to->watchpoints.insert(to->watchpoints.end(), from.watchpoints.begin(),
                         from.watchpoints.end());
}

}  // namespace

// Page tables are used again by other processes, and shared by a child of
// vfork: a hit counts only if the process is the one that the point belongs to.
bool LinuxTarget::IsFalse(const StopHit& hit,
                          const ResumeRequest& request) const {
  const auto owner = request.owners.find(hit.id);
  const View* const view = owner == request.owners.end() ? nullptr : Here();
  if (view == nullptr) return false;
  const Watchpoint* const watched =
      hit.kind == StopHit::Kind::kWatchpoint
          ? FindPoint(request.conditions.watchpoints, hit.id)
          : nullptr;
  if (watched == nullptr || !watched->address_space.has_value()) {
    return view->tasks[view->running[hit.vcpu]].tgid != owner->second;
  }
  // Others may write to memory that a process shares, and so may the kernel.
  return std::none_of(view->tasks.begin(), view->tasks.end(),
                      [&](const LinuxTask& task) {
                        if (task.tgid != owner->second) return false;
                        const auto table = guest_->UserPageTable(task);
                        return table.ok() && *table == *watched->address_space;
                      });
}

absl::StatusOr<TargetStop> LinuxTarget::ResumeMachine(ResumeRequest request) {
  const Position begin = position();
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(TargetStop stop, machine_->Resume(request));
    if (stop.reason == TargetStop::Reason::kCondition) {
      std::vector<uint32_t> dropped;
      std::erase_if(stop.hits, [&](const StopHit& hit) {
        const bool is_false = IsFalse(hit, request);
        if (is_false) dropped.push_back(hit.id);
        return is_false;
      });
      if (stop.hits.empty() && !dropped.empty()) {
        if (request.step_vcpu < 0) continue;
        // A step cannot go on in its middle: once more, without them.
        for (const uint32_t id : dropped) DropPoint(&request.conditions, id);
        LIBRR_RETURN_IF_ERROR(machine_->Seek(begin));
        continue;
      }
    }
    stop.vcpu = stop.vcpu >= 0 ? ThreadOf(stop.vcpu) : ThreadHere(stop.vcpu);
    return stop;
  }
}

absl::StatusOr<TargetStop> LinuxTarget::Resume(const ResumeRequest& request) {
  if (request.step_vcpu < 0) return ResumeMachine(request);
  const int vcpu = VcpuOf(request.step_vcpu);
  if (vcpu < 0) return StepWaiting(request);
  ResumeRequest of_machine = request;
  of_machine.step_vcpu = vcpu;
  return ResumeMachine(std::move(of_machine));
}

// Goes to where the task executes and one of `ours` is met, unless the client's
// own stop points are met before.
absl::StatusOr<TargetStop> LinuxTarget::RunToTask(const ResumeRequest& request,
                                                  const LinuxTask& task,
                                                  const ResumeRequest& ours) {
  const Position begin = position();
  ResumeRequest run = ours;
  run.direction = request.direction;
  run.bound = request.bound;
  Append(request.conditions, &run.conditions);
  run.owners.insert(request.owners.begin(), request.owners.end());
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(TargetStop stop, ResumeMachine(run));
    if (stop.reason == TargetStop::Reason::kCondition) {
      std::erase_if(stop.hits, [&](const StopHit& hit) {
        if (hit.id != kOurId) return false;
        const View* const view = Here();
        return view == nullptr ||
               view->tasks[view->running[hit.vcpu]].address != task.address;
      });
      if (stop.hits.empty()) continue;
    } else if (stop.reason == TargetStop::Reason::kBegin ||
               stop.reason == TargetStop::Reason::kEnd) {
      LIBRR_RETURN_IF_ERROR(machine_->Seek(begin));
      stop.vcpu = static_cast<int>(task.pid) - 1;
      stop.note = absl::StrCat(
          "task ", task.pid, " does not execute ",
          request.direction == Direction::kForward ? "after" : "before",
          " this position in the recording");
    }
    return stop;
  }
}

absl::StatusOr<TargetStop> LinuxTarget::StepWaiting(
    const ResumeRequest& request) {
  const LinuxTask* const found = FindTask(request.step_vcpu);
  if (found == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        "there is no task ", request.step_vcpu + 1, " at this position"));
  }
  const LinuxTask task = *found;
  LIBRR_ASSIGN_OR_RETURN(const std::vector<RegisterValue> saved,
                         SavedRegisters(task));
  const uint64_t rip = RegisterNumber(saved, "rip").value_or(0);
  const bool is_user = (RegisterNumber(saved, "cs").value_or(0) & 3) == 3;
  const bool forward = request.direction == Direction::kForward;
  ResumeRequest ours;
  const StopScope scope = is_user ? ScopeOf(request.step_vcpu) : StopScope();
  if (scope.process.has_value()) ours.owners[kOurId] = *scope.process;
  const auto break_at = [&](uint64_t address) {
    ours.conditions.breakpoints.push_back(
        {.id = kOurId,
         .address = address,
         .address_space = scope.address_space});
  };
  constexpr std::array<uint8_t, 2> kSyscall = {0x0f, 0x05};
  std::array<uint8_t, 2> before{};
  const bool waits_in_call =
      is_user &&
      ReadVirtual(request.step_vcpu, GuestVirtual(rip - before.size()),
                  absl::MakeSpan(before)) == before.size() &&
      before == kSyscall;
  if (forward || is_user) break_at(rip);
  if (!forward && waits_in_call) break_at(rip - before.size());
  if (!forward && !is_user) {
    // It executed last when another task became the current one.
    for (int vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
      LIBRR_ASSIGN_OR_RETURN(const GuestPhysical pointer,
                             guest_->CurrentTaskPointer(vcpu));
      ours.conditions.watchpoints.push_back({.id = kOurId,
                                             .kind = WatchKind::kAnyWrite,
                                             .address = pointer.value(),
                                             .length = 8,
                                             .physical = true});
    }
  }
  LIBRR_ASSIGN_OR_RETURN(TargetStop stop, RunToTask(request, task, ours));
  const bool arrived = stop.reason == TargetStop::Reason::kCondition &&
                       stop.hits.front().id == kOurId;
  if (!arrived) return stop;
  const bool is_there = stop.hits.front().kind == StopHit::Kind::kBreakpoint &&
                        stop.hits.front().address == rip;
  if (!is_there) {
    stop.reason = TargetStop::Reason::kStep;
    stop.hits.clear();
    return stop;
  }
  // The state that was shown: the step begins here.
  ResumeRequest step = request;
  step.step_vcpu = VcpuOf(request.step_vcpu);
  return ResumeMachine(std::move(step));
}

}  // namespace librr
