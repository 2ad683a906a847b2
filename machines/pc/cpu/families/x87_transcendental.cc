// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 transcendental functions: FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1,
// FYL2X, FYL2XP1. SDM vol. 1, 8.3.7 and 8.3.9.
#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/x87_mpfr.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc {
namespace {

// ST(0) = f(ST(0)). FSIN and FCOS also set C2: the operand is too large, and
// stays.
template <auto kFunction, bool kHasRange>
bool OneOperand(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, 0)) [[unlikely]] {
    if (kHasRange) x87::SetConditions(fpu, x87::kC2, 0);
    if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
    return true;
  }
  const x87::HostResult result =
      kFunction(x87::St(fpu, 0), x87::HostControl(fpu));
  if (kHasRange) x87::SetConditions(fpu, x87::kC2, result.status);
  if (x87::Report(fpu, result.status)) x87::SetSt(fpu, 0, result.value);
  return true;
}

// ST(1) = f(ST(1), ST(0)), and pop.
template <auto kFunction>
bool TwoOperands(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  Float80 value = x87::kIndefinite;
  bool store;
  if (x87::IsEmpty(fpu, 0) || x87::IsEmpty(fpu, 1)) [[unlikely]] {
    store = x87::ReportUnderflow(fpu);
  } else {
    const x87::HostResult result =
        kFunction(x87::St(fpu, 1), x87::St(fpu, 0), x87::HostControl(fpu));
    value = result.value;
    store = x87::Report(fpu, result.status);
  }
  if (store) {
    x87::SetSt(fpu, 1, value);
    x87::Pop(fpu);
  }
  return true;
}

// What FPTAN pushes: 1, or the NaN that is the result.
x87::HostResult One(const Float80& x, uint16_t control) {
  if (x87::IsInfinity(x)) return {x87::kIndefinite, 0};
  if (x87::IsNan(x) || x87::IsUnsupported(x)) {
    return {x87::Add(x, x, control).value, 0};
  }
  return {x87::kOne, 0};
}

// ST(0) = f(ST(0)), and g of the operand is pushed: FSINCOS, FPTAN. C1 tells of
// the first result's rounding.
template <auto kFirst, auto kSecond>
bool TwoResults(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  x87::SetConditions(fpu, x87::kC2, 0);
  Float80 first = x87::kIndefinite, second = x87::kIndefinite;
  bool store;
  if (x87::IsEmpty(fpu, 0)) [[unlikely]] {
    store = x87::ReportUnderflow(fpu);
  } else if (!x87::IsEmpty(fpu, -1)) [[unlikely]] {
    store = x87::ReportOverflow(fpu);
  } else {
    const Float80 operand = x87::St(fpu, 0);
    const uint16_t control = x87::HostControl(fpu);
    const x87::HostResult a = kFirst(operand, control);
    if (a.status & x87::kC2) {
      x87::SetConditions(fpu, x87::kC1 | x87::kC2, x87::kC2);
      return true;
    }
    const x87::HostResult b = kSecond(operand, control);
    first = a.value;
    second = b.value;
    store = x87::Report(
        fpu, a.status | (b.status & static_cast<uint16_t>(~x87::kC1)));
  }
  if (store) {
    x87::SetSt(fpu, 0, first);
    x87::Push(fpu, second);
  }
  return true;
}

}  // namespace

namespace handlers {

Handler Fsin(const Insn&) { return &OneOperand<&x87::Sine, true>; }
Handler Fcos(const Insn&) { return &OneOperand<&x87::Cosine, true>; }
Handler F2xm1(const Insn&) { return &OneOperand<&x87::PowerMinusOne, false>; }
Handler Fsincos(const Insn&) { return &TwoResults<&x87::Sine, &x87::Cosine>; }
Handler Fptan(const Insn&) { return &TwoResults<&x87::Tangent, &One>; }
Handler Fpatan(const Insn&) { return &TwoOperands<&x87::Arctangent>; }
Handler Fyl2x(const Insn&) { return &TwoOperands<&x87::Logarithm>; }
Handler Fyl2xp1(const Insn&) { return &TwoOperands<&x87::LogarithmPlusOne>; }

}  // namespace handlers
}  // namespace librr::pc
