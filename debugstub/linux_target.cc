// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the target shows here: threads, registers, memory. Moving is in
// linux_target_moves.cc.
#include "librr/linux_target.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "debugstub/target_memory.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"
#include "librr/machine_memory.h"

namespace librr {
namespace {

// Idle tasks have pid 0, on every CPU.
constexpr int kIdleThreads = 1 << 24;
constexpr uint32_t kMaxCpu = 1 << 13;

// How far away from where there was no Linux it is looked for again.
constexpr uint64_t kLookAgainSteps = 20'000'000;

int NumberOf(const LinuxTask& task) {
  return task.pid == 0 ? kIdleThreads + static_cast<int>(task.cpu)
                       : static_cast<int>(task.pid) - 1;
}

// The threads of the target beneath are vCPUs.
class VcpuMemory final : public TargetMemory {
 public:
  explicit VcpuMemory(const DebugTarget* machine)
      : TargetMemory(machine), machine_(machine) {}
  std::vector<VcpuContext> Vcpus() const override {
    std::vector<VcpuContext> vcpus;
    for (int vcpu = 0; vcpu < machine_->vcpu_count(); ++vcpu) {
      vcpus.push_back(VcpuContextOf(machine_->Registers(vcpu)));
    }
    return vcpus;
  }

 private:
  const DebugTarget* const machine_;
};

uint64_t Distance(Position a, Position b) { return a > b ? a - b : b - a; }

RegisterValue Number(const char* name, uint64_t value, size_t bytes) {
  RegisterValue result{.name = name, .bytes = {}};
  for (size_t i = 0; i < bytes; ++i) {
    result.bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }
  return result;
}

}  // namespace

LinuxTarget::LinuxTarget(DebugTarget* machine, LinuxSources sources)
    : machine_(machine),
      sources_(std::move(sources)),
      memory_(std::make_unique<VcpuMemory>(machine)) {}

LinuxTarget::~LinuxTarget() = default;

// ---- what Linux has here ----

absl::StatusOr<LinuxGuest*> LinuxTarget::Linux() const {
  if (!shows_tasks_) {
    return absl::FailedPreconditionError(
        "the guest's Linux is not looked at; `monitor linuxoffsets auto` looks "
        "at it");
  }
  if (guest_ != nullptr) return guest_.get();
  const Position here = position();
  if (not_found_at_.has_value() &&
      Distance(*not_found_at_, here) < kLookAgainSteps) {
    return not_found_;
  }
  absl::StatusOr<std::unique_ptr<LinuxGuest>> guest =
      FindLinuxGuest(memory_.get(), typed_.value_or(own_));
  if (!guest.ok() && !typed_.has_value() && sources_.has_files()) {
    guest = FindLinuxGuest(memory_.get(), sources_);
  }
  if (!guest.ok()) {
    not_found_at_ = here;
    not_found_ = guest.status();
    return guest.status();
  }
  guest_ = *std::move(guest);
  return guest_.get();
}

void LinuxTarget::SetLinuxOffsets(const std::optional<LinuxOffsets>& offsets) {
  typed_.reset();
  if (offsets.has_value()) typed_ = LinuxSources(*offsets);
  guest_.reset();
  not_found_at_.reset();
  seen_at_.reset();
}

absl::StatusOr<std::vector<LinuxTask>> LinuxTarget::FindTasks() const {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest * guest, Linux());
  absl::StatusOr<std::vector<LinuxTask>> tasks = guest->Tasks();
  const Position here = position();
  if (tasks.ok() || (not_found_at_.has_value() &&
                     Distance(*not_found_at_, here) < kLookAgainSteps)) {
    return tasks;
  }
  // A guest that has started again has its kernel elsewhere.
  std::unique_ptr<LinuxGuest> before = std::move(guest_);
  const absl::StatusOr<LinuxGuest*> again = Linux();
  if (again.ok()) {
    absl::StatusOr<std::vector<LinuxTask>> there = (*again)->Tasks();
    if (there.ok()) return there;
  }
  not_found_at_ = here;
  not_found_ = tasks.status();
  guest_ = std::move(before);
  return tasks;
}

absl::StatusOr<LinuxTarget::View> LinuxTarget::Look() const {
  View view;
  LIBRR_ASSIGN_OR_RETURN(view.tasks, FindTasks());
  LinuxGuest* const guest = guest_.get();
  for (int vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
    LIBRR_ASSIGN_OR_RETURN(LinuxTask current, guest->CurrentTask(vcpu));
    const auto listed = std::find_if(
        view.tasks.begin(), view.tasks.end(),
        [&](const LinuxTask& task) { return task.address == current.address; });
    view.running.push_back(std::distance(view.tasks.begin(), listed));
    // Idle tasks and those that have just ended are in no list.
    if (listed == view.tasks.end()) view.tasks.push_back(std::move(current));
  }
  for (const LinuxTask& task : view.tasks) {
    if (task.pid >= kMaxLinuxPid || task.tgid >= kMaxLinuxPid ||
        task.cpu > kMaxCpu) {
      return absl::DataLossError(
          absl::StrCat("the guest's task list is corrupted: task ", task.pid,
                       " on CPU ", task.cpu, " is impossible"));
    }
  }
  return view;
}

const LinuxTarget::View* LinuxTarget::Here() const {
  if (!shows_tasks_) return nullptr;
  if (seen_at_ != position()) {
    absl::StatusOr<View> view = Look();
    view_.reset();
    if (view.ok()) view_ = *std::move(view);
    seen_at_ = position();
  }
  return view_.has_value() ? &*view_ : nullptr;
}

const LinuxTask* LinuxTarget::FindTask(int thread) const {
  const View* const view = Here();
  if (view == nullptr) return nullptr;
  for (const LinuxTask& task : view->tasks) {
    if (NumberOf(task) == thread) return &task;
  }
  return nullptr;
}

int LinuxTarget::VcpuOf(int thread) const {
  const View* const view = Here();
  if (view == nullptr) return machine_->HasThread(thread) ? thread : -1;
  for (size_t vcpu = 0; vcpu < view->running.size(); ++vcpu) {
    if (NumberOf(view->tasks[view->running[vcpu]]) == thread) {
      return static_cast<int>(vcpu);
    }
  }
  return -1;
}

int LinuxTarget::ThreadOf(int vcpu) const {
  const View* const view = Here();
  if (view == nullptr) return vcpu;
  return NumberOf(view->tasks[view->running[vcpu]]);
}

// ---- threads ----

std::vector<TargetThread> LinuxTarget::Threads() const {
  const View* const view = Here();
  if (view == nullptr) return machine_->Threads();
  std::vector<TargetThread> threads;
  for (const LinuxTask& task : view->tasks) {
    TargetThread& thread = threads.emplace_back();
    thread.number = NumberOf(task);
    thread.core = VcpuOf(thread.number);
    thread.process = static_cast<int>(task.tgid);
    thread.name = task.comm;
    thread.details = absl::StrCat(std::string(1, task.state), ", CPU ",
                                  task.cpu, thread.core >= 0 ? ", runs" : "");
    if (task.pid != task.tgid) {
      absl::StrAppend(&thread.details, ", process ", task.tgid);
    }
  }
  return threads;
}

bool LinuxTarget::HasThread(int number) const {
  return Here() == nullptr ? machine_->HasThread(number)
                           : FindTask(number) != nullptr;
}

int LinuxTarget::ThreadHere(int shown) const {
  return Here() == nullptr ? machine_->ThreadHere(shown) : ThreadOf(0);
}

StopScope LinuxTarget::ScopeOf(int thread) const {
  const LinuxTask* const task = FindTask(thread);
  if (task == nullptr) {
    return Here() == nullptr ? machine_->ScopeOf(thread) : StopScope();
  }
  // Who looks at the kernel means whoever comes to that address.
  const bool in_user_code =
      (RegisterNumber(Registers(thread), "cs").value_or(0) & 3) == 3;
  const StopScope scope = ProcessScopeOf(thread);
  return in_user_code && scope.address_space.has_value() ? scope : StopScope();
}

StopScope LinuxTarget::ProcessScopeOf(int thread) const {
  const LinuxTask* const task = FindTask(thread);
  if (task == nullptr) return {};
  StopScope scope{.address_space = std::nullopt, .process = task->tgid};
  if (const auto table = guest_->UserPageTable(*task); table.ok()) {
    scope.address_space = *table;
  }
  return scope;
}

absl::StatusOr<LinuxTask> LinuxTarget::TaskOf(int thread) const {
  const LinuxTask* const task = FindTask(thread);
  if (task == nullptr) return DebugTarget::TaskOf(thread);
  return *task;
}

// ---- the state here ----

absl::StatusOr<std::vector<RegisterValue>> LinuxTarget::SavedRegisters(
    const LinuxTask& task) const {
  absl::StatusOr<LinuxRegisters> saved = shows_kernel_
                                             ? guest_->KernelRegisters(task)
                                             : guest_->UserRegisters(task);
  if (!saved.ok()) saved = guest_->KernelRegisters(task);
  LIBRR_RETURN_IF_ERROR(saved.status());
  static constexpr const char* kGeneral[16] = {
      "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
      "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  std::vector<RegisterValue> registers;
  for (int i = 0; i < 16; ++i) {
    if ((saved->general_known >> i & 1) == 0) continue;
    registers.push_back(Number(kGeneral[i], saved->general[i], 8));
  }
  registers.push_back(Number("rip", saved->rip, 8));
  if (saved->rflags != 0)
    registers.push_back(Number("eflags", saved->rflags, 4));
  registers.push_back(Number("cs", saved->cs, 4));
  registers.push_back(Number("ss", saved->ss, 4));
  registers.push_back(Number("fs_base", saved->fs_base, 8));
  if ((saved->cs & 3) == 3)
    registers.push_back(Number("gs_base", saved->gs_base, 8));
  if (const auto table = guest_->UserPageTable(task); table.ok())
    registers.push_back(Number("cr3", table->value(), 8));
  // These are the same for all.
  for (const RegisterValue& value : machine_->Registers(0)) {
    if (value.name == "cr0" || value.name == "cr4" || value.name == "efer")
      registers.push_back(value);
  }
  return registers;
}

std::vector<RegisterValue> LinuxTarget::Registers(int thread) const {
  if (const int vcpu = VcpuOf(thread); vcpu >= 0)
    return machine_->Registers(vcpu);
  const LinuxTask* const task = FindTask(thread);
  if (task == nullptr) return {};
  return SavedRegisters(*task).value_or(std::vector<RegisterValue>());
}

absl::Status LinuxTarget::ReadPhysical(GuestPhysical address,
                                       absl::Span<uint8_t> out) const {
  return machine_->ReadPhysical(address, out);
}

absl::StatusOr<GuestPhysical> LinuxTarget::Translate(
    int thread, GuestVirtual address) const {
  const int vcpu = VcpuOf(thread);
  if (vcpu >= 0) {
    absl::StatusOr<GuestPhysical> now = machine_->Translate(vcpu, address);
    // User code of a kernel with KPTI does not see the kernel; people do.
    if (now.ok() || Here() == nullptr) return now;
  }
  const LinuxTask* const task = FindTask(thread);
  if (task == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("there is no task ", thread + 1, " here"));
  }
  return guest_->Translate(*task, address);
}

AddressSpace LinuxTarget::CurrentAddressSpace(int thread) const {
  const StopScope scope = ScopeOf(thread);
  return scope.address_space.has_value()
             ? *scope.address_space
             : machine_->CurrentAddressSpace(std::max(0, VcpuOf(thread)));
}

absl::Status LinuxTarget::WriteRegister(int thread,
                                        const RegisterValue& value) {
  const int vcpu = VcpuOf(thread);
  if (vcpu >= 0) return machine_->WriteRegister(vcpu, value);
  return absl::FailedPreconditionError(
      "this task does not execute here: its registers are in its memory");
}

absl::Status LinuxTarget::WritePhysical(GuestPhysical address,
                                        absl::Span<const uint8_t> bytes) {
  seen_at_.reset();
  return machine_->WritePhysical(address, bytes);
}

// ---- as the machine has it ----

int LinuxTarget::vcpu_count() const { return machine_->vcpu_count(); }
uint64_t LinuxTarget::memory_bytes() const { return machine_->memory_bytes(); }
Position LinuxTarget::position() const { return machine_->position(); }
VirtualTime LinuxTarget::time() const { return machine_->time(); }
Position LinuxTarget::begin() const { return machine_->begin(); }
Position LinuxTarget::end() const { return machine_->end(); }
std::vector<PagingRoot> LinuxTarget::PagingRoots() const {
  return machine_->PagingRoots();
}
std::string LinuxTarget::read_only_reason() const {
  return machine_->read_only_reason();
}
absl::Status LinuxTarget::Seek(Position position) {
  return machine_->Seek(position);
}
void LinuxTarget::Interrupt() { machine_->Interrupt(); }
absl::StatusOr<std::optional<StopHit>> LinuxTarget::LastWrite(
    const Watchpoint& range, Position before) {
  return machine_->LastWrite(range, before);
}
absl::Status LinuxTarget::AddMark(std::string_view name) {
  return machine_->AddMark(name);
}
absl::StatusOr<std::vector<TargetMark>> LinuxTarget::Marks() const {
  return machine_->Marks();
}
absl::StatusOr<Position> LinuxTarget::FindTime(VirtualTime time) const {
  return machine_->FindTime(time);
}
absl::StatusOr<Position> LinuxTarget::FindConsole(std::string_view text) const {
  return machine_->FindConsole(text);
}
absl::StatusOr<std::vector<std::string>> LinuxTarget::Events(Position from,
                                                             Position to,
                                                             size_t max) const {
  return machine_->Events(from, to, max);
}
std::vector<std::string> LinuxTarget::Information() const {
  std::vector<std::string> lines = machine_->Information();
  if (Here() != nullptr) {
    lines.push_back(absl::StrCat("threads are the tasks of Linux ",
                                 guest_->release(), ", by their pids"));
  } else if (shows_tasks_) {
    lines.push_back(
        absl::StrCat("threads are vCPUs here: ", not_seen_.message()));
  }
  return lines;
}
std::vector<std::string> LinuxTarget::Checkpoints() const {
  return machine_->Checkpoints();
}

}  // namespace librr
