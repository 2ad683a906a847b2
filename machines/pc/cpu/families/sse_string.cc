// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// String comparison: PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI. SDM vol. 2,
// 4.1, whose names (IntRes1, IntRes2) are used. The immediate:
//   bit 0     words (8 lanes) instead of bytes (16 lanes)
//   bit 1     signed elements
//   bits 3:2  0 equal any, 1 ranges, 2 equal each, 3 equal ordered
//   bits 5:4  1 negates, 3 negates where the second string is valid
//   bit 6     most significant index instead of least; lane mask instead of
//   bits
#include <bit>

#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {
namespace {

// A string of up to 16 elements, widened.
struct Elements {
  int32_t at[16];
  int length;  // the valid ones
};

Elements Widen(const Xmm& xmm, uint8_t imm) {
  Elements s{};
  const int count = imm & 1 ? 8 : 16;
  for (int i = 0; i < count; ++i) {
    switch (imm & 3) {
      case 0:
        s.at[i] = xmm.lane<uint8_t>(i);
        break;
      case 1:
        s.at[i] = xmm.lane<uint16_t>(i);
        break;
      case 2:
        s.at[i] = xmm.lane<int8_t>(i);
        break;
      default:
        s.at[i] = xmm.lane<int16_t>(i);
        break;
    }
  }
  s.length = count;
  return s;
}

// Ends a string at its first zero.
void EndAtZero(Elements& s) {
  const int count = s.length;
  for (s.length = 0; s.length < count && s.at[s.length] != 0; ++s.length) {
  }
}

// Ends a string after |length| elements.
void EndAt(Elements& s, int64_t length) {
  const uint64_t magnitude = length < 0 ? 0 - static_cast<uint64_t>(length)
                                        : static_cast<uint64_t>(length);
  if (magnitude < static_cast<uint64_t>(s.length))
    s.length = static_cast<int>(magnitude);
}

uint32_t EqualAny(const Elements& a, const Elements& b) {
  uint32_t result = 0;
  for (int j = 0; j < b.length; ++j) {
    for (int i = 0; i < a.length; ++i)
      if (a.at[i] == b.at[j]) result |= 1u << j;
  }
  return result;
}

uint32_t Ranges(const Elements& a, const Elements& b) {
  uint32_t result = 0;
  for (int j = 0; j < b.length; ++j) {
    for (int i = 0; i + 1 < a.length; i += 2)
      if (a.at[i] <= b.at[j] && b.at[j] <= a.at[i + 1]) result |= 1u << j;
  }
  return result;
}

// Beyond both ends counts as equal.
uint32_t EqualEach(const Elements& a, const Elements& b, int count) {
  uint32_t result = 0;
  for (int j = 0; j < count; ++j) {
    const bool in_a = j < a.length, in_b = j < b.length;
    if (in_a == in_b && (!in_a || a.at[j] == b.at[j])) result |= 1u << j;
  }
  return result;
}

// Where the first string begins inside the second, or could beyond its lanes.
uint32_t EqualOrdered(const Elements& a, const Elements& b, int count) {
  uint32_t result = 0;
  for (int j = 0; j < count; ++j) {
    bool equal = true;
    for (int i = 0; i < a.length && i + j < count; ++i)
      equal &= i + j < b.length && a.at[i] == b.at[i + j];
    if (equal) result |= 1u << j;
  }
  return result;
}

// IntRes2, with the flags set.
uint32_t CompareStrings(Cpu& cpu, const Elements& a, const Elements& b,
                        uint8_t imm) {
  const int count = imm & 1 ? 8 : 16;
  const uint32_t all = (1u << count) - 1;
  uint32_t result = 0;
  switch (imm >> 2 & 3) {
    case 0:
      result = EqualAny(a, b);
      break;
    case 1:
      result = Ranges(a, b);
      break;
    case 2:
      result = EqualEach(a, b, count);
      break;
    default:
      result = EqualOrdered(a, b, count);
      break;
  }
  if ((imm >> 4 & 3) == 1) result ^= all;
  if ((imm >> 4 & 3) == 3) result ^= (1u << b.length) - 1;
  cpu.regs.flags.SetWord((result ? kCf : 0) | (b.length < count ? kZf : 0) |
                         (a.length < count ? kSf : 0) | (result & 1 ? kOf : 0));
  return result;
}

bool SetIndex(Cpu& cpu, uint32_t result, uint8_t imm) {
  int index = imm & 1 ? 8 : 16;
  if (result)
    index = imm & 0x40 ? std::bit_width(result) - 1 : std::countr_zero(result);
  cpu.SetReg<uint32_t>(kRcx * 8, static_cast<uint32_t>(index));
  return true;
}

bool SetMask(Cpu& cpu, uint32_t result, uint8_t imm) {
  Xmm mask;
  if (!(imm & 0x40)) {
    mask.set_lane<uint32_t>(0, result);
  } else if (imm & 1) {
    for (int i = 0; i < 8; ++i)
      mask.set_lane<uint16_t>(i, result >> i & 1 ? 0xffff : 0);
  } else {
    for (int i = 0; i < 16; ++i)
      mask.set_lane<uint8_t>(i, result >> i & 1 ? 0xff : 0);
  }
  cpu.regs.xmm[0] = mask;
  return true;
}

// The lengths are in rAX and rDX.
uint32_t CompareExplicit(Cpu& cpu, const Insn& in, HostXmm source) {
  Elements a = Widen(cpu.regs.xmm[in.dst], in.imm8());
  Elements b = Widen(ToXmm(source), in.imm8());
  if (in.Has(kPrefixRexW)) {
    EndAt(a, static_cast<int64_t>(cpu.gpr(kRax)));
    EndAt(b, static_cast<int64_t>(cpu.gpr(kRdx)));
  } else {
    EndAt(a, static_cast<int32_t>(cpu.gpr(kRax)));
    EndAt(b, static_cast<int32_t>(cpu.gpr(kRdx)));
  }
  return CompareStrings(cpu, a, b, in.imm8());
}

// The strings end at their first zeros.
uint32_t CompareImplicit(Cpu& cpu, const Insn& in, HostXmm source) {
  Elements a = Widen(cpu.regs.xmm[in.dst], in.imm8());
  Elements b = Widen(ToXmm(source), in.imm8());
  EndAtZero(a);
  EndAtZero(b);
  return CompareStrings(cpu, a, b, in.imm8());
}

}  // namespace

Handler Pcmpestrm(const Insn& in) {
  return WithSource<UnalignedXmm>(in, [](Cpu& cpu, const Insn& in, HostXmm b) {
    return SetMask(cpu, CompareExplicit(cpu, in, b), in.imm8());
  });
}
Handler Pcmpestri(const Insn& in) {
  return WithSource<UnalignedXmm>(in, [](Cpu& cpu, const Insn& in, HostXmm b) {
    return SetIndex(cpu, CompareExplicit(cpu, in, b), in.imm8());
  });
}
Handler Pcmpistrm(const Insn& in) {
  return WithSource<UnalignedXmm>(in, [](Cpu& cpu, const Insn& in, HostXmm b) {
    return SetMask(cpu, CompareImplicit(cpu, in, b), in.imm8());
  });
}
Handler Pcmpistri(const Insn& in) {
  return WithSource<UnalignedXmm>(in, [](Cpu& cpu, const Insn& in, HostXmm b) {
    return SetIndex(cpu, CompareImplicit(cpu, in, b), in.imm8());
  });
}

}  // namespace librr::pc::handlers
