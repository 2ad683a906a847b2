// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// RCPPS, RCPSS, RSQRTPS, RSQRTSS. The SDM (vol. 2) allows a relative error of
// 1.5 * 2^-12 and processors differ within it, so the machine model has its own
// values: the exact result rounded to a fraction of 12 bits, to nearest with
// ties away from zero, by integer arithmetic. MXCSR has no say and gets no
// flags; denormals count as zeros and results too small become zeros.
#include <cstdint>

#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {
namespace {

constexpr uint32_t kSign = 0x80000000;
constexpr uint32_t kInfinity = 0x7f800000;
constexpr uint32_t kQuiet = 0x00400000;
constexpr uint32_t kIndefinite = 0xffc00000;
constexpr uint32_t kFraction = 0x007fffff;
constexpr int kBias = 127;

// `significand` has 12 fraction bits and lies in [1, 2].
uint32_t Assemble(uint32_t sign, int exponent, uint32_t significand) {
  if (significand == 2u << 12) {
    significand = 1u << 12;
    ++exponent;
  }
  if (exponent + kBias <= 0) return sign;
  return sign | static_cast<uint32_t>(exponent + kBias) << 23 |
         (significand & 0xfff) << 11;
}

uint32_t Reciprocal(uint32_t x) {
  const uint32_t sign = x & kSign;
  const uint32_t magnitude = x & ~kSign;
  if (magnitude > kInfinity) return x | kQuiet;
  if (magnitude == kInfinity) return sign;
  if (magnitude <= kFraction) return sign | kInfinity;
  // 1 / (m * 2^e) = (2 / m) * 2^(-e - 1), with m in [1, 2) so 2 / m in (1, 2].
  const int exponent = static_cast<int>(magnitude >> 23) - kBias;
  const uint64_t m = (magnitude & kFraction) | (kFraction + 1);  // 23 bits
  const uint64_t numerator = 2ull << (23 + 12);
  const uint64_t quotient = (numerator + m / 2) / m;
  return Assemble(sign, -exponent - 1, static_cast<uint32_t>(quotient));
}

// The largest r with r * r <= x.
uint64_t IntegerSquareRoot(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = 1ull << 31; bit; bit >>= 1) {
    if ((root | bit) * (root | bit) <= x) root |= bit;
  }
  return root;
}

uint32_t ReciprocalSquareRoot(uint32_t x) {
  const uint32_t sign = x & kSign;
  const uint32_t magnitude = x & ~kSign;
  if (magnitude > kInfinity) return x | kQuiet;
  if (magnitude <= kFraction) return sign | kInfinity;
  if (sign) return kIndefinite;
  if (magnitude == kInfinity) return 0;
  // x = m * 4^k with m in [1, 4): the root is (2 / sqrt(m)) * 2^(-k - 1), with
  // 2 / sqrt(m) in (1, 2].
  const int exponent = static_cast<int>(magnitude >> 23) - kBias;
  const int odd = exponent & 1;
  const int k = (exponent - odd) / 2;
  const uint64_t m =
      static_cast<uint64_t>((magnitude & kFraction) | (kFraction + 1))
      << odd;  // 23 fraction bits
  // Twice the significand with 12 fraction bits, truncated: sqrt(4 / m) * 2^13.
  const uint64_t twice = IntegerSquareRoot((4ull << (23 + 26)) / m);
  return Assemble(0, -k - 1, static_cast<uint32_t>((twice + 1) / 2));
}

template <typename F>
Handler Packed(const Insn& in, F) {
  return WithSource<Xmm>(in, [](Cpu& cpu, const Insn& in, HostXmm source) {
    const Xmm b = ToXmm(source);
    for (int i = 0; i < 4; ++i)
      cpu.regs.xmm[in.dst].set_lane(i, F{}(b.lane<uint32_t>(i)));
    return true;
  });
}
template <typename F>
Handler Scalar(const Insn& in, F) {
  return WithSource<uint32_t>(in, [](Cpu& cpu, const Insn& in, HostXmm source) {
    const Xmm b = ToXmm(source);
    cpu.regs.xmm[in.dst].set_lane(0, F{}(b.lane<uint32_t>(0)));
    return true;
  });
}

}  // namespace

Handler Rcpps(const Insn& in) {
  return Packed(in, [](uint32_t x) { return Reciprocal(x); });
}
Handler Rcpss(const Insn& in) {
  return Scalar(in, [](uint32_t x) { return Reciprocal(x); });
}
Handler Rsqrtps(const Insn& in) {
  return Packed(in, [](uint32_t x) { return ReciprocalSquareRoot(x); });
}
Handler Rsqrtss(const Insn& in) {
  return Scalar(in, [](uint32_t x) { return ReciprocalSquareRoot(x); });
}

}  // namespace librr::pc::handlers
