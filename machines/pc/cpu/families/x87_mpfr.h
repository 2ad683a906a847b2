// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The x87 transcendental functions, correctly rounded to 64 bits in the
// direction of the guest's rounding control, with MPFR.
//
//   const HostResult sine = x87::Sine(x, control);     // C2: |x| >= 2^63
//
// CPUs promise an error below one unit in the last place and differ from one
// another; the correctly rounded value is the same everywhere. PE is set unless
// the result is exact, C1 if it was rounded away from zero; unmasked OE and UE
// give the bias-adjusted result. Thread-safe; MPFR's range and flags are as
// before after each call.
//
// Outside the ranges in the SDM: F2XM1 of a finite |x| > 1 is x; FYL2XP1 is
// y * log2(1 + x) for each x > -1 (from 2^64, y * log2(x)), and invalid from -1
// down.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_X87_MPFR_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_X87_MPFR_H_

#include <cstdint>

#include "machines/pc/cpu/families/x87_host.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc::x87 {

HostResult Sine(const Float80& x, uint16_t control);
HostResult Cosine(const Float80& x, uint16_t control);
HostResult Tangent(const Float80& x, uint16_t control);
// atan(y / x) in the quadrant of (x, y).
HostResult Arctangent(const Float80& y, const Float80& x, uint16_t control);
// 2^x - 1
HostResult PowerMinusOne(const Float80& x, uint16_t control);
// y * log2(x)
HostResult Logarithm(const Float80& y, const Float80& x, uint16_t control);
// y * log2(1 + x)
HostResult LogarithmPlusOne(const Float80& y, const Float80& x,
                            uint16_t control);

}  // namespace librr::pc::x87

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_X87_MPFR_H_
