// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Operands for tests of the x87 FPU: every class of every format, and random
// values. Deterministic in the seed.
#ifndef LIBRR_TESTS_CPU_X87_OPERANDS_H_
#define LIBRR_TESTS_CPU_X87_OPERANDS_H_

#include <bit>
#include <cstdint>
#include <random>

#include "machines/pc/cpu/operand.h"
#include "machines/pc/cpu/registers.h"

namespace librr::pc {

inline unsigned TraitsSize(Operand operand) {
  switch (operand) {
    case Operand::Mf32:
    case Operand::Md:
      return 4;
    case Operand::Mf64:
    case Operand::Mq:
      return 8;
    case Operand::Mf80:
      return 10;
    default:
      return 0;
  }
}

class X87Operands {
 public:
  explicit X87Operands(uint64_t seed) : random_(seed) {}
  std::mt19937_64& random() { return random_; }

  Float80 Extended() {
    static constexpr uint64_t kMantissas[] = {0,
                                              1,
                                              0x7fffffffffffffff,
                                              0x8000000000000000,
                                              0x8000000000000001,
                                              0xc000000000000000,
                                              0xc000000000000001,
                                              0xffffffffffffffff,
                                              0xfffffffffffff800,
                                              0xffffff0000000000,
                                              0xfffffffffffffc00,
                                              0x8000008000000000,
                                              0xa000000000000000,
                                              0x4000000000000000};
    static constexpr uint16_t kExponents[] = {
        0,      1,      2,      0x3fbf, 0x3ffd, 0x3ffe, 0x3fff, 0x4000,
        0x4001, 0x400d, 0x400e, 0x401d, 0x401e, 0x4039, 0x403d, 0x403e,
        0x403f, 0x3f81, 0x3f80, 0x3f6a, 0x407e, 0x407f, 0x3c01, 0x3c00,
        0x3bcd, 0x43fe, 0x43ff, 0x7ffd, 0x7ffe, 0x7fff};
    uint64_t mantissa = random_();
    switch (random_() % 4) {
      case 0:
        mantissa = Pick(kMantissas);
        break;
      case 1:
        // Few bits: integers, halves.
        mantissa &= ~0ull << (random_() % 64);
        break;
      default:
        break;
    }
    uint16_t exponent = Pick(kExponents);
    switch (random_() % 4) {
      case 0:
        exponent = random_() & 0x7fff;
        break;
      case 1:
        exponent = static_cast<uint16_t>(0x3fff - 8 + random_() % 80);
        break;
      default:
        break;
    }
    // Mostly normal numbers.
    if (exponent != 0 && random_() % 16 != 0) mantissa |= 1ull << 63;
    if (exponent == 0 && random_() % 2 != 0) mantissa &= ~(1ull << 63);
    return {mantissa, static_cast<uint16_t>(exponent | (random_() & 0x8000))};
  }

  uint32_t Float() {
    static constexpr uint32_t kValues[] = {
        0,          1,          0x007fffff, 0x00800000, 0x3f800000, 0x7f7fffff,
        0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff, 0x4f000000, 0x00400000};
    const uint32_t sign = static_cast<uint32_t>(random_()) & 0x80000000;
    return sign ^
           (random_() % 2 ? Pick(kValues) : static_cast<uint32_t>(random_()));
  }

  uint64_t Double() {
    static constexpr uint64_t kValues[] = {0,
                                           1,
                                           0x000fffffffffffff,
                                           0x0010000000000000,
                                           0x3ff0000000000000,
                                           0x7fefffffffffffff,
                                           0x7ff0000000000000,
                                           0x7ff0000000000001,
                                           0x7ff8000000000000,
                                           0x7fffffffffffffff,
                                           0x41f0000000000000};
    const uint64_t sign = random_() & 0x8000000000000000;
    return sign ^ (random_() % 2 ? Pick(kValues) : random_());
  }

  // Ten bytes of packed BCD.
  void Decimal(uint8_t* bytes) {
    const int digits = random_() % 19;
    for (int i = 0; i < 9; ++i) {
      const int low = 2 * i < digits ? random_() % 10 : 0;
      const int high = 2 * i + 1 < digits ? random_() % 10 : 0;
      bytes[i] = static_cast<uint8_t>(high << 4 | low);
    }
    bytes[9] = static_cast<uint8_t>(random_());
  }

 private:
  template <typename T, size_t n>
  T Pick(const T (&values)[n]) {
    return values[random_() % n];
  }

  std::mt19937_64 random_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_X87_OPERANDS_H_
