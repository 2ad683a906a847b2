// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a kernel says of itself as a whole: uname, clocks, load, boot arguments.
//
//   LIBRR_ASSIGN_OR_RETURN(LinuxSystem system, ReadSystem(kernel));
#ifndef LIBRR_LINUX_INTROSPECT_SYSTEM_INFORMATION_H_
#define LIBRR_LINUX_INTROSPECT_SYSTEM_INFORMATION_H_

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// NotFound until the kernel has started its clock.
absl::StatusOr<LinuxSystem> ReadSystem(const Kernel& kernel);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SYSTEM_INFORMATION_H_
