// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// An ORC table as DWARF call frame information (DWARF 5, 6.4), which debuggers
// read: the contents of .debug_frame.
//
//   std::string section = BuildDebugFrame(rows, function_addresses);
//
// Frames of interrupts and of code that switches stacks are marked as signal
// frames: what they interrupted goes on at its address, not behind a call, and
// stack addresses need not ascend there. Registers that nobody has saved are
// undefined, not guessed. Pure functions.
#ifndef LIBRR_LINUX_INTROSPECT_DEBUG_FRAME_H_
#define LIBRR_LINUX_INTROSPECT_DEBUG_FRAME_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "linux-introspect/orc.h"

namespace librr::linux_guest {

// `functions` ascend; they are where the rows are divided, so that a debugger
// need not execute many to come to one.
std::string BuildDebugFrame(absl::Span<const OrcRow> rows,
                            absl::Span<const uint64_t> functions);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_DEBUG_FRAME_H_
