// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Which bits of the control registers the machine has: part of the machine
// model. SDM vol. 3, 2.5.
#ifndef LIBRR_MACHINES_PC_CPU_CONTROL_REGISTERS_H_
#define LIBRR_MACHINES_PC_CPU_CONTROL_REGISTERS_H_

#include <cstdint>

#include "machines/pc/cpu/registers.h"

namespace librr::pc {

// Bits of CR0 that can be written; ET is always 1, the others always 0.
inline constexpr uint64_t kCr0Writable = kCr0Pe | kCr0Mp | kCr0Em | kCr0Ts |
                                         kCr0Ne | kCr0Wp | kCr0Am | kCr0Nw |
                                         kCr0Cd | kCr0Pg;

// Bits of CR4 that exist. VME and PVI do not: CPUID hides VME.
inline constexpr uint64_t kCr4Defined =
    kCr4Tsd | kCr4De | kCr4Pse | kCr4Pae | kCr4Mce | kCr4Pge | kCr4Pce |
    kCr4Osfxsr | kCr4Osxmmexcpt | kCr4Umip | kCr4Smep | kCr4Smap;

inline constexpr uint64_t kEferDefined =
    kEferSce | kEferLme | kEferLma | kEferNxe;

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_CONTROL_REGISTERS_H_
