// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/run_queues.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel_lists.h"
#include "linux-introspect/per_cpu.h"

namespace librr::linux_guest {
namespace {

// In all queues together.
constexpr size_t kMaxTasks = 1 << 20;
constexpr uint64_t kRealTimePriorities = 100;  // MAX_RT_PRIO
// Of groups in groups (CONFIG_RT_GROUP_SCHED).
constexpr int kMaxGroups = 16;

class RunQueueReader {
 public:
  explicit RunQueueReader(const Kernel* kernel) : kernel_(kernel) {}

  absl::StatusOr<std::vector<LinuxRunQueue>> Read() {
    LIBRR_RETURN_IF_ERROR(FindFields());
    LIBRR_ASSIGN_OR_RETURN(const PerCpuAreas areas, PerCpuAreas::Make(kernel_));
    LIBRR_ASSIGN_OR_RETURN(const uint64_t queues, kernel_->Symbol("runqueues"));
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint32_t> cpus, areas.Online());
    std::vector<LinuxRunQueue> found;
    for (const uint32_t cpu : cpus) {
      LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                             areas.Address(queues, cpu));
      LIBRR_ASSIGN_OR_RETURN(LinuxRunQueue queue, Describe(address));
      queue.cpu = cpu;
      found.push_back(std::move(queue));
    }
    return found;
  }

 private:
  absl::Status FindFields() {
    LIBRR_ASSIGN_OR_RETURN(queue_size_, kernel_->SizeOf("rq"));
    LIBRR_ASSIGN_OR_RETURN(task_size_, kernel_->SizeOf("task_struct"));
    // Not there without groups of real-time tasks.
    if (const auto group = kernel_->FindField("sched_rt_entity", "my_q");
        group.ok()) {
      real_time_group_ = *group;
    }
    return kernel_->FindFields({
        {&running_, "rq", {"nr_running"}},
        {&switches_, "rq", {"nr_switches"}},
        {&clock_, "rq", {"clock"}},
        {&current_, "rq", {"curr"}},
        {&stop_, "rq", {"stop"}},
        {&fair_tasks_, "rq", {"cfs_tasks"}},
        {&real_time_, "rq", {"rt.active.queue"}},
        {&real_time_queue_, "rt_rq", {"active.queue"}},
        {&deadline_, "rq", {"dl.root"}},
        {&pid_, "task_struct", {"pid"}},
        {&comm_, "task_struct", {"comm"}},
        {&priority_, "task_struct", {"prio"}},
        {&on_queue_, "task_struct", {"on_rq"}},
        {&vruntime_, "task_struct", {"se.vruntime"}},
        {&fair_node_, "task_struct", {"se.group_node"}},
        {&real_time_node_, "task_struct", {"rt.run_list"}},
        {&entity_node_, "sched_rt_entity", {"run_list"}},
        {&deadline_node_, "task_struct", {"dl.rb_node"}},
    });
  }

  absl::StatusOr<LinuxQueuedTask> Queued(uint64_t address,
                                         const char* policy) const {
    LIBRR_ASSIGN_OR_RETURN(const Object task,
                           kernel_->ReadObject(address, task_size_));
    LinuxQueuedTask queued;
    queued.pid = static_cast<uint32_t>(task.Number(pid_));
    queued.comm = task.Text(comm_);
    queued.policy = policy;
    queued.priority = static_cast<int32_t>(task.Number(priority_));
    return queued;
  }

  absl::StatusOr<LinuxRunQueue> Describe(uint64_t address) {
    LIBRR_ASSIGN_OR_RETURN(const Object object,
                           kernel_->ReadObject(address, queue_size_));
    LinuxRunQueue queue;
    queue.address = GuestVirtual(address);
    queue.running = object.Number(running_);
    queue.switches = object.Number(switches_);
    queue.clock_ns = object.Number(clock_);
    if (!IsKernelAddress(object.Number(current_))) {
      return absl::NotFoundError(
          absl::StrFormat("the run queue at 0x%x has no task yet", address));
    }
    LIBRR_ASSIGN_OR_RETURN(const LinuxQueuedTask current,
                           Queued(object.Number(current_), ""));
    queue.current_pid = current.pid;
    queue.current_comm = current.comm;
    LIBRR_RETURN_IF_ERROR(AddStop(object.Number(stop_), &queue));
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> deadlines,
                           ReadTree(*kernel_, object.address(deadline_),
                                    tasks_left_, "deadline tasks"));
    tasks_left_ -= deadlines.size();
    for (const uint64_t node : deadlines) {
      LIBRR_ASSIGN_OR_RETURN(queue.tasks.emplace_back(),
                             Queued(node - deadline_node_.offset, "deadline"));
    }
    LIBRR_RETURN_IF_ERROR(
        AddRealTime(object.address(real_time_), kMaxGroups, &queue));
    LIBRR_RETURN_IF_ERROR(AddFair(object.address(fair_tasks_), &queue));
    return queue;
  }

  // The task that stops a CPU is in no list.
  absl::Status AddStop(uint64_t task, LinuxRunQueue* queue) const {
    if (task == 0) return absl::OkStatus();
    LIBRR_ASSIGN_OR_RETURN(
        const uint64_t on_queue,
        kernel_->ReadNumber(task + on_queue_.offset, on_queue_.size));
    if (on_queue != 1) return absl::OkStatus();  // TASK_ON_RQ_QUEUED
    LIBRR_ASSIGN_OR_RETURN(queue->tasks.emplace_back(), Queued(task, "stop"));
    return absl::OkStatus();
  }

  // A list for each priority; a group has lists of its own.
  absl::Status AddRealTime(uint64_t lists, int groups, LinuxRunQueue* queue) {
    for (uint64_t i = 0; i < kRealTimePriorities; ++i) {
      LIBRR_ASSIGN_OR_RETURN(
          const std::vector<uint64_t> nodes,
          ReadList(*kernel_, lists + i * 16, tasks_left_, "real-time tasks"));
      tasks_left_ -= nodes.size();
      for (const uint64_t node : nodes) {
        uint64_t group = 0;
        if (real_time_group_.size != 0) {
          LIBRR_ASSIGN_OR_RETURN(
              group, kernel_->ReadPointer(node - entity_node_.offset +
                                          real_time_group_.offset));
        }
        if (group == 0) {
          LIBRR_ASSIGN_OR_RETURN(
              queue->tasks.emplace_back(),
              Queued(node - real_time_node_.offset, "realtime"));
        } else if (groups == 0) {
          return absl::DataLossError(absl::StrFormat(
              "the group of real-time tasks at 0x%x is in itself", group));
        } else {
          LIBRR_RETURN_IF_ERROR(
              AddRealTime(group + real_time_queue_.offset, groups - 1, queue));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddFair(uint64_t head, LinuxRunQueue* queue) {
    LIBRR_ASSIGN_OR_RETURN(const std::vector<uint64_t> nodes,
                           ReadList(*kernel_, head, tasks_left_, "fair tasks"));
    tasks_left_ -= nodes.size();
    const size_t first = queue->tasks.size();
    for (const uint64_t node : nodes) {
      const uint64_t task = node - fair_node_.offset;
      LIBRR_ASSIGN_OR_RETURN(LinuxQueuedTask queued, Queued(task, "fair"));
      LIBRR_ASSIGN_OR_RETURN(
          queued.vruntime_ns,
          kernel_->ReadNumber(task + vruntime_.offset, vruntime_.size));
      queue->tasks.push_back(std::move(queued));
    }
    // vruntime wraps.
    std::stable_sort(
        queue->tasks.begin() + static_cast<std::ptrdiff_t>(first),
        queue->tasks.end(),
        [](const LinuxQueuedTask& a, const LinuxQueuedTask& b) {
          return static_cast<int64_t>(a.vruntime_ns - b.vruntime_ns) < 0;
        });
    return absl::OkStatus();
  }

  const Kernel* kernel_;
  size_t tasks_left_ = kMaxTasks;
  uint64_t queue_size_ = 0, task_size_ = 0;
  Field running_, switches_, clock_, current_, stop_, fair_tasks_, real_time_,
      deadline_;  // of rq
  Field pid_, comm_, priority_, on_queue_, vruntime_, fair_node_,
      real_time_node_, deadline_node_;   // of task_struct
  Field real_time_queue_;                // of rt_rq
  Field entity_node_, real_time_group_;  // of sched_rt_entity
};

}  // namespace

absl::StatusOr<std::vector<LinuxRunQueue>> ReadRunQueues(const Kernel& kernel) {
  return RunQueueReader(&kernel).Read();
}

}  // namespace librr::linux_guest
