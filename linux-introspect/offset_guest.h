// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A guest's Linux by offsets that a person has typed: tasks, which of them
// executes, saved registers and page tables. What needs the kernel's own types
// says so.
//
//   LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<LinuxGuest> guest,
//                          FindOffsetGuest(&memory, offsets));
//
// The offsets are proved (offset_tasks.h) when it is found and whenever tasks
// are listed.
#ifndef LIBRR_LINUX_INTROSPECT_OFFSET_GUEST_H_
#define LIBRR_LINUX_INTROSPECT_OFFSET_GUEST_H_

#include <memory>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "librr/memory_reader.h"

namespace librr::linux_guest {

// NotFound says which offset is not right, or that there is no Linux yet.
absl::StatusOr<std::unique_ptr<LinuxGuest>> FindOffsetGuest(
    const MemoryReader* memory, const LinuxOffsets& offsets);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_OFFSET_GUEST_H_
