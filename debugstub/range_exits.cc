// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/range_exits.h"

#include <cstring>

#include "librr/disassembler.h"

namespace librr {
namespace {

enum class Flow {
  kOn,         // to the next instruction, wherever else
  kJump8,      // by the last byte as a displacement
  kJump32,     // by the last four
  kElsewhere,  // a call, a return, a system call, an indirect jump, ...
};

bool IsPrefix(uint8_t byte, int bits) {
  switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
      return true;
    default:
      return bits == 64 && (byte & 0xf0) == 0x40;
  }
}

// Intel SDM vol. 2, appendix A, "Opcode Map".
Flow FlowOfTwoByteOpcode(uint8_t opcode) {
  if ((opcode & 0xf0) == 0x80) return Flow::kJump32;  // Jcc
  switch (opcode) {
    case 0x01:  // VMCALL and its kin
    case 0x05:  // SYSCALL
    case 0x07:  // SYSRET
    case 0x34:  // SYSENTER
    case 0x35:  // SYSEXIT
    case 0xaa:  // RSM
      return Flow::kElsewhere;
    default:
      return Flow::kOn;
  }
}

Flow FlowOf(absl::Span<const uint8_t> bytes, int bits) {
  size_t at = 0;
  bool short_operand = false;
  while (at < bytes.size() && IsPrefix(bytes[at], bits)) {
    short_operand |= bytes[at] == 0x66;
    ++at;
  }
  if (at == bytes.size()) return Flow::kElsewhere;
  const uint8_t opcode = bytes[at];
  const uint8_t next = at + 1 < bytes.size() ? bytes[at + 1] : 0;
  Flow flow = Flow::kOn;
  if (opcode == 0x0f) {
    flow = FlowOfTwoByteOpcode(next);
  } else if ((opcode & 0xf0) == 0x70 || (opcode & 0xfc) == 0xe0 ||
             opcode == 0xeb) {
    flow = Flow::kJump8;  // Jcc, LOOP, JCXZ, JMP
  } else if (opcode == 0xe9) {
    flow = Flow::kJump32;
  } else if (opcode == 0xff) {
    const int operation = next >> 3 & 7;
    if (operation >= 2 && operation <= 5) flow = Flow::kElsewhere;
  } else {
    switch (opcode) {
      case 0x9a:  // CALL far
      case 0xc2:  // RET
      case 0xc3:
      case 0xca:
      case 0xcb:
      case 0xcc:  // INT3
      case 0xcd:  // INT
      case 0xce:  // INTO
      case 0xcf:  // IRET
      case 0xe8:  // CALL
      case 0xea:  // JMP far
      case 0xf1:  // INT1
      case 0xf4:  // HLT
        flow = Flow::kElsewhere;
        break;
      default:
        break;
    }
  }
  // With such a jump the instruction pointer is cut to 16 bits.
  const bool jumps = flow == Flow::kJump8 || flow == Flow::kJump32;
  return jumps && short_operand ? Flow::kElsewhere : flow;
}

uint64_t JumpTarget(absl::Span<const uint8_t> bytes, uint64_t end, Flow flow) {
  if (flow == Flow::kJump8) {
    return end +
           static_cast<uint64_t>(int64_t{static_cast<int8_t>(bytes.back())});
  }
  int32_t displacement = 0;
  std::memcpy(&displacement, bytes.data() + bytes.size() - 4, 4);
  return end + static_cast<uint64_t>(int64_t{displacement});
}

}  // namespace

std::optional<RangeExits> FindRangeExits(absl::Span<const uint8_t> code,
                                         uint64_t address, int bits) {
  if (bits == 16) return std::nullopt;
  RangeExits exits;
  const uint64_t range_end = address + code.size();
  exits.outside.push_back(range_end);
  for (const DisassembledInstruction& instruction :
       DisassembleX86(code, address, bits, code.size())) {
    if (instruction.text.substr(0, 5) == ".byte") return std::nullopt;
    const Flow flow = FlowOf(instruction.bytes, bits);
    if (flow == Flow::kOn) continue;
    if (flow == Flow::kElsewhere) {
      exits.inside.push_back(instruction.address);
      continue;
    }
    uint64_t target =
        JumpTarget(instruction.bytes,
                   instruction.address + instruction.bytes.size(), flow);
    if (bits == 32) target &= 0xffffffff;
    if (target < address || target >= range_end) {
      exits.outside.push_back(target);
    }
  }
  return exits;
}

}  // namespace librr
