// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Which task a CPU executes, and where the kernel has saved the registers of
// those that do not execute.
//
//   LIBRR_ASSIGN_OR_RETURN(TaskRegisters tasks, TaskRegisters::Make(&kernel));
//   LIBRR_ASSIGN_OR_RETURN(uint64_t address, tasks.Current(0));
//   LIBRR_ASSIGN_OR_RETURN(LinuxRegisters registers, tasks.User(address));
//
// x86-64 Linux saves the integer registers of user code at the top of the
// task's kernel stack when it enters the kernel (struct pt_regs, arch/x86/
// entry/calling.h, 4.x to 6.x), and those that a function must preserve at the
// stack pointer in task_struct.thread when it switches to another task
// (struct inactive_task_frame, 4.9 and later).
#ifndef LIBRR_LINUX_INTROSPECT_TASK_REGISTERS_H_
#define LIBRR_LINUX_INTROSPECT_TASK_REGISTERS_H_

#include <array>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/per_cpu.h"

namespace librr::linux_guest {

class TaskRegisters {
 public:
  // NotFound if the kernel lacks something that is needed, naming it.
  static absl::StatusOr<TaskRegisters> Make(const Kernel* kernel);

  // Addresses of task_struct.
  absl::StatusOr<uint64_t> Current(uint32_t cpu) const;
  // Where a CPU keeps that address.
  absl::StatusOr<uint64_t> CurrentPointer(uint32_t cpu) const;
  // Of the user code that will go on when the task leaves the kernel.
  absl::StatusOr<LinuxRegisters> User(uint64_t task) const;
  // Where the task was switched out. Means nothing for one that executes.
  absl::StatusOr<LinuxRegisters> Switched(uint64_t task) const;

  // Whether user code executes with page tables of its own (KPTI).
  absl::StatusOr<bool> HasUserTables() const;

 private:
  TaskRegisters(const Kernel* kernel, PerCpuAreas areas)
      : kernel_(kernel), areas_(std::move(areas)) {}
  absl::Status FindFields();
  absl::Status FindCurrent();

  const Kernel* kernel_;
  PerCpuAreas areas_;
  uint64_t current_ = 0;  // a per-CPU address
  uint64_t stack_size_ = 0;
  uint64_t task_size_ = 0, pt_regs_size_ = 0, frame_size_ = 0;
  Field stack_, sp_, fs_base_, gs_base_;  // of task_struct
  Field capability_;                      // of cpuinfo_x86
  // In the order of LinuxRegisters::general.
  std::array<Field, 16> saved_general_;
  Field saved_ip_, saved_flags_, saved_cs_, saved_ss_, saved_original_;
  std::array<Field, 6> switched_general_;  // of inactive_task_frame
  Field switched_ip_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_TASK_REGISTERS_H_
