// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/maple_tree.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// enum maple_type, in bits 3 to 6 of a pointer to a node; between them is
// maple_range_64.
constexpr uint64_t kLeaf64 = 1, kArange64 = 3;
// MAPLE_NODE_MASK: nodes are aligned to their size.
constexpr uint64_t kNodeSize = 256;
// MAPLE_HEIGHT_MAX.
constexpr int kMaxHeight = 31;
// sysctl_max_map_count may be raised to as many as there are.
constexpr size_t kMaxValues = 1 << 24;

absl::Status Broken(uint64_t node) {
  return absl::DataLossError(absl::StrFormat(
      "a tree of memory areas is corrupted: 0x%x is no node of it", node));
}

// Pointers to nodes have the two lowest bits 10 (xa_is_internal), others do
// not; small ones are errors or retry marks.
bool IsNode(uint64_t entry) { return (entry & 3) == 2 && entry > 4096; }

class Reader {
 public:
  explicit Reader(const Kernel* kernel) : kernel_(kernel) {}

  absl::StatusOr<std::vector<uint64_t>> Read(uint64_t address) {
    LIBRR_RETURN_IF_ERROR(FindFields());
    LIBRR_ASSIGN_OR_RETURN(const uint64_t root,
                           kernel_->ReadPointer(address + root_.offset));
    if (IsNode(root)) {
      LIBRR_RETURN_IF_ERROR(Collect(root, ~uint64_t{0}, 0));
    } else if (root != 0) {
      values_.push_back(root);
    }
    return std::move(values_);
  }

 private:
  absl::Status FindFields() {
    struct Wanted {
      Field* field;
      const char* aggregate;
      const char* path;
    };
    for (const Wanted& it : {Wanted{&root_, "maple_tree", "ma_root"},
                             {&range_pivots_, "maple_range_64", "pivot"},
                             {&range_slots_, "maple_range_64", "slot"},
                             {&arange_pivots_, "maple_arange_64", "pivot"},
                             {&arange_slots_, "maple_arange_64", "slot"}}) {
      LIBRR_ASSIGN_OR_RETURN(*it.field,
                             kernel_->FindField(it.aggregate, it.path));
    }
    return absl::OkStatus();
  }

  // `last` is the last index that the node stands for.
  absl::Status Collect(uint64_t entry, uint64_t last, int height) {
    const uint64_t type = (entry >> 3) & 0xf;
    const uint64_t address = entry & ~(kNodeSize - 1);
    if (height == kMaxHeight || values_.size() > kMaxValues || type < kLeaf64 ||
        type > kArange64 || !IsKernelAddress(address)) {
      return Broken(entry);
    }
    LIBRR_ASSIGN_OR_RETURN(const Object node,
                           kernel_->ReadObject(address, kNodeSize));
    const Field& pivots = type == kArange64 ? arange_pivots_ : range_pivots_;
    const Field& slots = type == kArange64 ? arange_slots_ : range_slots_;
    const uint32_t pivot_count = pivots.size / 8;
    const uint32_t slot_count = slots.size / 8;
    for (uint32_t i = 0; i < slot_count; ++i) {
      // The last slot has no pivot. A pivot of 0 behind the first: no more.
      uint64_t pivot =
          i < pivot_count ? node.Number({pivots.offset + 8 * i, 8}) : last;
      if (i > 0 && pivot == 0) pivot = last;
      const uint64_t value = node.Number({slots.offset + 8 * i, 8});
      if (type == kLeaf64) {
        if (value != 0 && !IsNode(value) && value > 4096)
          values_.push_back(value);
      } else {
        if (!IsNode(value)) return Broken(value);
        LIBRR_RETURN_IF_ERROR(
            Collect(value, std::min(pivot, last), height + 1));
      }
      if (pivot >= last) break;
    }
    return absl::OkStatus();
  }

  const Kernel* kernel_;
  Field root_;  // of maple_tree
  Field range_pivots_, range_slots_, arange_pivots_, arange_slots_;
  std::vector<uint64_t> values_;
};

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ReadMapleTree(const Kernel& kernel,
                                                    uint64_t address) {
  return Reader(&kernel).Read(address);
}

}  // namespace librr::linux_guest
