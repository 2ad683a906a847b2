// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Ports: IN, OUT, INS, OUTS, and the permission to use them. SDM vol. 1,
// chapter 19.
#include <algorithm>

#include "machines/pc/cpu/descriptor.h"
#include "machines/pc/cpu/families/select.h"

namespace librr::pc {

// SDM vol. 1, 19.5.2: the TSS's permission bit map, where IOPL does not
// suffice. Two bytes are read, so the map must end with a byte of ones.
bool Cpu::CheckPorts(uint16_t port, int size) {
  if (real_mode() || (!v86() && cpl() <= iopl())) return true;
  constexpr unsigned kMapBase = 0x66;
  const int type = regs.tr.attributes & 15;
  if ((type != kTss32Busy && type != kTss32Available) ||
      regs.tr.limit < kMapBase + 1)
    return RaiseGp();
  uint16_t map;
  LIBRR_TRY(ReadSystem(regs.tr.base + kMapBase, &map));
  const uint32_t at = uint32_t{map} + port / 8u;
  if (at + 1 > regs.tr.limit) return RaiseGp();
  uint16_t bits;
  LIBRR_TRY(ReadSystem(regs.tr.base + at, &bits));
  const unsigned mask = (1u << size) - 1;
  if ((bits >> (port & 7)) & mask) return RaiseGp();
  return true;
}

// SDM vol. 3, 17.2.4 and 17.2.5: breakpoints on ports exist while CR4.DE is
// set. They are traps.
void Cpu::NotePortBreakpoints(uint16_t port, unsigned size) {
  if (!(regs.dr7 & 0xff) || !(regs.cr4 & kCr4De)) return;
  for (int i = 0; i < 4; ++i) {
    const unsigned code = (regs.dr7 >> (18 + 4 * i)) & 3;
    const unsigned length = code == 2 ? 8 : code + 1;
    if (!(regs.dr7 & (3ull << (2 * i))) ||
        ((regs.dr7 >> (16 + 4 * i)) & 3) != 2)
      continue;
    const uint64_t start =
        regs.dr[static_cast<size_t>(i)] & ~uint64_t{length - 1};
    if (port < start + length && start < uint64_t{port} + size)
      regs.pending_debug |= 1ull << i;
  }
  if (regs.pending_debug) BreakRun();
}

namespace handlers {
namespace {

template <typename T>
T ReadPort(Cpu& cpu, uint16_t port) {
  cpu.NotePortBreakpoints(port, sizeof(T));
  return static_cast<T>(cpu.host().ReadPort(cpu.index(), port, sizeof(T)));
}

template <typename T>
void WritePort(Cpu& cpu, uint16_t port, T value) {
  cpu.NotePortBreakpoints(port, sizeof(T));
  cpu.host().WritePort(cpu.index(), port, sizeof(T), value);
}

template <typename T>
bool In(Cpu& cpu, uint16_t port) {
  LIBRR_TRY(cpu.CheckPorts(port, sizeof(T)));
  cpu.SetReg<T>(kRax * 8, ReadPort<T>(cpu, port));
  return true;
}

template <typename T>
bool Out(Cpu& cpu, uint16_t port) {
  LIBRR_TRY(cpu.CheckPorts(port, sizeof(T)));
  WritePort<T>(cpu, port, cpu.Reg<T>(kRax * 8));
  return true;
}

uint64_t AddressMask(const Insn& in) {
  return in.address_size == 8   ? ~0ull
         : in.address_size == 4 ? 0xffffffffull
                                : 0xffffull;
}

// Adds to the part of a register that the address size selects.
void Advance(Cpu& cpu, const Insn& in, GprIndex index, int64_t delta) {
  const uint64_t sum = cpu.gpr(index) + static_cast<uint64_t>(delta);
  if (in.address_size == 2) {
    cpu.SetReg(index * 8, static_cast<uint16_t>(sum));
  } else {
    cpu.gpr(index) = sum & AddressMask(in);
  }
}

bool Repeats(const Insn& in) {
  return in.Has(kPrefixRep) || in.Has(kPrefixRepne);
}

// One iteration is one step. While others are left, RIP stays at the
// instruction, so that interrupts are taken between iterations.
template <typename Iteration>
bool Repeat(Cpu& cpu, const Insn& in, Iteration iteration) {
  if (!Repeats(in)) return iteration();
  if ((cpu.gpr(kRcx) & AddressMask(in)) == 0) return true;
  LIBRR_TRY(iteration());
  Advance(cpu, in, kRcx, -1);
  cpu.regs.mid_repeat = (cpu.gpr(kRcx) & AddressMask(in)) != 0;
  if (cpu.regs.mid_repeat) {
    cpu.rip() -= in.length;
    ++cpu.statistics.rep_iterations;
  }
  return true;
}

template <typename T>
bool InputString(Cpu& cpu, const Insn& in) {
  const uint16_t port = cpu.Reg<uint16_t>(kRdx * 8);
  LIBRR_TRY(cpu.CheckPorts(port, sizeof(T)));
  uint64_t linear;
  LIBRR_TRY(cpu.SegmentedAddress(kEs, cpu.gpr(kRdi) & AddressMask(in),
                                 sizeof(T), Access::kWrite, &linear));
  // Reading a port may have effects: the store must not fail after it.
  LIBRR_TRY(cpu.CheckWrite(linear, sizeof(T), kEs));
  const T value = ReadPort<T>(cpu, port);
  LIBRR_TRY(cpu.WriteLinear(linear, value, kEs));
  const int64_t size = sizeof(T);
  Advance(cpu, in, kRdi, (cpu.regs.system_flags & kDf) ? -size : size);
  return true;
}

template <typename T>
bool OutputString(Cpu& cpu, const Insn& in) {
  const uint16_t port = cpu.Reg<uint16_t>(kRdx * 8);
  LIBRR_TRY(cpu.CheckPorts(port, sizeof(T)));
  T value;
  LIBRR_TRY(cpu.Read(static_cast<SegmentIndex>(in.segment),
                     cpu.gpr(kRsi) & AddressMask(in), &value));
  WritePort<T>(cpu, port, value);
  const int64_t size = sizeof(T);
  Advance(cpu, in, kRsi, (cpu.regs.system_flags & kDf) ? -size : size);
  return true;
}

// Ports are at most 32 bits wide, whatever REX.W says.
template <typename F>
Handler ByPortSize(const Insn& in, F f) {
  return ByWidth(std::min<int>(in.size, 4), f);
}

}  // namespace

Handler InImmediate(const Insn& in) {
  return ByPortSize(in, []<typename T>(Cpu& cpu, const Insn& in) {
    return In<T>(cpu, in.imm8());
  });
}

Handler InDx(const Insn& in) {
  return ByPortSize(in, []<typename T>(Cpu& cpu, const Insn&) {
    return In<T>(cpu, cpu.Reg<uint16_t>(kRdx * 8));
  });
}

Handler OutImmediate(const Insn& in) {
  return ByPortSize(in, []<typename T>(Cpu& cpu, const Insn& in) {
    return Out<T>(cpu, in.imm8());
  });
}

Handler OutDx(const Insn& in) {
  return ByPortSize(in, []<typename T>(Cpu& cpu, const Insn&) {
    return Out<T>(cpu, cpu.Reg<uint16_t>(kRdx * 8));
  });
}

Handler Ins(const Insn& in) {
  return ByPortSize(in, []<typename T>(Cpu& cpu, const Insn& in) {
    return Repeat(cpu, in, [&] { return InputString<T>(cpu, in); });
  });
}

Handler Outs(const Insn& in) {
  return ByPortSize(in, []<typename T>(Cpu& cpu, const Insn& in) {
    return Repeat(cpu, in, [&] { return OutputString<T>(cpu, in); });
  });
}

}  // namespace handlers
}  // namespace librr::pc
