// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The differential test is worth what it finds: handlers of many families are
// given the mistakes that one makes there, and each has to be found by as many
// random cases as every form gets.
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/instruction_table.h"
#include "tests/cpu/differential_case.h"
#include "tests/cpu/differential_harness.h"

namespace librr::pc {
namespace {

constexpr uint64_t kSeed = 20240611;
constexpr uint64_t kCases = 100;

bool Right(Cpu& cpu, const Insn& in) {
  return InstructionTable()[in.row].selector(in)(cpu, in);
}

bool AdcForgetsTheCarry(Cpu& cpu, const Insn& in) {
  cpu.regs.flags.SetCf(false);
  return Right(cpu, in);
}

bool SubLosesTheAuxiliaryCarry(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(Right(cpu, in));
  cpu.regs.flags.SetMasked(0, kAf);
  return true;
}

bool ImulLeavesOverflowClear(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(Right(cpu, in));
  cpu.regs.flags.SetMasked(0, kOf);
  return true;
}

// Whatever happens, there is no #DE.
bool DivTruncatesItsQuotient(Cpu& cpu, const Insn& in) {
  Right(cpu, in);
  return true;
}

bool RclIsWrongForOneCount(Cpu& cpu, const Insn& in) {
  const uint64_t count = cpu.gpr(kRcx) & 31;
  LIBRR_TRY(Right(cpu, in));
  if (count == 17) cpu.regs.flags.SetCf(!cpu.regs.flags.cf());
  return true;
}

bool CmovleForgetsSignAndOverflow(Cpu& cpu, const Insn& in) {
  const uint64_t before = cpu.Reg<uint64_t>(in.dst);
  LIBRR_TRY(Right(cpu, in));
  if (!cpu.regs.flags.zf()) cpu.SetReg<uint64_t>(in.dst, before);
  return true;
}

bool MovsxExtendsWithZeros(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(Right(cpu, in));
  cpu.SetReg<uint64_t>(in.dst, cpu.Reg<uint8_t>(in.dst));
  return true;
}

bool MovsIgnoresTheDirection(Cpu& cpu, const Insn& in) {
  const uint64_t direction = cpu.regs.system_flags & kDf;
  cpu.regs.system_flags &= ~kDf;
  const bool done = Right(cpu, in);
  cpu.regs.system_flags |= direction;
  return done;
}

bool CmpxchgKeepsTheAccumulator(Cpu& cpu, const Insn& in) {
  const uint64_t before = cpu.gpr(kRax);
  LIBRR_TRY(Right(cpu, in));
  cpu.gpr(kRax) = before;
  return true;
}

bool JbeForgetsZero(Cpu& cpu, const Insn& in) {
  const uint64_t next = cpu.rip();
  LIBRR_TRY(Right(cpu, in));
  if (!cpu.regs.flags.cf()) cpu.rip() = next;
  return true;
}

bool BsrCountsFromTheTop(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(Right(cpu, in));
  cpu.SetReg<uint64_t>(in.dst, cpu.Reg<uint64_t>(in.dst) ^ (8u * in.size - 1));
  return true;
}

bool PushStoresTooLow(Cpu& cpu, const Insn& in) {
  cpu.gpr(kRsp) -= 1;
  const bool done = Right(cpu, in);
  cpu.gpr(kRsp) += 1;
  return done;
}

bool AddpsReportsNoInexactResult(Cpu& cpu, const Insn& in) {
  const uint32_t precision = cpu.regs.mxcsr & 0x20;
  LIBRR_TRY(Right(cpu, in));
  cpu.regs.mxcsr = (cpu.regs.mxcsr & ~0x20u) | precision;
  return true;
}

// Bit 7 of a mask's byte makes the result's byte zero.
bool PshufbForgetsToClear(Cpu& cpu, const Insn& in) {
  if (in.form != Form::kRR) return Right(cpu, in);
  const Xmm before = cpu.regs.xmm[in.dst];
  const uint8_t mask = cpu.regs.xmm[in.src].bytes[15];
  LIBRR_TRY(Right(cpu, in));
  cpu.regs.xmm[in.dst].bytes[15] = before.bytes[mask & 15];
  return true;
}

// SDM vol. 1, 9.5.1: every MMX instruction sets TOP to 0.
bool PaddbLeavesTheX87Stack(Cpu& cpu, const Insn& in) {
  const int top = cpu.regs.x87.top();
  LIBRR_TRY(Right(cpu, in));
  cpu.regs.x87.set_top(top);
  return true;
}

bool FaddRoundsToDouble(Cpu& cpu, const Insn& in) {
  const uint16_t control = cpu.regs.x87.control;
  cpu.regs.x87.control = static_cast<uint16_t>((control & ~0x300) | 0x200);
  const bool done = Right(cpu, in);
  cpu.regs.x87.control = control;
  return done;
}

struct Fault {
  const char* name;
  OpcodeMap map;
  uint8_t opcode;
  const char* mnemonic;
  Handler handler;
};
void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

#define LIBRR_FAULT(map, opcode, mnemonic, handler) \
  { #handler, OpcodeMap::map, opcode, mnemonic, &handler }

constexpr Fault kFaults[] = {
    LIBRR_FAULT(k1B, 0x11, "adc", AdcForgetsTheCarry),
    LIBRR_FAULT(k1B, 0x29, "sub", SubLosesTheAuxiliaryCarry),
    LIBRR_FAULT(k0F, 0xaf, "imul", ImulLeavesOverflowClear),
    LIBRR_FAULT(k1B, 0xf7, "div", DivTruncatesItsQuotient),
    LIBRR_FAULT(k1B, 0xd3, "rcl", RclIsWrongForOneCount),
    LIBRR_FAULT(k0F, 0x4e, "cmovle", CmovleForgetsSignAndOverflow),
    LIBRR_FAULT(k0F, 0xbe, "movsx", MovsxExtendsWithZeros),
    LIBRR_FAULT(k1B, 0xa5, "movs", MovsIgnoresTheDirection),
    LIBRR_FAULT(k0F, 0xb1, "cmpxchg", CmpxchgKeepsTheAccumulator),
    LIBRR_FAULT(k1B, 0x76, "jbe", JbeForgetsZero),
    LIBRR_FAULT(k0F, 0xbd, "bsr", BsrCountsFromTheTop),
    LIBRR_FAULT(k1B, 0x50, "push", PushStoresTooLow),
    LIBRR_FAULT(k0F, 0x58, "addps", AddpsReportsNoInexactResult),
    LIBRR_FAULT(k38, 0x00, "pshufb", PshufbForgetsToClear),
    LIBRR_FAULT(k0F, 0xfc, "paddb", PaddbLeavesTheX87Stack),
    LIBRR_FAULT(k1B, 0xd8, "fadd", FaddRoundsToDouble),
};

class FaultOf : public testing::TestWithParam<Fault> {};

TEST_P(FaultOf, OneHandlerIsFound) {
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
    GTEST_SKIP() << "the host has no SSE4.2";
  const Fault& fault = GetParam();
  uint64_t differences = 0;
  for (size_t row = 0; row < InstructionTable().size(); ++row) {
    const InstructionRow& table_row = InstructionTable()[row];
    if (table_row.map != fault.map || table_row.opcode != fault.opcode ||
        table_row.mnemonic != std::string(fault.mnemonic))
      continue;
    DifferentialHarness harness;
    ASSERT_TRUE(harness.ok()) << "the low address windows are taken";
    harness.Inject({static_cast<uint16_t>(row), fault.handler});
    for (const Shape& shape : ShapesOf(row, /*code32=*/false))
      differences += harness.RunShape(shape, kSeed, kCases).differences;
    for (const std::string& report : harness.reports()) {
      EXPECT_NE(report.find(fault.mnemonic), std::string::npos) << report;
      EXPECT_NE(report.find("  * "), std::string::npos) << report;
    }
  }
  EXPECT_GT(differences, 0u);
  RecordProperty("differences", static_cast<int>(differences));
}

INSTANTIATE_TEST_SUITE_P(All, FaultOf, testing::ValuesIn(kFaults),
                         [](const testing::TestParamInfo<Fault>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace librr::pc
