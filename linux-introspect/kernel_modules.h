// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The loadable modules of a guest's kernel (lsmod).
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxModule> modules,
//                          ReadModules(kernel));
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_MODULES_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_MODULES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// The one loaded last first.
absl::StatusOr<std::vector<LinuxModule>> ReadModules(const Kernel& kernel);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_MODULES_H_
