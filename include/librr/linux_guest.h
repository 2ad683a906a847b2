// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The Linux of a guest, seen from outside: tasks, memory maps, open files,
// mounts, sockets, modules, slab caches, run queues, the kernel's log. Nothing
// is installed in the guest and nothing is typed: symbols and types are read
// from the kernel itself (kallsyms, BTF). For kernels that have not both there
// is librr/linux_sources.h.
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
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/memory_reader.h"
#include "librr/units.h"

namespace librr {

// All pids are below (Linux, include/linux/threads.h, PID_MAX_LIMIT).
inline constexpr uint32_t kMaxLinuxPid = 1 << 22;

// A task_struct: a process's thread, or a thread of the kernel.
struct LinuxTask {
  GuestVirtual address;                  // of the task_struct
  uint32_t pid = 0, tgid = 0, ppid = 0;  // in the first namespace
  std::string comm;
  char state = '?';  // R S D T t X Z P I, as ps prints it
  uint32_t cpu = 0;
  uint32_t uid = 0;
  uint64_t start_ns = 0;  // since the guest's boot
  // Page faults so far that the kernel has counted for the task; major ones
  // read from a disk.
  uint64_t minor_faults = 0, major_faults = 0;
  GuestVirtual mm;      // of the mm_struct; 0: a thread of the kernel
  std::string cmdline;  // empty if it has none, or if it is not in memory
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

// A file descriptor of a process, as /proc/PID/fd and fdinfo show it.
struct LinuxOpenFile {
  uint32_t pid = 0;
  uint32_t fd = 0;
  GuestVirtual file;  // of the struct file; descriptors may share one
  // - d l c b p s as ls prints them; ? for what has no type (an eventfd, ...)
  char type = '?';
  bool readable = false, writable = false;
  bool closes_on_exec = false;
  uint64_t flags = 0;     // as open(2) takes them, of the guest
  uint64_t position = 0;  // where the next read or write is
  uint32_t device_major = 0, device_minor = 0;
  uint64_t inode = 0;
  std::string name = "";  // a path, "socket:[1234]", "anon_inode:[eventfd]"
};

// A line of /proc/PID/mountinfo.
struct LinuxMount {
  uint32_t id = 0, parent_id = 0;
  uint32_t device_major = 0, device_minor = 0;
  std::string root;     // what of the file system is mounted: "/"
  std::string path;     // where
  std::string type;     // "proc", "fuse.sshfs"
  std::string source;   // "/dev/sda1", "none"
  std::string options;  // "rw,nosuid,relatime"; not what the file system adds
};

// A socket that a process has a file descriptor of.
struct LinuxSocket {
  uint32_t pid = 0;
  uint32_t fd = 0;
  uint64_t inode = 0;
  uint32_t uid = 0;
  GuestVirtual sock;     // of the struct sock
  std::string family;    // "inet", "inet6", "unix", "netlink", or a number
  std::string type;      // "stream", "dgram", "raw", "seqpacket", or a number
  std::string protocol;  // "tcp", "udp", netlink: "route"; or a number
  std::string state;     // "LISTEN"; "" where there is none
  // "127.0.0.1:80", "[::1]:80", "/run/socket", "@abstract"; netlink: the port
  // ID. Empty: none.
  std::string local, remote;
  uint64_t peer_inode = 0;              // unix: of the other end
  uint64_t rx_queue = 0, tx_queue = 0;  // inet: as in /proc/net
};

// A slab cache, as a line of /proc/slabinfo.
struct LinuxSlabCache {
  std::string name;
  uint64_t object_size = 0;  // what is asked for
  uint64_t size = 0;         // what each takes
  // Those in slabs that a CPU allocates from count as active, all of them, as
  // they do in /proc/slabinfo.
  uint64_t active_objects = 0;
  uint64_t objects = 0;
  uint64_t slabs = 0;
  uint32_t objects_per_slab = 0, pages_per_slab = 0;  // of a new slab
};

struct LinuxQueuedTask {
  uint32_t pid = 0;
  std::string comm;
  std::string policy;        // "stop", "deadline", "realtime", "fair"
  int32_t priority = 0;      // the kernel's: 0 to 99 real-time, 120 as nice 0
  uint64_t vruntime_ns = 0;  // of a fair one
};

// The tasks that a CPU executes or would.
struct LinuxRunQueue {
  uint32_t cpu = 0;
  GuestVirtual address;      // of the struct rq
  uint64_t running = 0;      // as the kernel has counted them
  uint64_t switches = 0;     // from task to task
  uint64_t clock_ns = 0;     // of the queue, when it was last updated
  uint32_t current_pid = 0;  // 0: the idle task
  std::string current_comm;
  // The one that executes too; deadline and real-time tasks first, then the
  // fair ones, of which the one with the least vruntime comes first.
  std::vector<LinuxQueuedTask> tasks;
};

// A per-CPU variable, or a member of one.
struct LinuxPerCpuVariable {
  enum class Kind : uint8_t { kUnsigned, kSigned, kPointer, kOther };
  struct Value {
    uint32_t cpu = 0;
    GuestVirtual address;
    std::string bytes;
  };
  std::string name;
  std::string type;  // "struct rq", "unsigned long[4]"; "": it is not known
  Kind kind = Kind::kOther;
  std::vector<Value> values;  // of each CPU that there may be
};

// What uname, /proc/uptime, /proc/loadavg and /proc/cmdline tell.
struct LinuxSystem {
  std::string sysname, nodename, release, version, machine, domainname;
  std::string boot_arguments;
  // At the last tick that the kernel has counted.
  uint64_t uptime_ns = 0;
  uint64_t realtime_ns = 0;  // since 1970
  std::array<double, 3> load{};
  uint32_t cpus_online = 0, cpus_possible = 0;
  uint64_t tainted = 0;  // /proc/sys/kernel/tainted
};

// The shared objects that a process's dynamic linker has mapped.
struct LinuxSharedObjects {
  struct Object {
    std::string path;  // absolute, without "." and ".."
    GuestVirtual link_map;
    uint64_t displacement = 0;  // from the file's addresses
    GuestVirtual dynamic;       // of its dynamic section
  };
  GuestVirtual debug_data;  // struct r_debug; 0: no dynamic linker, or not yet
  GuestVirtual program_link_map;
  std::vector<Object> objects;  // without the program and the vDSO
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
  // Of a process, or of all; by pid and fd. NotFound without such a process;
  // kernel threads and processes that have ended have none.
  virtual absl::StatusOr<std::vector<LinuxOpenFile>> OpenFiles(
      std::optional<uint32_t> pid) = 0;
  // What of these is a socket. Sockets that no process has open (in TIME_WAIT,
  // not yet accepted, the kernel's own) are not among them.
  virtual absl::StatusOr<std::vector<LinuxSocket>> Sockets(
      std::optional<uint32_t> pid) = 0;
  // As a process sees them, in the order in which it does.
  virtual absl::StatusOr<std::vector<LinuxMount>> Mounts(uint32_t pid) = 0;
  // In the order of /proc/slabinfo. NotFound for a kernel without SLUB
  // (CONFIG_SLUB_DEBUG). Until 5.8 each control group has its own.
  virtual absl::StatusOr<std::vector<LinuxSlabCache>> SlabCaches() = 0;
  // Of the CPUs that are online. Tasks of a BPF scheduler are not listed.
  virtual absl::StatusOr<std::vector<LinuxRunQueue>> RunQueues() = 0;
  // "runqueues", "runqueues.nr_running". NotFound without it.
  virtual absl::StatusOr<LinuxPerCpuVariable> PerCpu(std::string_view name) = 0;
  virtual absl::StatusOr<LinuxSystem> System() = 0;

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
  // The path of the file that the task's process executes, the auxiliary vector
  // that it was given (as /proc/PID/auxv), its shared objects. NotFound for a
  // thread of the kernel.
  virtual absl::StatusOr<std::string> Executable(const LinuxTask& task) = 0;
  virtual absl::StatusOr<std::string> Auxv(const LinuxTask& task) = 0;
  virtual absl::StatusOr<LinuxSharedObjects> SharedObjects(
      const LinuxTask& task) = 0;
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
