// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// BT, BTS, BTR, BTC, BSF, BSR, POPCNT, BSWAP, CRC32. SDM vol. 1, 7.3.7;
// vol. 2. SETcc is in conditional.cc.
#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/single_operand.h"

namespace librr::pc::handlers {
namespace {

enum class BitChange { kNone, kSet, kReset, kComplement };

template <typename T, BitChange change>
T ChangeBit(T value, T mask) {
  if constexpr (change == BitChange::kSet) return value | mask;
  if constexpr (change == BitChange::kReset) return value & ~mask;
  if constexpr (change == BitChange::kComplement) return value ^ mask;
  return value;
}

// The memory operand that a register bit offset selects: a signed number of
// operands away from the one that is named. SDM vol. 1, 3.7.2.1 and vol. 2, BT.
template <typename T>
bool BitStringAddress(Cpu& cpu, const Insn& in, Access access,
                      uint64_t* linear) {
  const int64_t bit = static_cast<std::make_signed_t<T>>(cpu.Reg<T>(in.src));
  constexpr int kShift = std::countr_zero(8 * sizeof(T));
  uint64_t offset = cpu.EffectiveOffset(in) +
                    static_cast<uint64_t>(bit >> kShift) * sizeof(T);
  if (in.address_size == 4) offset = static_cast<uint32_t>(offset);
  if (in.address_size == 2) offset = static_cast<uint16_t>(offset);
  return cpu.SegmentedAddress(static_cast<SegmentIndex>(in.segment), offset,
                              sizeof(T), access, linear);
}

// All flags but CF keep their values; OF, SF, AF and PF would be undefined.
template <BitChange change>
Handler BitTest(const Insn& in) {
  return ByForm(
      in, []<typename T, Form form>(Cpu& cpu, const Insn& in) -> bool {
        constexpr unsigned kMask = 8 * sizeof(T) - 1;
        constexpr bool kByRegister = form == Form::kRR || form == Form::kMR;
        Flags& flags = cpu.regs.flags;
        const T mask = static_cast<T>(
            T{1} << ((kByRegister ? cpu.Reg<uint8_t>(in.src) : in.imm8()) &
                     kMask));
        if constexpr (form == Form::kRR || form == Form::kRI) {
          const T value = cpu.Reg<T>(in.dst);
          flags.SetCf(value & mask);
          if constexpr (change != BitChange::kNone)
            cpu.SetReg<T>(in.dst, ChangeBit<T, change>(value, mask));
          return true;
        } else {
          constexpr Access kAccess =
              change == BitChange::kNone ? Access::kRead : Access::kWrite;
          uint64_t linear;
          if constexpr (kByRegister) {
            LIBRR_TRY(BitStringAddress<T>(cpu, in, kAccess, &linear));
          } else {
            LIBRR_TRY(cpu.OperandAddress(in, sizeof(T), kAccess, &linear));
          }
          const auto segment = static_cast<SegmentIndex>(in.segment);
          if constexpr (change == BitChange::kNone) {
            T value;
            LIBRR_TRY(cpu.ReadLinear(linear, &value, segment));
            flags.SetCf(value & mask);
            return true;
          } else {
            return cpu.ModifyLinear<T>(linear, segment, [&](T value) -> T {
              flags.SetCf(value & mask);
              return ChangeBit<T, change>(value, mask);
            });
          }
        }
      });
}

// The undefined flags are those of a TEST of the source. A source of 0 leaves
// the whole destination register, of a 32-bit operand too.
template <bool forward>
Handler BitScan(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T source;
    LIBRR_TRY(LoadSecond(cpu, in, &source));
    cpu.regs.flags.SetLogic<T>(source);
    if (source != 0) {
      cpu.SetReg<T>(in.dst,
                    static_cast<T>(forward ? std::countr_zero(source)
                                           : std::bit_width(source) - 1));
    }
    return true;
  });
}

// CRC-32C, bit-reflected. SDM vol. 2A, CRC32.
constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

template <typename T>
bool AccumulateCrc(Cpu& cpu, const Insn& in) {
  T source;
  LIBRR_TRY(LoadSecond(cpu, in, &source));
  uint32_t crc = cpu.Reg<uint32_t>(in.dst);
  for (unsigned i = 0; i < sizeof(T); ++i)
    crc = (crc >> 8) ^ kCrcTable[(crc ^ (source >> (8 * i))) & 0xff];
  cpu.SetReg<uint32_t>(in.dst, crc);
  return true;
}

}  // namespace

Handler Bt(const Insn& in) { return BitTest<BitChange::kNone>(in); }
Handler Bts(const Insn& in) { return BitTest<BitChange::kSet>(in); }
Handler Btr(const Insn& in) { return BitTest<BitChange::kReset>(in); }
Handler Btc(const Insn& in) { return BitTest<BitChange::kComplement>(in); }

Handler Bsf(const Insn& in) { return BitScan<true>(in); }
Handler Bsr(const Insn& in) { return BitScan<false>(in); }

Handler Popcnt(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T source;
    LIBRR_TRY(LoadSecond(cpu, in, &source));
    cpu.regs.flags.SetWord(source == 0 ? kZf : 0);
    cpu.SetReg<T>(in.dst, static_cast<T>(std::popcount(source)));
    return true;
  });
}

// A 16-bit operand, undefined, becomes 0.
Handler Bswap(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T result = 0;
    if constexpr (sizeof(T) == 4)
      result = __builtin_bswap32(cpu.Reg<T>(in.dst));
    if constexpr (sizeof(T) == 8)
      result = __builtin_bswap64(cpu.Reg<T>(in.dst));
    cpu.SetReg<T>(in.dst, result);
    return true;
  });
}

Handler Crc32Byte(const Insn&) { return AccumulateCrc<uint8_t>; }

// The row's size is the destination's; the source may be a word.
Handler Crc32(const Insn& in) {
  if (in.size == 8) return AccumulateCrc<uint64_t>;
  return in.Has(kPrefix66) ? AccumulateCrc<uint16_t> : AccumulateCrc<uint32_t>;
}

}  // namespace librr::pc::handlers
