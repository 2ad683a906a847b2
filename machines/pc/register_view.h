// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A vCPU's registers as gdb names them (its 64-bit i386 target descriptions:
// core, sse, linux and QEMU's system registers).
#ifndef LIBRR_MACHINES_PC_REGISTER_VIEW_H_
#define LIBRR_MACHINES_PC_REGISTER_VIEW_H_

#include <cstdint>
#include <vector>

#include "librr/machine.h"
#include "machines/pc/cpu/cpu.h"

namespace librr::pc {

std::vector<RegisterValue> ViewRegisters(const Cpu& cpu, uint8_t cr8);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_REGISTER_VIEW_H_
