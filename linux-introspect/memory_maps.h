// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory areas of a process, as /proc/PID/maps prints them.
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxMapping> maps,
//                          ReadMemoryMaps(kernel, task.mm.value()));
#ifndef LIBRR_LINUX_INTROSPECT_MEMORY_MAPS_H_
#define LIBRR_LINUX_INTROSPECT_MEMORY_MAPS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// Of the mm_struct at `mm`, ascending.
absl::StatusOr<std::vector<LinuxMapping>> ReadMemoryMaps(const Kernel& kernel,
                                                         uint64_t mm);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_MEMORY_MAPS_H_
