// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Control and debug registers: MOV CR, MOV DR, SMSW, LMSW, CLTS.
// SDM vol. 3, 2.5 and 17.2.
#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/system_operands.h"

namespace librr::pc::handlers {
namespace {

constexpr uint64_t kDr6Bd = 1u << 13;
constexpr uint64_t kDr6Fixed = 0xffff0ff0;
constexpr uint64_t kDr6Writable = 0xe00f;
constexpr uint64_t kDr7Fixed = 0x400;
constexpr uint64_t kDr7Writable = 0xffff23ff;
constexpr uint64_t kDr7Gd = 1u << 13;

// Operands are 64 bits in 64-bit mode and 32 bits elsewhere.
void SetNative(Cpu& cpu, uint8_t reg, uint64_t value) {
  if (cpu.code64()) {
    cpu.SetReg(reg, value);
  } else {
    cpu.SetReg(reg, static_cast<uint32_t>(value));
  }
}
uint64_t GetNative(const Cpu& cpu, uint8_t reg) {
  return cpu.code64() ? cpu.Reg<uint64_t>(reg) : cpu.Reg<uint32_t>(reg);
}

// The number of the debug register that is meant; raises #UD or, when DR7.GD
// guards them, #DB.
bool DebugRegister(Cpu& cpu, uint8_t number, unsigned* which) {
  if (number == 4 || number == 5) {
    if (cpu.regs.cr4 & kCr4De) return cpu.RaiseUd();
    number = static_cast<uint8_t>(number + 2);
  }
  if (number > 7) return cpu.RaiseUd();
  if (cpu.regs.dr7 & kDr7Gd) {
    cpu.regs.dr6 |= kDr6Bd;
    return cpu.Raise(kDebug);
  }
  *which = number;
  return true;
}

}  // namespace

Handler MovFromCr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    uint64_t value;
    switch (in.src) {
      case 0:
        value = cpu.regs.cr0;
        break;
      case 2:
        value = cpu.regs.cr2;
        break;
      case 3:
        value = cpu.regs.cr3;
        break;
      case 4:
        value = cpu.regs.cr4;
        break;
      case 8:
        value = cpu.host().ReadCr8(cpu.index());
        break;
      default:
        return cpu.RaiseUd();
    }
    SetNative(cpu, in.dst, value);
    return true;
  };
}

Handler MovToCr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    const uint64_t value = GetNative(cpu, in.src);
    switch (in.dst) {
      case 0:
        return cpu.SetCr0(value);
      case 2:
        cpu.regs.cr2 = value;
        return true;
      case 3:
        return cpu.SetCr3(value);
      case 4:
        return cpu.SetCr4(value);
      case 8:
        if (value > 15) return cpu.RaiseGp();
        cpu.host().WriteCr8(cpu.index(), static_cast<uint8_t>(value));
        return true;
      default:
        return cpu.RaiseUd();
    }
  };
}

Handler MovFromDr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    unsigned which = 0;
    LIBRR_TRY(DebugRegister(cpu, in.src, &which));
    SetNative(cpu, in.dst,
              which == 6   ? cpu.regs.dr6
              : which == 7 ? cpu.regs.dr7
                           : cpu.regs.dr[which]);
    return true;
  };
}

Handler MovToDr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    unsigned which = 0;
    LIBRR_TRY(DebugRegister(cpu, in.dst, &which));
    const uint64_t value = GetNative(cpu, in.src);
    if (which >= 6 && (value >> 32)) return cpu.RaiseGp();
    if (which == 6) {
      cpu.regs.dr6 = (value & kDr6Writable) | kDr6Fixed;
    } else if (which == 7) {
      cpu.regs.dr7 = (value & kDr7Writable) | kDr7Fixed;
      cpu.ModeChanged();
    } else {
      cpu.regs.dr[which] = value;
    }
    return true;
  };
}

Handler Smsw(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    LIBRR_TRY(CheckUmip(cpu));
    return StoreWord(cpu, in, cpu.regs.cr0);
  };
}

// LMSW changes the low four bits and cannot clear PE.
Handler Lmsw(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    uint16_t value;
    LIBRR_TRY(LoadWord(cpu, in, in.dst, &value));
    constexpr uint64_t kChanged = kCr0Pe | kCr0Mp | kCr0Em | kCr0Ts;
    return cpu.SetCr0((cpu.regs.cr0 & ~(kChanged & ~kCr0Pe)) |
                      (value & kChanged));
  };
}

Handler Clts(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    cpu.regs.cr0 &= ~kCr0Ts;
    cpu.ModeChanged();
    return true;
  };
}

}  // namespace librr::pc::handlers
