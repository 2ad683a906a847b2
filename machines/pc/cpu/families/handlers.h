// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Declares the selector of every row of the instruction table. Each is defined
// in the family file that the SDM's chapter names: families/<family>.cc.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_HANDLERS_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_HANDLERS_H_

#include "machines/pc/cpu/insn.h"

namespace librr::pc::handlers {

#define I(map, opcode, prefix, ext, modes, mnemonic, op1, op2, op3, selector, \
          tested, modified, undefined, attributes)                            \
  Handler selector(const Insn& in);
#include "machines/pc/cpu/instructions.inc"
#undef I

}  // namespace librr::pc::handlers

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_HANDLERS_H_
