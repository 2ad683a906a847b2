// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Questions about selectors: LAR, LSL, VERR, VERW, ARPL. SDM vol. 3, 5.10.
#include "machines/pc/cpu/descriptor.h"
#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/families/system_operands.h"

namespace librr::pc::handlers {
namespace {

void SetZf(Cpu& cpu, bool value) {
  cpu.regs.flags.SetMasked(value ? kZf : 0, kZf);
}

// Finds the descriptor; `*found` is false if the selector names none that may
// be looked at from this CPL. Returns false if reading it faulted.
bool Inspect(Cpu& cpu, uint16_t selector, Descriptor* descriptor, bool* found) {
  *found = false;
  if (IsNullSelector(selector)) return true;
  switch (FindDescriptor(cpu, selector, descriptor)) {
    case Lookup::kOutside:
      return true;
    case Lookup::kFault:
      return false;
    case Lookup::kFound:
      break;
  }
  *found = descriptor->is_conforming() || (cpu.cpl() <= descriptor->dpl() &&
                                           (selector & 3) <= descriptor->dpl());
  return true;
}

// Which system descriptors have access rights to tell (LAR), which also a
// limit (LSL). In IA-32e mode the 16-bit ones and task gates do not exist.
bool HasRights(const Cpu& cpu, int type) {
  switch (type) {
    case kLdt:
    case kTss32Available:
    case kTss32Busy:
    case kCallGate32:
      return true;
    case kTss16Available:
    case kTss16Busy:
    case kCallGate16:
    case kTaskGate:
      return !cpu.long_mode();
    default:
      return false;
  }
}
bool HasLimit(const Cpu& cpu, int type) {
  return HasRights(cpu, type) && type != kCallGate16 && type != kCallGate32 &&
         type != kTaskGate;
}

// LAR and LSL load a value if the descriptor has one. F tells.
template <typename F>
bool LoadProperty(Cpu& cpu, const Insn& in, F property) {
  LIBRR_TRY(CheckProtected(cpu));
  uint16_t selector;
  LIBRR_TRY(LoadWord(cpu, in, in.src, &selector));
  Descriptor descriptor;
  bool found;
  LIBRR_TRY(Inspect(cpu, selector, &descriptor, &found));
  uint32_t value = 0;
  found = found && property(descriptor, &value);
  if (found) {
    if (in.size == 2) {
      cpu.SetReg(in.dst, static_cast<uint16_t>(value));
    } else {
      cpu.SetReg(in.dst, value);
    }
  }
  SetZf(cpu, found);
  return true;
}

template <typename F>
bool Verify(Cpu& cpu, const Insn& in, F allowed) {
  LIBRR_TRY(CheckProtected(cpu));
  uint16_t selector;
  LIBRR_TRY(LoadWord(cpu, in, in.dst, &selector));
  Descriptor descriptor;
  bool found;
  LIBRR_TRY(Inspect(cpu, selector, &descriptor, &found));
  SetZf(cpu, found && allowed(descriptor));
  return true;
}

}  // namespace

// The four bits of the limit, which the SDM leaves undefined, are 0.
Handler Lar(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return LoadProperty(cpu, in, [&](const Descriptor& d, uint32_t* value) {
      if (d.is_system() && !HasRights(cpu, d.type())) return false;
      *value = static_cast<uint32_t>(d.low >> 32) & 0x00f0ff00;
      return true;
    });
  };
}

Handler Lsl(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return LoadProperty(cpu, in, [&](const Descriptor& d, uint32_t* value) {
      if (d.is_system() && !HasLimit(cpu, d.type())) return false;
      *value = d.limit();
      return true;
    });
  };
}

Handler Verr(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return Verify(cpu, in, [](const Descriptor& d) { return d.is_readable(); });
  };
}

Handler Verw(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    return Verify(cpu, in,
                  [](const Descriptor& d) { return d.is_writable_data(); });
  };
}

Handler Arpl(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    LIBRR_TRY(CheckProtected(cpu));
    const int rpl = cpu.Reg<uint16_t>(in.src) & 3;
    bool raised = false;
    const auto adjust = [&](uint16_t selector) {
      raised = (selector & 3) < rpl;
      return raised ? static_cast<uint16_t>((selector & ~3) | rpl) : selector;
    };
    if (in.is_memory()) {
      LIBRR_TRY(cpu.ModifyOperand<uint16_t>(in, adjust));
    } else {
      cpu.SetReg<uint16_t>(in.dst, adjust(cpu.Reg<uint16_t>(in.dst)));
    }
    SetZf(cpu, raised);
    return true;
  };
}

}  // namespace librr::pc::handlers
