// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Far CALL, JMP, RET and IRET; what they do is in far_transfer.cc and
// interrupt_return.cc.
#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

// A far pointer from memory, or from the code: offset in imm, selector in disp.
bool FarPointer(Cpu& cpu, const Insn& in, uint16_t* selector,
                uint64_t* offset) {
  if (!in.is_memory()) {
    *selector = static_cast<uint16_t>(in.disp);
    *offset = in.imm;
    return true;
  }
  const SegmentIndex segment = static_cast<SegmentIndex>(in.segment);
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, in.size + 2u, Access::kRead, &linear));
  switch (in.size) {
    case 2: {
      uint16_t word;
      LIBRR_TRY(cpu.ReadLinear(linear, &word, segment));
      *offset = word;
      break;
    }
    case 4: {
      uint32_t word;
      LIBRR_TRY(cpu.ReadLinear(linear, &word, segment));
      *offset = word;
      break;
    }
    default:
      LIBRR_TRY(cpu.ReadLinear(linear, offset, segment));
  }
  return cpu.ReadLinear(linear + in.size, selector, segment);
}

}  // namespace

Handler JmpFar(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    uint16_t selector;
    uint64_t offset;
    LIBRR_TRY(FarPointer(cpu, in, &selector, &offset));
    return cpu.FarJump(selector, offset, in.size);
  };
}

Handler CallFar(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    uint16_t selector;
    uint64_t offset;
    LIBRR_TRY(FarPointer(cpu, in, &selector, &offset));
    return cpu.FarCall(selector, offset, in.size);
  };
}

Handler RetFar(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return cpu.FarReturn(in.size, static_cast<uint16_t>(in.imm));
  };
}

Handler Iret(const Insn&) {
  return [](Cpu& cpu, const Insn& in) { return cpu.InterruptReturn(in.size); };
}

}  // namespace librr::pc::handlers
