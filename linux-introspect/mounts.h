// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a process sees mounted (Linux, fs/proc_namespace.c): the mounts of its
// namespace that are below its root.
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxMount> mounts,
//                          ReadMounts(kernel, task));
#ifndef LIBRR_LINUX_INTROSPECT_MOUNTS_H_
#define LIBRR_LINUX_INTROSPECT_MOUNTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// Empty for a process that has ended.
absl::StatusOr<std::vector<LinuxMount>> ReadMounts(const Kernel& kernel,
                                                   const LinuxTask& task);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_MOUNTS_H_
