// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// INT n, INT3, INT1, INTO, BOUND, UD0, UD1, UD2. SDM vol. 1, 6.5.4 and 7.3.8.4.
#include <cstdint>
#include <type_traits>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {

Handler Int(const Insn&) {
  return [](Cpu& cpu, const Insn& in) -> bool {
    return cpu.SoftwareInterrupt(in.imm8(), /*is_int_n=*/true);
  };
}

Handler Int3(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    return cpu.SoftwareInterrupt(kBreakpoint, /*is_int_n=*/false);
  };
}

Handler Int1(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    return cpu.SoftwareInterrupt(kDebug, /*is_int_n=*/false, /*is_int1=*/true);
  };
}

Handler Into(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool {
    if (!cpu.regs.flags.of()) return true;
    return cpu.SoftwareInterrupt(kOverflow, /*is_int_n=*/false);
  };
}

// A signed index against a pair of bounds in memory, both inclusive.
Handler Bound(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    using Signed = std::make_signed_t<T>;
    const auto segment = static_cast<SegmentIndex>(in.segment);
    uint64_t linear;
    T lower, upper;
    LIBRR_TRY(cpu.OperandAddress(in, 2 * sizeof(T), Access::kRead, &linear));
    LIBRR_TRY(cpu.ReadLinear(linear, &lower, segment));
    LIBRR_TRY(cpu.ReadLinear(linear + sizeof(T), &upper, segment));
    const auto index = static_cast<Signed>(cpu.Reg<T>(in.dst));
    if (index < static_cast<Signed>(lower) ||
        index > static_cast<Signed>(upper))
      return cpu.Raise(kBoundRange);
    return true;
  });
}

Handler Ud(const Insn&) {
  return [](Cpu& cpu, const Insn&) -> bool { return cpu.RaiseUd(); };
}

}  // namespace librr::pc::handlers
