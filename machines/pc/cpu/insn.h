// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One decoded instruction: 32 bytes, all that a handler needs.
//
// A handler executes one instruction: `true` means retired, `false` means that
// an exception is pending (`Cpu::Raise` was called) and nothing but what the
// SDM says was changed. When it is called, RIP already points past the
// instruction. A handler function is chosen once, at decode time, by the
// *selector* that the instruction table names: `Handler Add(const Insn&)`
// returns the specialisation for this size and form of operands.
#ifndef LIBRR_MACHINES_PC_CPU_INSN_H_
#define LIBRR_MACHINES_PC_CPU_INSN_H_

#include <cstdint>

#include "machines/pc/cpu/registers.h"

namespace librr::pc {

class Cpu;
struct Insn;
using Handler = bool (*)(Cpu& cpu, const Insn& in);
using Selector = Handler (*)(const Insn& in);

// Where the first two operands are. R: register, M: memory, I: immediate.
enum class Form : uint8_t { kNone, kR, kM, kI, kRR, kRM, kMR, kRI, kMI };

// How an effective address is computed.
enum class AddressKind : uint8_t {
  kFlat64,  // 64-bit mode, no segment base: base + index * scale + disp
  kSlow,    // everything else: segment bases and limits, 16 and 32-bit wrap
};

enum PrefixBits : uint8_t {
  kPrefixLock = 1,
  kPrefixRep = 2,    // F3
  kPrefixRepne = 4,  // F2
  kPrefixRex = 8,
  kPrefixRexW = 16,
  kPrefix66 = 32,
};

struct Insn {
  Handler handler;
  // The immediate, sign-extended; a branch's displacement; a moffs address. Of
  // two immediates (ENTER, far pointers) the second is in `disp`.
  uint64_t imm;
  int32_t disp;
  uint16_t row;    // index into InstructionTable()
  uint8_t length;  // bytes, 1 to 15
  // General registers are byte offsets into Registers::gpr (AH is 1: offset of
  // RAX plus 1); other registers are numbers.
  uint8_t dst;   // of the first operand, if it is a register
  uint8_t src;   // of the second operand, if it is a register
  uint8_t base;  // byte offsets into gpr; kZeroSlot and kRip serve as bases too
  uint8_t index;
  uint8_t scale : 2;         // shift count
  uint8_t address_size : 4;  // 2, 4 or 8 bytes
  uint8_t segment : 3;       // SegmentIndex of the memory operand
  uint8_t size : 5;          // of the operation in bytes: 1, 2, 4, 8 (16)
  uint8_t prefixes : 6;      // PrefixBits
  AddressKind address_kind;
  Form form;

  bool is_memory() const {
    return form == Form::kM || form == Form::kRM || form == Form::kMR ||
           form == Form::kMI;
  }
  bool Has(PrefixBits bit) const { return prefixes & bit; }
  uint8_t imm8() const { return static_cast<uint8_t>(imm); }
};

static_assert(sizeof(Insn) == 32);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_INSN_H_
