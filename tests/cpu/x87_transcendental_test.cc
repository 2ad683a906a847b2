// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The transcendental functions have one right result each.
#include <bit>

#include "gtest/gtest.h"
#include "machines/pc/cpu/families/x87_mpfr.h"
#include "tests/cpu/x87_operands.h"

namespace librr::pc {
namespace {

using x87::HostResult;

constexpr uint16_t kNearestMasked = 0x037f;
constexpr uint16_t kDownMasked = 0x077f;
constexpr uint16_t kUpMasked = 0x0b7f;
constexpr uint16_t kZeroMasked = 0x0f7f;

constexpr Float80 kInfinity{0x8000000000000000, 0x7fff};
constexpr Float80 kMinusInfinity{0x8000000000000000, 0xffff};
constexpr Float80 kHalf{0x8000000000000000, 0x3ffe};
constexpr Float80 kMinusOne{0x8000000000000000, 0xbfff};
constexpr Float80 kTwo{0x8000000000000000, 0x4000};
constexpr Float80 kZero{0, 0};
constexpr Float80 kMinusZero{0, 0x8000};

// An order of the finite values.
__int128 Rank(const Float80& x) {
  const __int128 magnitude =
      __int128{x.sign_exponent & 0x7fff} << 63 | (x.mantissa & ~(1ull << 63));
  return x.sign_exponent & 0x8000 ? -magnitude : magnitude;
}

void ExpectValue(const HostResult& result, uint16_t sign_exponent,
                 uint64_t mantissa, uint16_t status) {
  EXPECT_EQ(result.value.sign_exponent, sign_exponent);
  EXPECT_EQ(result.value.mantissa, mantissa);
  EXPECT_EQ(result.status, status);
}

TEST(X87TranscendentalTest, KnownValuesAreCorrectlyRounded) {
  // sin(1) = 0.84147098480789650665250232163..., cos(1) = 0.540302305868...
  ExpectValue(x87::Sine(x87::kOne, kNearestMasked), 0x3ffe, 0xd76aa47848677021,
              x87::kInexact | x87::kC1);
  ExpectValue(x87::Cosine(x87::kOne, kNearestMasked), 0x3ffe,
              0x8a51407da8345c92, x87::kInexact | x87::kC1);
  // pi and pi/2
  ExpectValue(x87::Arctangent(kZero, kMinusOne, kNearestMasked), 0x4000,
              0xc90fdaa22168c235, x87::kInexact | x87::kC1);
  ExpectValue(x87::Arctangent(kInfinity, x87::kOne, kDownMasked), 0x3fff,
              0xc90fdaa22168c234, x87::kInexact);
  // sqrt(2) - 1
  ExpectValue(x87::PowerMinusOne(kHalf, kNearestMasked), 0x3ffd,
              0xd413cccfe7799211, x87::kInexact);
}

TEST(X87TranscendentalTest, ExactResultsReportNothing) {
  ExpectValue(x87::Sine(kMinusZero, kUpMasked), 0x8000, 0, 0);
  ExpectValue(x87::Cosine(kZero, kDownMasked), 0x3fff, x87::kOne.mantissa, 0);
  ExpectValue(x87::PowerMinusOne(kMinusOne, kUpMasked), 0xbffe,
              x87::kOne.mantissa, 0);
  ExpectValue(x87::Logarithm(kTwo, kHalf, kNearestMasked), 0xc000,
              x87::kOne.mantissa, 0);
  ExpectValue(x87::LogarithmPlusOne(kTwo, x87::kOne, kNearestMasked), 0x4000,
              x87::kOne.mantissa, 0);
  ExpectValue(x87::Arctangent(kZero, x87::kOne, kNearestMasked), 0, 0, 0);
}

TEST(X87TranscendentalTest, LogarithmFollowsTheManualsTable) {
  const auto log = [](const Float80& y, const Float80& x) {
    return x87::Logarithm(y, x, kNearestMasked);
  };
  const uint64_t one = x87::kOne.mantissa;
  const uint64_t indefinite = x87::kIndefinite.mantissa;
  ExpectValue(log(x87::kOne, kZero), 0xffff, one, x87::kZeroDivide);
  ExpectValue(log(kMinusOne, kMinusZero), 0x7fff, one, x87::kZeroDivide);
  ExpectValue(log(kMinusInfinity, kZero), 0x7fff, one, 0);
  ExpectValue(log(kZero, kZero), 0xffff, indefinite, x87::kInvalid);
  ExpectValue(log(kZero, kInfinity), 0xffff, indefinite, x87::kInvalid);
  ExpectValue(log(kInfinity, x87::kOne), 0xffff, indefinite, x87::kInvalid);
  ExpectValue(log(x87::kOne, kMinusOne), 0xffff, indefinite, x87::kInvalid);
  ExpectValue(log(kMinusOne, kInfinity), 0xffff, one, 0);
  ExpectValue(log(kZero, kHalf), 0x8000, 0, 0);
}

TEST(X87TranscendentalTest, LargeArgumentsAreLeftAlone) {
  const Float80 limit{0x8000000000000000, 0x403e};  // 2^63
  const Float80 below{0xffffffffffffffff, 0x403d};
  EXPECT_EQ(x87::Sine(limit, kNearestMasked).status, x87::kC2);
  EXPECT_EQ(x87::Tangent(limit, kNearestMasked).status, x87::kC2);
  EXPECT_EQ(x87::Sine(below, kNearestMasked).status & x87::kC2, 0);
}

TEST(X87TranscendentalTest, TinyResultsUnderflowAsTheMaskSays) {
  const Float80 smallest{1, 0};
  const uint16_t denormal_inexact =
      x87::kDenormal | x87::kTooSmall | x87::kInexact;
  ExpectValue(x87::Sine(smallest, kNearestMasked), 0, 1,
              denormal_inexact | x87::kC1);
  ExpectValue(x87::Sine(smallest, kZeroMasked), 0, 0, denormal_inexact);
  // 2^-16445 scaled by 2^24576.
  ExpectValue(x87::Sine(smallest, kNearestMasked & ~x87::kTooSmall),
              0x3fff - 16445 + 24576, x87::kOne.mantissa,
              denormal_inexact | x87::kC1);
}

TEST(X87TranscendentalTest, HugeResultsOverflowAsTheMaskSays) {
  const Float80 huge{0x8000000000000000, 0x7ffe};
  const uint16_t overflow = x87::kTooLarge | x87::kInexact;
  const auto log = [&](uint16_t control) {
    return x87::Logarithm(huge, {0xc000000000000000, 0x4001}, control);
  };
  ExpectValue(log(kNearestMasked), 0x7fff, x87::kOne.mantissa,
              overflow | x87::kC1);
  ExpectValue(log(kZeroMasked), 0x7ffe, 0xffffffffffffffff, overflow);
}

TEST(X87TranscendentalTest, RoundingDirectionsEncloseTheValue) {
  X87Operands operands(3);
  const auto check = [](auto function) {
    const HostResult down = function(kDownMasked), up = function(kUpMasked),
                     zero = function(kZeroMasked),
                     nearest = function(kNearestMasked);
    if (down.value.sign_exponent == 0xffff || (down.status & x87::kC2)) return;
    if ((up.value.sign_exponent & 0x7fff) == 0x7fff) return;
    if ((down.value.sign_exponent & 0x7fff) == 0x7fff) return;
    const int64_t width =
        static_cast<int64_t>(Rank(up.value) - Rank(down.value));
    EXPECT_EQ(width, up.status & x87::kInexact ? 1 : 0);
    EXPECT_TRUE(Rank(nearest.value) == Rank(up.value) ||
                Rank(nearest.value) == Rank(down.value));
    const bool negative = up.value.sign_exponent & 0x8000;
    EXPECT_EQ(Rank(zero.value), Rank((negative ? up : down).value));
  };
  for (int i = 0; i < 3000; ++i) {
    const Float80 x = operands.Extended(), y = operands.Extended();
    check([&](uint16_t control) { return x87::Sine(x, control); });
    check([&](uint16_t control) { return x87::Cosine(x, control); });
    check([&](uint16_t control) { return x87::Tangent(x, control); });
    check([&](uint16_t control) { return x87::Arctangent(y, x, control); });
    check([&](uint16_t control) { return x87::PowerMinusOne(x, control); });
    check([&](uint16_t control) { return x87::Logarithm(y, x, control); });
    check(
        [&](uint16_t control) { return x87::LogarithmPlusOne(y, x, control); });
  }
}

}  // namespace
}  // namespace librr::pc
