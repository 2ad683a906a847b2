// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 comparison and classification: FCOM, FUCOM, FICOM, FCOMI, FUCOMI, FTST,
// FXAM, FCMOVcc. SDM vol. 1, 8.3.6.
#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/x87_host.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc {
namespace {

constexpr uint16_t kComparison = x87::kC0 | x87::kC2 | x87::kC3;
constexpr uint16_t kUnordered = kComparison;

void PopTimes(X87State& fpu, int pops) {
  for (; pops > 0; --pops) x87::Pop(fpu);
}

struct Comparison {
  uint16_t conditions;
  bool done;  // false: an unmasked exception keeps the stack
};

template <auto kOperation, typename T>
Comparison CompareTop(X87State& fpu, bool empty, const T& source) {
  if (empty || x87::IsEmpty(fpu, 0)) [[unlikely]] {
    return {kUnordered, x87::ReportUnderflow(fpu)};
  }
  const uint16_t conditions =
      kOperation(x87::St(fpu, 0), source, x87::HostControl(fpu)).status;
  return {conditions, x87::Report(fpu, conditions & ~x87::kC1)};
}

// C3, C2, C0. CPUs set them even if an unmasked exception keeps the stack,
// whatever the SDM says.
struct ToConditions {
  static void Set(Registers& regs, uint16_t conditions) {
    x87::SetConditions(regs.x87, kComparison, conditions);
  }
};

// ZF, PF, CF; OF, SF, AF = 0.
struct ToFlags {
  static void Set(Registers& regs, uint16_t conditions) {
    regs.flags.SetWord((conditions & x87::kC3 ? kZf : 0) |
                       (conditions & x87::kC2 ? kPf : 0) |
                       (conditions & x87::kC0 ? kCf : 0));
  }
};

// With ST(i); FTST ignores it.
template <auto kOperation, int kPops, typename To = ToConditions>
bool CompareRegisters(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  const Comparison comparison = CompareTop<kOperation>(
      fpu, x87::IsEmpty(fpu, in.src), x87::St(fpu, in.src));
  To::Set(cpu.regs, comparison.conditions);
  if (comparison.done) PopTimes(fpu, kPops);
  return true;
}

template <typename T, auto kOperation, int kPops>
bool CompareMemory(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  T source;
  LIBRR_TRY(cpu.LoadOperand(in, &source));
  X87State& fpu = cpu.regs.x87;
  const Comparison comparison = CompareTop<kOperation>(fpu, false, source);
  ToConditions::Set(cpu.regs, comparison.conditions);
  if (comparison.done) PopTimes(fpu, kPops);
  return true;
}

x87::HostResult CompareWithZero(const Float80& a, const Float80&,
                                uint16_t control) {
  return x87::CompareZero(a, control);
}

// The empty check comes before the condition. C1 stays otherwise.
template <auto kCondition>
bool ConditionalMove(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, 0) || x87::IsEmpty(fpu, in.src)) [[unlikely]] {
    if (x87::ReportUnderflow(fpu)) x87::SetSt(fpu, 0, x87::kIndefinite);
    return true;
  }
  if (kCondition(cpu.regs.flags)) x87::SetSt(fpu, 0, x87::St(fpu, in.src));
  return true;
}

// SDM vol. 2, FXAM.
uint16_t Classify(const X87State& fpu) {
  const Float80& x = x87::St(fpu, 0);
  const uint16_t sign = x87::IsNegative(x) ? x87::kC1 : 0;
  if (x87::IsEmpty(fpu, 0)) return sign | x87::kC3 | x87::kC0;
  if (x87::IsUnsupported(x)) return sign;
  if (x87::IsNan(x)) return sign | x87::kC0;
  if (x87::IsInfinity(x)) return sign | x87::kC2 | x87::kC0;
  if (x87::IsZero(x)) return sign | x87::kC3;
  if (x87::IsDenormal(x)) return sign | x87::kC3 | x87::kC2;
  return sign | x87::kC2;
}

template <int kPops>
Handler SelectCompare(const Insn& in) {
  if (!in.is_memory()) return &CompareRegisters<&x87::Compare, kPops>;
  return in.size == 4 ? &CompareMemory<uint32_t, &x87::CompareFloat, kPops>
                      : &CompareMemory<uint64_t, &x87::CompareDouble, kPops>;
}

template <int kPops>
Handler SelectIntegerCompare(const Insn& in) {
  return in.size == 2 ? &CompareMemory<uint16_t, &x87::CompareInt16, kPops>
                      : &CompareMemory<uint32_t, &x87::CompareInt32, kPops>;
}

}  // namespace

namespace handlers {

Handler Fcom(const Insn& in) { return SelectCompare<0>(in); }
Handler Fcomp(const Insn& in) { return SelectCompare<1>(in); }
Handler Fcompp(const Insn&) { return &CompareRegisters<&x87::Compare, 2>; }
Handler Ficom(const Insn& in) { return SelectIntegerCompare<0>(in); }
Handler Ficomp(const Insn& in) { return SelectIntegerCompare<1>(in); }

Handler Fucom(const Insn&) {
  return &CompareRegisters<&x87::CompareUnordered, 0>;
}
Handler Fucomp(const Insn&) {
  return &CompareRegisters<&x87::CompareUnordered, 1>;
}
Handler Fucompp(const Insn&) {
  return &CompareRegisters<&x87::CompareUnordered, 2>;
}

Handler Fcomi(const Insn&) {
  return &CompareRegisters<&x87::Compare, 0, ToFlags>;
}
Handler Fcomip(const Insn&) {
  return &CompareRegisters<&x87::Compare, 1, ToFlags>;
}
Handler Fucomi(const Insn&) {
  return &CompareRegisters<&x87::CompareUnordered, 0, ToFlags>;
}
Handler Fucomip(const Insn&) {
  return &CompareRegisters<&x87::CompareUnordered, 1, ToFlags>;
}

// The row has no second operand: Insn::src is 0, and ST(0) stands in for it.
Handler Ftst(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    Insn alone = in;
    alone.src = 0;
    return CompareRegisters<&CompareWithZero, 0>(cpu, alone);
  };
}

Handler Fxam(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    x87::SetConditions(fpu, x87::kConditions, Classify(fpu));
    return true;
  };
}

Handler Fcmovb(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return f.cf(); }>;
}
Handler Fcmove(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return f.zf(); }>;
}
Handler Fcmovbe(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return f.cf() || f.zf(); }>;
}
Handler Fcmovu(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return f.pf(); }>;
}
Handler Fcmovnb(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return !f.cf(); }>;
}
Handler Fcmovne(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return !f.zf(); }>;
}
Handler Fcmovnbe(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return !f.cf() && !f.zf(); }>;
}
Handler Fcmovnu(const Insn&) {
  return &ConditionalMove<[](const Flags& f) { return !f.pf(); }>;
}

}  // namespace handlers
}  // namespace librr::pc
