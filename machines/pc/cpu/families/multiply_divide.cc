// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// MUL, IMUL, DIV, IDIV. SDM vol. 1, 7.3.2.3; vol. 2A.
// Undefined flags: after a multiplication SF, ZF and PF are those of the low
// half of the product and AF is 0; after a division all are those of a TEST of
// the quotient.
#include <cstdint>
#include <type_traits>

#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/single_operand.h"

namespace librr::pc::handlers {
namespace {

// The type that holds a product of two T.
template <typename T>
struct Twice;
template <>
struct Twice<uint8_t> {
  using Unsigned = uint16_t;
  using Signed = int16_t;
};
template <>
struct Twice<uint16_t> {
  using Unsigned = uint32_t;
  using Signed = int32_t;
};
template <>
struct Twice<uint32_t> {
  using Unsigned = uint64_t;
  using Signed = int64_t;
};
template <>
struct Twice<uint64_t> {
  using Unsigned = unsigned __int128;
  using Signed = __int128;
};
template <typename T>
using Wide = typename Twice<T>::Unsigned;
template <typename T>
using SignedWide = typename Twice<T>::Signed;

template <typename T>
constexpr int kBits = 8 * sizeof(T);

// rDX:rAX, or AX for bytes.
template <typename T>
Wide<T> Accumulators(const Cpu& cpu) {
  if constexpr (sizeof(T) == 1) {
    return cpu.Reg<uint16_t>(kRax * 8);
  } else {
    return static_cast<Wide<T>>(cpu.Reg<T>(kRdx * 8)) << kBits<T> |
           cpu.Reg<T>(kRax * 8);
  }
}

// AL and AH, or rAX and rDX.
template <typename T>
void SetAccumulators(Cpu& cpu, T low, T high) {
  cpu.SetReg<T>(kRax * 8, low);
  cpu.SetReg<T>(sizeof(T) == 1 ? kRax * 8 + 1 : kRdx * 8, high);
}

template <typename T>
SignedWide<T> SignExtend(T value) {
  return static_cast<std::make_signed_t<T>>(value);
}

// The low half of a * b; CF = OF = the product needs both halves.
template <typename T>
T MultiplySigned(Flags& flags, T a, T b, T* high) {
  const auto product =
      static_cast<Wide<T>>(SignExtend<T>(a) * SignExtend<T>(b));
  const T low = static_cast<T>(product);
  *high = static_cast<T>(product >> kBits<T>);
  const T sign = static_cast<T>(low >> (kBits<T> - 1) ? ~T{0} : T{0});
  flags.SetResult<T>(low, *high != sign, *high != sign);
  return low;
}

}  // namespace

Handler Mul(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T b;
    LIBRR_TRY(LoadFirst(cpu, in, &b));
    const auto product =
        static_cast<Wide<T>>(static_cast<Wide<T>>(cpu.Reg<T>(kRax * 8)) * b);
    const T low = static_cast<T>(product);
    const T high = static_cast<T>(product >> kBits<T>);
    cpu.regs.flags.SetResult<T>(low, high != 0, high != 0);
    SetAccumulators<T>(cpu, low, high);
    return true;
  });
}

Handler ImulWide(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T b, high;
    LIBRR_TRY(LoadFirst(cpu, in, &b));
    const T low =
        MultiplySigned<T>(cpu.regs.flags, cpu.Reg<T>(kRax * 8), b, &high);
    SetAccumulators<T>(cpu, low, high);
    return true;
  });
}

Handler Imul(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T b, high;
    LIBRR_TRY(LoadSecond(cpu, in, &b));
    cpu.SetReg<T>(in.dst, MultiplySigned<T>(cpu.regs.flags, cpu.Reg<T>(in.dst),
                                            b, &high));
    return true;
  });
}

Handler ImulImmediate(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T a, high;
    LIBRR_TRY(LoadSecond(cpu, in, &a));
    cpu.SetReg<T>(in.dst, MultiplySigned<T>(cpu.regs.flags, a,
                                            static_cast<T>(in.imm), &high));
    return true;
  });
}

Handler Div(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T divisor;
    LIBRR_TRY(LoadFirst(cpu, in, &divisor));
    const Wide<T> dividend = Accumulators<T>(cpu);
    // Covers a divisor of 0; else the quotient fits.
    if (static_cast<T>(dividend >> kBits<T>) >= divisor)
      return cpu.Raise(kDivideError);
    const T quotient = static_cast<T>(dividend / divisor);
    SetAccumulators<T>(cpu, quotient, static_cast<T>(dividend % divisor));
    cpu.regs.flags.SetLogic<T>(quotient);
    return true;
  });
}

Handler Idiv(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T divisor;
    LIBRR_TRY(LoadFirst(cpu, in, &divisor));
    if (divisor == 0) return cpu.Raise(kDivideError);
    // Of magnitudes: no host division can overflow.
    const Wide<T> dividend = Accumulators<T>(cpu);
    const bool negative = dividend >> (2 * kBits<T> - 1);
    const bool negative_divisor = divisor >> (kBits<T> - 1);
    const Wide<T> a =
        static_cast<Wide<T>>(negative ? Wide<T>{0} - dividend : dividend);
    const T b = static_cast<T>(negative_divisor ? T{0} - divisor : divisor);
    const Wide<T> magnitude = static_cast<Wide<T>>(a / b);
    const Wide<T> minimum = static_cast<Wide<T>>(Wide<T>{1} << (kBits<T> - 1));
    const bool negative_quotient = negative != negative_divisor;
    if (magnitude > minimum || (magnitude == minimum && !negative_quotient))
      return cpu.Raise(kDivideError);
    const T rest = static_cast<T>(a % b);
    const T quotient =
        static_cast<T>(negative_quotient ? Wide<T>{0} - magnitude : magnitude);
    // The remainder has the dividend's sign.
    SetAccumulators<T>(cpu, quotient,
                       static_cast<T>(negative ? T{0} - rest : rest));
    cpu.regs.flags.SetLogic<T>(quotient);
    return true;
  });
}

}  // namespace librr::pc::handlers
