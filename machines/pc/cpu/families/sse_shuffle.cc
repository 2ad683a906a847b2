// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Packing, unpacking, shuffling, blending and widening. SDM vol. 1, 9.4.3,
// 9.4.4, 10.4.1.2, 11.4.1.2, 12.6 and 12.10.
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {

// Two operands narrowed into one.
Handler Packsswb(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("packsswb"));
}
Handler Packssdw(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("packssdw"));
}
Handler Packuswb(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("packuswb"));
}
Handler Packusdw(const Insn& in) {
  return PackedPairs(in, LIBRR_VECTOR_OP("packusdw"));
}

// Interleaving the low halves. The MMX forms read 32 bits of memory.
#define LIBRR_UNPACK_LOW(mnemonic)                                         \
  if (in.size == 8) {                                                      \
    return MmxBinary<uint32_t>(in, [](uint64_t a, uint64_t b) {            \
      return LowHalf(LIBRR_VECTOR_OP(mnemonic)(MakeHost(a), MakeHost(b))); \
    });                                                                    \
  }                                                                        \
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP(mnemonic))
// Interleaving the high halves, which in an MMX register are the upper half of
// what interleaving all of the low 64 bits of an XMM register gives.
#define LIBRR_UNPACK_HIGH(mnemonic, low)                               \
  if (in.size == 8) {                                                  \
    return MmxBinary<uint64_t>(in, [](uint64_t a, uint64_t b) {        \
      return HighHalf(LIBRR_VECTOR_OP(low)(MakeHost(a), MakeHost(b))); \
    });                                                                \
  }                                                                    \
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP(mnemonic))

Handler Punpcklbw(const Insn& in) { LIBRR_UNPACK_LOW("punpcklbw"); }
Handler Punpckhbw(const Insn& in) {
  LIBRR_UNPACK_HIGH("punpckhbw", "punpcklbw");
}
Handler Punpcklwd(const Insn& in) { LIBRR_UNPACK_LOW("punpcklwd"); }
Handler Punpckhwd(const Insn& in) {
  LIBRR_UNPACK_HIGH("punpckhwd", "punpcklwd");
}
Handler Punpckldq(const Insn& in) { LIBRR_UNPACK_LOW("punpckldq"); }
Handler Punpckhdq(const Insn& in) {
  LIBRR_UNPACK_HIGH("punpckhdq", "punpckldq");
}
#undef LIBRR_UNPACK_LOW
#undef LIBRR_UNPACK_HIGH

Handler Punpcklqdq(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("punpcklqdq"));
}
Handler Punpckhqdq(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("punpckhqdq"));
}
Handler Unpcklps(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("unpcklps"));
}
Handler Unpckhps(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("unpckhps"));
}
Handler Unpcklpd(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("unpcklpd"));
}
Handler Unpckhpd(const Insn& in) {
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("unpckhpd"));
}

// Shuffles: each result lane is chosen by two bits of the immediate. Results
// are put together in registers: a vector that was stored lane by lane would be
// slow to load again.
namespace {

uint64_t ShuffleWords(uint64_t words, uint8_t imm) {
  uint64_t result = 0;
  for (int i = 0; i < 4; ++i)
    result |= (words >> (16 * (imm >> (2 * i) & 3)) & 0xffff) << (16 * i);
  return result;
}

// Lanes 0 and 1 come from `a`, lanes 2 and 3 from `b`.
Xmm ShuffleDoublewords(const Xmm& a, const Xmm& b, uint8_t imm) {
  typedef uint32_t Lanes __attribute__((vector_size(16)));
  const Lanes lanes = {
      a.lane<uint32_t>(imm & 3), a.lane<uint32_t>(imm >> 2 & 3),
      b.lane<uint32_t>(imm >> 4 & 3), b.lane<uint32_t>(imm >> 6)};
  Xmm result;
  std::memcpy(result.bytes, &lanes, 16);
  return result;
}

}  // namespace

Handler Pshufd(const Insn& in) {
  return PackedImmediate(in, [](const Xmm&, const Xmm& b, uint8_t imm) {
    return ShuffleDoublewords(b, b, imm);
  });
}
Handler Pshuflw(const Insn& in) {
  return PackedImmediate(in, [](const Xmm&, const Xmm& b, uint8_t imm) {
    return ToXmm(
        MakeHost(ShuffleWords(b.lane<uint64_t>(0), imm), b.lane<uint64_t>(1)));
  });
}
Handler Pshufhw(const Insn& in) {
  return PackedImmediate(in, [](const Xmm&, const Xmm& b, uint8_t imm) {
    return ToXmm(
        MakeHost(b.lane<uint64_t>(0), ShuffleWords(b.lane<uint64_t>(1), imm)));
  });
}
Handler Pshufw(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint64_t b;
    LIBRR_TRY(x87::CheckPending(cpu));
    LIBRR_TRY(LoadMmxSource<uint64_t>(cpu, in, &b));
    WriteMmx(cpu, in.dst, ShuffleWords(b, in.imm8()));
    return true;
  };
}
Handler Shufps(const Insn& in) {
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    return ShuffleDoublewords(a, b, imm);
  });
}
Handler Shufpd(const Insn& in) {
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    return ToXmm(
        MakeHost(a.lane<uint64_t>(imm & 1), b.lane<uint64_t>(imm >> 1 & 1)));
  });
}

// An index with its top bit set gives 0. Of the others, an MMX register has
// three significant bits, an XMM register four.
Handler Pshufb(const Insn& in) {
  if (in.size == 8) {
    return MmxBinary<uint64_t>(in, [](uint64_t a, uint64_t b) {
      constexpr uint64_t kIndexBits = 0x8787878787878787;
      return LowHalf(
          LIBRR_VECTOR_OP("pshufb")(MakeHost(a), MakeHost(b & kIndexBits)));
    });
  }
  return XmmBinary<Xmm>(in, LIBRR_VECTOR_OP("pshufb"));
}

// Bytes from the concatenation destination:source, from byte imm8 up.
Handler Palignr(const Insn& in) {
  if (in.size == 8) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      uint64_t b;
      LIBRR_TRY(x87::CheckPending(cpu));
      LIBRR_TRY(LoadMmxSource<uint64_t>(cpu, in, &b));
      const uint64_t a = ReadMmx(cpu, in.dst);
      const unsigned bits = in.imm8() * 8u;
      uint64_t result = 0;
      if (bits == 0) {
        result = b;
      } else if (bits < 64) {
        result = b >> bits | a << (64 - bits);
      } else if (bits < 128) {
        result = a >> (bits - 64);
      }
      WriteMmx(cpu, in.dst, result);
      return true;
    };
  }
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    if (imm < 16) {
      return OrXmm(ShiftBytesRight(b, imm), ShiftBytesLeft(a, 16 - imm));
    }
    return ShiftBytesRight(a, imm - 16);
  });
}

// Blends: a set bit (of the immediate, or the top bit of a lane of XMM0) takes
// the source's lane.
namespace {

template <typename T>
Xmm Blend(const Xmm& a, const Xmm& b, uint8_t imm) {
  Xmm result = a;
  for (int i = 0; i < static_cast<int>(16 / sizeof(T)); ++i) {
    if (imm >> i & 1) result.set_lane(i, b.lane<T>(i));
  }
  return result;
}

// XMM0 is an operand of the host's instruction too.
#define LIBRR_BLEND_BY_XMM0(mnemonic)             \
  [](Cpu& cpu, const Insn& in, HostXmm b) {       \
    HostXmm a = ToHost(cpu.regs.xmm[in.dst]);     \
    asm(mnemonic " %2, %1, %0"                    \
        : "+x"(a)                                 \
        : "x"(b), "Yz"(ToHost(cpu.regs.xmm[0]))); \
    cpu.regs.xmm[in.dst] = ToXmm(a);              \
    return true;                                  \
  }

}  // namespace

Handler Blendps(const Insn& in) {
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    return Blend<uint32_t>(a, b, imm);
  });
}
Handler Blendpd(const Insn& in) {
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    return Blend<uint64_t>(a, b, imm);
  });
}
Handler Pblendw(const Insn& in) {
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    return Blend<uint16_t>(a, b, imm);
  });
}
Handler Pblendvb(const Insn& in) {
  return WithSource<Xmm>(in, LIBRR_BLEND_BY_XMM0("pblendvb"));
}
Handler Blendvps(const Insn& in) {
  return WithSource<Xmm>(in, LIBRR_BLEND_BY_XMM0("blendvps"));
}
Handler Blendvpd(const Insn& in) {
  return WithSource<Xmm>(in, LIBRR_BLEND_BY_XMM0("blendvpd"));
}

// Widening: 8, 4 or 2 bytes of memory, without alignment.
Handler Pmovsxbw(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("pmovsxbw"));
}
Handler Pmovsxbd(const Insn& in) {
  return XmmBinary<uint32_t>(in, LIBRR_VECTOR_OP("pmovsxbd"));
}
Handler Pmovsxbq(const Insn& in) {
  return XmmBinary<uint16_t>(in, LIBRR_VECTOR_OP("pmovsxbq"));
}
Handler Pmovsxwd(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("pmovsxwd"));
}
Handler Pmovsxwq(const Insn& in) {
  return XmmBinary<uint32_t>(in, LIBRR_VECTOR_OP("pmovsxwq"));
}
Handler Pmovsxdq(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("pmovsxdq"));
}
Handler Pmovzxbw(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("pmovzxbw"));
}
Handler Pmovzxbd(const Insn& in) {
  return XmmBinary<uint32_t>(in, LIBRR_VECTOR_OP("pmovzxbd"));
}
Handler Pmovzxbq(const Insn& in) {
  return XmmBinary<uint16_t>(in, LIBRR_VECTOR_OP("pmovzxbq"));
}
Handler Pmovzxwd(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("pmovzxwd"));
}
Handler Pmovzxwq(const Insn& in) {
  return XmmBinary<uint32_t>(in, LIBRR_VECTOR_OP("pmovzxwq"));
}
Handler Pmovzxdq(const Insn& in) {
  return XmmBinary<uint64_t>(in, LIBRR_VECTOR_OP("pmovzxdq"));
}

// Eight sums of absolute differences: four bytes of the source against four
// neighbouring ones of the destination.
Handler Mpsadbw(const Insn& in) {
  return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
    const uint8_t* from = a.bytes + (imm >> 2 & 1) * 4;
    const uint8_t* against = b.bytes + (imm & 3) * 4;
    Xmm result;
    for (int i = 0; i < 8; ++i) {
      int sum = 0;
      for (int k = 0; k < 4; ++k) {
        const int difference = from[i + k] - against[k];
        sum += difference < 0 ? -difference : difference;
      }
      result.set_lane(i, static_cast<uint16_t>(sum));
    }
    return result;
  });
}

}  // namespace librr::pc::handlers
