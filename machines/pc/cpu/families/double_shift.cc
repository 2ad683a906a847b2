// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// SHLD, SHRD. SDM vol. 2B.
// A 16-bit operand shifted by more than 16, undefined, is taken from
// destination:source:destination. OF, undefined for other counts than 1, is as
// after that many shifts by one bit; AF is 0.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

template <typename T>
T ShiftLeftDouble(Flags& flags, T a, T b, unsigned count) {
  constexpr unsigned kBits = 8 * sizeof(T);
  T result;
  bool cf;
  if constexpr (sizeof(T) == 2) {
    const uint64_t shifted =
        (static_cast<uint64_t>(a) << 32 | static_cast<uint64_t>(b) << 16 | a)
        << count;
    result = static_cast<T>(shifted >> 32);
    cf = (shifted >> 48) & 1;
  } else {
    result = static_cast<T>(a << count | b >> (kBits - count));
    cf = (a >> (kBits - count)) & 1;
  }
  flags.SetResult<T>(result, cf, (result >> (kBits - 1)) != (cf ? 1 : 0));
  return result;
}

template <typename T>
T ShiftRightDouble(Flags& flags, T a, T b, unsigned count) {
  constexpr unsigned kBits = 8 * sizeof(T);
  T result;
  bool cf;
  if constexpr (sizeof(T) == 2) {
    const uint64_t joined =
        static_cast<uint64_t>(a) << 32 | static_cast<uint64_t>(b) << 16 | a;
    result = static_cast<T>(joined >> count);
    cf = (joined >> (count - 1)) & 1;
  } else {
    result = static_cast<T>(a >> count | b << (kBits - count));
    cf = (a >> (count - 1)) & 1;
  }
  flags.SetResult<T>(result, cf,
                     ((result >> (kBits - 1)) ^ (result >> (kBits - 2))) & 1);
  return result;
}

// Operand sizes are 2, 4 and 8 only.
template <bool left, bool by_cl>
Handler DoubleShift(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    if constexpr (sizeof(T) == 1) {
      return cpu.RaiseUd();
    } else {
      const unsigned count = (by_cl ? cpu.Reg<uint8_t>(kRcx * 8) : in.imm8()) &
                             (sizeof(T) == 8 ? 63u : 31u);
      const T b = cpu.Reg<T>(in.src);
      Flags& flags = cpu.regs.flags;
      const auto shift = [&](T a) -> T {
        if (count == 0) return a;
        return left ? ShiftLeftDouble<T>(flags, a, b, count)
                    : ShiftRightDouble<T>(flags, a, b, count);
      };
      if (in.is_memory()) return cpu.ModifyOperand<T>(in, shift);
      cpu.SetReg<T>(in.dst, shift(cpu.Reg<T>(in.dst)));
      return true;
    }
  });
}

}  // namespace

Handler Shld(const Insn& in) { return DoubleShift<true, false>(in); }
Handler ShldCl(const Insn& in) { return DoubleShift<true, true>(in); }
Handler Shrd(const Insn& in) { return DoubleShift<false, false>(in); }
Handler ShrdCl(const Insn& in) { return DoubleShift<false, true>(in); }

}  // namespace librr::pc::handlers
