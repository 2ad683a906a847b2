// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The kernel's slab caches (Linux, mm/slub.c), counted as /proc/slabinfo does:
// objects are free that are in the lists of partly used slabs.
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<LinuxSlabCache> caches,
//                          ReadSlabCaches(kernel));
#ifndef LIBRR_LINUX_INTROSPECT_SLAB_CACHES_H_
#define LIBRR_LINUX_INTROSPECT_SLAB_CACHES_H_

#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

absl::StatusOr<std::vector<LinuxSlabCache>> ReadSlabCaches(
    const Kernel& kernel);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SLAB_CACHES_H_
