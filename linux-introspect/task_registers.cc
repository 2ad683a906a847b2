// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/task_registers.h"

#include <cstddef>
#include <iterator>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// In the order of LinuxRegisters::general.
constexpr std::string_view kPtRegsMembers[16] = {
    "ax", "cx", "dx",  "bx",  "sp",  "bp",  "si",  "di",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};

// What inactive_task_frame has, and where it is in LinuxRegisters::general.
constexpr struct {
  std::string_view member;
  int number;
} kFrameMembers[] = {{"bx", 3},   {"bp", 5},   {"r12", 12},
                     {"r13", 13}, {"r14", 14}, {"r15", 15}};

// arch/x86/include/asm/segment.h.
constexpr uint16_t kKernelCode = 0x10, kKernelStack = 0x18;

// arch/x86/include/asm/cpufeatures.h, X86_FEATURE_PTI: word 7, bit 11.
constexpr uint32_t kPtiWord = 7, kPtiBit = 11;

constexpr uint64_t kMinStack = 4096, kMaxStack = 1 << 20;

}  // namespace

absl::StatusOr<TaskRegisters> TaskRegisters::Make(const Kernel* kernel) {
  LIBRR_ASSIGN_OR_RETURN(PerCpuAreas areas, PerCpuAreas::Make(kernel));
  TaskRegisters result(kernel, std::move(areas));
  LIBRR_RETURN_IF_ERROR(result.FindFields());
  LIBRR_RETURN_IF_ERROR(result.FindCurrent());
  return result;
}

absl::Status TaskRegisters::FindFields() {
  const Kernel& kernel = *kernel_;
  LIBRR_ASSIGN_OR_RETURN(task_size_, kernel.SizeOf("task_struct"));
  // include/asm-generic/vmlinux.lds.h, INIT_TASK_DATA: the first task's stack.
  LIBRR_ASSIGN_OR_RETURN(const uint64_t begin,
                         kernel.Symbol("__start_init_task"));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t end, kernel.Symbol("__end_init_task"));
  stack_size_ = end - begin;
  if (stack_size_ < kMinStack || stack_size_ > kMaxStack) {
    return absl::NotFoundError("the kernel's stacks have an impossible size");
  }
  LIBRR_ASSIGN_OR_RETURN(pt_regs_size_, kernel.SizeOf("pt_regs"));
  LIBRR_ASSIGN_OR_RETURN(frame_size_, kernel.SizeOf("inactive_task_frame"));
  LIBRR_ASSIGN_OR_RETURN(stack_, kernel.FindField("task_struct", "stack"));
  LIBRR_ASSIGN_OR_RETURN(sp_, kernel.FindField("task_struct", "thread.sp"));
  LIBRR_ASSIGN_OR_RETURN(fs_base_,
                         kernel.FindField("task_struct", "thread.fsbase"));
  LIBRR_ASSIGN_OR_RETURN(gs_base_,
                         kernel.FindField("task_struct", "thread.gsbase"));
  LIBRR_ASSIGN_OR_RETURN(capability_,
                         kernel.FindField("cpuinfo_x86", "x86_capability"));
  for (int i = 0; i < 16; ++i) {
    LIBRR_ASSIGN_OR_RETURN(saved_general_[i],
                           kernel.FindField("pt_regs", kPtRegsMembers[i]));
  }
  LIBRR_ASSIGN_OR_RETURN(saved_ip_, kernel.FindField("pt_regs", "ip"));
  LIBRR_ASSIGN_OR_RETURN(saved_flags_, kernel.FindField("pt_regs", "flags"));
  LIBRR_ASSIGN_OR_RETURN(saved_cs_, kernel.FindField("pt_regs", "cs"));
  LIBRR_ASSIGN_OR_RETURN(saved_ss_, kernel.FindField("pt_regs", "ss"));
  LIBRR_ASSIGN_OR_RETURN(saved_original_,
                         kernel.FindField("pt_regs", "orig_ax"));
  for (size_t i = 0; i < std::size(kFrameMembers); ++i) {
    LIBRR_ASSIGN_OR_RETURN(
        switched_general_[i],
        kernel.FindField("inactive_task_frame", kFrameMembers[i].member));
  }
  LIBRR_ASSIGN_OR_RETURN(switched_ip_,
                         kernel.FindField("inactive_task_frame", "ret_addr"));
  return absl::OkStatus();
}

absl::Status TaskRegisters::FindCurrent() {
  // A variable of its own until 6.1, then a member.
  if (const auto own = kernel_->Symbol("current_task"); own.ok()) {
    current_ = *own;
    return absl::OkStatus();
  }
  LIBRR_ASSIGN_OR_RETURN(const uint64_t hot, kernel_->Symbol("pcpu_hot"));
  LIBRR_ASSIGN_OR_RETURN(const Field member,
                         kernel_->FindField("pcpu_hot", "current_task"));
  current_ = hot + member.offset;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> TaskRegisters::CurrentPointer(uint32_t cpu) const {
  return areas_.Address(current_, cpu);
}

absl::StatusOr<uint64_t> TaskRegisters::Current(uint32_t cpu) const {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t pointer, CurrentPointer(cpu));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t task, kernel_->ReadPointer(pointer));
  if (IsKernelAddress(task)) return task;
  return absl::NotFoundError(
      absl::StrFormat("CPU %d has no current task yet", cpu));
}

absl::StatusOr<LinuxRegisters> TaskRegisters::User(uint64_t task) const {
  LIBRR_ASSIGN_OR_RETURN(const Object object,
                         kernel_->ReadObject(task, task_size_));
  const uint64_t top = object.Number(stack_) + stack_size_;
  LIBRR_ASSIGN_OR_RETURN(
      const Object saved,
      kernel_->ReadObject(top - pt_regs_size_, pt_regs_size_));
  LinuxRegisters registers;
  for (int i = 0; i < 16; ++i) {
    registers.general[i] = saved.Number(saved_general_[i]);
  }
  registers.rip = saved.Number(saved_ip_);
  registers.rflags = saved.Number(saved_flags_);
  registers.cs = static_cast<uint16_t>(saved.Number(saved_cs_));
  registers.ss = static_cast<uint16_t>(saved.Number(saved_ss_));
  registers.fs_base = object.Number(fs_base_);
  registers.gs_base = object.Number(gs_base_);
  registers.original_rax = static_cast<int64_t>(saved.Number(saved_original_));
  if ((registers.cs & 3) != 3) {
    return absl::NotFoundError(
        absl::StrFormat("the task at 0x%x has not come from user code", task));
  }
  return registers;
}

absl::StatusOr<LinuxRegisters> TaskRegisters::Switched(uint64_t task) const {
  LIBRR_ASSIGN_OR_RETURN(const Object object,
                         kernel_->ReadObject(task, task_size_));
  const uint64_t sp = object.Number(sp_);
  const uint64_t bottom = object.Number(stack_);
  if (sp < bottom || sp - bottom > stack_size_ - frame_size_) {
    return absl::DataLossError(absl::StrFormat(
        "the task at 0x%x has its stack pointer outside of its stack", task));
  }
  LIBRR_ASSIGN_OR_RETURN(const Object frame,
                         kernel_->ReadObject(sp, frame_size_));
  LinuxRegisters registers;
  registers.general_known = 1 << 4;
  registers.general[4] = sp + frame_size_;
  for (size_t i = 0; i < std::size(kFrameMembers); ++i) {
    const int number = kFrameMembers[i].number;
    registers.general[number] = frame.Number(switched_general_[i]);
    registers.general_known |= 1 << number;
  }
  registers.rip = frame.Number(switched_ip_);
  registers.cs = kKernelCode;
  registers.ss = kKernelStack;
  registers.fs_base = object.Number(fs_base_);
  return registers;
}

absl::StatusOr<bool> TaskRegisters::HasUserTables() const {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t cpu, kernel_->Symbol("boot_cpu_data"));
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t word,
      kernel_->ReadNumber(cpu + capability_.offset + 4 * kPtiWord, 4));
  return (word >> kPtiBit & 1) != 0;
}

}  // namespace librr::linux_guest
