// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/instruction_table.h"

#include "machines/pc/cpu/families/handlers.h"

namespace librr::pc {
namespace {

// The vocabulary of the rows.
constexpr OpcodeMap k1B = OpcodeMap::k1B, k0F = OpcodeMap::k0F,
                    k38 = OpcodeMap::k38, k3A = OpcodeMap::k3A;
constexpr Prefix Any = Prefix::Any, NP = Prefix::NP, P66 = Prefix::P66,
                 F3 = Prefix::F3, F2 = Prefix::F2, NoRep = Prefix::NoRep;
constexpr Modes All = Modes::All, L = Modes::L, N = Modes::N;
constexpr Extension X{}, Mem{-1, -1, 1}, Reg{-1, -1, 2};
constexpr Extension R(int8_t reg) { return {reg, -1, 0}; }
constexpr Extension MR(int8_t reg) { return {reg, -1, 1}; }
constexpr Extension RR(int8_t reg) { return {reg, -1, 2}; }
constexpr Extension RM(int8_t reg, int8_t rm) { return {reg, rm, 2}; }

// Reads "OSZAPC" or a part of it, spelled as one word; 0 is the empty set.
constexpr uint8_t Flag(const char* letters) {
  uint8_t set = 0;
  for (; *letters; ++letters) {
    switch (*letters) {
      case 'O':
        set |= kFlagO;
        break;
      case 'S':
        set |= kFlagS;
        break;
      case 'Z':
        set |= kFlagZ;
        break;
      case 'A':
        set |= kFlagA;
        break;
      case 'P':
        set |= kFlagP;
        break;
      case 'C':
        set |= kFlagC;
        break;
      default:
        break;
    }
  }
  return set;
}

#define I(map, opcode, prefix, ext, modes, mnemonic, op1, op2, op3, selector, \
          tested, modified, undefined, attributes)                            \
  {map,                                                                       \
   opcode,                                                                    \
   prefix,                                                                    \
   ext,                                                                       \
   modes,                                                                     \
   mnemonic,                                                                  \
   {Operand::op1, Operand::op2, Operand::op3},                                \
   &handlers::selector,                                                       \
   Flag(#tested),                                                             \
   Flag(#modified),                                                           \
   Flag(#undefined),                                                          \
   static_cast<uint32_t>(attributes)},

const InstructionRow kRows[] = {
#include "machines/pc/cpu/instructions.inc"
};
#undef I

}  // namespace

absl::Span<const InstructionRow> InstructionTable() { return kRows; }

}  // namespace librr::pc
