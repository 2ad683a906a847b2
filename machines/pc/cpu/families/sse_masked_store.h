// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The store of MASKMOVDQU and MASKMOVQ: the bytes whose mask byte has its top
// bit set, at DS:rDI (the segment may be overridden).
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_MASKED_STORE_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_MASKED_STORE_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// Stores up to `count` bytes. False if a fault is pending: then no byte was
// stored. Whether bytes that are not selected can fault is left open by the SDM
// (vol. 2, MASKMOVDQU); here only the range from the first to the last selected
// one can.
bool StoreMaskedBytes(Cpu& cpu, const Insn& in, const uint8_t* bytes,
                      const uint8_t* mask, int count);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_MASKED_STORE_H_
