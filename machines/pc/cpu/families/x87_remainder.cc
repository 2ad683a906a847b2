// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/families/x87_remainder.h"

#include <bit>

namespace librr::pc::x87 {
namespace {

// A finite nonzero value: mantissa * 2^exponent, bit 63 of the mantissa set.
struct Unpacked {
  uint64_t mantissa;
  int exponent;
};

constexpr int kUnitBias = kExponentBias + 63;
// What the response to an unmasked underflow adds to the exponent.
constexpr int kBiasAdjustment = 24576;

Unpacked Unpack(const Float80& x) {
  const int shift = std::countl_zero(x.mantissa);
  const int exponent = Exponent(x) == 0 ? 1 : Exponent(x);
  return {x.mantissa << shift, exponent - kUnitBias - shift};
}

// Packs mantissa * 2^exponent, which is representable. Exact results report
// underflow only while that is unmasked.
Float80 Pack(uint16_t sign, uint64_t mantissa, int exponent, uint16_t control,
             uint16_t* status) {
  if (mantissa == 0) return {0, sign};
  const int shift = std::countl_zero(mantissa);
  mantissa <<= shift;
  int biased = exponent - shift + kUnitBias;
  if (biased < 1) {
    if (!(control & kTooSmall)) {
      *status |= kTooSmall;
      biased += kBiasAdjustment;
    } else {
      mantissa >>= 1 - biased;
      biased = 0;
    }
  }
  return {mantissa, static_cast<uint16_t>(sign | biased)};
}

uint16_t QuotientConditions(uint64_t quotient) {
  return static_cast<uint16_t>((quotient & 4 ? kC0 : 0) |
                               (quotient & 2 ? kC3 : 0) |
                               (quotient & 1 ? kC1 : 0));
}

}  // namespace

RemainderResult Remainder(RemainderKind kind, const Float80& dividend,
                          const Float80& divisor, uint16_t control) {
  // NaNs follow the rule of all operations with two operands.
  if (IsNan(dividend) || IsNan(divisor) || IsUnsupported(dividend) ||
      IsUnsupported(divisor)) {
    const HostResult nan = Add(dividend, divisor, control);
    return {nan.value, static_cast<uint16_t>(nan.status & kExceptions), false};
  }
  if (IsInfinity(dividend) || IsZero(divisor))
    return {kIndefinite, kInvalid, false};
  uint16_t status = 0;
  if (IsDenormal(dividend) || IsDenormal(divisor)) {
    status = kDenormal;
    if (!(control & kDenormal)) return {dividend, status, false};
  }
  if (IsZero(dividend)) return {dividend, status, true};

  const uint16_t sign = dividend.sign_exponent & kSign;
  const Unpacked a = Unpack(dividend);
  if (IsInfinity(divisor)) {
    const Float80 value = Pack(sign, a.mantissa, a.exponent, control, &status);
    return {value, status, true};
  }
  const Unpacked b = Unpack(divisor);
  const int distance = a.exponent - b.exponent;
  using Wide = unsigned __int128;

  if (distance >= 64) {
    const int reduction = 32 + distance % 32;
    const uint64_t rest =
        static_cast<uint64_t>((Wide{a.mantissa} << reduction) % b.mantissa);
    status |= kC2;
    // The divisor's unit, times the power of two that was left out.
    const Float80 value =
        Pack(sign, rest, b.exponent + distance - reduction, control, &status);
    return {value, status, true};
  }

  uint64_t quotient = 0, rest = a.mantissa;
  int exponent = a.exponent;
  if (distance >= 0) {
    const Wide scaled = Wide{a.mantissa} << distance;
    quotient = static_cast<uint64_t>(scaled / b.mantissa);
    rest = static_cast<uint64_t>(scaled % b.mantissa);
    exponent = b.exponent;
  }
  uint16_t result_sign = sign;
  if (kind == RemainderKind::kNearest && distance >= -1) {
    // The divisor in units of the rest; the quotient goes up if the rest is
    // more than half of it, or half and the quotient odd.
    const Wide unit = Wide{b.mantissa} << (distance < 0 ? 1 : 0);
    const Wide twice = Wide{rest} << 1;
    if (twice > unit || (twice == unit && (quotient & 1))) {
      rest = static_cast<uint64_t>(unit - rest);
      ++quotient;
      result_sign ^= kSign;
    }
  }
  status |= QuotientConditions(quotient);
  const Float80 value = Pack(result_sign, rest, exponent, control, &status);
  return {value, status, true};
}

}  // namespace librr::pc::x87
