// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Random operands for the differential test: a mix of uniform and of boundary
// values. SplitMix64, so that one 64-bit seed is one test case.
//
//   Random random(seed);
//   uint64_t value = random.Integer();
//   random.Fill(bytes, OperandKind::kDouble);
#ifndef LIBRR_TESTS_CPU_DIFFERENTIAL_RANDOM_H_
#define LIBRR_TESTS_CPU_DIFFERENTIAL_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "absl/types/span.h"

namespace librr::pc {

enum class OperandKind : uint8_t {
  kBytes,
  kInteger,
  kFloat,
  kDouble,
  kExtended
};

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15ull;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  // 0 to `bound` - 1.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  bool Percent(unsigned percent) { return Below(100) < percent; }

  uint64_t Integer() {
    switch (Below(6)) {
      case 0:
        return Below(256) - 128;
      case 1:
        return (1ull << Below(64)) - Below(3);
      case 2:
        return 0 - (1ull << Below(64)) + Below(3);
      case 3:
        return Next() & 0xffffffff;
      default:
        return Next();
    }
  }
  uint32_t Float() {
    static constexpr uint32_t kSpecial[] = {
        0,          0x80000000, 1,          0x80000001, 0x007fffff, 0x807fffff,
        0x00800000, 0x80800000, 0x3f800000, 0xbf800000, 0x3f7fffff, 0x3f800001,
        0x40000000, 0x3f000000, 0x3fc00000, 0x7f7fffff, 0xff7fffff, 0x7f800000,
        0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffbfffff, 0x4effffff,
        0x4f000000, 0xcf000000, 0xcf000001, 0x5f000000, 0xdf000000, 0x7fc12345,
        0x4b000000, 0x4b7fffff, 0x40490fdb, 0x33800000, 0x3effffff};
    if (Percent(60)) return kSpecial[Below(std::size(kSpecial))];
    if (Percent(50))  // near 1: results that round
      return static_cast<uint32_t>((Next() & 0x80ffffff) + 0x3f000000);
    return static_cast<uint32_t>(Next());
  }
  uint64_t Double() {
    static constexpr uint64_t kSpecial[] = {0,
                                            1ull << 63,
                                            1,
                                            0x800fffffffffffff,
                                            0x000fffffffffffff,
                                            0x0010000000000000,
                                            0x8010000000000000,
                                            0x3ff0000000000000,
                                            0xbff0000000000000,
                                            0x3fefffffffffffff,
                                            0x3ff0000000000001,
                                            0x4000000000000000,
                                            0x3fe0000000000000,
                                            0x3ff8000000000000,
                                            0x7fefffffffffffff,
                                            0xffefffffffffffff,
                                            0x7ff0000000000000,
                                            0xfff0000000000000,
                                            0x7ff8000000000000,
                                            0xfff8000000000000,
                                            0x7ff0000000000001,
                                            0xfff7ffffffffffff,
                                            0x41dfffffffc00000,
                                            0x41dfffffffe00000,
                                            0x41e0000000000000,
                                            0xc1e0000000000000,
                                            0xc1e0000000200000,
                                            0x43dfffffffffffff,
                                            0x43e0000000000000,
                                            0xc3e0000000000000,
                                            0x36a0000000000000,
                                            0x380fffffe0000000,
                                            0x47efffffe0000000,
                                            0x47efffffefffffff,
                                            0x7ff8000012345678,
                                            0x4330000000000000,
                                            0x400921fb54442d18,
                                            0x3fdfffffffffffff};
    if (Percent(60)) return kSpecial[Below(std::size(kSpecial))];
    if (Percent(50)) return (Next() & 0x801fffffffffffff) + 0x3fe0000000000000;
    return Next();
  }
  // An extended real, sometimes of an unsupported format.
  void Extended(uint64_t* mantissa, uint16_t* sign_exponent) {
    static constexpr uint16_t kExponents[] = {0,      1,      0x3fff, 0x4000,
                                              0x3ffe, 0x7ffe, 0x7fff, 0x401e,
                                              0x403e, 0x403f, 0x3f80, 0x3bff};
    static constexpr uint64_t kMantissas[] = {0,
                                              1ull << 63,
                                              3ull << 62,
                                              ~0ull,
                                              (1ull << 63) | 1,
                                              0xfffffffffffff800,
                                              0xffffff0000000000,
                                              0x7fffffffffffffff,
                                              1};
    uint16_t exponent = kExponents[Below(std::size(kExponents))];
    if (Percent(40)) exponent = static_cast<uint16_t>(0x3fc0 + Below(128));
    *mantissa = Percent(50) ? kMantissas[Below(std::size(kMantissas))] : Next();
    if (exponent != 0 && Percent(90)) *mantissa |= 1ull << 63;
    *sign_exponent =
        static_cast<uint16_t>(exponent | (Percent(50) ? 0x8000 : 0));
  }
  // Fills with lanes of one kind; an incomplete last lane is cut off.
  void Fill(absl::Span<uint8_t> bytes, OperandKind kind) {
    const bool narrow = Percent(30);  // few values: equal and zero lanes
    for (size_t at = 0; at < bytes.size();) {
      uint64_t lane[2] = {Next(), 0};
      size_t size = 8;
      switch (kind) {
        case OperandKind::kBytes:
          if (narrow) lane[0] &= 0x8101018001000101ull;
          break;
        case OperandKind::kInteger:
          lane[0] = Integer();
          break;
        case OperandKind::kFloat:
          lane[0] = Float(), size = 4;
          break;
        case OperandKind::kDouble:
          lane[0] = Double();
          break;
        case OperandKind::kExtended: {
          uint16_t sign_exponent;
          Extended(&lane[0], &sign_exponent);
          lane[1] = sign_exponent;
          size = 10;
        }
      }
      if (size > bytes.size() - at) size = bytes.size() - at;
      std::memcpy(bytes.data() + at, lane, size);
      at += size;
    }
  }

 private:
  uint64_t state_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_RANDOM_H_
