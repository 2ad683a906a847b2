// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What far branches, returns and IRET share: checks of the code segment that
// is returned to, of its stack, and of data segments that the outer level may
// not keep. SDM vol. 2, RET and IRET; vol. 3, 5.8.
#ifndef LIBRR_MACHINES_PC_CPU_FAR_TRANSFER_H_
#define LIBRR_MACHINES_PC_CPU_FAR_TRANSFER_H_

#include <cstdint>

#include "machines/pc/cpu/descriptor.h"

namespace librr::pc {

class Cpu;

// Is `offset` a place where the code segment can execute? Raises #GP(0).
bool CheckTargetOffset(Cpu& cpu, const Descriptor& cs, uint64_t offset);

// Reads and checks the code segment that RET or IRET pops.
bool ReadReturnCodeSegment(Cpu& cpu, uint16_t selector, Descriptor* cs);

// Reads and checks the stack segment of a return to `level`; sets its
// accessed bit. In 64-bit code below level 3 it may be null.
bool ReadReturnStackSegment(Cpu& cpu, uint16_t selector, int level,
                            const Descriptor& cs, SegmentRegister* ss);

// Loads CS; CPL becomes the selector's RPL. The caller calls ModeChanged.
void SetCodeSegment(Cpu& cpu, const Descriptor& cs, uint16_t selector);

// After a return to an outer level: data segments that it may not use become
// null.
void DropPrivilegedSegments(Cpu& cpu);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAR_TRANSFER_H_
