// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/families/x87_mpfr.h"

#include <mpfr.h>

#include <bit>

namespace librr::pc::x87 {
namespace {

constexpr Float80 kMinusOne{kIntegerBit, kSign | kExponentBias};
constexpr Float80 kMinusHalf{kIntegerBit, kSign | (kExponentBias - 1)};

constexpr mpfr_prec_t kPrecision = 64;
// MPFR's exponents: value = m * 2^e with m in [1/2, 1).
constexpr mpfr_exp_t kLargestExponent = 16384;
constexpr mpfr_exp_t kSmallestNormal = -16381;
constexpr mpfr_exp_t kSmallestDenormal = kSmallestNormal - 63;
// Of the response to unmasked overflow and underflow. SDM vol. 1, 8.5.4.
constexpr mpfr_exp_t kBiasAdjustment = 24576;

// MPFR keeps constants per thread; they go with the thread.
struct CacheOwner {
  ~CacheOwner() { mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); }
};

// The widest exponent range while it lives, then what the program had.
class WideRange {
 public:
  WideRange()
      : minimum_(mpfr_get_emin()),
        maximum_(mpfr_get_emax()),
        flags_(mpfr_flags_save()) {
    thread_local CacheOwner owner;
    static_cast<void>(owner);
    Set(mpfr_get_emin_min(), mpfr_get_emax_max());
  }
  ~WideRange() {
    Set(minimum_, maximum_);
    mpfr_flags_restore(flags_, MPFR_FLAGS_ALL);
  }
  WideRange(const WideRange&) = delete;
  WideRange& operator=(const WideRange&) = delete;

 private:
  static void Set(mpfr_exp_t minimum, mpfr_exp_t maximum) {
    mpfr_set_emin(minimum);
    mpfr_set_emax(maximum);
  }
  const mpfr_exp_t minimum_, maximum_;
  const mpfr_flags_t flags_;
};

// An MPFR number that frees itself.
class Number {
 public:
  explicit Number(mpfr_prec_t precision = kPrecision) {
    mpfr_init2(value_, precision);
  }
  // The exact value of anything but a NaN.
  explicit Number(const Float80& x) : Number() {
    if (IsInfinity(x)) {
      mpfr_set_inf(value_, 1);
    } else if (IsZero(x)) {
      mpfr_set_zero(value_, 1);
    } else {
      const int exponent = Exponent(x) == 0 ? 1 : Exponent(x);
      mpfr_set_ui_2exp(value_, x.mantissa, exponent - kExponentBias - 63,
                       MPFR_RNDN);
    }
    mpfr_setsign(value_, value_, IsNegative(x), MPFR_RNDN);
  }
  ~Number() { mpfr_clear(value_); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;

  operator mpfr_ptr() { return value_; }
  operator mpfr_srcptr() const { return value_; }

 private:
  mpfr_t value_;
};

mpfr_rnd_t RoundingOf(uint16_t control) {
  switch (control >> kRoundingShift & 3) {
    case kNearest:
      return MPFR_RNDN;
    case kDown:
      return MPFR_RNDD;
    case kUp:
      return MPFR_RNDU;
    default:
      return MPFR_RNDZ;
  }
}

// The 80-bit form of a number in range.
Float80 ToFloat80(mpfr_srcptr value) {
  const uint16_t sign = mpfr_signbit(value) ? kSign : 0;
  if (mpfr_zero_p(value)) return {0, sign};
  if (mpfr_inf_p(value)) {
    return {kIntegerBit, static_cast<uint16_t>(sign | kExponentMask)};
  }
  const mpfr_exp_t exponent = mpfr_get_exp(value);
  Number scaled;
  mpfr_abs(scaled, value, MPFR_RNDN);
  if (exponent < kSmallestNormal) {
    mpfr_mul_2si(scaled, scaled, -(kSmallestNormal - 64), MPFR_RNDN);
    return {mpfr_get_ui(scaled, MPFR_RNDN), sign};
  }
  mpfr_set_exp(scaled, 64);
  return {mpfr_get_ui(scaled, MPFR_RNDN),
          static_cast<uint16_t>(sign | (exponent + kExponentBias - 1))};
}

// Fits a result, rounded to 64 bits with `ternary` as its error's sign and any
// exponent, into the format, and reports what that takes.
HostResult Deliver(Number& value, int ternary, uint16_t control,
                   uint16_t status) {
  const mpfr_rnd_t rounding = RoundingOf(control);
  if (mpfr_regular_p(static_cast<mpfr_srcptr>(value))) {
    const mpfr_exp_t exponent = mpfr_get_exp(value);
    if (exponent > kLargestExponent) {
      status |= kTooLarge;
      if (control & kTooLarge) {
        mpfr_set_emax(kLargestExponent);
        ternary = mpfr_check_range(value, ternary, rounding);
        mpfr_set_emax(mpfr_get_emax_max());
      } else {
        mpfr_div_2si(value, value, kBiasAdjustment, MPFR_RNDN);
      }
    } else if (exponent < kSmallestNormal) {
      if (!(control & kTooSmall)) {
        status |= kTooSmall;
        mpfr_mul_2si(value, value, kBiasAdjustment, MPFR_RNDN);
      } else {
        mpfr_set_emin(kSmallestDenormal);
        ternary = mpfr_check_range(value, ternary, rounding);
        ternary = mpfr_subnormalize(value, ternary, rounding);
        mpfr_set_emin(mpfr_get_emin_min());
        if (ternary != 0) status |= kTooSmall;
      }
    }
  }
  if (ternary != 0) {
    status |= kInexact;
    const bool away = mpfr_signbit(static_cast<mpfr_srcptr>(value))
                          ? ternary < 0
                          : ternary > 0;
    if (away) status |= kC1;
  }
  return {ToFloat80(value), status};
}

// For functions whose value is never a 65-bit number: repeats the approximation
// with more bits until the rounding is certain. `approximate` must be within
// 2^4 units in the last place.
template <typename F>
int RoundCorrectly(Number& value, mpfr_rnd_t rounding, F approximate) {
  for (mpfr_prec_t precision = 128;; precision *= 2) {
    Number wide(precision);
    approximate(wide);
    if (mpfr_can_round(wide, precision - 4, MPFR_RNDN, MPFR_RNDZ,
                       kPrecision + (rounding == MPFR_RNDN ? 1 : 0))) {
      return mpfr_set(value, wide, rounding);
    }
  }
}

// NaN and unsupported operands, and denormal ones while those are unmasked,
// end the operation. True if `result` is final; else it holds the flags so far.
bool CheckOperands(const Float80& a, const Float80& b, uint16_t control,
                   HostResult* result) {
  *result = {a, 0};
  if (IsNan(a) || IsNan(b) || IsUnsupported(a) || IsUnsupported(b)) {
    *result = Add(a, b, control);
    result->status &= kExceptions;
    return true;
  }
  if (IsDenormal(a) || IsDenormal(b)) result->status = kDenormal;
  return false;
}

bool StopsAtDenormal(const HostResult& result, uint16_t control) {
  return (result.status & kDenormal) && !(control & kDenormal);
}

HostResult Invalid() { return {kIndefinite, kInvalid}; }

// FSIN, FCOS, FPTAN: up to 2^63 in magnitude.
template <typename F>
HostResult Trigonometric(const Float80& x, uint16_t control, F function) {
  HostResult result;
  if (CheckOperands(x, x, control, &result)) return result;
  if (IsInfinity(x)) return Invalid();
  if (Exponent(x) >= kExponentBias + 63) return {x, kC2};
  if (StopsAtDenormal(result, control)) return result;
  WideRange range;
  const Number operand(x);
  Number value;
  const int ternary = function(value, operand, RoundingOf(control));
  return Deliver(value, ternary, control, result.status);
}

// y * logarithm. `log` is exact (an integer, zero or infinity), or irrational
// and good for its sign only; then `approximate` computes it.
template <typename F>
HostResult Product(const Float80& y, Number& log, bool exact, F approximate,
                   uint16_t control, uint16_t status) {
  const Number factor(y);
  Number value;
  int ternary = 0;
  if (!exact && !IsZero(y) && !IsInfinity(y)) {
    ternary = RoundCorrectly(value, RoundingOf(control), [&](Number& wide) {
      approximate(wide);
      mpfr_mul(wide, wide, factor, MPFR_RNDN);
    });
  } else {
    ternary = mpfr_mul(value, log, factor, RoundingOf(control));
  }
  // 0 * infinity
  if (mpfr_nan_p(static_cast<mpfr_srcptr>(value))) return Invalid();
  return Deliver(value, ternary, control, status);
}

}  // namespace

HostResult Sine(const Float80& x, uint16_t control) {
  return Trigonometric(x, control,
                       [](mpfr_ptr r, mpfr_srcptr x, mpfr_rnd_t rounding) {
                         return mpfr_sin(r, x, rounding);
                       });
}

HostResult Cosine(const Float80& x, uint16_t control) {
  return Trigonometric(x, control,
                       [](mpfr_ptr r, mpfr_srcptr x, mpfr_rnd_t rounding) {
                         return mpfr_cos(r, x, rounding);
                       });
}

HostResult Tangent(const Float80& x, uint16_t control) {
  return Trigonometric(x, control,
                       [](mpfr_ptr r, mpfr_srcptr x, mpfr_rnd_t rounding) {
                         return mpfr_tan(r, x, rounding);
                       });
}

HostResult Arctangent(const Float80& y, const Float80& x, uint16_t control) {
  HostResult result;
  if (CheckOperands(y, x, control, &result)) return result;
  if (StopsAtDenormal(result, control)) return result;
  WideRange range;
  const Number ordinate(y), abscissa(x);
  Number value;
  const int ternary =
      mpfr_atan2(value, ordinate, abscissa, RoundingOf(control));
  return Deliver(value, ternary, control, result.status);
}

HostResult PowerMinusOne(const Float80& x, uint16_t control) {
  HostResult result;
  if (CheckOperands(x, x, control, &result)) return result;
  if (StopsAtDenormal(result, control)) return result;
  if (IsInfinity(x) && IsNegative(x)) return {kMinusOne, 0};
  if (IsZero(x) || Exponent(x) > kExponentBias) return {x, 0};
  if (Exponent(x) == kExponentBias) {
    if (x.mantissa != kIntegerBit || !IsNegative(x)) return {x, 0};
    return {kMinusHalf, 0};
  }
  WideRange range;
  const Number operand(x);
  Number value;
  const int ternary =
      RoundCorrectly(value, RoundingOf(control), [&](Number& wide) {
        mpfr_const_log2(wide, MPFR_RNDN);
        mpfr_mul(wide, wide, operand, MPFR_RNDN);
        mpfr_expm1(wide, wide, MPFR_RNDN);
      });
  return Deliver(value, ternary, control, result.status);
}

HostResult Logarithm(const Float80& y, const Float80& x, uint16_t control) {
  HostResult result;
  if (CheckOperands(y, x, control, &result)) return result;
  if (IsNegative(x) && !IsZero(x)) return Invalid();
  if (IsZero(x)) {
    if (IsZero(y)) return Invalid();
    // log2(0) is minus infinity: a division by zero, unless y is infinite.
    const uint16_t sign = (y.sign_exponent & kSign) ^ kSign;
    return {{kIntegerBit, static_cast<uint16_t>(sign | kExponentMask)},
            IsInfinity(y) ? uint16_t{0} : kZeroDivide};
  }
  if (StopsAtDenormal(result, control)) return result;
  WideRange range;
  const Number operand(x);
  Number log;
  const bool exact = IsInfinity(x) || std::has_single_bit(x.mantissa);
  mpfr_log2(log, operand, MPFR_RNDN);
  return Product(
      y, log, exact, [&](Number& wide) { mpfr_log2(wide, operand, MPFR_RNDN); },
      control, result.status);
}

HostResult LogarithmPlusOne(const Float80& y, const Float80& x,
                            uint16_t control) {
  HostResult result;
  if (CheckOperands(y, x, control, &result)) return result;
  if (IsNegative(x) && Exponent(x) >= kExponentBias) return Invalid();
  // The sum would have more than 64 bits.
  if (Exponent(x) >= kExponentBias + 64) return Logarithm(y, x, control);
  if (StopsAtDenormal(result, control)) return result;
  WideRange range;
  const Number operand(x);
  Number log;
  bool exact = IsZero(x);
  if (exact) {
    mpfr_set(log, operand, MPFR_RNDN);
  } else {
    // 160 bits hold 1 + x, unless x is so small that the sum is no power of
    // two.
    Number sum(160);
    exact =
        mpfr_add_ui(sum, operand, 1, MPFR_RNDN) == 0 && mpfr_min_prec(sum) == 1;
    if (exact) {
      mpfr_log2(log, sum, MPFR_RNDN);
    } else {
      mpfr_log1p(log, operand, MPFR_RNDN);
    }
  }
  return Product(
      y, log, exact,
      [&](Number& wide) {
        Number ln2(mpfr_get_prec(wide));
        mpfr_const_log2(ln2, MPFR_RNDN);
        mpfr_log1p(wide, operand, MPFR_RNDN);
        mpfr_div(wide, wide, ln2, MPFR_RNDN);
      },
      control, result.status);
}

}  // namespace librr::pc::x87
