// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The values of a maple tree, the kernel's tree of ranges (Linux 6.1,
// include/linux/maple_tree.h): the memory areas of a process are in one.
//
//   LIBRR_ASSIGN_OR_RETURN(std::vector<uint64_t> areas,
//                          ReadMapleTree(kernel, mm + mm_mt.offset));
#ifndef LIBRR_LINUX_INTROSPECT_MAPLE_TREE_H_
#define LIBRR_LINUX_INTROSPECT_MAPLE_TREE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

// The pointers in the tree at `address` (a struct maple_tree), in the order of
// their ranges.
absl::StatusOr<std::vector<uint64_t>> ReadMapleTree(const Kernel& kernel,
                                                    uint64_t address);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_MAPLE_TREE_H_
