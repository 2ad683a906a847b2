// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// FPREM and FPREM1 in integer arithmetic.
//
// One execution reduces the exponent by fewer than 64; how far it goes when
// more would be needed is left to the implementation (N between 32 and 63 in
// SDM vol. 2, FPREM) and differs between vendors. Here, with D the difference
// of the exponents, N = 32 + D mod 32.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_X87_REMAINDER_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_X87_REMAINDER_H_

#include <cstdint>

#include "machines/pc/cpu/families/x87_host.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc::x87 {

enum class RemainderKind : uint8_t {
  kTruncated,  // FPREM
  kNearest,    // FPREM1, IEEE 754
};

struct RemainderResult {
  Float80 value;
  uint16_t status;    // exceptions and C0 to C3
  bool has_quotient;  // else C0 and C3 stay as they were
};

RemainderResult Remainder(RemainderKind kind, const Float80& dividend,
                          const Float80& divisor, uint16_t control);

}  // namespace librr::pc::x87

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_X87_REMAINDER_H_
