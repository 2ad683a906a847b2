// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
// PUSH, POP, PUSHA, POPA, PUSHF, POPF, ENTER, LEAVE. SDM vol. 1, 6.2 and 6.6;
// vol. 2B. Segment registers are pushed and popped by the segment family.
#include <array>
#include <cstdint>

#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/stack_access.h"

namespace librr::pc::handlers {
namespace {

// True if T could be written at SS:offset; raises the fault otherwise.
template <typename T>
bool CheckStackWrite(Cpu& cpu, uint64_t offset) {
  uint64_t linear;
  LIBRR_TRY(
      cpu.SegmentedAddress(kSs, offset, sizeof(T), Access::kWrite, &linear));
  return cpu.CheckWrite(linear, sizeof(T), kSs);
}

// The address of POP's memory operand is computed with the incremented RSP.
template <typename T>
bool PopMemory(Cpu& cpu, const Insn& in) {
  T value;
  LIBRR_TRY(PeekValue(cpu, &value));
  const uint64_t rsp = cpu.gpr(kRsp);
  Discard<T>(cpu, sizeof(T));
  if (!cpu.StoreOperand<T>(in, value)) {
    cpu.gpr(kRsp) = rsp;
    return false;
  }
  return true;
}

// Virtual-8086 mode with IOPL below 3: what PUSHF and POPF may do is decided by
// CR4.VME. SDM vol. 3, 20.3.3.1.
bool FlagsAreVirtual(const Cpu& cpu) { return cpu.v86() && cpu.iopl() < 3; }

template <typename T>
bool PopFlags(Cpu& cpu) {
  const bool is_virtual = FlagsAreVirtual(cpu);
  if (is_virtual && (sizeof(T) != 2 || !(cpu.regs.cr4 & kCr4Vme)))
    return cpu.RaiseGp();
  T popped;
  LIBRR_TRY(PeekValue(cpu, &popped));
  uint64_t value = popped;
  uint64_t mask = kArithmeticFlags | kTf | kDf | kNt;
  if (is_virtual) {
    if ((value & kTf) || ((value & kIf) && (cpu.regs.system_flags & kVip)))
      return cpu.RaiseGp();
    if (value & kIf) value |= kVif;
    mask |= kVif;
  } else {
    if (cpu.cpl() <= cpu.iopl()) mask |= kIf;
    if (cpu.cpl() == 0) mask |= kIopl;
  }
  if constexpr (sizeof(T) > 2) {
    value &= ~kRf;
    mask |= kAc | kId | kRf;
  }
  Discard<T>(cpu, sizeof(T));
  cpu.SetRflags(value, mask);
  return true;
}

}  // namespace

Handler Push(const Insn& in) {
  switch (in.form) {
    case Form::kI:
      return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
        return PushValue<T>(cpu, static_cast<T>(in.imm));
      });
    case Form::kM:
      return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
        T value;
        LIBRR_TRY(cpu.LoadOperand(in, &value));
        return PushValue<T>(cpu, value);
      });
    default:
      return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
        return PushValue<T>(cpu, cpu.Reg<T>(in.dst));
      });
  }
}

// The register is written after RSP: POP RSP loads it.
Handler Pop(const Insn& in) {
  if (in.is_memory()) {
    return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
      return PopMemory<T>(cpu, in);
    });
  }
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    T value;
    LIBRR_TRY(PeekValue(cpu, &value));
    Discard<T>(cpu, sizeof(T));
    cpu.SetReg<T>(in.dst, value);
    return true;
  });
}

Handler Pusha(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    const uint64_t sp = cpu.StackPointer();
    const uint64_t mask = cpu.StackMask();
    for (unsigned i = 0; i < 8; ++i)
      LIBRR_TRY(CheckStackWrite<T>(cpu, (sp - (i + 1) * sizeof(T)) & mask));
    // Registers in the order of their encoding; ESP as it was.
    for (unsigned i = 0; i < 8; ++i)
      LIBRR_TRY(cpu.Write<T>(kSs, (sp - (i + 1) * sizeof(T)) & mask,
                             cpu.Reg<T>(static_cast<uint8_t>(i * 8))));
    cpu.SetStackPointer(sp - 8 * sizeof(T));
    return true;
  });
}

Handler Popa(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    const uint64_t sp = cpu.StackPointer();
    std::array<T, 8> values;
    for (unsigned i = 0; i < 8; ++i)
      LIBRR_TRY(
          cpu.Read<T>(kSs, (sp + i * sizeof(T)) & cpu.StackMask(), &values[i]));
    cpu.SetStackPointer(sp + 8 * sizeof(T));
    for (unsigned i = 0; i < 8; ++i)
      if (7 - i != kRsp)
        cpu.SetReg<T>(static_cast<uint8_t>((7 - i) * 8), values[i]);
    return true;
  });
}

Handler Pushf(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    uint64_t flags = cpu.Rflags() & ~(kVm | kRf);
    if (FlagsAreVirtual(cpu)) {
      if (sizeof(T) != 2 || !(cpu.regs.cr4 & kCr4Vme)) return cpu.RaiseGp();
      flags = (flags & ~kIf) | kIopl | ((flags & kVif) ? kIf : 0);
    }
    return PushValue<T>(cpu, static_cast<T>(flags));
  });
}

Handler Popf(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    return PopFlags<T>(cpu);
  });
}

// imm: bytes of local variables; disp: nesting level.
Handler Enter(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
    const unsigned level = static_cast<unsigned>(in.disp) % 32;
    const uint64_t mask = cpu.StackMask();
    const uint64_t sp = cpu.StackPointer();
    const uint64_t bp = cpu.gpr(kRbp);
    const uint64_t frame = (sp - sizeof(T)) & mask;
    const unsigned pushes = 1 + level;
    const uint64_t new_sp =
        (sp - pushes * sizeof(T) - static_cast<uint16_t>(in.imm)) & mask;
    const auto pushed_at = [&](unsigned i) {
      return (sp - (i + 1) * sizeof(T)) & mask;
    };
    const auto outer_frame = [&](unsigned i) {
      return (bp - i * sizeof(T)) & mask;
    };
    // All faults first: nothing is written if one of the accesses fails.
    T value;
    for (unsigned i = 0; i < pushes; ++i) {
      if (i > 0 && i < level)
        LIBRR_TRY(cpu.Read<T>(kSs, outer_frame(i), &value));
      LIBRR_TRY(CheckStackWrite<T>(cpu, pushed_at(i)));
    }
    LIBRR_TRY(CheckStackWrite<T>(cpu, new_sp));

    LIBRR_TRY(cpu.Write<T>(kSs, pushed_at(0), static_cast<T>(bp)));
    for (unsigned i = 1; i < level; ++i) {
      LIBRR_TRY(cpu.Read<T>(kSs, outer_frame(i), &value));
      LIBRR_TRY(cpu.Write<T>(kSs, pushed_at(i), value));
    }
    if (level > 0)
      LIBRR_TRY(cpu.Write<T>(kSs, pushed_at(level), static_cast<T>(frame)));
    cpu.SetReg<T>(kRbp * 8, static_cast<T>(frame));
    cpu.SetStackPointer(new_sp);
    return true;
  });
}

Handler Leave(const Insn& in) {
  return BySize(in, []<typename T>(Cpu& cpu, const Insn&) -> bool {
    T value;
    const uint64_t sp = cpu.gpr(kRbp) & cpu.StackMask();
    LIBRR_TRY(cpu.Read<T>(kSs, sp, &value));
    cpu.SetStackPointer(sp + sizeof(T));
    cpu.SetReg<T>(kRbp * 8, value);
    return true;
  });
}

}  // namespace librr::pc::handlers
