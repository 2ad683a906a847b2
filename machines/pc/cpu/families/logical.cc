// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// Logic: AND, OR, XOR, NOT, TEST. SDM vol. 1, 7.3.5.
// AF, undefined, becomes 0.
#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler And(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = a & b;
    flags.SetLogic<T>(result);
    return result;
  });
}

Handler Or(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = a | b;
    flags.SetLogic<T>(result);
    return result;
  });
}

Handler Xor(const Insn& in) {
  return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T {
    const T result = a ^ b;
    flags.SetLogic<T>(result);
    return result;
  });
}

Handler Test(const Insn& in) {
  return Compare(in, []<typename T>(Flags& flags, T a, T b) {
    flags.SetLogic<T>(static_cast<T>(a & b));
  });
}

Handler Not(const Insn& in) {
  return Unary(in, []<typename T>(Flags&, T a) -> T { return ~a; });
}

}  // namespace librr::pc::handlers
