// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// ROL, ROR, RCL, RCR, SHL, SHR, SAR. SDM vol. 1, 7.3.6; vol. 2B.
// A masked count of 0 leaves all flags (a 32-bit register is still
// zero-extended, memory is still written). Undefined flags: OF is as after that
// many shifts by one bit, CF too when a shift is longer than the operand; AF is
// 0.
#include <bit>
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

template <typename T>
constexpr unsigned kBits = 8 * sizeof(T);

template <typename T>
bool TopBit(T value) {
  return value >> (kBits<T> - 1);
}
template <typename T>
bool TopBitsDiffer(T value) {
  return ((value >> (kBits<T> - 1)) ^ (value >> (kBits<T> - 2))) & 1;
}

// Rotates leave SF, ZF, AF and PF.
void SetRotateFlags(Flags& flags, bool cf, bool of) {
  flags.SetMasked((cf ? kCf : 0) | (of ? kOf : 0), kCf | kOf);
}

// F: T(Flags&, T, masked count), not called for a count of 0.
template <typename F>
Handler Shift(const Insn& in, F) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    const bool by_cl = in.form == Form::kRR || in.form == Form::kMR;
    const unsigned count = (by_cl ? cpu.Reg<uint8_t>(kRcx * 8) : in.imm8()) &
                           (sizeof(T) == 8 ? 63u : 31u);
    Flags& flags = cpu.regs.flags;
    if (in.is_memory()) {
      return cpu.ModifyOperand<T>(in, [&](T a) -> T {
        return count ? F{}.template operator()<T>(flags, a, count) : a;
      });
    }
    const T a = cpu.Reg<T>(in.dst);
    cpu.SetReg<T>(in.dst,
                  count ? F{}.template operator()<T>(flags, a, count) : a);
    return true;
  });
}

}  // namespace

Handler Rol(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned count) -> T {
    const T result = std::rotl(a, static_cast<int>(count % kBits<T>));
    const bool cf = result & 1;
    SetRotateFlags(flags, cf, TopBit<T>(result) != cf);
    return result;
  });
}

Handler Ror(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned count) -> T {
    const T result = std::rotr(a, static_cast<int>(count % kBits<T>));
    SetRotateFlags(flags, TopBit<T>(result), TopBitsDiffer<T>(result));
    return result;
  });
}

// Through CF: a rotation of bits + 1 bits.
Handler Rcl(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned masked) -> T {
    constexpr unsigned kSize = kBits<T>;
    const unsigned count = masked % (kSize + 1);
    bool cf = flags.cf();
    T result = a;
    if (count != 0) {
      const uint64_t wide = a;
      result = static_cast<T>(wide << count |
                              static_cast<uint64_t>(cf) << (count - 1) |
                              (count > 1 ? wide >> (kSize + 1 - count) : 0));
      cf = (wide >> (kSize - count)) & 1;
    }
    SetRotateFlags(flags, cf, TopBit<T>(result) != cf);
    return result;
  });
}

Handler Rcr(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned masked) -> T {
    constexpr unsigned kSize = kBits<T>;
    const unsigned count = masked % (kSize + 1);
    bool cf = flags.cf();
    T result = a;
    if (count != 0) {
      const uint64_t wide = a;
      result = static_cast<T>(wide >> count |
                              static_cast<uint64_t>(cf) << (kSize - count) |
                              (count > 1 ? wide << (kSize + 1 - count) : 0));
      cf = (wide >> (count - 1)) & 1;
    }
    SetRotateFlags(flags, cf, TopBitsDiffer<T>(result));
    return result;
  });
}

Handler Shl(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned count) -> T {
    const uint64_t before_last = static_cast<uint64_t>(a) << (count - 1);
    const T result = static_cast<T>(before_last << 1);
    const bool cf = TopBit<T>(static_cast<T>(before_last));
    flags.SetResult<T>(result, cf, TopBit<T>(result) != cf);
    return result;
  });
}

Handler Shr(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned count) -> T {
    const uint64_t before_last = static_cast<uint64_t>(a) >> (count - 1);
    const T result = static_cast<T>(before_last >> 1);
    flags.SetResult<T>(result, before_last & 1,
                       TopBit<T>(static_cast<T>(before_last)));
    return result;
  });
}

Handler Sar(const Insn& in) {
  return Shift(in, []<typename T>(Flags& flags, T a, unsigned count) -> T {
    const int64_t before_last =
        static_cast<int64_t>(static_cast<std::make_signed_t<T>>(a)) >>
        (count - 1);
    const T result = static_cast<T>(before_last >> 1);
    flags.SetResult<T>(result, before_last & 1, false);
    return result;
  });
}

}  // namespace librr::pc::handlers
