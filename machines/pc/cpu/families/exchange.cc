// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. SDM vol. 1, 7.3.1.2.
//
// vCPUs take turns, so a read-modify-write is atomic with and without LOCK.
#include <cstdint>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

void SetZf(Cpu& cpu, bool equal) {
  cpu.regs.flags.SetMasked(equal ? kZf : 0, kZf);
}

bool CompareExchange8(Cpu& cpu, const Insn& in) {
  const uint64_t expected = static_cast<uint64_t>(cpu.Reg<uint32_t>(kRdx * 8))
                                << 32 |
                            cpu.Reg<uint32_t>(kRax * 8);
  const uint64_t replacement =
      static_cast<uint64_t>(cpu.Reg<uint32_t>(kRcx * 8)) << 32 |
      cpu.Reg<uint32_t>(kRbx * 8);
  uint64_t found = 0;
  // A failed comparison writes the old value back.
  LIBRR_TRY(cpu.ModifyOperand<uint64_t>(in, [&](uint64_t value) {
    found = value;
    return value == expected ? replacement : value;
  }));
  if (found != expected) {
    cpu.SetReg<uint32_t>(kRax * 8, static_cast<uint32_t>(found));
    cpu.SetReg<uint32_t>(kRdx * 8, static_cast<uint32_t>(found >> 32));
  }
  SetZf(cpu, found == expected);
  return true;
}

bool CompareExchange16(Cpu& cpu, const Insn& in) {
  uint64_t linear;
  LIBRR_TRY(cpu.OperandAddress(in, 16, Access::kWrite, &linear));
  if (linear % 16 != 0) return cpu.RaiseGp();
  uint64_t low = 0, high = 0;
  bool equal = false;
  const auto change = [&](Xmm value) {
    low = value.lane<uint64_t>(0);
    high = value.lane<uint64_t>(1);
    equal = low == cpu.gpr(kRax) && high == cpu.gpr(kRdx);
    if (equal) {
      value.set_lane<uint64_t>(0, cpu.gpr(kRbx));
      value.set_lane<uint64_t>(1, cpu.gpr(kRcx));
    }
    return value;
  };
  LIBRR_TRY(cpu.ModifyLinear<Xmm>(linear, static_cast<SegmentIndex>(in.segment),
                                  change));
  if (!equal) {
    cpu.gpr(kRax) = low;
    cpu.gpr(kRdx) = high;
  }
  SetZf(cpu, equal);
  return true;
}

}  // namespace

Handler Xchg(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    const T b = cpu.Reg<T>(in.src);
    T a;
    if (in.is_memory()) {
      LIBRR_TRY(cpu.ModifyOperand<T>(in, [&](T value) {
        a = value;
        return b;
      }));
    } else {
      a = cpu.Reg<T>(in.dst);
      cpu.SetReg<T>(in.dst, b);
    }
    cpu.SetReg<T>(in.src, a);
    return true;
  });
}

// 90 without REX.B is NOP: it does not zero-extend EAX.
Handler XchgAccumulator(const Insn& in) {
  return in.dst == in.src ? Nop(in) : Xchg(in);
}

Handler Xadd(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    const T b = cpu.Reg<T>(in.src);
    T a;
    const auto add = [&](T value) -> T {
      a = value;
      const T sum = static_cast<T>(value + b);
      cpu.regs.flags.SetAdd<T>(value, b, sum);
      return sum;
    };
    if (in.is_memory()) {
      LIBRR_TRY(cpu.ModifyOperand<T>(in, add));
      cpu.SetReg<T>(in.src, a);
    } else {
      // In this order: of XADD AX, AX the sum remains.
      const T sum = add(cpu.Reg<T>(in.dst));
      cpu.SetReg<T>(in.src, a);
      cpu.SetReg<T>(in.dst, sum);
    }
    return true;
  });
}

// The accumulator is written only if the comparison fails, the destination only
// if it succeeds: the upper half of the other 64-bit register stays. Memory is
// written in both cases.
Handler Cmpxchg(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    const T expected = cpu.Reg<T>(kRax * 8);
    const T replacement = cpu.Reg<T>(in.src);
    T found;
    if (in.is_memory()) {
      LIBRR_TRY(cpu.ModifyOperand<T>(in, [&](T value) {
        found = value;
        return value == expected ? replacement : value;
      }));
    } else {
      found = cpu.Reg<T>(in.dst);
      if (found == expected) cpu.SetReg<T>(in.dst, replacement);
    }
    cpu.regs.flags.SetSub<T>(expected, found, static_cast<T>(expected - found));
    if (found != expected) cpu.SetReg<T>(kRax * 8, found);
    return true;
  });
}

Handler CmpxchgPair(const Insn& in) {
  return in.Has(kPrefixRexW) ? CompareExchange16 : CompareExchange8;
}

}  // namespace librr::pc::handlers
