// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// XMM operands: how a selector reaches them, and the host's vector type.
//
//   Handler Paddb(const Insn& in) {                  // integer SIMD
//     return PackedInteger(in, LIBRR_VECTOR_OP("paddb"));
//   }
//   Handler Pshufd(const Insn& in) {                 // with an immediate
//     return PackedImmediate(in, [](const Xmm& a, const Xmm& b, uint8_t imm) {
//       Xmm result; ...; return result;
//     });
//   }
//
// Integer vector instructions give one and the same result on every x86-64
// processor, so they are executed by the host's own; the baseline host has
// SSE4.2. The operand order is fixed by inline assembler, not by a compiler.
// Floating point needs the guest's MXCSR too: sse_float.h. An instruction with
// MMX and XMM forms has one selector: Insn::size (8 or 16) tells them apart.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_VECTOR_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_VECTOR_H_

#include <cstdint>
#include <cstring>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/families/mmx_registers.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// What the constraint "x" of inline assembler takes.
typedef uint8_t HostXmm __attribute__((vector_size(16)));

inline HostXmm ToHost(const Xmm& xmm) {
  HostXmm vector;
  std::memcpy(&vector, xmm.bytes, 16);
  return vector;
}
inline Xmm ToXmm(HostXmm vector) {
  Xmm xmm;
  std::memcpy(xmm.bytes, &vector, 16);
  return xmm;
}
// `low` in the low, `high` in the high 64 bits.
inline HostXmm MakeHost(uint64_t low, uint64_t high = 0) {
  typedef uint64_t Quads __attribute__((vector_size(16)));
  const Quads quads = {low, high};
  HostXmm vector;
  std::memcpy(&vector, &quads, 16);
  return vector;
}
inline uint64_t LowHalf(HostXmm vector) {
  uint64_t half;
  std::memcpy(&half, &vector, 8);
  return half;
}
inline uint64_t HighHalf(HostXmm vector) {
  return ToXmm(vector).lane<uint64_t>(1);
}

// Shifts of the whole register by bytes; counts above 15 give 0.
inline Xmm ShiftBytesLeft(const Xmm& a, unsigned count) {
  const uint64_t low = a.lane<uint64_t>(0), high = a.lane<uint64_t>(1);
  const unsigned bits = 8 * count;
  if (bits == 0) return a;
  if (bits >= 128) return Xmm{};
  if (bits >= 64) return ToXmm(MakeHost(0, low << (bits - 64)));
  return ToXmm(MakeHost(low << bits, high << bits | low >> (64 - bits)));
}
inline Xmm ShiftBytesRight(const Xmm& a, unsigned count) {
  const uint64_t low = a.lane<uint64_t>(0), high = a.lane<uint64_t>(1);
  const unsigned bits = 8 * count;
  if (bits == 0) return a;
  if (bits >= 128) return Xmm{};
  if (bits >= 64) return ToXmm(MakeHost(high >> (bits - 64)));
  return ToXmm(MakeHost(low >> bits | high << (64 - bits), high >> bits));
}
inline Xmm OrXmm(const Xmm& a, const Xmm& b) {
  return ToXmm(ToHost(a) | ToHost(b));
}

// One host instruction without side effects: a = a OP b.
#define LIBRR_VECTOR_OP(mnemonic)               \
  [](HostXmm a, HostXmm b) {                    \
    asm(mnemonic " %1, %0" : "+x"(a) : "x"(b)); \
    return a;                                   \
  }

// The linear address of a 16-byte operand. Alignment comes before translation:
// #GP(0), whatever the segment. SDM vol. 2, table 2-21 (type 1 and 4).
inline bool AlignedAddress(Cpu& cpu, const Insn& in, Access access,
                           uint64_t* linear) {
  LIBRR_TRY(cpu.OperandAddress(in, 16, access, linear));
  if (*linear & 15) [[unlikely]]
    return cpu.RaiseGp();
  return true;
}
inline bool LoadAligned(Cpu& cpu, const Insn& in, Xmm* value) {
  uint64_t linear;
  LIBRR_TRY(AlignedAddress(cpu, in, Access::kRead, &linear));
  return cpu.ReadLinear(linear, value, static_cast<SegmentIndex>(in.segment));
}
inline bool StoreAligned(Cpu& cpu, const Insn& in, const Xmm& value) {
  uint64_t linear;
  LIBRR_TRY(AlignedAddress(cpu, in, Access::kWrite, &linear));
  return cpu.WriteLinear(linear, value, static_cast<SegmentIndex>(in.segment));
}

// A 16-byte memory operand that need not be aligned.
struct UnalignedXmm {};

// The memory operand as a vector; above its size it is zero.
template <typename T>
inline bool LoadHost(Cpu& cpu, const Insn& in, HostXmm* vector) {
  if constexpr (sizeof(T) == 16) {
    Xmm value;
    LIBRR_TRY(LoadAligned(cpu, in, &value));
    *vector = ToHost(value);
  } else {
    T value;
    LIBRR_TRY(cpu.LoadOperand(in, &value));
    *vector = MakeHost(value);
  }
  return true;
}
template <>
inline bool LoadHost<UnalignedXmm>(Cpu& cpu, const Insn& in, HostXmm* vector) {
  Xmm value;
  LIBRR_TRY(cpu.LoadOperand(in, &value));
  *vector = ToHost(value);
  return true;
}

// Calls `f(cpu, in, source)` with the second operand: an XMM register, or
// memory of the size of T (Xmm: aligned; UnalignedXmm; an unsigned integer).
template <typename T, typename F>
Handler WithSource(const Insn& in, F) {
  if (in.is_memory()) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      HostXmm source;
      LIBRR_TRY(LoadHost<T>(cpu, in, &source));
      return F{}(cpu, in, source);
    };
  }
  return [](Cpu& cpu, const Insn& in) -> bool {
    return F{}(cpu, in, ToHost(cpu.regs.xmm[in.src]));
  };
}

// XMM destination = op(destination, source), both vectors.
template <typename T, typename Op>
Handler XmmBinary(const Insn& in, Op) {
  return WithSource<T>(in, [](Cpu& cpu, const Insn& in, HostXmm b) -> bool {
    Xmm& a = cpu.regs.xmm[in.dst];
    a = ToXmm(Op{}(ToHost(a), b));
    return true;
  });
}

// Lane by lane on MMX or XMM registers: the low half of the host's vector
// depends on the low halves of the sources only.
template <typename Op>
Handler PackedInteger(const Insn& in, Op op) {
  if (in.size == 8) {
    return MmxBinary<uint64_t>(in, [](uint64_t a, uint64_t b) {
      return LowHalf(Op{}(MakeHost(a), MakeHost(b)));
    });
  }
  return XmmBinary<Xmm>(in, op);
}

// For packing and horizontal instructions, where the low half of the result
// comes from the destination and the high half from the source.
template <typename Op>
Handler PackedPairs(const Insn& in, Op op) {
  if (in.size == 8) {
    return MmxBinary<uint64_t>(in, [](uint64_t a, uint64_t b) {
      const HostXmm both = MakeHost(a, b);
      return LowHalf(Op{}(both, both));
    });
  }
  return XmmBinary<Xmm>(in, op);
}

// XMM destination = op(destination, source, imm8), aligned.
template <typename Op>
Handler PackedImmediate(const Insn& in, Op) {
  return WithSource<Xmm>(in, [](Cpu& cpu, const Insn& in, HostXmm b) -> bool {
    Xmm& a = cpu.regs.xmm[in.dst];
    a = Op{}(a, ToXmm(b), in.imm8());
    return true;
  });
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_SSE_VECTOR_H_
