// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_guest.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr/linux_sources.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/kernel_modules.h"
#include "linux-introspect/kernel_stack.h"
#include "linux-introspect/memory_maps.h"
#include "linux-introspect/mounts.h"
#include "linux-introspect/offset_guest.h"
#include "linux-introspect/open_files.h"
#include "linux-introspect/per_cpu.h"
#include "linux-introspect/printk_log.h"
#include "linux-introspect/process_program.h"
#include "linux-introspect/run_queues.h"
#include "linux-introspect/slab_caches.h"
#include "linux-introspect/sockets.h"
#include "linux-introspect/system_calls.h"
#include "linux-introspect/system_information.h"
#include "linux-introspect/task_registers.h"
#include "linux-introspect/tasks.h"

namespace librr {
namespace {

constexpr size_t kMaxOpenFiles = 1 << 20;

class KernelGuest final : public LinuxGuest {
 public:
  explicit KernelGuest(linux_guest::Kernel kernel)
      : kernel_(std::move(kernel)) {}

  const std::string& release() const override { return kernel_.release(); }
  const std::string& banner() const override { return kernel_.banner(); }
  std::vector<std::string> Sources() const override {
    return kernel_.sources();
  }

  absl::StatusOr<std::vector<LinuxTask>> Tasks() override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    return list->Read();
  }

  absl::StatusOr<std::vector<LinuxLogRecord>> Log() override {
    return linux_guest::ReadPrintkLog(kernel_);
  }

  absl::StatusOr<std::vector<LinuxModule>> Modules() override {
    return linux_guest::ReadModules(kernel_);
  }

  absl::StatusOr<std::vector<LinuxMapping>> Maps(uint32_t pid) override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    LIBRR_ASSIGN_OR_RETURN(const LinuxTask task, list->Find(pid));
    if (task.mm.value() == 0) return std::vector<LinuxMapping>();
    return linux_guest::ReadMemoryMaps(kernel_, task.mm.value());
  }

  absl::StatusOr<std::vector<LinuxOpenFile>> OpenFiles(
      std::optional<uint32_t> pid) override {
    LIBRR_ASSIGN_OR_RETURN(const auto tasks, Processes(pid));
    LIBRR_ASSIGN_OR_RETURN(const auto reader,
                           linux_guest::OpenFiles::Make(&kernel_));
    std::vector<LinuxOpenFile> all;
    for (const LinuxTask& task : tasks) {
      LIBRR_ASSIGN_OR_RETURN(auto files, reader.Read(task));
      // Processes may share a table.
      if (files.size() > kMaxOpenFiles - all.size()) {
        return absl::OutOfRangeError(
            absl::StrCat("the processes have more than ", kMaxOpenFiles,
                         " files open; name one process"));
      }
      std::move(files.begin(), files.end(), std::back_inserter(all));
    }
    return all;
  }

  absl::StatusOr<std::vector<LinuxSocket>> Sockets(
      std::optional<uint32_t> pid) override {
    LIBRR_ASSIGN_OR_RETURN(const auto files, OpenFiles(pid));
    LIBRR_ASSIGN_OR_RETURN(const auto reader,
                           linux_guest::Sockets::Make(&kernel_));
    std::vector<LinuxSocket> sockets;
    for (const LinuxOpenFile& file : files) {
      LIBRR_ASSIGN_OR_RETURN(auto socket, reader.Describe(file));
      if (socket.has_value()) sockets.push_back(*std::move(socket));
    }
    return sockets;
  }

  absl::StatusOr<std::vector<LinuxMount>> Mounts(uint32_t pid) override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    LIBRR_ASSIGN_OR_RETURN(const LinuxTask task, list->Find(pid));
    return linux_guest::ReadMounts(kernel_, task);
  }

  absl::StatusOr<std::vector<LinuxSlabCache>> SlabCaches() override {
    return linux_guest::ReadSlabCaches(kernel_);
  }

  absl::StatusOr<std::vector<LinuxRunQueue>> RunQueues() override {
    return linux_guest::ReadRunQueues(kernel_);
  }

  absl::StatusOr<LinuxPerCpuVariable> PerCpu(std::string_view name) override {
    return linux_guest::ReadPerCpu(kernel_, name);
  }

  absl::StatusOr<LinuxSystem> System() override {
    return linux_guest::ReadSystem(kernel_);
  }

  absl::StatusOr<LinuxTask> TaskAt(GuestVirtual address) override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    return list->At(address.value());
  }

  absl::StatusOr<GuestVirtual> Symbol(std::string_view name) override {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t address, kernel_.Symbol(name));
    return GuestVirtual(address);
  }

  absl::StatusOr<LinuxTask> CurrentTask(uint32_t cpu) override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const registers, Registers());
    LIBRR_ASSIGN_OR_RETURN(const uint64_t address, registers->Current(cpu));
    return TaskAt(GuestVirtual(address));
  }

  absl::StatusOr<GuestPhysical> CurrentTaskPointer(uint32_t cpu) override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const registers, Registers());
    LIBRR_ASSIGN_OR_RETURN(const uint64_t address,
                           registers->CurrentPointer(cpu));
    return kernel_.space().Translate(GuestVirtual(address));
  }

  absl::StatusOr<LinuxRegisters> UserRegisters(const LinuxTask& task) override {
    LIBRR_RETURN_IF_ERROR(CheckProcess(task));
    LIBRR_ASSIGN_OR_RETURN(const auto* const registers, Registers());
    return registers->User(task.address.value());
  }

  absl::StatusOr<LinuxRegisters> KernelRegisters(
      const LinuxTask& task) override {
    LIBRR_ASSIGN_OR_RETURN(const auto* const registers, Registers());
    return registers->Switched(task.address.value());
  }

  absl::StatusOr<std::vector<LinuxFrame>> KernelStack(
      const LinuxRegisters& registers) override {
    if (!stack_.has_value()) {
      LIBRR_ASSIGN_OR_RETURN(stack_, linux_guest::KernelStack::Make(kernel_));
    }
    return stack_->Unwind(kernel_, registers);
  }

  absl::StatusOr<LinuxSystemCall> SystemCall(const LinuxTask& task) override {
    LIBRR_ASSIGN_OR_RETURN(const LinuxRegisters saved, UserRegisters(task));
    return linux_guest::DescribeSystemCall(kernel_, saved);
  }

  absl::StatusOr<std::string> Executable(const LinuxTask& task) override {
    LIBRR_RETURN_IF_ERROR(CheckProcess(task));
    return linux_guest::ReadExecutable(kernel_, task.mm.value());
  }

  absl::StatusOr<std::string> Auxv(const LinuxTask& task) override {
    LIBRR_RETURN_IF_ERROR(CheckProcess(task));
    return linux_guest::ReadAuxv(kernel_, task.mm.value());
  }

  absl::StatusOr<LinuxSharedObjects> SharedObjects(
      const LinuxTask& task) override {
    LIBRR_ASSIGN_OR_RETURN(const std::string auxv, Auxv(task));
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    LIBRR_ASSIGN_OR_RETURN(const auto space, list->SpaceOf(task));
    return linux_guest::ReadSharedObjects(space, auxv);
  }

  absl::StatusOr<GuestPhysical> UserPageTable(const LinuxTask& task) override {
    LIBRR_RETURN_IF_ERROR(CheckProcess(task));
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    LIBRR_ASSIGN_OR_RETURN(const auto space, list->SpaceOf(task));
    LIBRR_ASSIGN_OR_RETURN(const auto* const registers, Registers());
    LIBRR_ASSIGN_OR_RETURN(const bool own, registers->HasUserTables());
    // Linux, arch/x86/include/asm/pgtable.h, kernel_to_user_pgdp(): the next
    // page.
    constexpr uint64_t kPageSize = 4096;
    return space.root().table + (own ? kPageSize : 0);
  }

  absl::StatusOr<GuestPhysical> Translate(const LinuxTask& task,
                                          GuestVirtual address) override {
    if (task.mm.value() == 0 || linux_guest::IsKernelAddress(address.value())) {
      return kernel_.space().Translate(address);
    }
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    LIBRR_ASSIGN_OR_RETURN(const auto space, list->SpaceOf(task));
    return space.Translate(address);
  }

 private:
  // One, or all, without their further threads: these share what a process
  // has.
  absl::StatusOr<std::vector<LinuxTask>> Processes(
      std::optional<uint32_t> pid) {
    LIBRR_ASSIGN_OR_RETURN(const auto* const list, List());
    if (pid.has_value()) {
      LIBRR_ASSIGN_OR_RETURN(const LinuxTask task, list->Find(*pid));
      return std::vector<LinuxTask>{task};
    }
    LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxTask> tasks, list->Read());
    std::erase_if(tasks, [](const LinuxTask& task) {
      return task.mm.value() == 0 || task.pid != task.tgid;
    });
    return tasks;
  }

  static absl::Status CheckProcess(const LinuxTask& task) {
    if (task.mm.value() != 0) return absl::OkStatus();
    return absl::NotFoundError(
        absl::StrCat("task ", task.pid, " (", task.comm, ") has no user code"));
  }

  // Where members are is looked up when they are first needed; the error is
  // the same each time.
  absl::StatusOr<const linux_guest::TaskList*> List() {
    if (!list_.has_value()) {
      LIBRR_ASSIGN_OR_RETURN(list_, linux_guest::TaskList::Make(&kernel_));
    }
    return &*list_;
  }
  absl::StatusOr<const linux_guest::TaskRegisters*> Registers() {
    if (!registers_.has_value()) {
      LIBRR_ASSIGN_OR_RETURN(registers_,
                             linux_guest::TaskRegisters::Make(&kernel_));
    }
    return &*registers_;
  }

  const linux_guest::Kernel kernel_;
  std::optional<linux_guest::TaskList> list_;
  std::optional<linux_guest::TaskRegisters> registers_;
  std::optional<linux_guest::KernelStack> stack_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LinuxGuest>> LinuxGuest::Find(
    const MemoryReader* memory) {
  return FindLinuxGuest(memory, LinuxSources());
}

absl::StatusOr<std::unique_ptr<LinuxGuest>> FindLinuxGuest(
    const MemoryReader* memory, const LinuxSources& sources) {
  if (sources.internals().offsets.has_value()) {
    return linux_guest::FindOffsetGuest(memory, *sources.internals().offsets);
  }
  LIBRR_ASSIGN_OR_RETURN(
      linux_guest::Kernel kernel,
      linux_guest::Kernel::Find(memory, sources.internals()));
  return std::make_unique<KernelGuest>(std::move(kernel));
}

}  // namespace librr
