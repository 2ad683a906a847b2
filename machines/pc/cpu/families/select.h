// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// How selectors pick the specialisation of a handler.
//
//   Handler Neg(const Insn& in) {          // one operand, register or memory
//     return Unary(in, []<typename T>(Flags& flags, T a) -> T { ... });
//   }
//   Handler Add(const Insn& in) {          // destination and source
//     return Binary(in, []<typename T>(Flags& flags, T a, T b) -> T { ... });
//   }
//   Handler Xadd(const Insn& in) {         // anything else, by operand size
//     return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool { ...
//     });
//   }
//   Handler Cmc(const Insn&) {             // no operands
//     return [](Cpu& cpu, const Insn&) { ...; return true; };
//   }
//
// The lambdas hold no state: a selector returns a plain function pointer.
#ifndef LIBRR_MACHINES_PC_CPU_FAMILIES_SELECT_H_
#define LIBRR_MACHINES_PC_CPU_FAMILIES_SELECT_H_

#include <cstdint>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/families/handlers.h"
#include "machines/pc/cpu/insn.h"

namespace librr::pc {

// By a number of bytes: F is []<typename T>(Cpu&, const Insn&) -> bool.
template <typename F>
Handler ByWidth(int bytes, F) {
  switch (bytes) {
    case 1:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<uint8_t>(cpu, in);
      };
    case 2:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<uint16_t>(cpu, in);
      };
    case 4:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<uint32_t>(cpu, in);
      };
    default:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<uint64_t>(cpu, in);
      };
  }
}

template <typename F>
Handler BySize(const Insn& in, F f) {
  return ByWidth(in.size, f);
}

// The value of the second operand, wherever it is.
template <typename T, Form form>
inline bool LoadSource(Cpu& cpu, const Insn& in, T* value) {
  if constexpr (form == Form::kRR || form == Form::kMR) {
    *value = cpu.Reg<T>(in.src);
  } else if constexpr (form == Form::kRM) {
    LIBRR_TRY(cpu.LoadOperand(in, value));
  } else {
    *value = static_cast<T>(in.imm);
  }
  return true;
}

// Calls `f` with the size and the form of two operands as template arguments.
template <typename T, typename F>
Handler ByFormOf(const Insn& in, F) {
  switch (in.form) {
    case Form::kRM:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<T, Form::kRM>(cpu, in);
      };
    case Form::kMR:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<T, Form::kMR>(cpu, in);
      };
    case Form::kRI:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<T, Form::kRI>(cpu, in);
      };
    case Form::kMI:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<T, Form::kMI>(cpu, in);
      };
    default:
      return [](Cpu& cpu, const Insn& in) -> bool {
        return F{}.template operator()<T, Form::kRR>(cpu, in);
      };
  }
}

template <typename F>
Handler ByForm(const Insn& in, F f) {
  switch (in.size) {
    case 1:
      return ByFormOf<uint8_t>(in, f);
    case 2:
      return ByFormOf<uint16_t>(in, f);
    case 4:
      return ByFormOf<uint32_t>(in, f);
    default:
      return ByFormOf<uint64_t>(in, f);
  }
}

// destination = f(flags, destination, source)
template <typename F>
Handler Binary(const Insn& in, F) {
  return ByForm(
      in, []<typename T, Form form>(Cpu& cpu, const Insn& in) -> bool {
        T b;
        LIBRR_TRY((LoadSource<T, form>(cpu, in, &b)));
        if constexpr (form == Form::kMR || form == Form::kMI) {
          return cpu.ModifyOperand<T>(in, [&](T a) {
            return F{}.template operator()<T>(cpu.regs.flags, a, b);
          });
        } else {
          cpu.SetReg<T>(in.dst, F{}.template operator()<T>(
                                    cpu.regs.flags, cpu.Reg<T>(in.dst), b));
          return true;
        }
      });
}

// f(flags, first, second) without a result: CMP, TEST.
template <typename F>
Handler Compare(const Insn& in, F) {
  return ByForm(in,
                []<typename T, Form form>(Cpu& cpu, const Insn& in) -> bool {
                  T a, b;
                  LIBRR_TRY((LoadSource<T, form>(cpu, in, &b)));
                  if constexpr (form == Form::kMR || form == Form::kMI) {
                    LIBRR_TRY(cpu.LoadOperand(in, &a));
                  } else {
                    a = cpu.Reg<T>(in.dst);
                  }
                  F{}.template operator()<T>(cpu.regs.flags, a, b);
                  return true;
                });
}

// operand = f(flags, operand)
template <typename F>
Handler Unary(const Insn& in, F) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    if (in.is_memory()) {
      return cpu.ModifyOperand<T>(in, [&](T a) {
        return F{}.template operator()<T>(cpu.regs.flags, a);
      });
    }
    cpu.SetReg<T>(
        in.dst, F{}.template operator()<T>(cpu.regs.flags, cpu.Reg<T>(in.dst)));
    return true;
  });
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_FAMILIES_SELECT_H_
