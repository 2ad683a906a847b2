// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// x87 data transfer: FLD, FST, FSTP, FILD, FIST, FISTP, FISTTP, FBLD, FBSTP,
// FXCH. SDM vol. 1, 8.3.3.
#include <algorithm>
#include <cstring>

#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/x87_host.h"
#include "machines/pc/cpu/families/x87_state.h"

namespace librr::pc {
namespace {

// Ten bytes in memory: a Float80 or a Decimal80.
constexpr unsigned kTenBytes = 10;

bool LoadTen(Cpu& cpu, const Insn& in, uint64_t* low, uint16_t* high) {
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, kTenBytes, Access::kRead, &linear));
  uint8_t bytes[kTenBytes];
  LIBRR_TRY(cpu.ReadBytes(linear, bytes, kTenBytes,
                          static_cast<SegmentIndex>(in.segment)));
  std::memcpy(low, bytes, sizeof *low);
  std::memcpy(high, bytes + sizeof *low, sizeof *high);
  return true;
}

bool StoreTen(Cpu& cpu, const Insn& in, uint64_t low, uint16_t high) {
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, kTenBytes, Access::kWrite, &linear));
  uint8_t bytes[kTenBytes];
  std::memcpy(bytes, &low, sizeof low);
  std::memcpy(bytes + sizeof low, &high, sizeof high);
  return cpu.WriteBytes(linear, bytes, kTenBytes,
                        static_cast<SegmentIndex>(in.segment));
}

template <typename T>
bool Store(Cpu& cpu, const Insn& in, const T& value) {
  if constexpr (sizeof(T) <= 8) {
    return cpu.StoreOperand(in, value);
  } else {
    return StoreTen(cpu, in, value.low, value.high);
  }
}

// A store that an unmasked exception holds back faults all the same where the
// memory is not writable.
bool CheckStore(Cpu& cpu, const Insn& in, unsigned size) {
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, size, Access::kWrite, &linear));
  return cpu.CheckWrite(linear, size, static_cast<SegmentIndex>(in.segment));
}

// Pushes a value whose conversion gave `status`.
void PushChecked(X87State& fpu, const Float80& value, uint16_t status) {
  if (!x87::IsEmpty(fpu, -1)) [[unlikely]] {
    if (x87::ReportOverflow(fpu)) x87::Push(fpu, x87::kIndefinite);
    return;
  }
  x87::Report(fpu, status & ~x87::kC1);
  if (!x87::Unmasked(fpu, status & x87::kInvalid)) x87::Push(fpu, value);
}

template <typename T, auto kConvert>
bool Load(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  T source;
  LIBRR_TRY(cpu.LoadOperand(in, &source));
  X87State& fpu = cpu.regs.x87;
  // Unlike in arithmetic, the unmasked denormal exception lets the value in.
  const x87::HostResult host =
      kConvert(source, x87::HostControl(fpu) | x87::kDenormal);
  PushChecked(fpu, host.value, host.status);
  return true;
}

bool LoadExtended(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  Float80 value;
  LIBRR_TRY(LoadTen(cpu, in, &value.mantissa, &value.sign_exponent));
  PushChecked(cpu.regs.x87, value, 0);
  return true;
}

// FLD ST(i). An empty source comes before a full stack.
bool LoadRegister(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  if (x87::IsEmpty(fpu, in.dst)) [[unlikely]] {
    if (x87::ReportUnderflow(fpu)) x87::Push(fpu, x87::kIndefinite);
    return true;
  }
  const Float80 value = x87::St(fpu, in.dst);
  PushChecked(fpu, value, 0);
  return true;
}

// FBLD: digits beyond 9, undefined in the SDM, count as their value. The sum of
// 18 nibbles fits in 63 bits.
bool LoadDecimal(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  x87::Decimal80 decimal;
  LIBRR_TRY(LoadTen(cpu, in, &decimal.low, &decimal.high));
  uint64_t value = 0;
  for (int shift = 4; shift >= 0; shift -= 4) {
    value = value * 10 + (decimal.high >> shift & 15);
  }
  for (int shift = 60; shift >= 0; shift -= 4) {
    value = value * 10 + (decimal.low >> shift & 15);
  }
  X87State& fpu = cpu.regs.x87;
  Float80 result = x87::LoadInt64(value, x87::HostControl(fpu)).value;
  result.sign_exponent |= decimal.high & x87::kSign;
  PushChecked(fpu, result, 0);
  return true;
}

// What the masked response to a stack underflow stores.
template <typename T>
constexpr T Indefinite(bool is_integer) {
  if constexpr (sizeof(T) > 8) {
    return {0xc000000000000000ull, 0xffff};
  } else if (is_integer) {
    return static_cast<T>(T{1} << (sizeof(T) * 8 - 1));
  } else {
    return static_cast<T>(sizeof(T) == 4 ? 0xffc00000ull
                                         : 0xfff8000000000000ull);
  }
}

enum class Target : uint8_t {
  kFloat,
  kInteger,
  kTruncated  // FISTTP, whatever the rounding control
};

// The memory is written, and may fault, before the FPU changes. Any unmasked
// exception but PE keeps both memory and stack. SDM vol. 1, 8.5.1 to 8.5.6.
template <typename T, auto kConvert, Target kTarget, bool kPop>
bool StoreConverted(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  x87::HostStore<T> result{Indefinite<T>(kTarget != Target::kFloat),
                           x87::kInvalid | x87::kStackFault};
  if (!x87::IsEmpty(fpu, 0)) [[likely]] {
    uint16_t control = x87::HostControl(fpu);
    if (kTarget == Target::kTruncated) {
      control |= x87::kTowardZero << x87::kRoundingShift;
    }
    result = kConvert(x87::St(fpu, 0), control);
  }
  const bool store = !x87::Unmasked(
      fpu, result.status & static_cast<uint16_t>(~x87::kInexact));
  LIBRR_TRY(
      store ? Store(cpu, in, result.value)
            : CheckStore(cpu, in, std::min<unsigned>(sizeof(T), kTenBytes)));
  x87::Report(fpu, result.status);
  if (store && kPop) x87::Pop(fpu);
  return true;
}

// FSTP m80: any bit pattern, no exception but stack underflow.
bool StoreExtended(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  const bool empty = x87::IsEmpty(fpu, 0);
  const Float80& value = empty ? x87::kIndefinite : x87::St(fpu, 0);
  LIBRR_TRY(empty && x87::Unmasked(fpu, x87::kInvalid)
                ? CheckStore(cpu, in, kTenBytes)
                : StoreTen(cpu, in, value.mantissa, value.sign_exponent));
  if (empty ? x87::ReportUnderflow(fpu) : x87::Report(fpu, 0)) x87::Pop(fpu);
  return true;
}

template <bool kPop>
bool StoreRegister(Cpu& cpu, const Insn& in) {
  LIBRR_TRY(x87::CheckPending(cpu));
  X87State& fpu = cpu.regs.x87;
  const bool empty = x87::IsEmpty(fpu, 0);
  const Float80 value = empty ? x87::kIndefinite : x87::St(fpu, 0);
  if (empty ? x87::ReportUnderflow(fpu) : x87::Report(fpu, 0)) {
    x87::SetSt(fpu, in.dst, value);
    if (kPop) x87::Pop(fpu);
  }
  return true;
}

template <bool kPop>
Handler SelectStore(const Insn& in) {
  if (!in.is_memory()) return &StoreRegister<kPop>;
  switch (in.size) {
    case 4:
      return &StoreConverted<uint32_t, &x87::StoreFloat, Target::kFloat, kPop>;
    case 8:
      return &StoreConverted<uint64_t, &x87::StoreDouble, Target::kFloat, kPop>;
    default:
      return &StoreExtended;
  }
}

template <Target kTarget, bool kPop>
Handler SelectIntegerStore(const Insn& in) {
  switch (in.size) {
    case 2:
      return &StoreConverted<uint16_t, &x87::StoreInt16, kTarget, kPop>;
    case 4:
      return &StoreConverted<uint32_t, &x87::StoreInt32, kTarget, kPop>;
    default:
      return &StoreConverted<uint64_t, &x87::StoreInt64, kTarget, kPop>;
  }
}

}  // namespace

namespace handlers {

Handler Fld(const Insn& in) {
  if (!in.is_memory()) return &LoadRegister;
  switch (in.size) {
    case 4:
      return &Load<uint32_t, &x87::LoadFloat>;
    case 8:
      return &Load<uint64_t, &x87::LoadDouble>;
    default:
      return &LoadExtended;
  }
}

Handler Fild(const Insn& in) {
  switch (in.size) {
    case 2:
      return &Load<uint16_t, &x87::LoadInt16>;
    case 4:
      return &Load<uint32_t, &x87::LoadInt32>;
    default:
      return &Load<uint64_t, &x87::LoadInt64>;
  }
}

Handler Fbld(const Insn&) { return &LoadDecimal; }

Handler Fst(const Insn& in) { return SelectStore<false>(in); }
Handler Fstp(const Insn& in) { return SelectStore<true>(in); }
Handler Fist(const Insn& in) {
  return SelectIntegerStore<Target::kInteger, false>(in);
}
Handler Fistp(const Insn& in) {
  return SelectIntegerStore<Target::kInteger, true>(in);
}
Handler Fisttp(const Insn& in) {
  return SelectIntegerStore<Target::kTruncated, true>(in);
}
Handler Fbstp(const Insn&) {
  return &StoreConverted<x87::Decimal80, &x87::StoreDecimal, Target::kInteger,
                         true>;
}

// D9 D8+i, outside the SDM: FSTP that does not mind an empty ST(0).
Handler Fstpnce(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    if (!x87::IsEmpty(fpu, 0)) {
      const Float80 value = x87::St(fpu, 0);
      x87::SetSt(fpu, in.dst, value);
    }
    x87::SetConditions(fpu, x87::kC1, 0);
    x87::Pop(fpu);
    return true;
  };
}

Handler Fxch(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    X87State& fpu = cpu.regs.x87;
    const bool empty0 = x87::IsEmpty(fpu, 0), empty = x87::IsEmpty(fpu, in.dst);
    const Float80 a = empty0 ? x87::kIndefinite : x87::St(fpu, 0);
    const Float80 b = empty ? x87::kIndefinite : x87::St(fpu, in.dst);
    if (empty0 || empty ? x87::ReportUnderflow(fpu) : x87::Report(fpu, 0)) {
      x87::SetSt(fpu, 0, b);
      x87::SetSt(fpu, in.dst, a);
    }
    return true;
  };
}

}  // namespace handlers
}  // namespace librr::pc
