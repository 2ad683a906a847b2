// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// System calls: SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS. SDM vol. 3, 5.8.7
// and 5.8.8; on Intel SYSCALL and SYSRET exist in 64-bit mode only.
#include <utility>

#include "machines/pc/cpu/families/select.h"
#include "machines/pc/cpu/stack_frame.h"

namespace librr::pc::handlers {
namespace {

// These instructions read no descriptor: code and stack are flat.
SegmentRegister FlatSegment(uint16_t selector, uint32_t type, int dpl) {
  return {0, 0xffffffffu,
          type | kSegNotSystem | kSegPresent | kSegGranular |
              static_cast<uint32_t>(dpl << kSegDplShift),
          static_cast<uint16_t>((selector & ~3) | dpl)};
}

void EnterFlat(Cpu& cpu, uint16_t cs, uint16_t ss, int cpl, bool is64) {
  constexpr uint32_t kCode = kSegCode | kSegReadable | kSegAccessed;
  constexpr uint32_t kData = kSegWritable | kSegAccessed;
  cpu.regs.segments[kCs] =
      FlatSegment(cs, kCode | (is64 ? kSegLong : kSegBig), cpl);
  cpu.regs.segments[kSs] = FlatSegment(ss, kData | kSegBig, cpl);
  cpu.regs.cpl = static_cast<uint8_t>(cpl);
  cpu.ModeChanged();
}

bool SyscallEnabled(const Cpu& cpu) {
  return cpu.code64() && (cpu.regs.efer & kEferSce);
}

}  // namespace

Handler Syscall(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    if (!SyscallEnabled(cpu)) return cpu.RaiseUd();
    Registers& regs = cpu.regs;
    const uint64_t flags = cpu.Rflags();
    regs.gpr[kRcx] = cpu.rip();
    regs.gpr[kR11] = flags;
    cpu.rip() = regs.lstar;
    cpu.SetRflags(0, regs.sfmask | kRf);
    cpu.suppress_step_trap = !(regs.system_flags & kTf);
    const uint16_t cs = static_cast<uint16_t>(regs.star >> 32);
    EnterFlat(cpu, cs, static_cast<uint16_t>((cs & ~3) + 8), 0, true);
    return true;
  };
}

Handler Sysret(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    if (!SyscallEnabled(cpu)) return cpu.RaiseUd();
    if (cpu.cpl() != 0) return cpu.RaiseGp();
    Registers& regs = cpu.regs;
    const bool to64 = in.size == 8;
    uint64_t target = regs.gpr[kRcx];
    if (!to64) target = static_cast<uint32_t>(target);
    if (!IsCanonicalAddress(target)) return cpu.RaiseGp();
    // RF, VM and what is reserved become 0.
    constexpr uint64_t kLoaded = 0x3c7fd5;
    cpu.SetRflags(regs.gpr[kR11] & kLoaded, kLoaded | kRf | kVm);
    cpu.rip() = target;
    const uint16_t base = static_cast<uint16_t>(regs.star >> 48);
    EnterFlat(cpu, static_cast<uint16_t>(base + (to64 ? 16 : 0)),
              static_cast<uint16_t>(base + 8), 3, to64);
    return true;
  };
}

Handler Sysenter(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    Registers& regs = cpu.regs;
    const uint16_t cs = static_cast<uint16_t>(regs.sysenter_cs);
    if (!cpu.protected_mode() || (cs & 0xfffc) == 0) return cpu.RaiseGp();
    const bool long_mode = cpu.long_mode();
    cpu.SetRflags(0, kVm | kIf | kRf);
    regs.gpr[kRsp] = long_mode ? regs.sysenter_esp
                               : static_cast<uint32_t>(regs.sysenter_esp);
    cpu.rip() = long_mode ? regs.sysenter_eip
                          : static_cast<uint32_t>(regs.sysenter_eip);
    EnterFlat(cpu, cs, static_cast<uint16_t>((cs & ~3) + 8), 0, long_mode);
    return true;
  };
}

Handler Sysexit(const Insn&) {
  return [](Cpu& cpu, const Insn& in) {
    Registers& regs = cpu.regs;
    const uint16_t cs = static_cast<uint16_t>(regs.sysenter_cs & ~3ull);
    if (!cpu.protected_mode() || cs == 0 || cpu.cpl() != 0)
      return cpu.RaiseGp();
    const bool to64 = in.size == 8;
    uint64_t rsp = regs.gpr[kRcx];
    uint64_t rip = regs.gpr[kRdx];
    if (!to64) {
      rsp = static_cast<uint32_t>(rsp);
      rip = static_cast<uint32_t>(rip);
    } else if (!IsCanonicalAddress(rsp) || !IsCanonicalAddress(rip)) {
      return cpu.RaiseGp();
    }
    regs.gpr[kRsp] = rsp;
    cpu.rip() = rip;
    const uint16_t selector = static_cast<uint16_t>(cs + (to64 ? 32 : 16));
    EnterFlat(cpu, selector, static_cast<uint16_t>(selector + 8), 3, to64);
    return true;
  };
}

Handler Swapgs(const Insn&) {
  return [](Cpu& cpu, const Insn&) {
    std::swap(cpu.regs.segments[kGs].base, cpu.regs.kernel_gs_base);
    return true;
  };
}

}  // namespace librr::pc::handlers
