// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// GDTR, IDTR, LDTR, TR: LGDT, SGDT, LIDT, SIDT, LLDT, SLDT, LTR, STR.
// SDM vol. 3, 2.8.1.
#include <cstring>

#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/system_operands.h"
#include "machines/pc/cpu/stack_frame.h"

namespace librr::pc::handlers {
namespace {

// A pseudo-descriptor: the limit, then a base of 4 or (64-bit mode) 8 bytes.
constexpr unsigned kLimitBytes = 2;

unsigned BaseBytes(const Cpu& cpu) { return cpu.code64() ? 8 : 4; }

bool LoadTable(Cpu& cpu, const Insn& in, DescriptorTable* table) {
  const unsigned size = kLimitBytes + BaseBytes(cpu);
  const SegmentIndex segment = static_cast<SegmentIndex>(in.segment);
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, size, Access::kRead, &linear));
  uint8_t bytes[kLimitBytes + 8] = {};
  LIBRR_TRY(cpu.ReadBytes(linear, bytes, size, segment));
  DescriptorTable loaded;
  std::memcpy(&loaded.limit, bytes, kLimitBytes);
  std::memcpy(&loaded.base, bytes + kLimitBytes, 8);
  if (cpu.code64()) {
    if (!IsCanonicalAddress(loaded.base)) return cpu.RaiseGp();
  } else if (in.size == 2) {
    loaded.base &= 0xffffff;
  }
  *table = loaded;
  return true;
}

// The whole base is stored at any operand size.
bool StoreTable(Cpu& cpu, const Insn& in, const DescriptorTable& table) {
  LIBRR_TRY(CheckUmip(cpu));
  const unsigned size = kLimitBytes + BaseBytes(cpu);
  const SegmentIndex segment = static_cast<SegmentIndex>(in.segment);
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, size, Access::kWrite, &linear));
  uint8_t bytes[kLimitBytes + 8];
  std::memcpy(bytes, &table.limit, kLimitBytes);
  std::memcpy(bytes + kLimitBytes, &table.base, 8);
  return cpu.WriteBytes(linear, bytes, size, segment);
}

}  // namespace

Handler Lgdt(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return LoadTable(cpu, in, &cpu.regs.gdtr);
  };
}

Handler Lidt(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return LoadTable(cpu, in, &cpu.regs.idtr);
  };
}

Handler Sgdt(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return StoreTable(cpu, in, cpu.regs.gdtr);
  };
}

Handler Sidt(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return StoreTable(cpu, in, cpu.regs.idtr);
  };
}

// The selectors of LDTR and TR exist in protected mode only.

Handler Sldt(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    LIBRR_TRY(CheckProtected(cpu));
    LIBRR_TRY(CheckUmip(cpu));
    return StoreWord(cpu, in, cpu.regs.ldtr.selector);
  };
}

Handler Str(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    LIBRR_TRY(CheckProtected(cpu));
    LIBRR_TRY(CheckUmip(cpu));
    return StoreWord(cpu, in, cpu.regs.tr.selector);
  };
}

// LLDT and LTR do not exist in virtual-8086 mode: that comes before privilege.

Handler Lldt(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    LIBRR_TRY(CheckProtected(cpu));
    if (cpu.cpl() != 0) return cpu.RaiseGp();
    uint16_t selector;
    LIBRR_TRY(LoadWord(cpu, in, in.dst, &selector));
    return cpu.LoadLdtr(selector);
  };
}

Handler Ltr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    LIBRR_TRY(CheckProtected(cpu));
    if (cpu.cpl() != 0) return cpu.RaiseGp();
    uint16_t selector;
    LIBRR_TRY(LoadWord(cpu, in, in.dst, &selector));
    return cpu.LoadTr(selector);
  };
}

}  // namespace librr::pc::handlers
