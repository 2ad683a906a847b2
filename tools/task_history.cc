// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/task_history.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr/inspection.h"
#include "librr/linux_guest.h"
#include "librr/machine_memory.h"

namespace librr::tools {
namespace {

// Watchpoints have the CPU's number; breakpoints this and a row's.
constexpr uint32_t kFirstProbe = 1 << 16;

// A function of the kernel at whose first instruction something happens. The
// names are those that kernels have given it, the newest first; arguments are
// in rdi, rsi, rdx (System V ABI for AMD64, 3.2.3).
struct Probe {
  TaskEvent::Kind kind;
  std::initializer_list<std::string_view> names;
};
const Probe kProbes[] = {
    // wake_up_new_task(struct task_struct *p)
    {TaskEvent::Kind::kFork, {"wake_up_new_task"}},
    // __set_task_comm(struct task_struct *tsk, const char *buf, bool exec)
    {TaskEvent::Kind::kExec, {"__set_task_comm"}},
    // do_exit(long code)
    {TaskEvent::Kind::kExit, {"do_exit"}},
    // complete_signal(int sig, struct task_struct *p, enum pid_type type)
    {TaskEvent::Kind::kSignal, {"complete_signal"}},
};

class Collector {
 public:
  Collector(Timeline* timeline, LinuxGuest* guest)
      : timeline_(timeline), guest_(guest) {}

  absl::StatusOr<TaskHistory> Collect(Position from, Position to) {
    if (absl::Status status = Arm(); !status.ok()) return status;
    if (absl::Status status = timeline_->Seek(from); !status.ok())
      return status;
    for (int cpu = 0; cpu < machine().vcpu_count(); ++cpu) Begin(cpu);
    while (true) {
      absl::StatusOr<TimelineStop> stop =
          timeline_->Run(Direction::kForward, conditions_, to);
      if (!stop.ok()) return stop.status();
      if (stop->reason == TimelineStop::Reason::kInterrupted)
        return absl::CancelledError("interrupted");
      if (stop->reason != TimelineStop::Reason::kCondition) break;
      for (const StopHit& hit : stop->hits) {
        if (hit.id >= kFirstProbe) {
          Note(kProbes[hit.id - kFirstProbe].kind, hit.vcpu);
        } else {
          End(static_cast<int>(hit.id));
          Begin(static_cast<int>(hit.id));
        }
      }
    }
    for (int cpu = 0; cpu < machine().vcpu_count(); ++cpu) End(cpu);
    std::stable_sort(history_.slices.begin(), history_.slices.end(),
                     [](const TaskSlice& a, const TaskSlice& b) {
                       return a.begin < b.begin;
                     });
    return std::move(history_);
  }

 private:
  Machine& machine() { return timeline_->machine(); }

  absl::Status Arm() {
    for (int cpu = 0; cpu < machine().vcpu_count(); ++cpu) {
      const auto pointer = guest_->CurrentTaskPointer(cpu);
      if (!pointer.ok()) return pointer.status();
      conditions_.watchpoints.push_back({.id = static_cast<uint32_t>(cpu),
                                         .kind = WatchKind::kWrite,
                                         .address = pointer->value(),
                                         .length = 8,
                                         .physical = true});
    }
    current_.resize(machine().vcpu_count());
    task_.resize(machine().vcpu_count());
    faults_.resize(machine().vcpu_count());
    for (uint32_t i = 0; i < std::size(kProbes); ++i) {
      std::optional<GuestVirtual> address;
      for (const std::string_view name : kProbes[i].names) {
        const auto found = guest_->Symbol(name);
        if (found.ok() && !address.has_value()) address = *found;
      }
      if (!address.has_value()) {
        history_.left_out.push_back(absl::StrCat(
            "the kernel has no function ",
            std::string(*kProbes[i].names.begin()), ": no event of kind ",
            std::string(TaskEventName(kProbes[i].kind))));
        continue;
      }
      conditions_.breakpoints.push_back(
          {.id = kFirstProbe + i, .address = address->value()});
    }
    return absl::OkStatus();
  }

  void Begin(int cpu) {
    const auto task = guest_->CurrentTask(cpu);
    if (!task.ok()) return;
    TaskSlice& slice = current_[cpu].emplace();
    slice.begin = timeline_->position();
    slice.begin_time = timeline_->time();
    slice.cpu = cpu;
    slice.pid = task->pid;
    slice.tgid = task->tgid;
    slice.comm = task->comm;
    task_[cpu] = task->address;
    faults_[cpu] = task->minor_faults + task->major_faults;
  }

  void End(int cpu) {
    if (!current_[cpu].has_value()) return;
    TaskSlice slice = *std::exchange(current_[cpu], std::nullopt);
    slice.end = timeline_->position();
    slice.end_time = timeline_->time();
    // The task is there until another one has taken its place.
    if (const auto task = guest_->TaskAt(task_[cpu]);
        task.ok() && task->pid == slice.pid) {
      slice.faults = task->minor_faults + task->major_faults - faults_[cpu];
    }
    history_.slices.push_back(std::move(slice));
  }

  void Note(TaskEvent::Kind kind, int cpu) {
    const auto task = guest_->CurrentTask(cpu);
    if (!task.ok()) return;
    TaskEvent event;
    event.kind = kind;
    event.position = timeline_->position();
    event.time = timeline_->time();
    event.cpu = cpu;
    event.pid = task->pid;
    event.comm = task->comm;
    const std::vector<RegisterValue> registers = machine().Registers(cpu);
    const auto argument = [&](const char* name) {
      return RegisterNumber(registers, name).value_or(0);
    };
    const auto other = [&](const char* name) {
      const auto found = guest_->TaskAt(GuestVirtual(argument(name)));
      return found.ok() ? found->pid : 0;
    };
    switch (kind) {
      case TaskEvent::Kind::kFork:
        event.other_pid = other("rdi");
        break;
      case TaskEvent::Kind::kExec:
        // Threads name themselves by the same function.
        if ((argument("rdx") & 0xff) == 0) return;
        event.detail = TextAt(cpu, argument("rsi"));
        break;
      case TaskEvent::Kind::kExit:
        event.number = static_cast<uint32_t>(argument("rdi"));
        break;
      case TaskEvent::Kind::kSignal:
        event.number = static_cast<uint32_t>(argument("rdi"));
        event.other_pid = other("rsi");
        break;
    }
    history_.events.push_back(std::move(event));
  }

  std::string TextAt(int cpu, uint64_t address) {
    constexpr size_t kMaxName = 256;
    const std::vector<uint8_t> bytes =
        ReadVirtual(machine(), cpu, GuestVirtual(address), kMaxName);
    return std::string(bytes.begin(), std::find(bytes.begin(), bytes.end(), 0));
  }

  Timeline* const timeline_;
  LinuxGuest* const guest_;
  StopConditions conditions_;
  // By CPU; the latter two of the task that the slice is of, and of its begin.
  std::vector<std::optional<TaskSlice>> current_;
  std::vector<GuestVirtual> task_;
  std::vector<uint64_t> faults_;
  TaskHistory history_;
};

}  // namespace

std::string_view TaskEventName(TaskEvent::Kind kind) {
  switch (kind) {
    case TaskEvent::Kind::kFork:
      return "fork";
    case TaskEvent::Kind::kExec:
      return "exec";
    case TaskEvent::Kind::kExit:
      return "exit";
    case TaskEvent::Kind::kSignal:
      return "signal";
  }
  return "";
}

absl::StatusOr<TaskHistory> CollectTaskHistory(Timeline* timeline,
                                               Position from, Position to) {
  if (absl::Status status = timeline->Seek(to); !status.ok()) return status;
  const MachineMemory memory(&timeline->machine());
  const auto guest = LinuxGuest::Find(&memory);
  if (!guest.ok()) return guest.status();
  return Collector(timeline, guest->get()).Collect(from, to);
}

}  // namespace librr::tools
