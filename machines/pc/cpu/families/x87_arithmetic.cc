// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 basic arithmetic: FADD to FDIVRP, FSQRT, FABS, FCHS, FRNDINT, FSCALE,
// FXTRACT, FPREM, FPREM1. SDM vol. 1, 8.3.5.
#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/x87_host.h"
#include "machines/pc/cpu/families/x87_remainder.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc {
namespace {

// ST(dst) = ST(dst) op ST(src)
template <auto kOperation, bool kPop>
bool RegisterArithmetic(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  Float80 result = x87::kIndefinite;
  bool store;
  if (x87::IsEmpty(fpu, in.dst) || x87::IsEmpty(fpu, in.src)) [[unlikely]] {
    store = x87::ReportUnderflow(fpu);
  } else {
    const x87::HostResult host = kOperation(
        x87::St(fpu, in.dst), x87::St(fpu, in.src), x87::HostControl(fpu));
    result = host.value;
    store = x87::Report(fpu, host.status);
  }
  if (store) {
    x87::SetSt(fpu, in.dst, result);
    if (kPop) x87::Pop(fpu);
  }
  return true;
}

// ST(0) = ST(0) op memory
template <typename T, auto kOperation>
bool MemoryArithmetic(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  T source;
  LIBRR_TRY(cpu.LoadOperand(in, &source));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, 0)) [[unlikely]] {
    if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
    return true;
  }
  const x87::HostResult host =
      kOperation(x87::St(fpu, 0), source, x87::HostControl(fpu));
  if (x87::Report(fpu, host.status)) x87::SetSt(fpu, 0, host.value);
  return true;
}

// ST(0) = op ST(0)
template <auto kOperation>
bool UnaryArithmetic(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, 0)) [[unlikely]] {
    if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
    return true;
  }
  const x87::HostResult host =
      kOperation(x87::St(fpu, 0), x87::HostControl(fpu));
  if (x87::Report(fpu, host.status)) x87::SetSt(fpu, 0, host.value);
  return true;
}

// FABS and FCHS change the sign of anything and raise nothing.
template <auto kChange>
bool ChangeSign(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, 0)) [[unlikely]] {
    if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
    return true;
  }
  Float80 value = x87::St(fpu, 0);
  value.sign_exponent = kChange(value.sign_exponent);
  x87::SetSt(fpu, 0, value);
  x87::SetConditions(fpu, x87::kC1, 0);
  return true;
}

// FPREM and FPREM1: C2 tells that the reduction is incomplete; C0, C3 and C1
// are the low three bits of the quotient.
template <x87::RemainderKind kKind>
bool PartialRemainder(Cpu& cpu, const Insn&) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, 0) || x87::IsEmpty(fpu, 1)) [[unlikely]] {
    x87::SetConditions(fpu, x87::kC2, 0);
    if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
    return true;
  }
  const x87::RemainderResult result = x87::Remainder(
      kKind, x87::St(fpu, 0), x87::St(fpu, 1), x87::HostControl(fpu));
  x87::SetConditions(
      fpu, result.has_quotient ? x87::kConditions : x87::kC1 | x87::kC2,
      result.status);
  if (x87::Report(fpu, result.status)) x87::SetSt(fpu, 0, result.value);
  return true;
}

}  // namespace

namespace handlers {

#define LIBRR_X87_OPERATION(Name, Operation)                                   \
  Handler F##Name(const Insn& in) {                                            \
    if (!in.is_memory()) return &RegisterArithmetic<&x87::Operation, false>;   \
    return in.size == 4                                                        \
               ? &MemoryArithmetic<uint32_t, &x87::Operation##Float>           \
               : &MemoryArithmetic<uint64_t, &x87::Operation##Double>;         \
  }                                                                            \
  Handler F##Name##p(const Insn&) {                                            \
    return &RegisterArithmetic<&x87::Operation, true>;                         \
  }                                                                            \
  Handler Fi##Name(const Insn& in) {                                           \
    return in.size == 2 ? &MemoryArithmetic<uint16_t, &x87::Operation##Int16>  \
                        : &MemoryArithmetic<uint32_t, &x87::Operation##Int32>; \
  }

LIBRR_X87_OPERATION(add, Add)
LIBRR_X87_OPERATION(mul, Multiply)
LIBRR_X87_OPERATION(sub, Subtract)
LIBRR_X87_OPERATION(subr, SubtractReversed)
LIBRR_X87_OPERATION(div, Divide)
LIBRR_X87_OPERATION(divr, DivideReversed)
#undef LIBRR_X87_OPERATION

Handler Fsqrt(const Insn&) { return &UnaryArithmetic<&x87::SquareRoot>; }
Handler Frndint(const Insn&) { return &UnaryArithmetic<&x87::RoundToInteger>; }
Handler Fscale(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    if (x87::IsEmpty(fpu, 0) || x87::IsEmpty(fpu, 1)) [[unlikely]] {
      if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
      return true;
    }
    const x87::HostResult host =
        x87::Scale(x87::St(fpu, 0), x87::St(fpu, 1), x87::HostControl(fpu));
    if (x87::Report(fpu, host.status)) x87::SetSt(fpu, 0, host.value);
    return true;
  };
}

Handler Fabs(const Insn&) {
  return &ChangeSign<[](uint16_t s) -> uint16_t {
    return s & x87::kExponentMask;
  }>;
}
Handler Fchs(const Insn&) {
  return &ChangeSign<[](uint16_t s) -> uint16_t { return s ^ x87::kSign; }>;
}

Handler Fxtract(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    x87::HostPair result{x87::kIndefinite, x87::kIndefinite, 0};
    bool store;
    if (x87::IsEmpty(fpu, 0)) [[unlikely]] {
      store = x87::ReportUnderflow(fpu);
    } else if (!x87::IsEmpty(fpu, -1)) [[unlikely]] {
      store = x87::ReportOverflow(fpu);
    } else {
      result = x87::Extract(x87::St(fpu, 0), x87::HostControl(fpu));
      store = x87::Report(fpu, result.status);
    }
    if (store) {
      x87::SetSt(fpu, 0, result.first);
      x87::Push(fpu, result.second);
    }
    return true;
  };
}

Handler Fprem(const Insn&) {
  return &PartialRemainder<x87::RemainderKind::kTruncated>;
}
Handler Fprem1(const Insn&) {
  return &PartialRemainder<x87::RemainderKind::kNearest>;
}

}  // namespace handlers
}  // namespace librr::pc
