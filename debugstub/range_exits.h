// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where execution can leave a stretch of code, such as a source line: so that
// stepping over a line with a loop in it need not look at every instruction.
//
//   const auto exits = FindRangeExits(code, 0x401000, 64);
//   if (exits.has_value()) ... run with breakpoints at both lists ...
//
// Functions without state.
#ifndef LIBRR_DEBUGSTUB_RANGE_EXITS_H_
#define LIBRR_DEBUGSTUB_RANGE_EXITS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace librr {

struct RangeExits {
  // Outside: where jumps and the range's end lead.
  std::vector<uint64_t> outside;
  // Inside: instructions that lead who knows where, or into another context.
  std::vector<uint64_t> inside;
};

// `code` is at `address` and begins with an instruction; nullopt if it is not
// understood. Interrupts and exceptions are not considered.
std::optional<RangeExits> FindRangeExits(absl::Span<const uint8_t> code,
                                         uint64_t address, int bits);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_RANGE_EXITS_H_
