// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The Linux of a guest, seen from outside: tasks, memory maps, modules, the
// kernel's log. Nothing is installed in the guest and nothing is typed: symbols
// and types are read from the kernel itself (kallsyms, BTF). For kernels that
// have not both there is librr/linux_sources.h.
//
//   MachineMemory memory(&timeline.machine());
//   LIBRR_ASSIGN_OR_RETURN(auto guest, LinuxGuest::Find(&memory));
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxTask> tasks, guest->Tasks());
//
// A guest that was found can be asked again after the machine has moved: each
// call looks at the memory as it is then. Guests are not trusted: every walk
// is bounded, and what is corrupted is an error that says where. Texts are the
// guest's bytes: escape them before they go to a terminal. Belongs to one
// thread; the memory must outlive it.
#ifndef LIBRR_LINUX_GUEST_H_
#define LIBRR_LINUX_GUEST_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/memory_reader.h"
#include "librr/units.h"

namespace librr {

// A task_struct: a process's thread, or a thread of the kernel.
struct LinuxTask {
  GuestVirtual address;                  // of the task_struct
  uint32_t pid = 0, tgid = 0, ppid = 0;  // in the first namespace
  std::string comm;
  char state = '?';  // R S D T t X Z P I, as ps prints it
  uint32_t cpu = 0;
  uint32_t uid = 0;
  uint64_t start_ns = 0;  // since the guest's boot
  GuestVirtual mm;        // of the mm_struct; 0: a thread of the kernel
  std::string cmdline;    // empty if it has none, or if it is not in memory
};

// A line of the printk log.
struct LinuxLogRecord {
  uint64_t sequence = 0;
  uint64_t time_ns = 0;
  uint32_t level = 0;     // 0 (emergency) to 7 (debug)
  uint32_t facility = 0;  // 0: the kernel
  std::string text;
};

struct LinuxModule {
  std::string name;
  GuestVirtual base;
  uint64_t size = 0;
  std::string state;  // Live, Loading, Unloading
};

// A virtual memory area of a process, as a line of /proc/PID/maps.
struct LinuxMapping {
  GuestVirtual begin, end;
  bool readable = false, writable = false, executable = false, shared = false;
  uint64_t offset = 0;  // in the file, in bytes
  uint32_t device_major = 0, device_minor = 0;
  uint64_t inode = 0;
  std::string name = "";  // a path, "[heap]", "[stack]", "[vdso]", or empty
};

// Integer registers as the kernel has saved them.
struct LinuxRegisters {
  // rax rcx rdx rbx rsp rbp rsi rdi r8 ... r15
  std::array<uint64_t, 16> general{};
  uint16_t general_known = 0xffff;  // a bit for each of them
  uint64_t rip = 0;
  uint64_t rflags = 0;  // 0: not saved
  uint16_t cs = 0, ss = 0;
  uint64_t fs_base = 0, gs_base = 0;
  int64_t original_rax = -1;  // the system call's number; -1: not in one
};

// A function of the kernel that has called the one before it.
struct LinuxFrame {
  GuestVirtual address;
  std::string name;  // "schedule+0x5e"
};

struct LinuxSystemCall {
  int64_t number = -1;  // -1: the task is in none
  std::string name =
      "";  // "write"; empty if the kernel has none of that number
  std::array<uint64_t, 6> arguments{};
};

class LinuxGuest {
 public:
  // NotFound if there is no such kernel at this moment, saying what was
  // missing.
  static absl::StatusOr<std::unique_ptr<LinuxGuest>> Find(
      const MemoryReader* memory);
  virtual ~LinuxGuest() = default;

  virtual const std::string& release() const = 0;  // "6.1.0-9-amd64"
  virtual const std::string& banner() const = 0;   // /proc/version
  // Where its symbols and types are from, and how they were proved; a line for
  // each.
  virtual std::vector<std::string> Sources() const = 0;

  // The idle task of the first CPU (pid 0) first; threads behind their leader.
  virtual absl::StatusOr<std::vector<LinuxTask>> Tasks() = 0;
  // The oldest first.
  virtual absl::StatusOr<std::vector<LinuxLogRecord>> Log() = 0;
  // The one loaded last first, as lsmod prints them.
  virtual absl::StatusOr<std::vector<LinuxModule>> Modules() = 0;
  // NotFound without such a process; empty for a thread of the kernel.
  virtual absl::StatusOr<std::vector<LinuxMapping>> Maps(uint32_t pid) = 0;

  // The task whose task_struct is there, be it in the list or not.
  virtual absl::StatusOr<LinuxTask> TaskAt(GuestVirtual address) = 0;
  // The address of a function or variable of the kernel; NotFound without it.
  virtual absl::StatusOr<GuestVirtual> Symbol(std::string_view name) = 0;
  // The task that a CPU executes here.
  virtual absl::StatusOr<LinuxTask> CurrentTask(uint32_t cpu) = 0;
  // Where the kernel keeps the address of that task: 8 bytes.
  virtual absl::StatusOr<GuestPhysical> CurrentTaskPointer(uint32_t cpu) = 0;
  // Of the user code that goes on when the task leaves the kernel; NotFound for
  // a thread of the kernel. Stale while the task executes user code.
  virtual absl::StatusOr<LinuxRegisters> UserRegisters(
      const LinuxTask& task) = 0;
  // Where a task that does not execute was switched out.
  virtual absl::StatusOr<LinuxRegisters> KernelRegisters(
      const LinuxTask& task) = 0;
  // The chain of calls, the innermost function first; empty in user code.
  // NotFound if the kernel has no unwind table (CONFIG_UNWINDER_ORC).
  virtual absl::StatusOr<std::vector<LinuxFrame>> KernelStack(
      const LinuxRegisters& registers) = 0;
  // What a process waits in, or is executing. Means nothing while it executes
  // user code.
  virtual absl::StatusOr<LinuxSystemCall> SystemCall(const LinuxTask& task) = 0;
  // The page tables that the task's user code executes with; NotFound for a
  // thread of the kernel.
  virtual absl::StatusOr<GuestPhysical> UserPageTable(
      const LinuxTask& task) = 0;
  // An address of the kernel, or of the task's user code, whatever page tables
  // are current. NotFound if nothing is mapped there.
  virtual absl::StatusOr<GuestPhysical> Translate(const LinuxTask& task,
                                                  GuestVirtual address) = 0;
};

}  // namespace librr

#endif  // LIBRR_LINUX_GUEST_H_
