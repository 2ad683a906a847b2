// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The tasks (processes and threads) of a guest's Linux.
//
//   LIBRR_ASSIGN_OR_RETURN(TaskList tasks, TaskList::Make(&kernel));
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxTask> all, tasks.Read());
//
// Made once for a kernel; each Read looks at the memory anew. Lists that are
// corrupted (cycles, wild pointers) give an error that says where.
#ifndef LIBRR_LINUX_INTROSPECT_TASKS_H_
#define LIBRR_LINUX_INTROSPECT_TASKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

class TaskList {
 public:
  // NotFound if the kernel lacks a member that is needed, naming it.
  static absl::StatusOr<TaskList> Make(const Kernel* kernel);

  // All tasks, the idle task of the first CPU first; a process's threads
  // behind its leader.
  absl::StatusOr<std::vector<LinuxTask>> Read() const;
  // The leader of the process; NotFound if there is none.
  absl::StatusOr<LinuxTask> Find(uint32_t pid) const;
  // The one whose task_struct is there.
  absl::StatusOr<LinuxTask> At(uint64_t address) const;
  // The page tables of a process, with the kernel's half.
  absl::StatusOr<PageTables> SpaceOf(const LinuxTask& task) const;

 private:
  explicit TaskList(const Kernel* kernel) : kernel_(kernel) {}
  absl::Status FindFields();
  absl::Status CheckFirst(const Object& task) const;
  absl::StatusOr<LinuxTask> Describe(const Object& task) const;
  std::string CommandLine(uint64_t mm) const;

  const Kernel* kernel_;
  uint64_t init_task_ = 0;
  uint64_t task_size_ = 0, mm_size_ = 0;
  // Of task_struct.
  Field tasks_, pid_, tgid_, comm_, state_, exit_state_, cpu_, mm_, cred_,
      real_parent_, start_time_, minor_faults_, major_faults_, signal_,
      thread_node_;
  Field thread_head_;                // of signal_struct
  Field uid_;                        // of cred
  Field pgd_, arg_start_, arg_end_;  // of mm_struct
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_TASKS_H_
