// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Which system call a task is in, by the kernel's own table of them.
//
//   LIBRR_ASSIGN_OR_RETURN(LinuxSystemCall call,
//                          DescribeSystemCall(kernel, saved_user_registers));
//
// A pure function of the guest's memory.
#ifndef LIBRR_LINUX_INTROSPECT_SYSTEM_CALLS_H_
#define LIBRR_LINUX_INTROSPECT_SYSTEM_CALLS_H_

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// `saved`: of the task's user code. The name is empty if the kernel has no
// table, or no function there.
LinuxSystemCall DescribeSystemCall(const Kernel& kernel,
                                   const LinuxRegisters& saved);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SYSTEM_CALLS_H_
