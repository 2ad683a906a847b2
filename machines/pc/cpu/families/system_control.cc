// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Interrupt and access flags, HLT, caches, time: CLI, STI, CLAC, STAC, HLT,
// INVLPG, INVD, WBINVD, RDTSC, RDTSCP, RDPMC. SDM vol. 3, 2.8.
#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

// EDX:EAX
void SetPair(Cpu& cpu, uint64_t value) {
  cpu.SetReg(kRax * 8, static_cast<uint32_t>(value));
  cpu.SetReg(kRdx * 8, static_cast<uint32_t>(value >> 32));
}

bool ReadTimeStamp(Cpu& cpu) {
  if ((cpu.regs.cr4 & kCr4Tsd) && cpu.cpl() > 0) return cpu.RaiseGp();
  SetPair(cpu, cpu.ReadTsc());
  cpu.host().AddSurcharge(kRdtscSurchargeNs);
  return true;
}

bool SetAccessCheck(Cpu& cpu, uint64_t value) {
  if (cpu.cpl() > 0) return cpu.RaiseUd();
  cpu.SetRflags(value, kAc);
  return true;
}

}  // namespace

// In virtual-8086 mode CPL is 3, so both need IOPL 3 there.

Handler Cli(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    if (cpu.cpl() > cpu.iopl()) return cpu.RaiseGp();
    cpu.regs.system_flags &= ~kIf;
    return true;
  };
}

Handler Sti(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    if (cpu.cpl() > cpu.iopl()) return cpu.RaiseGp();
    if (!(cpu.regs.system_flags & kIf)) {
      cpu.regs.system_flags |= kIf;
      cpu.regs.interrupt_shadow = true;
    }
    return true;
  };
}

Handler Clac(const Insn&) {
  return [](Cpu& cpu, const Insn&) { return SetAccessCheck(cpu, 0); };
}

Handler Stac(const Insn&) {
  return [](Cpu& cpu, const Insn&) { return SetAccessCheck(cpu, kAc); };
}

Handler Hlt(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    cpu.activity = Activity::kHalted;
    cpu.BreakRun();
    return true;
  };
}

// Translations follow their tables at once, and there are no caches: nothing
// is left to invalidate.

Handler Invlpg(const Insn&) {
  return [](Cpu&, const Insn&) { return true; };
}

Handler Wbinvd(const Insn&) {
  return [](Cpu&, const Insn&) { return true; };
}

Handler Rdtsc(const Insn&) {
  return [](Cpu& cpu, const Insn&) { return ReadTimeStamp(cpu); };
}

Handler Rdtscp(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    LIBRR_TRY(ReadTimeStamp(cpu));
    cpu.SetReg(kRcx * 8, static_cast<uint32_t>(cpu.regs.tsc_aux));
    return true;
  };
}

// There are no performance counters, so any index is invalid.
Handler Rdpmc(const Insn&) {
  return [](Cpu& cpu, const Insn&) { return cpu.RaiseGp(); };
}

}  // namespace librr::pc::handlers
