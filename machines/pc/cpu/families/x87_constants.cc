// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 constants: FLD1, FLDZ, FLDPI, FLDL2T, FLDL2E, FLDLG2, FLDLN2. Inside they
// have more than 64 bits and obey the rounding control. SDM vol. 1, 8.3.8.
#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc {
namespace {

// A positive constant cut to 64 bits, and what followed.
struct Constant {
  Float80 truncated;
  bool inexact;
  bool more_than_half;  // of the last bit
};

constexpr Constant kPi{{0xc90fdaa22168c234ull, 0x4000}, true, true};
constexpr Constant kLog2Of10{{0xd49a784bcd1b8afeull, 0x4000}, true, false};
constexpr Constant kLog2OfE{{0xb8aa3b295c17f0bbull, 0x3fff}, true, true};
constexpr Constant kLog10Of2{{0x9a209a84fbcff798ull, 0x3ffd}, true, true};
constexpr Constant kLnOf2{{0xb17217f7d1cf79abull, 0x3ffe}, true, true};
constexpr Constant kUnity{x87::kOne, false, false};
constexpr Constant kZero{{0, 0}, false, false};

// Without PE and C1, although inexact.
template <const Constant& kConstant>
bool LoadConstant(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (!x87::IsEmpty(fpu, -1)) [[unlikely]] {
    if (x87::ReportOverflow(fpu)) x87::Push(fpu, x87::kIndefinite);
    return true;
  }
  Float80 value = kConstant.truncated;
  switch (fpu.control >> x87::kRoundingShift & 3) {
    case x87::kNearest:
      value.mantissa += kConstant.more_than_half;
      break;
    case x87::kUp:
      value.mantissa += kConstant.inexact;
      break;
    default:
      break;
  }
  x87::Report(fpu, 0);
  x87::Push(fpu, value);
  return true;
}

}  // namespace

namespace handlers {

Handler Fld1(const Insn&) { return &LoadConstant<kUnity>; }
Handler Fldz(const Insn&) { return &LoadConstant<kZero>; }
Handler Fldpi(const Insn&) { return &LoadConstant<kPi>; }
Handler Fldl2t(const Insn&) { return &LoadConstant<kLog2Of10>; }
Handler Fldl2e(const Insn&) { return &LoadConstant<kLog2OfE>; }
Handler Fldlg2(const Insn&) { return &LoadConstant<kLog10Of2>; }
Handler Fldln2(const Insn&) { return &LoadConstant<kLnOf2>; }

}  // namespace handlers
}  // namespace librr::pc
