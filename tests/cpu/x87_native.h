// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs one x87 instruction on the host and in the interpreter, from the same
// state.
//
//   X87Comparison comparison;
//   comparison.Run(form, RandomState(operands, form), &host, &librr);
//
// A state is what FSAVE sees, the memory operand, RAX and the arithmetic flags.
#ifndef LIBRR_TESTS_CPU_X87_NATIVE_H_
#define LIBRR_TESTS_CPU_X87_NATIVE_H_

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "machines/pc/cpu/instruction_table.h"
#include "tests/cpu/cpu_fixture.h"
#include "tests/cpu/x87_operands.h"

namespace librr::pc {

inline constexpr size_t kMemoryBytes = 128;
// FIP, FCS, FDP, FDS in the environment.
inline constexpr size_t kPointersAt = 12;
inline constexpr size_t kPointersEnd = 28;

// The 32-bit protected FSAVE image, and what else an instruction may change.
#pragma pack(push, 1)
struct State {
  uint32_t control = 0, status = 0, tags = 0;
  uint32_t pointers[4] = {};
  struct {
    uint64_t mantissa;
    uint16_t sign_exponent;
  } st[8] = {};
  uint8_t padding[4] = {};
  uint8_t memory[kMemoryBytes] = {};
  uint64_t flags = 0;
  uint64_t rax = 0;
};
#pragma pack(pop)

// One encoding: an instruction with [rsi] as its memory operand.
struct EncodedForm {
  const InstructionRow* row;
  uint8_t code[2];

  std::string Name() const {
    char text[64];
    std::snprintf(text, sizeof text, "%s (%02x %02x)", row->mnemonic, code[0],
                  code[1]);
    return text;
  }
  bool Is(const char* mnemonic) const {
    return std::strcmp(row->mnemonic, mnemonic) == 0;
  }
};

inline std::vector<EncodedForm> AllForms() {
  std::vector<EncodedForm> forms;
  for (const InstructionRow& row : InstructionTable()) {
    if (row.map != OpcodeMap::k1B || (row.opcode & 0xf8) != 0xd8) continue;
    const uint8_t reg = static_cast<uint8_t>(row.ext.reg << 3);
    if (row.ext.mod == 1) {
      forms.push_back({&row, {row.opcode, static_cast<uint8_t>(reg | 6)}});
      continue;
    }
    for (uint8_t rm = 0; rm < 8; ++rm) {
      if (row.ext.rm >= 0 && row.ext.rm != rm) continue;
      forms.push_back(
          {&row, {row.opcode, static_cast<uint8_t>(0xc0 | reg | rm)}});
    }
  }
  return forms;
}

// Runs single instructions on the host, between FRSTOR and FNSAVE.
class Native {
 public:
  Native() {
    page_ = static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  ~Native() { munmap(page_, 4096); }

  void Assemble(const EncodedForm& form) {
    mprotect(page_, 4096, PROT_READ | PROT_WRITE);
    uint8_t* at = page_;
    const auto put = [&at](std::initializer_list<uint8_t> bytes) {
      for (uint8_t byte : bytes) *at++ = byte;
    };
    put({0xdd, 0x27});                  // frstor [rdi]
    put({0xff, 0x32, 0x9d});            // push [rdx]; popfq
    put({0x48, 0x8b, 0x01});            // mov rax, [rcx]
    put({form.code[0], form.code[1]});  // with [rsi]
    put({0x48, 0x89, 0x01});            // mov [rcx], rax
    put({0x9c, 0x8f, 0x02});            // pushfq; pop [rdx]
    put({0xdd, 0x37, 0xc3});            // fnsave [rdi]; ret
    mprotect(page_, 4096, PROT_READ | PROT_EXEC);
  }

  void Run(State* state) const {
    using Function = void (*)(State*, uint8_t*, uint64_t*, uint64_t*);
    uint64_t flags = state->flags, rax = state->rax;
    // The page holds the function that Assemble wrote.
    reinterpret_cast<Function>(page_)(state, state->memory, &flags, &rax);
    state->flags = flags & kArithmeticFlags;
    state->rax = rax;
  }

 private:
  uint8_t* page_;
};

inline bool StoresPointers(const EncodedForm& form) {
  return form.Is("fnstenv") || form.Is("fnsave");
}

// The machine model's pointers are zero.
inline void ClearPointers(const EncodedForm& form, State* state) {
  std::memset(state->pointers, 0, sizeof state->pointers);
  if (StoresPointers(form)) {
    std::memset(state->memory + kPointersAt, 0, kPointersEnd - kPointersAt);
  }
}

inline void LoadGuest(const State& state, BareCpu* bare) {
  Cpu& cpu = bare->cpu;
  X87State& fpu = cpu.regs.x87;
  fpu.control = static_cast<uint16_t>(state.control);
  fpu.status = static_cast<uint16_t>(state.status);
  fpu.valid = 0;
  for (int i = 0; i < 8; ++i) {
    if ((state.tags >> (2 * i) & 3) != 3) fpu.valid |= 1 << i;
    fpu.physical[(fpu.top() + i) & 7] = {state.st[i].mantissa,
                                         state.st[i].sign_exponent};
  }
  cpu.regs.flags.SetWord(state.flags);
  cpu.gpr(kRax) = state.rax;
  cpu.gpr(kRsi) = kData;
  bare->WriteRam(kData, state.memory);
}

// Tags: FNSAVE computes them from the contents; here only empty or not.
inline uint32_t Emptiness(uint32_t tags) {
  uint32_t empty = 0;
  for (int i = 0; i < 8; ++i) empty |= ((tags >> (2 * i) & 3) == 3) << i;
  return empty;
}

inline State StoreGuest(const State& before, const BareCpu& bare) {
  State state = before;
  const X87State& fpu = bare.cpu.regs.x87;
  state.control = 0xffff0000 | fpu.control;
  state.status = 0xffff0000 | fpu.status;
  state.tags = static_cast<uint8_t>(~fpu.valid);
  for (int i = 0; i < 8; ++i) {
    const Float80& value = fpu.physical[(fpu.top() + i) & 7];
    state.st[i] = {value.mantissa, value.sign_exponent};
  }
  state.flags = bare.cpu.regs.flags.word();
  state.rax = bare.cpu.regs.gpr[kRax];
  const std::vector<uint8_t> memory = bare.ReadRam(kData, kMemoryBytes);
  std::memcpy(state.memory, memory.data(), kMemoryBytes);
  return state;
}

inline std::vector<std::string> Lines(const State& s) {
  std::vector<std::string> lines;
  char line[200];
  const auto add = [&](const char* name, unsigned long long value) {
    std::snprintf(line, sizeof line, "%-8s %llx", name, value);
    lines.push_back(line);
  };
  add("control", s.control & 0xffff);
  add("status", s.status & 0xffff);
  add("empty", s.tags);
  add("rax", s.rax);
  add("flags", s.flags);
  for (int i = 0; i < 8; ++i) {
    std::snprintf(line, sizeof line, "st%d      %04x %016llx", i,
                  s.st[i].sign_exponent,
                  static_cast<unsigned long long>(s.st[i].mantissa));
    lines.push_back(line);
  }
  std::string memory = "memory  ";
  for (size_t i = 0; i < 28; ++i) {
    std::snprintf(line, sizeof line, " %02x", s.memory[i]);
    memory += line;
  }
  lines.push_back(memory);
  return lines;
}

// The state before, and what the two made of it where they differ.
inline std::string Difference(const State& before, const State& host,
                              const State& librr) {
  const std::vector<std::string> was = Lines(before), native = Lines(host),
                                 ours = Lines(librr);
  std::string text;
  for (size_t i = 0; i < was.size(); ++i) {
    text += "  before " + was[i] + "\n";
    if (native[i] == ours[i]) continue;
    text += "* host   " + native[i] + "\n* librr  " + ours[i] + "\n";
  }
  return text;
}

inline State RandomState(X87Operands& operands, const EncodedForm& form) {
  std::mt19937_64& random = operands.random();
  State s;
  s.control = 0x0040 | (random() & 0x1c00);
  constexpr uint32_t kPrecisions[3] = {0x000, 0x200, 0x300};
  s.control |= kPrecisions[random() % 3];
  s.control |= (random() & 1) ? 0x3f : random() & 0x3f;
  s.status = random() & 0x7f00;
  // No exception may be pending.
  if (random() & 1) s.status |= random() & s.control & 0x3f;
  const int top = s.status >> 11 & 7;
  const bool room = random() % 4 != 0;
  for (int i = 0; i < 8; ++i) {
    const bool empty = i == ((top - 1) & 7) ? room : random() % 16 == 0;
    if (empty) s.tags |= 3u << (2 * i);
    const Float80 value = operands.Extended();
    s.st[i] = {value.mantissa, value.sign_exponent};
  }
  if (random() & 1) {
    // Comparable operands.
    const int i = 1 + random() % 7;
    s.st[i].sign_exponent =
        static_cast<uint16_t>(s.st[0].sign_exponent + random() % 5 - 2);
    if (random() & 1) s.st[i].mantissa = s.st[0].mantissa;
  }
  s.control |= 0xffff0000;
  s.status |= 0xffff0000;
  s.flags = random() & kArithmeticFlags;
  s.rax = random();
  for (uint8_t& byte : s.memory) byte = static_cast<uint8_t>(random());
  const unsigned size = TraitsSize(form.row->operands[0]);
  if (form.Is("fbld")) {
    operands.Decimal(s.memory);
  } else if (size == 10) {
    const Float80 value = operands.Extended();
    std::memcpy(s.memory, &value.mantissa, 8);
    std::memcpy(s.memory + 8, &value.sign_exponent, 2);
  } else if (size == 8) {
    const uint64_t value = operands.Double();
    std::memcpy(s.memory, &value, 8);
  } else if (size == 4) {
    const uint32_t value = operands.Float();
    std::memcpy(s.memory, &value, 4);
  }
  return s;
}

class X87Comparison {
 public:
  // The vector that the interpreter delivered, or -1.
  int Run(const EncodedForm& form, const State& before, State* host,
          State* librr) {
    native_.Assemble(form);
    *host = before;
    native_.Run(host);
    host->tags = Emptiness(host->tags);
    ClearPointers(form, host);
    LoadGuest(before, &bare_);
    const int vector = bare_.Execute(form.code);
    *librr = StoreGuest(before, bare_);
    ClearPointers(form, librr);
    return vector;
  }

 private:
  BareCpu bare_;
  Native native_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_X87_NATIVE_H_
