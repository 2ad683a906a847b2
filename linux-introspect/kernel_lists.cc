// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_lists.h"

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// struct rb_node.
constexpr uint64_t kRight = 8, kLeft = 16, kNodeSize = 24;
// A red-black tree of 2^64 nodes is no deeper.
constexpr size_t kMaxDepth = 128;

absl::Status Broken(const char* kind, std::string_view what, uint64_t address,
                    const char* why) {
  return absl::DataLossError(
      absl::StrFormat("the guest's %s of %s is corrupted: at 0x%x %s", kind,
                      what, address, why));
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ReadList(const Kernel& kernel,
                                               uint64_t head, size_t max_count,
                                               std::string_view what) {
  std::vector<uint64_t> nodes;
  uint64_t last = head;
  // A node to meet again, and how many are read until there is a later one
  // (R. P. Brent, An improved Monte Carlo factorization algorithm, 1980).
  uint64_t mark = head;
  size_t mark_until = 1;
  while (true) {
    const absl::StatusOr<uint64_t> next = kernel.ReadPointer(last);
    if (!next.ok()) return Broken("list", what, last, "is no memory");
    if (*next == head) return nodes;
    if (!IsKernelAddress(*next)) {
      return Broken("list", what, last, "is a pointer to nothing");
    }
    if (nodes.size() == max_count) {
      return Broken("list", what, last, "it should have had its end");
    }
    if (*next == mark) return Broken("list", what, last, "it runs in a circle");
    nodes.push_back(*next);
    last = *next;
    if (nodes.size() == mark_until) {
      mark = last;
      mark_until *= 2;
    }
  }
}

absl::StatusOr<std::vector<uint64_t>> ReadTree(const Kernel& kernel,
                                               uint64_t root, size_t max_count,
                                               std::string_view what) {
  std::vector<uint64_t> nodes;
  // Nodes whose left side is done or being done, and what is on their right.
  struct Pending {
    uint64_t node, right;
  };
  std::vector<Pending> above;
  LIBRR_ASSIGN_OR_RETURN(uint64_t node, kernel.ReadPointer(root));
  while (node != 0 || !above.empty()) {
    if (node == 0) {
      nodes.push_back(above.back().node);
      node = above.back().right;
      above.pop_back();
      continue;
    }
    const absl::StatusOr<Object> object =
        IsKernelAddress(node) ? kernel.ReadObject(node, kNodeSize)
                              : absl::NotFoundError("");
    if (!object.ok()) return Broken("tree", what, node, "is no node");
    if (above.size() == kMaxDepth || nodes.size() + above.size() >= max_count) {
      return Broken("tree", what, node, "it should have had its end");
    }
    above.push_back({node, object->Number({kRight, 8})});
    node = object->Number({kLeft, 8});
  }
  return nodes;
}

}  // namespace librr::linux_guest
