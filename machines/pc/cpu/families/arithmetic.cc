// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Binary arithmetic: ADD, ADC, SUB, SBB, CMP, INC, DEC, NEG. SDM vol. 1, 7.3.2.
#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Add(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = static_cast<T>(a + b);
    flags.SetAdd<T>(a, b, result);
    return result;
  });
}

Handler Adc(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = static_cast<T>(a + b + (flags.cf() ? 1 : 0));
    flags.SetAdd<T>(a, b, result);
    return result;
  });
}

Handler Sub(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = static_cast<T>(a - b);
    flags.SetSub<T>(a, b, result);
    return result;
  });
}

Handler Sbb(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = static_cast<T>(a - b - (flags.cf() ? 1 : 0));
    flags.SetSub<T>(a, b, result);
    return result;
  });
}

Handler Cmp(const Insn& in) {
  return Compare(in, []<typename T>(Flags& flags, T a, T b) {
    flags.SetSub<T>(a, b, static_cast<T>(a - b));
  });
}

// INC and DEC leave CF alone.
Handler Inc(const Insn& in) {
  return Unary(in, []<typename T>(Flags& flags, T a) -> T {
    const bool carry = flags.cf();
    const T result = static_cast<T>(a + 1);
    flags.SetAdd<T>(a, T{1}, result);
    flags.SetCf(carry);
    return result;
  });
}

Handler Dec(const Insn& in) {
  return Unary(in, []<typename T>(Flags& flags, T a) -> T {
    const bool carry = flags.cf();
    const T result = static_cast<T>(a - 1);
    flags.SetSub<T>(a, T{1}, result);
    flags.SetCf(carry);
    return result;
  });
}

Handler Neg(const Insn& in) {
  return Unary(in, []<typename T>(Flags& flags, T a) -> T {
    const T result = static_cast<T>(-a);
    flags.SetSub<T>(T{0}, a, result);
    return result;
  });
}

}  // namespace librr::pc::handlers
