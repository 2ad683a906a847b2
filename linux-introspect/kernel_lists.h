// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The kernel's lists and trees (Linux, include/linux/list.h, rbtree.h), as the
// addresses of what is linked in an object: the object is in front of it.
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<uint64_t> nodes,
//                          ReadList(kernel, head, 1000, "modules"));
//   nodes[0] - list.offset;   // a struct module
//
// A list may be read while it is changed, as the kernel's own readers do. What
// leads nowhere, or has no end, is DataLoss that says of what and where.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_LISTS_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_LISTS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// The struct list_heads of a list, without its head. `what` is plural.
absl::StatusOr<std::vector<uint64_t>> ReadList(const Kernel& kernel,
                                               uint64_t head, size_t max_count,
                                               std::string_view what);

// The struct rb_nodes of the tree whose struct rb_root is at `root`, the
// smallest first.
absl::StatusOr<std::vector<uint64_t>> ReadTree(const Kernel& kernel,
                                               uint64_t root, size_t max_count,
                                               std::string_view what);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_LISTS_H_
