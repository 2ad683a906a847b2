// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The six arithmetic flags, kept lazily.
//
// An instruction stores its result and a vector of carries; a flag is computed
// only when something reads it:
//
//   result_   the result, sign-extended to 64 bits: ZF, SF, PF come from it
//   carries_  bit 63  CF, the carry out of the top bit
//             bit 62  the carry into the top bit: OF = bit 63 ^ bit 62
//             bit 16  inverts SF  } zero but after an explicit setting of
//             bit 8   inverts PF  } flags (POPF, SAHF, IRET, ...)
//             bit 3   AF, the carry out of bit 3
//
// An addition costs four operations and two stores, and no flag ever depends on
// which instruction set it. The system flags (TF, IF, DF, ...) live in `Cpu`.
#ifndef LIBRR_MACHINES_PC_CPU_FLAGS_H_
#define LIBRR_MACHINES_PC_CPU_FLAGS_H_

#include <bit>
#include <cstdint>
#include <type_traits>

namespace librr::pc {

// RFLAGS bits. SDM vol. 1, 3.4.3.
inline constexpr uint64_t kCf = 1u << 0;
inline constexpr uint64_t kPf = 1u << 2;
inline constexpr uint64_t kAf = 1u << 4;
inline constexpr uint64_t kZf = 1u << 6;
inline constexpr uint64_t kSf = 1u << 7;
inline constexpr uint64_t kTf = 1u << 8;
inline constexpr uint64_t kIf = 1u << 9;
inline constexpr uint64_t kDf = 1u << 10;
inline constexpr uint64_t kOf = 1u << 11;
inline constexpr uint64_t kIopl = 3u << 12;
inline constexpr uint64_t kNt = 1u << 14;
inline constexpr uint64_t kRf = 1u << 16;
inline constexpr uint64_t kVm = 1u << 17;
inline constexpr uint64_t kAc = 1u << 18;
inline constexpr uint64_t kVif = 1u << 19;
inline constexpr uint64_t kVip = 1u << 20;
inline constexpr uint64_t kId = 1u << 21;
inline constexpr uint64_t kArithmeticFlags = kCf | kPf | kAf | kZf | kSf | kOf;

class Flags {
 public:
  bool cf() const { return carries_ >> 63; }
  bool of() const { return ((carries_ >> 63) ^ (carries_ >> 62)) & 1; }
  bool af() const { return (carries_ >> 3) & 1; }
  bool zf() const { return result_ == 0; }
  bool sf() const { return ((result_ >> 63) ^ (carries_ >> 16)) & 1; }
  bool pf() const {
    return ((std::popcount(result_ & 0xff) & 1) ^ 1) ^ ((carries_ >> 8) & 1);
  }

  // The flags at their places in RFLAGS.
  uint64_t word() const {
    return (cf() ? kCf : 0) | (pf() ? kPf : 0) | (af() ? kAf : 0) |
           (zf() ? kZf : 0) | (sf() ? kSf : 0) | (of() ? kOf : 0);
  }

  // Sets all six from their places in RFLAGS.
  void SetWord(uint64_t word) {
    // 0 has even parity and ZF; 1 has odd parity and no ZF.
    result_ = (word & kZf) ? 0 : 1;
    const uint64_t natural_pf = (word & kZf) ? 1 : 0;
    const uint64_t wanted_pf = (word & kPf) ? 1 : 0;
    const uint64_t c = (word & kCf) ? 1 : 0;
    const uint64_t o = (word & kOf) ? 1 : 0;
    carries_ = c << 63 | (c ^ o) << 62 | ((word & kSf) ? 1ull << 16 : 0) |
               (natural_pf ^ wanted_pf) << 8 | ((word & kAf) ? 1ull << 3 : 0);
  }
  // Sets those in `mask`, keeps the others.
  void SetMasked(uint64_t word, uint64_t mask) {
    SetWord((this->word() & ~mask) | (word & mask));
  }
  void SetCf(bool value) {
    const uint64_t overflow = (carries_ >> 63) ^ (carries_ >> 62);
    const uint64_t c = value ? 1 : 0;
    carries_ =
        (carries_ & ~(3ull << 62)) | c << 63 | ((c ^ overflow) & 1) << 62;
  }

  // result = a + b (+ carry)
  template <typename T>
  void SetAdd(T a, T b, T result) {
    result_ = Extend(result);
    carries_ = Align<T>((a & b) | ((a | b) & ~result));
  }
  // result = a - b (- borrow)
  template <typename T>
  void SetSub(T a, T b, T result) {
    result_ = Extend(result);
    carries_ = Align<T>((~a & b) | ((~a | b) & result));
  }
  // CF = OF = 0; AF, undefined, is 0.
  template <typename T>
  void SetLogic(T result) {
    result_ = Extend(result);
    carries_ = 0;
  }
  // ZF, SF, PF from the result; CF and OF as given; AF as given.
  template <typename T>
  void SetResult(T result, bool cf, bool of, bool af = false) {
    result_ = Extend(result);
    const uint64_t c = cf ? 1 : 0;
    carries_ = c << 63 | (c ^ (of ? 1u : 0u)) << 62 | (af ? 8u : 0u);
  }

 private:
  template <typename T>
  static uint64_t Extend(T value) {
    return static_cast<uint64_t>(
        static_cast<int64_t>(static_cast<std::make_signed_t<T>>(value)));
  }
  template <typename T>
  static uint64_t Align(T carries) {
    constexpr int kShift = 64 - 8 * static_cast<int>(sizeof(T));
    return ((static_cast<uint64_t>(carries) << kShift) & (3ull << 62)) |
           (carries & 8);
  }

  uint64_t result_ = 1;
  uint64_t carries_ = 0;
};

// Evaluates condition code `cc` (0 to 15: O, NO, B, NB, Z, NZ, BE, NBE, S, NS,
// P, NP, L, NL, LE, NLE). SDM vol. 1, appendix B.
template <int cc>
inline bool Condition(const Flags& f) {
  bool value = false;
  if constexpr (cc / 2 == 0) value = f.of();
  if constexpr (cc / 2 == 1) value = f.cf();
  if constexpr (cc / 2 == 2) value = f.zf();
  if constexpr (cc / 2 == 3) value = f.cf() || f.zf();
  if constexpr (cc / 2 == 4) value = f.sf();
  if constexpr (cc / 2 == 5) value = f.pf();
  if constexpr (cc / 2 == 6) value = f.sf() != f.of();
  if constexpr (cc / 2 == 7) value = f.zf() || f.sf() != f.of();
  return value != static_cast<bool>(cc & 1);
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FLAGS_H_
