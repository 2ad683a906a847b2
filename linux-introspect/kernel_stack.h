// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Call chains of the kernel, by its own unwind table (ORC).
//
//   LIBRR_ASSIGN_OR_RETURN(KernelStack stack, KernelStack::Make(kernel));
//   for (const LinuxFrame& frame : stack.Unwind(kernel, registers)) ...
//
// Made once for a kernel. A chain ends where user code begins, where the table
// knows nothing further, or after 256 frames; it never fails. The rules are
// those of unwind_next_frame in Linux, arch/x86/kernel/unwind_orc.c (4.14 to
// 6.x).
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_STACK_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_STACK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/orc.h"

namespace librr::linux_guest {

class KernelStack {
 public:
  // NotFound if the kernel has no such table.
  static absl::StatusOr<KernelStack> Make(const Kernel& kernel);

  std::vector<LinuxFrame> Unwind(const Kernel& kernel,
                                 const LinuxRegisters& registers) const;
  // "schedule+0x5e"; the address itself where there is no function.
  std::string Name(uint64_t address) const;

 private:
  struct Function {
    uint64_t address = 0;
    std::string name;
  };
  struct Frame {
    uint64_t ip = 0, sp = 0, bp = 0;
    // The address behind a call, not of an instruction that was interrupted.
    bool is_return = false;
  };

  KernelStack() = default;
  bool Next(const Kernel& kernel, Frame* frame) const;

  std::vector<OrcRow> rows_;
  std::vector<Function> functions_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_STACK_H_
