// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Inserting and extracting single lanes. SDM vol. 1, 10.4.4, 12.10.6 and
// 12.10.7. Lane numbers come from the immediate, modulo the number of lanes.
#include "machines/pc/cpu/families/sse_vector.h"

namespace librr::pc::handlers {
namespace {

// A general register's low part, or memory of the size of T.
template <typename T>
bool LoadLaneSource(Cpu& cpu, const Insn& in, T* value) {
  if (in.is_memory()) return cpu.LoadOperand(in, value);
  *value = cpu.Reg<T>(in.src);
  return true;
}

// A lane to memory, or zero-extended to a general register.
template <typename T>
Handler Extract() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    constexpr int kLanes = 16 / sizeof(T);
    const T value =
        cpu.regs.xmm[in.src].template lane<T>(in.imm8() & (kLanes - 1));
    if (in.is_memory()) return cpu.StoreOperand<T>(in, value);
    cpu.SetReg<uint64_t>(in.dst, value);
    return true;
  };
}

template <typename T>
Handler Insert() {
  return [](Cpu& cpu, const Insn& in) -> bool {
    constexpr int kLanes = 16 / sizeof(T);
    T value;
    LIBRR_TRY(LoadLaneSource(cpu, in, &value));
    cpu.regs.xmm[in.dst].set_lane<T>(in.imm8() & (kLanes - 1), value);
    return true;
  };
}

}  // namespace

Handler Pextrb(const Insn&) { return Extract<uint8_t>(); }
Handler PextrwXmm(const Insn&) { return Extract<uint16_t>(); }
Handler Pextrd(const Insn& in) {
  return in.Has(kPrefixRexW) ? Extract<uint64_t>() : Extract<uint32_t>();
}
Handler Extractps(const Insn&) { return Extract<uint32_t>(); }

Handler Pinsrb(const Insn&) { return Insert<uint8_t>(); }
Handler PinsrwXmm(const Insn&) { return Insert<uint16_t>(); }
Handler Pinsrd(const Insn& in) {
  return in.Has(kPrefixRexW) ? Insert<uint64_t>() : Insert<uint32_t>();
}

// imm8: 7:6 the source's lane (memory has one only), 5:4 the destination's, 3:0
// lanes to be zeroed.
Handler Insertps(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint32_t value;
    if (in.is_memory()) {
      LIBRR_TRY(cpu.LoadOperand(in, &value));
    } else {
      value = cpu.regs.xmm[in.src].lane<uint32_t>(in.imm8() >> 6);
    }
    Xmm& a = cpu.regs.xmm[in.dst];
    a.set_lane(in.imm8() >> 4 & 3, value);
    for (int i = 0; i < 4; ++i) {
      if (in.imm8() >> i & 1) a.set_lane<uint32_t>(i, 0);
    }
    return true;
  };
}

Handler PextrwMmx(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    LIBRR_TRY(x87::CheckPending(cpu));
    const uint64_t value = ReadMmx(cpu, in.src) >> (16 * (in.imm8() & 3));
    EnterMmx(cpu);
    cpu.SetReg<uint32_t>(in.dst, static_cast<uint16_t>(value));
    return true;
  };
}
Handler PinsrwMmx(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint16_t value;
    LIBRR_TRY(x87::CheckPending(cpu));
    LIBRR_TRY(LoadLaneSource(cpu, in, &value));
    const int shift = 16 * (in.imm8() & 3);
    const uint64_t kept = ReadMmx(cpu, in.dst) & ~(0xffffull << shift);
    WriteMmx(cpu, in.dst, kept | static_cast<uint64_t>(value) << shift);
    return true;
  };
}

}  // namespace librr::pc::handlers
