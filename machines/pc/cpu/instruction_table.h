// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The one list of instructions. Decoder, interpreter, translator, tests and
// fuzzers are expansions of it.
//
// The rows stand in instructions_*.inc, one line each:
//
//   I(map, opcode, prefix, ext, modes, mnemonic, op1, op2, op3, selector,
//     tested, modified, undefined, attributes)
//
//   map        k1B, k0F, k38, k3A (opcode maps; x87 is k1B D8 to DF)
//   opcode     the byte after the map's escape
//   prefix     Any: 66, F2, F3 do not select (66 may be the operand size, F2
//   and
//              F3 a repeat prefix or ignored); NP: none of them; P66, F3, F2:
//              mandatory; NoRep: none or 66, neither F2 nor F3
//   ext        X: none; R(n): ModRM.reg = n; RM(n, m): ModRM = 11 n m;
//              Mem: memory forms only; Reg: register forms only;
//              MR(n): ModRM.reg = n, memory; RR(n): ModRM.reg = n, register
//   modes      All, L (64-bit mode only), N (not in 64-bit mode)
//   selector   gives the handler for a decoded form; families/<family>.cc
//   tested, modified, undefined   of the arithmetic flags: O S Z A P C by
//   letter.
//              `modified` includes those that become undefined; an undefined
//              flag still gets one documented value.
//   attributes InsnAttribute bits
#ifndef LIBRR_MACHINES_PC_CPU_INSTRUCTION_TABLE_H_
#define LIBRR_MACHINES_PC_CPU_INSTRUCTION_TABLE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "machines/pc/cpu/insn.h"
#include "machines/pc/cpu/operand.h"

namespace librr::pc {

enum class OpcodeMap : uint8_t { k1B, k0F, k38, k3A };
enum class Prefix : uint8_t { Any, NP, P66, F3, F2, NoRep };
enum class Modes : uint8_t { All, L, N };

// Arithmetic flags as one byte.
enum FlagSet : uint8_t {
  kFlagC = 1,
  kFlagP = 2,
  kFlagA = 4,
  kFlagZ = 8,
  kFlagS = 16,
  kFlagO = 32,
};

enum InsnAttribute : uint32_t {
  kEndsBlock = 1 << 0,    // control may go elsewhere, or the mode may change
  kLockable = 1 << 1,     // LOCK is allowed with a memory destination
  kPrivileged = 1 << 2,   // #GP(0) unless CPL is 0
  kDefault64 = 1 << 3,    // operand size is 64 bits in 64-bit mode (or 16)
  kForce64 = 1 << 4,      // near branches: 64 bits in 64-bit mode, 66 ignored
  kString = 1 << 5,       // REP makes each iteration a step
  kX87 = 1 << 6,          // #NM if CR0.EM or CR0.TS
  kMmx = 1 << 7,          // #UD if CR0.EM; #NM if CR0.TS
  kSse = 1 << 8,          // #UD if CR0.EM or not CR4.OSFXSR; #NM if CR0.TS
  kSerializing = 1 << 9,  // reads or changes the clock or devices: exact time
  kVendor = 1 << 10,      // Intel and AMD differ: tested from the SDM
  kUndefinedDest = 1 << 11,  // the destination may be undefined (BSF of 0, ...)
  kHost = 1 << 12,  // executed by one host instruction (floating point)
};

// ModRM constraint.
struct Extension {
  int8_t reg = -1;  // or -1: any
  int8_t rm = -1;   // or -1: any
  int8_t mod = 0;   // 0: any, 1: memory, 2: register
};

struct InstructionRow {
  OpcodeMap map;
  uint8_t opcode;
  Prefix prefix;
  Extension ext;
  Modes modes;
  const char* mnemonic;
  Operand operands[3];
  Selector selector;
  uint8_t tested, modified, undefined;  // FlagSet
  uint32_t attributes;                  // InsnAttribute
};

// All rows. Valid for the life of the process.
absl::Span<const InstructionRow> InstructionTable();

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_INSTRUCTION_TABLE_H_
