// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/offset_guest.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/offset_stacks.h"
#include "linux-introspect/offset_tasks.h"
#include "linux-introspect/page_tables.h"

namespace librr::linux_guest {
namespace {

using Offset = LinuxOffsets::Field;

constexpr uint64_t kPage = 4096;
// Linux, arch/x86/mm/pti.c: the user's top table is the page behind the
// kernel's.
constexpr uint64_t kUserTable = 0x1000;
// Interrupts have stacks of their own, of up to so many pages.
constexpr uint64_t kMaxInterruptPages = 8;

absl::Status NeedsTypes(const char* what) {
  return absl::NotFoundError(absl::StrCat(
      what,
      " needs the kernel's own types, and the guest is looked at with "
      "offsets that were typed; its vmlinux would help"));
}

// A guest may have the registers of a process that has none.
absl::Status NoProcess(const LinuxTask& task) {
  return absl::NotFoundError(
      absl::StrCat("task ", task.pid, " (", task.comm, ") has no user code"));
}

class OffsetGuest final : public LinuxGuest {
 public:
  OffsetGuest(const MemoryReader* memory, const OffsetTasks& proved,
              const OffsetStacks& stacks)
      : memory_(memory),
        offsets_(proved.offsets()),
        init_task_(proved.tasks().front().address),
        levels_(proved.space().root().levels),
        stacks_(stacks) {
    const uint64_t version = offsets_.value(Offset::kVersion);
    release_ = version == 0
                   ? "(unknown)"
                   : absl::StrFormat("%d.%d.%d", version >> 16,
                                     version >> 8 & 0xff, version & 0xff);
    banner_ = absl::StrCat("Linux version ", release_);
    sources_ = {absl::StrCat("offsets typed by a person: ", offsets_.Named()),
                absl::StrCat("proved: the first task is \"swapper\" with pid "
                             "0, the list of its ",
                             proved.tasks().size(),
                             " tasks closes, and their page tables map the "
                             "kernel")};
    for (const std::string& why : proved.left_out()) sources_.push_back(why);
    for (const Offset field : {Offset::kStack, Offset::kSavedSp}) {
      if (stacks.offsets().source(field) != LinuxOffsets::Source::kSearched) {
        continue;
      }
      sources_.push_back(absl::StrFormat(
          "searched: %s=%#x leads all tasks to stacks of their own",
          LinuxOffsets::Describe(field).name, stacks.offsets().value(field)));
    }
  }

  const std::string& release() const override { return release_; }
  const std::string& banner() const override { return banner_; }
  std::vector<std::string> Sources() const override { return sources_; }

  absl::StatusOr<std::vector<LinuxTask>> Tasks() override {
    return ReadLinuxTasks(*memory_, offsets_);
  }
  absl::StatusOr<std::vector<LinuxLogRecord>> Log() override {
    return NeedsTypes("the kernel's log");
  }
  absl::StatusOr<std::vector<LinuxModule>> Modules() override {
    return NeedsTypes("the list of modules");
  }
  absl::StatusOr<std::vector<LinuxMapping>> Maps(uint32_t) override {
    return NeedsTypes("a list of memory areas");
  }
  absl::StatusOr<std::vector<LinuxOpenFile>> OpenFiles(
      std::optional<uint32_t>) override {
    return NeedsTypes("a list of open files");
  }
  absl::StatusOr<std::vector<LinuxSocket>> Sockets(
      std::optional<uint32_t>) override {
    return NeedsTypes("a list of sockets");
  }
  absl::StatusOr<std::vector<LinuxMount>> Mounts(uint32_t) override {
    return NeedsTypes("a list of mounts");
  }
  absl::StatusOr<std::vector<LinuxSlabCache>> SlabCaches() override {
    return NeedsTypes("a list of slab caches");
  }
  absl::StatusOr<std::vector<LinuxRunQueue>> RunQueues() override {
    return NeedsTypes("a run queue");
  }
  absl::StatusOr<LinuxPerCpuVariable> PerCpu(std::string_view) override {
    return NeedsTypes("a per-CPU variable");
  }
  absl::StatusOr<LinuxSystem> System() override {
    return NeedsTypes("what uname and the like print");
  }
  absl::StatusOr<std::string> Executable(const LinuxTask&) override {
    return NeedsTypes("the file that a process executes");
  }
  absl::StatusOr<std::string> Auxv(const LinuxTask&) override {
    return NeedsTypes("a process's auxiliary vector");
  }
  absl::StatusOr<LinuxSharedObjects> SharedObjects(const LinuxTask&) override {
    return NeedsTypes("a process's shared objects");
  }
  absl::StatusOr<LinuxTask> TaskAt(GuestVirtual address) override {
    LIBRR_ASSIGN_OR_RETURN(const std::vector<LinuxTask> tasks, Tasks());
    const auto it = std::find_if(
        tasks.begin(), tasks.end(),
        [&](const LinuxTask& task) { return task.address == address; });
    if (it != tasks.end()) return *it;
    return absl::NotFoundError(
        absl::StrFormat("no task is at 0x%x", address.value()));
  }
  absl::StatusOr<GuestVirtual> Symbol(std::string_view) override {
    return NeedsTypes("a symbol");
  }

  absl::StatusOr<LinuxTask> CurrentTask(uint32_t cpu) override;
  absl::StatusOr<GuestPhysical> CurrentTaskPointer(uint32_t) override {
    return NeedsTypes("where a CPU keeps its current task");
  }

  absl::StatusOr<LinuxRegisters> UserRegisters(const LinuxTask& task) override {
    if (task.mm.value() == 0) return NoProcess(task);
    LIBRR_ASSIGN_OR_RETURN(const PageTables space, Space());
    return stacks_.User(space, task);
  }
  absl::StatusOr<LinuxRegisters> KernelRegisters(
      const LinuxTask& task) override {
    LIBRR_ASSIGN_OR_RETURN(const PageTables space, Space());
    return stacks_.Switched(space, task);
  }
  absl::StatusOr<std::vector<LinuxFrame>> KernelStack(
      const LinuxRegisters&) override {
    return NeedsTypes("a call chain of the kernel");
  }
  absl::StatusOr<LinuxSystemCall> SystemCall(const LinuxTask& task) override;
  absl::StatusOr<GuestPhysical> UserPageTable(const LinuxTask& task) override;
  absl::StatusOr<GuestPhysical> Translate(const LinuxTask& task,
                                          GuestVirtual address) override {
    LIBRR_ASSIGN_OR_RETURN(const PageTables space, Space());
    if (task.mm.value() == 0) return space.Translate(address);
    LIBRR_ASSIGN_OR_RETURN(const PageTables own, SpaceOf(space, task));
    return own.Translate(address);
  }

 private:
  // The page tables of now, with the kernel in them.
  absl::StatusOr<PageTables> Space() const;
  absl::StatusOr<PageTables> SpaceOf(const PageTables& space,
                                     const LinuxTask& task) const;
  bool HasUserTables(GuestPhysical table) const;
  // nullopt: no task has it.
  std::optional<LinuxTask> OwnerOfStack(const PageTables& space,
                                        absl::Span<const LinuxTask> tasks,
                                        uint64_t stack_pointer) const;

  const MemoryReader* const memory_;
  const LinuxOffsets offsets_;
  const GuestVirtual init_task_;
  const int levels_;
  const OffsetStacks stacks_;
  std::string release_, banner_;
  std::vector<std::string> sources_;
};

absl::StatusOr<PageTables> OffsetGuest::Space() const {
  for (const PagingRoot& root : memory_->PagingRoots()) {
    if (root.levels != levels_) continue;
    const PagingRoot kernel = {GuestPhysical(root.table.value() & ~kUserTable),
                               root.levels};
    for (const PagingRoot& candidate : {root, kernel}) {
      const PageTables space(memory_, candidate);
      if (space.Translate(init_task_).ok()) return space;
    }
  }
  return absl::NotFoundError(
      "no vCPU uses page tables that have the kernel in them");
}

absl::StatusOr<PageTables> OffsetGuest::SpaceOf(const PageTables& space,
                                                const LinuxTask& task) const {
  const size_t size = levels_ <= 3 ? 4 : 8;
  std::array<uint8_t, 8> bytes{};
  LIBRR_RETURN_IF_ERROR(
      space.Read(GuestVirtual(task.mm.value() + offsets_.value(Offset::kPgd)),
                 absl::MakeSpan(bytes.data(), size)));
  uint64_t pgd = 0;
  std::memcpy(&pgd, bytes.data(), sizeof(pgd));
  LIBRR_ASSIGN_OR_RETURN(const GuestPhysical table,
                         space.Translate(GuestVirtual(pgd)));
  return PageTables(memory_, {.table = table, .levels = levels_});
}

// With KPTI each entry for user addresses is in both tables, in the kernel's
// with the bit that forbids execution (pti_set_user_pgtbl()).
bool OffsetGuest::HasUserTables(GuestPhysical table) const {
  // That and whether it has been used, which the CPU notes in each.
  constexpr uint64_t kMayDiffer = uint64_t{1} << 63 | 1 << 5;
  constexpr size_t kUserEntries = 256;
  if (levels_ < 4 || (table.value() & kUserTable) != 0) return false;
  std::array<uint64_t, kUserEntries> kernel{}, user{};
  const auto read = [&](GuestPhysical from, std::array<uint64_t, 256>* to) {
    return memory_
        ->ReadPhysical(from,
                       absl::MakeSpan(
                           // The entries as the bytes that they are.
                           reinterpret_cast<uint8_t*>(to->data()), sizeof(*to)))
        .ok();
  };
  if (!read(table, &kernel) || !read(table + kUserTable, &user)) return false;
  bool has_any = false;
  for (size_t i = 0; i < kUserEntries; ++i) {
    if (((kernel[i] ^ user[i]) & ~kMayDiffer) != 0) return false;
    has_any = has_any || kernel[i] != 0;
  }
  return has_any;
}

std::optional<LinuxTask> OffsetGuest::OwnerOfStack(
    const PageTables& space, absl::Span<const LinuxTask> tasks,
    uint64_t stack_pointer) const {
  for (const LinuxTask& task : tasks) {
    const auto stack = stacks_.StackOf(space, task);
    if (stack.has_value() && stack_pointer >= stack->first &&
        stack_pointer < stack->second) {
      return task;
    }
  }
  return std::nullopt;
}

// In the kernel: whose stack is in use. An interrupt's stack has at its end
// where the interrupted one is (arch/x86/include/asm/irq_stack.h), or what the
// CPU has pushed. In user code: whose page tables, and of several threads whose
// own storage.
absl::StatusOr<LinuxTask> OffsetGuest::CurrentTask(uint32_t cpu) {
  const std::vector<VcpuContext> vcpus = memory_->Vcpus();
  if (cpu >= vcpus.size()) {
    return absl::NotFoundError(
        absl::StrCat("the registers of CPU ", cpu, " are not known"));
  }
  const VcpuContext& vcpu = vcpus[cpu];
  LIBRR_ASSIGN_OR_RETURN(const std::vector<LinuxTask> tasks, Tasks());
  LIBRR_ASSIGN_OR_RETURN(const PageTables space, Space());
  if (!vcpu.in_user_code) {
    auto owner = OwnerOfStack(space, tasks, vcpu.stack_pointer);
    uint64_t end = vcpu.stack_pointer / kPage * kPage + kPage;
    for (uint64_t i = 0;
         !owner.has_value() && levels_ >= 4 && i < kMaxInterruptPages;
         ++i, end += kPage) {
      for (const uint64_t at : {end - 8, end - 16}) {
        uint64_t other = 0;
        // A number as the bytes that it is.
        auto* const bytes = reinterpret_cast<uint8_t*>(&other);
        if (space.Read(GuestVirtual(at), absl::MakeSpan(bytes, sizeof(other)))
                .ok() &&
            !owner.has_value()) {
          owner = OwnerOfStack(space, tasks, other);
        }
      }
    }
    if (owner.has_value()) return *owner;
    return absl::NotFoundError(
        absl::StrCat("CPU ", cpu, " is in the kernel, and on no task's stack"));
  }
  std::vector<LinuxTask> threads;
  for (const LinuxTask& task : tasks) {
    if (task.mm.value() == 0) continue;
    const absl::StatusOr<PageTables> own = SpaceOf(space, task);
    if (!own.ok()) continue;
    const GuestPhysical table = own->root().table;
    if (table == vcpu.root.table ||
        (HasUserTables(table) && table + kUserTable == vcpu.root.table)) {
      threads.push_back(task);
    }
  }
  if (threads.size() > 1) {
    std::erase_if(threads, [&](const LinuxTask& task) {
      return stacks_.SavedFsBase(space, task) != vcpu.fs_base;
    });
  }
  if (threads.size() == 1) return threads.front();
  return absl::NotFoundError(
      absl::StrCat("it cannot be told which task CPU ", cpu, " executes"));
}

absl::StatusOr<LinuxSystemCall> OffsetGuest::SystemCall(const LinuxTask& task) {
  LIBRR_ASSIGN_OR_RETURN(const LinuxRegisters saved, UserRegisters(task));
  // System V ABI for AMD64, A.2.1: rdi, rsi, rdx, r10, r8, r9; on i386 ebx,
  // ecx, edx, esi, edi, ebp.
  constexpr std::array<int, 6> kOrder64 = {7, 6, 2, 10, 8, 9};
  constexpr std::array<int, 6> kOrder32 = {3, 1, 2, 6, 7, 5};
  const auto& order = levels_ >= 4 ? kOrder64 : kOrder32;
  LinuxSystemCall call;
  call.number = saved.original_rax;
  if (call.number < 0) return LinuxSystemCall();
  for (size_t i = 0; i < order.size(); ++i) {
    call.arguments[i] = saved.general[order[i]];
  }
  return call;
}

absl::StatusOr<GuestPhysical> OffsetGuest::UserPageTable(
    const LinuxTask& task) {
  if (task.mm.value() == 0) return NoProcess(task);
  LIBRR_ASSIGN_OR_RETURN(const PageTables space, Space());
  LIBRR_ASSIGN_OR_RETURN(const PageTables own, SpaceOf(space, task));
  const GuestPhysical table = own.root().table;
  return HasUserTables(table) ? table + kUserTable : table;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LinuxGuest>> FindOffsetGuest(
    const MemoryReader* memory, const LinuxOffsets& offsets) {
  const absl::StatusOr<OffsetTasks> proved =
      OffsetTasks::Prove(memory, offsets);
  if (!proved.ok()) {
    // For those who ask for a guest there is none, whatever the reason.
    return absl::NotFoundError(std::string(proved.status().message()));
  }
  const OffsetStacks stacks =
      OffsetStacks::Find(proved->space(), proved->offsets(), proved->tasks());
  return std::make_unique<OffsetGuest>(memory, *proved, stacks);
}

}  // namespace librr::linux_guest
