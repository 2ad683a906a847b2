// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory of a debug target, as a view of the guest's Linux reads it.
//
//   const TargetMemory memory(&session.target());
//   LIBRR_ASSIGN_OR_RETURN(auto offsets, FindLinuxOffsets(memory));
#ifndef LIBRR_DEBUGSTUB_TARGET_MEMORY_H_
#define LIBRR_DEBUGSTUB_TARGET_MEMORY_H_

#include <vector>

#include "librr/debug_target.h"
#include "librr/memory_reader.h"

namespace librr {

class TargetMemory : public MemoryReader {
 public:
  explicit TargetMemory(const DebugTarget* target) : target_(target) {}

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    return target_->ReadPhysical(address, out);
  }
  std::vector<PagingRoot> PagingRoots() const override {
    return target_->PagingRoots();
  }

 private:
  const DebugTarget* target_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_TARGET_MEMORY_H_
