// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/tasks.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// Linux, include/linux/threads.h, PID_MAX_LIMIT on 64 bits.
constexpr size_t kMaxTasks = 4 << 20;
constexpr uint64_t kMaxCommandLine = 4096;

// Linux, include/linux/sched.h, task_state_index() and task_index_to_char().
char StateLetter(uint64_t state, uint64_t exit_state) {
  constexpr uint64_t kReport = 0x7f;
  constexpr uint64_t kIdle = 0x402;         // TASK_IDLE
  constexpr uint64_t kRtLockWait = 0x1000;  // TASK_RTLOCK_WAIT
  constexpr uint64_t kUninterruptible = 2;
  constexpr char kLetters[] = "RSDTtXZP";
  const uint64_t both = state | exit_state;
  if ((both & kIdle) == kIdle) return 'I';
  const uint64_t reported =
      (both & kRtLockWait) != 0 ? kUninterruptible : both & kReport;
  return kLetters[std::bit_width(reported)];
}

absl::Status Broken(uint64_t address, const char* what) {
  return absl::DataLossError(absl::StrFormat(
      "the guest's task list is corrupted: at 0x%x %s", address, what));
}

}  // namespace

absl::StatusOr<TaskList> TaskList::Make(const Kernel* kernel) {
  TaskList list(kernel);
  LIBRR_RETURN_IF_ERROR(list.FindFields());
  return list;
}

absl::Status TaskList::FindFields() {
  const Kernel& kernel = *kernel_;
  LIBRR_ASSIGN_OR_RETURN(init_task_, kernel.Symbol("init_task"));
  LIBRR_ASSIGN_OR_RETURN(task_size_, kernel.SizeOf("task_struct"));
  LIBRR_ASSIGN_OR_RETURN(mm_size_, kernel.SizeOf("mm_struct"));
  return kernel.FindFields({
      {&tasks_, "task_struct", {"tasks"}},
      {&pid_, "task_struct", {"pid"}},
      {&tgid_, "task_struct", {"tgid"}},
      {&comm_, "task_struct", {"comm"}},
      {&state_, "task_struct", {"__state", "state"}},
      {&exit_state_, "task_struct", {"exit_state"}},
      {&cpu_, "task_struct", {"thread_info.cpu", "cpu"}},
      {&mm_, "task_struct", {"mm"}},
      {&cred_, "task_struct", {"cred"}},
      {&real_parent_, "task_struct", {"real_parent"}},
      {&start_time_,
       "task_struct",
       {"start_boottime", "real_start_time", "start_time"}},
      {&minor_faults_, "task_struct", {"min_flt"}},
      {&major_faults_, "task_struct", {"maj_flt"}},
      {&signal_, "task_struct", {"signal"}},
      {&thread_node_, "task_struct", {"thread_node"}},
      {&thread_head_, "signal_struct", {"thread_head"}},
      {&uid_, "cred", {"uid.val", "uid"}},
      {&pgd_, "mm_struct", {"pgd"}},
      {&arg_start_, "mm_struct", {"arg_start"}},
      {&arg_end_, "mm_struct", {"arg_end"}},
  });
}

absl::Status TaskList::CheckFirst(const Object& task) const {
  if (task.Number(pid_) == 0 && task.Text(comm_).starts_with("swapper")) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(
      "the kernel has no task list yet: its first task is not \"swapper\"");
}

absl::StatusOr<std::vector<LinuxTask>> TaskList::Read() const {
  LIBRR_ASSIGN_OR_RETURN(const Object first,
                         kernel_->ReadObject(init_task_, task_size_));
  LIBRR_RETURN_IF_ERROR(CheckFirst(first));
  std::vector<LinuxTask> tasks;
  LIBRR_ASSIGN_OR_RETURN(tasks.emplace_back(), Describe(first));
  uint64_t address = first.Number({tasks_.offset, 8}) - tasks_.offset;
  while (address != init_task_) {
    if (!IsKernelAddress(address)) return Broken(address, "is no task");
    LIBRR_ASSIGN_OR_RETURN(const Object leader,
                           kernel_->ReadObject(address, task_size_));
    const size_t of_leader = tasks.size();
    LIBRR_ASSIGN_OR_RETURN(tasks.emplace_back(), Describe(leader));
    // The list of threads begins in signal_struct and has the leader in it.
    const uint64_t head = leader.Number(signal_) + thread_head_.offset;
    LIBRR_ASSIGN_OR_RETURN(uint64_t node, kernel_->ReadPointer(head));
    for (; node != head;) {
      if (!IsKernelAddress(node)) return Broken(node, "is no thread");
      const uint64_t thread = node - thread_node_.offset;
      LIBRR_ASSIGN_OR_RETURN(const Object object,
                             kernel_->ReadObject(thread, task_size_));
      if (thread != address) {
        LIBRR_ASSIGN_OR_RETURN(tasks.emplace_back(), Describe(object));
        if (tasks.back().tgid != tasks[of_leader].tgid) {
          return Broken(thread, "is a thread of another process");
        }
      }
      if (tasks.size() > kMaxTasks) return Broken(node, "it has no end");
      node = object.Number({thread_node_.offset, 8});
    }
    address = leader.Number({tasks_.offset, 8}) - tasks_.offset;
  }
  return tasks;
}

absl::StatusOr<LinuxTask> TaskList::Find(uint32_t pid) const {
  LIBRR_ASSIGN_OR_RETURN(const std::vector<LinuxTask> tasks, Read());
  const auto it =
      std::find_if(tasks.begin(), tasks.end(),
                   [pid](const LinuxTask& task) { return task.pid == pid; });
  if (it != tasks.end()) return *it;
  return absl::NotFoundError(
      absl::StrFormat("the guest has no task with pid %d here", pid));
}

absl::StatusOr<LinuxTask> TaskList::At(uint64_t address) const {
  LIBRR_ASSIGN_OR_RETURN(const Object object,
                         kernel_->ReadObject(address, task_size_));
  return Describe(object);
}

absl::StatusOr<PageTables> TaskList::SpaceOf(const LinuxTask& task) const {
  LIBRR_ASSIGN_OR_RETURN(const Object mm,
                         kernel_->ReadObject(task.mm.value(), mm_size_));
  return kernel_->SpaceOf(mm.Number(pgd_));
}

absl::StatusOr<LinuxTask> TaskList::Describe(const Object& object) const {
  LinuxTask task;
  task.address = GuestVirtual(object.address());
  task.pid = static_cast<uint32_t>(object.Number(pid_));
  task.tgid = static_cast<uint32_t>(object.Number(tgid_));
  task.comm = object.Text(comm_);
  task.state = StateLetter(object.Number(state_), object.Number(exit_state_));
  task.cpu = static_cast<uint32_t>(object.Number(cpu_));
  task.start_ns = object.Number(start_time_);
  task.minor_faults = object.Number(minor_faults_);
  task.major_faults = object.Number(major_faults_);
  task.mm = GuestVirtual(object.Number(mm_));
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t uid,
      kernel_->ReadNumber(object.Number(cred_) + uid_.offset, 4));
  task.uid = static_cast<uint32_t>(uid);
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t parent,
      kernel_->ReadNumber(object.Number(real_parent_) + tgid_.offset, 4));
  task.ppid = static_cast<uint32_t>(parent);
  if (task.mm.value() != 0) task.cmdline = CommandLine(task.mm.value());
  return task;
}

// As /proc/PID/cmdline, with blanks for the zero bytes. Empty if it is not in
// memory.
std::string TaskList::CommandLine(uint64_t mm) const {
  const absl::StatusOr<Object> object = kernel_->ReadObject(mm, mm_size_);
  if (!object.ok()) return "";
  const absl::StatusOr<PageTables> space =
      kernel_->SpaceOf(object->Number(pgd_));
  const uint64_t begin = object->Number(arg_start_);
  const uint64_t end = object->Number(arg_end_);
  if (!space.ok() || end <= begin) return "";
  std::string text(std::min(end - begin, kMaxCommandLine), '\0');
  if (!space
           ->Read(GuestVirtual(begin),
                  absl::MakeSpan(reinterpret_cast<uint8_t*>(text.data()),
                                 text.size()))
           .ok()) {
    return "";
  }
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

}  // namespace librr::linux_guest
