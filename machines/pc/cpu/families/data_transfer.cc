// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// MOV, MOVZX, MOVSX, MOVSXD, MOVNTI, LEA, XLAT. SDM vol. 1, 7.3.1.
#include <cstdint>
#include <type_traits>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

// Destination of the row's size, source of type S (signed: sign-extended).
template <typename S, bool memory>
Handler ExtendForm(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    std::make_unsigned_t<S> value;
    if constexpr (memory) {
      LIBRR_TRY(cpu.LoadOperand(in, &value));
    } else {
      value = cpu.Reg<std::make_unsigned_t<S>>(in.src);
    }
    cpu.SetReg<T>(in.dst, static_cast<T>(static_cast<S>(value)));
    return true;
  });
}

template <typename S>
Handler Extend(const Insn& in) {
  return in.is_memory() ? ExtendForm<S, true>(in) : ExtendForm<S, false>(in);
}

template <typename T>
bool MoffsAddress(Cpu& cpu, const Insn& in, Access access, uint64_t* linear) {
  return cpu.SegmentedAddress(static_cast<SegmentIndex>(in.segment), in.imm,
                              sizeof(T), access, linear);
}

}  // namespace

// MOVNTI too: a store as any other.
Handler Mov(const Insn& in) {
  return ByForm(in,
                []<typename T, Form form>(Cpu& cpu, const Insn& in) -> bool {
                  if constexpr (form == Form::kMR) {
                    return cpu.StoreOperand<T>(in, cpu.Reg<T>(in.src));
                  } else if constexpr (form == Form::kMI) {
                    return cpu.StoreOperand<T>(in, static_cast<T>(in.imm));
                  } else {
                    T value;
                    LIBRR_TRY((LoadSource<T, form>(cpu, in, &value)));
                    cpu.SetReg<T>(in.dst, value);
                    return true;
                  }
                });
}

// The accumulator and an address in the code.
Handler MovMoffs(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    uint64_t linear;
    const auto segment = static_cast<SegmentIndex>(in.segment);
    if (in.form == Form::kMR) {
      LIBRR_TRY(MoffsAddress<T>(cpu, in, Access::kWrite, &linear));
      return cpu.WriteLinear<T>(linear, cpu.Reg<T>(kRax * 8), segment);
    }
    T value;
    LIBRR_TRY(MoffsAddress<T>(cpu, in, Access::kRead, &linear));
    LIBRR_TRY(cpu.ReadLinear(linear, &value, segment));
    cpu.SetReg<T>(kRax * 8, value);
    return true;
  });
}

Handler MovzxByte(const Insn& in) { return Extend<uint8_t>(in); }
Handler MovzxWord(const Insn& in) { return Extend<uint16_t>(in); }
Handler MovsxByte(const Insn& in) { return Extend<int8_t>(in); }
Handler MovsxWord(const Insn& in) { return Extend<int16_t>(in); }

// With a 16-bit operand size it reads 16 bits.
Handler Movsxd(const Insn& in) {
  return in.size == 2 ? Extend<int16_t>(in) : Extend<int32_t>(in);
}

Handler Lea(const Insn& in) {
  if (in.address_size == 8 && in.size == 8) {
    return [](Cpu& cpu, const Insn& in) -> bool {
      cpu.SetReg<uint64_t>(
          in.dst, cpu.Reg<uint64_t>(in.base) +
                      (cpu.Reg<uint64_t>(in.index) << in.scale) +
                      static_cast<uint64_t>(static_cast<int64_t>(in.disp)));
      return true;
    };
  }
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    cpu.SetReg<T>(in.dst, static_cast<T>(cpu.EffectiveOffset(in)));
    return true;
  });
}

Handler Xlat(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    uint64_t offset = cpu.gpr(kRbx) + cpu.Reg<uint8_t>(kRax * 8);
    if (in.address_size == 4) offset = static_cast<uint32_t>(offset);
    if (in.address_size == 2) offset = static_cast<uint16_t>(offset);
    uint8_t value;
    LIBRR_TRY(cpu.Read(static_cast<SegmentIndex>(in.segment), offset, &value));
    cpu.SetReg<uint8_t>(kRax * 8, value);
    return true;
  };
}

}  // namespace librr::pc::handlers
