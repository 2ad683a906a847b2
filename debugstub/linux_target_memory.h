// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory of a debug target, as the view of its Linux reads it.
#ifndef LIBRR_DEBUGSTUB_LINUX_TARGET_MEMORY_H_
#define LIBRR_DEBUGSTUB_LINUX_TARGET_MEMORY_H_

#include <algorithm>
#include <vector>

#include "librr/debug_target.h"
#include "librr/linux_target.h"
#include "librr/machine_memory.h"
#include "librr/memory_reader.h"

namespace librr {

class LinuxTarget::Memory final : public MemoryReader {
 public:
  explicit Memory(const DebugTarget* machine) : machine_(machine) {}

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    return machine_->ReadPhysical(address, out);
  }

  std::vector<PagingRoot> PagingRoots() const override {
    std::vector<PagingRoot> roots;
    for (int vcpu = 0; vcpu < machine_->vcpu_count(); ++vcpu) {
      const auto root = PagingRootOf(machine_->Registers(vcpu));
      if (root.has_value() &&
          std::find(roots.begin(), roots.end(), *root) == roots.end()) {
        roots.push_back(*root);
      }
    }
    return roots;
  }

 private:
  const DebugTarget* machine_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_LINUX_TARGET_MEMORY_H_
