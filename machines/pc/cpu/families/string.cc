// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// MOVS, CMPS, SCAS, LODS, STOS with REP, REPE, REPNE. SDM vol. 1, 7.3.9.
//
// Each iteration is a step. A handler is entered with the first one counted and
// may execute as many more as `steps_left` and RunBroken allow, counting each;
// if the instruction is not done then, RIP goes back to its start and it is
// entered again. What a fault leaves behind is the state after the iteration
// before: RIP, the count and the pointers are all in registers.
//
// Iterations whose pages hit the TLB at full speed are executed by the run:
// nothing but the bytes, the pointers and the count can change in between.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "machines/pc/cpu/families/select.h"

namespace librr::pc::handlers {
namespace {

enum class Repeat { kRep, kWhileEqual, kWhileNotEqual };

constexpr uint8_t kAccumulator = kRax * 8;

uint64_t AddressRegister(const Cpu& cpu, const Insn& in, GprIndex i) {
  const uint64_t value = cpu.regs.gpr[i];
  if (in.address_size == 8) return value;
  return in.address_size == 4 ? static_cast<uint32_t>(value)
                              : static_cast<uint16_t>(value);
}

void SetAddressRegister(Cpu& cpu, const Insn& in, GprIndex i, uint64_t value) {
  const uint8_t offset = static_cast<uint8_t>(i * 8);
  if (in.address_size == 8) {
    cpu.SetReg<uint64_t>(offset, value);
  } else if (in.address_size == 4) {
    cpu.SetReg<uint32_t>(offset, static_cast<uint32_t>(value));
  } else {
    cpu.SetReg<uint16_t>(offset, static_cast<uint16_t>(value));
  }
}

// Moves a pointer on by `elements` of T in the direction of DF.
template <typename T>
void Advance(Cpu& cpu, const Insn& in, GprIndex i, uint64_t elements = 1) {
  const uint64_t bytes = elements * sizeof(T);
  const uint64_t delta =
      (cpu.regs.system_flags & kDf) ? uint64_t{0} - bytes : bytes;
  SetAddressRegister(cpu, in, i, AddressRegister(cpu, in, i) + delta);
}

SegmentIndex SourceSegment(const Insn& in) {
  return static_cast<SegmentIndex>(in.segment);
}

// True if offsets in the segment are linear addresses, for any access.
bool IsFlat(const Cpu& cpu, SegmentIndex segment) {
  if (cpu.code64()) return segment < kFs;
  const SegmentRegister& s = cpu.regs.segments[segment];
  return cpu.protected_mode() && !cpu.v86() && s.base == 0 &&
         s.limit == 0xffffffff && s.Has(kSegWritable) && !s.Has(kSegCode) &&
         !s.Has(kSegExpandDown) && !s.Has(kSegUnusable);
}

// Elements of T from `address` to the end of its page.
template <typename T>
uint64_t ElementsInPage(uint64_t address) {
  return (kPageSize - (address & kPageMask)) / sizeof(T);
}

// Each operation has One: an iteration, false on a fault, and Run: at most
// `limit` iterations upwards at full speed in flat segments, returning how many
// were executed (0: not possible). A run of a comparison ends with the element
// that ends the instruction; flags are those of the last iteration.

struct MovsOperation {
  static constexpr bool kCompares = false;

  template <typename T>
  static bool One(Cpu& cpu, const Insn& in) {
    T value;
    LIBRR_TRY(
        cpu.Read(SourceSegment(in), AddressRegister(cpu, in, kRsi), &value));
    LIBRR_TRY(cpu.Write<T>(kEs, AddressRegister(cpu, in, kRdi), value));
    Advance<T>(cpu, in, kRsi);
    Advance<T>(cpu, in, kRdi);
    return true;
  }

  template <typename T, Repeat repeat>
  static uint64_t Run(Cpu& cpu, const Insn& in, uint64_t limit) {
    const uint64_t from = AddressRegister(cpu, in, kRsi);
    const uint64_t to = AddressRegister(cpu, in, kRdi);
    const uint64_t n =
        std::min({limit, ElementsInPage<T>(from), ElementsInPage<T>(to)});
    const uint64_t bytes = n * sizeof(T);
    const uint8_t* source = cpu.FastRead(from, bytes);
    uint8_t* target = cpu.FastWrite(to, bytes);
    if (n == 0 || source == nullptr || target == nullptr) return 0;
    // Copying upwards differs from a move where the target begins inside the
    // source: there the first elements repeat.
    if (target > source && target < source + bytes) {
      for (uint64_t i = 0; i < bytes; i += sizeof(T)) {
        T value;
        std::memcpy(&value, source + i, sizeof(T));
        std::memcpy(target + i, &value, sizeof(T));
      }
    } else {
      std::memmove(target, source, bytes);
    }
    Advance<T>(cpu, in, kRsi, n);
    Advance<T>(cpu, in, kRdi, n);
    return n;
  }
};

struct StosOperation {
  static constexpr bool kCompares = false;

  template <typename T>
  static bool One(Cpu& cpu, const Insn& in) {
    LIBRR_TRY(cpu.Write<T>(kEs, AddressRegister(cpu, in, kRdi),
                           cpu.Reg<T>(kAccumulator)));
    Advance<T>(cpu, in, kRdi);
    return true;
  }

  template <typename T, Repeat repeat>
  static uint64_t Run(Cpu& cpu, const Insn& in, uint64_t limit) {
    const uint64_t to = AddressRegister(cpu, in, kRdi);
    const uint64_t n = std::min(limit, ElementsInPage<T>(to));
    uint8_t* target = cpu.FastWrite(to, n * sizeof(T));
    if (n == 0 || target == nullptr) return 0;
    const T value = cpu.Reg<T>(kAccumulator);
    for (uint64_t i = 0; i < n; ++i)
      std::memcpy(target + i * sizeof(T), &value, sizeof(T));
    Advance<T>(cpu, in, kRdi, n);
    return n;
  }
};

struct LodsOperation {
  static constexpr bool kCompares = false;

  template <typename T>
  static bool One(Cpu& cpu, const Insn& in) {
    T value;
    LIBRR_TRY(
        cpu.Read(SourceSegment(in), AddressRegister(cpu, in, kRsi), &value));
    cpu.SetReg<T>(kAccumulator, value);
    Advance<T>(cpu, in, kRsi);
    return true;
  }

  // Nobody repeats LODS.
  template <typename T, Repeat repeat>
  static uint64_t Run(Cpu&, const Insn&, uint64_t) {
    return 0;
  }
};

struct CmpsOperation {
  static constexpr bool kCompares = true;

  template <typename T>
  static bool One(Cpu& cpu, const Insn& in) {
    T a, b;
    LIBRR_TRY(cpu.Read(SourceSegment(in), AddressRegister(cpu, in, kRsi), &a));
    LIBRR_TRY(cpu.Read(kEs, AddressRegister(cpu, in, kRdi), &b));
    cpu.regs.flags.SetSub<T>(a, b, static_cast<T>(a - b));
    Advance<T>(cpu, in, kRsi);
    Advance<T>(cpu, in, kRdi);
    return true;
  }

  template <typename T, Repeat repeat>
  static uint64_t Run(Cpu& cpu, const Insn& in, uint64_t limit) {
    const uint64_t first = AddressRegister(cpu, in, kRsi);
    const uint64_t second = AddressRegister(cpu, in, kRdi);
    const uint64_t n =
        std::min({limit, ElementsInPage<T>(first), ElementsInPage<T>(second)});
    const uint8_t* left = cpu.FastRead(first, n * sizeof(T));
    const uint8_t* right = cpu.FastRead(second, n * sizeof(T));
    if (n == 0 || left == nullptr || right == nullptr) return 0;
    T a = 0, b = 0;
    uint64_t done = 0;
    do {
      std::memcpy(&a, left + done * sizeof(T), sizeof(T));
      std::memcpy(&b, right + done * sizeof(T), sizeof(T));
      ++done;
    } while (done < n && (a == b) == (repeat == Repeat::kWhileEqual));
    cpu.regs.flags.SetSub<T>(a, b, static_cast<T>(a - b));
    Advance<T>(cpu, in, kRsi, done);
    Advance<T>(cpu, in, kRdi, done);
    return done;
  }
};

struct ScasOperation {
  static constexpr bool kCompares = true;

  template <typename T>
  static bool One(Cpu& cpu, const Insn& in) {
    const T a = cpu.Reg<T>(kAccumulator);
    T b;
    LIBRR_TRY(cpu.Read(kEs, AddressRegister(cpu, in, kRdi), &b));
    cpu.regs.flags.SetSub<T>(a, b, static_cast<T>(a - b));
    Advance<T>(cpu, in, kRdi);
    return true;
  }

  template <typename T, Repeat repeat>
  static uint64_t Run(Cpu& cpu, const Insn& in, uint64_t limit) {
    const T a = cpu.Reg<T>(kAccumulator);
    const uint64_t at = AddressRegister(cpu, in, kRdi);
    const uint64_t n = std::min(limit, ElementsInPage<T>(at));
    const uint8_t* bytes = cpu.FastRead(at, n * sizeof(T));
    if (n == 0 || bytes == nullptr) return 0;
    T b = 0;
    uint64_t done = 0;
    do {
      std::memcpy(&b, bytes + done * sizeof(T), sizeof(T));
      ++done;
    } while (done < n && (a == b) == (repeat == Repeat::kWhileEqual));
    cpu.regs.flags.SetSub<T>(a, b, static_cast<T>(a - b));
    Advance<T>(cpu, in, kRdi, done);
    return done;
  }
};

// Executes iterations until the instruction is done, the steps are used up or
// the run is broken.
template <typename Operation, typename T, Repeat repeat>
bool Repeated(Cpu& cpu, const Insn& in) {
  uint64_t count = AddressRegister(cpu, in, kRcx);
  if (count == 0) return true;
  const bool may_run = in.address_size != 2 && !(cpu.regs.system_flags & kDf) &&
                       IsFlat(cpu, SourceSegment(in)) && IsFlat(cpu, kEs);
  for (;;) {
    // One step has been counted already; a run counts the rest of its own.
    const uint64_t limit =
        std::min(count, 1 + static_cast<uint64_t>(cpu.steps_left));
    uint64_t done = 0;
    if (may_run && limit > 1)
      done = Operation::template Run<T, repeat>(cpu, in, limit);
    if (done == 0) {
      LIBRR_TRY(Operation::template One<T>(cpu, in));
      done = 1;
    } else {
      cpu.steps_left -= static_cast<int64_t>(done - 1);
      cpu.statistics.rep_iterations += done - 1;
    }
    count -= done;
    SetAddressRegister(cpu, in, kRcx, count);
    bool finished = count == 0;
    if constexpr (Operation::kCompares) {
      if (cpu.regs.flags.zf() != (repeat == Repeat::kWhileEqual))
        finished = true;
    }
    if (finished || cpu.steps_left <= 0 || cpu.RunBroken()) {
      cpu.regs.mid_repeat = !finished;
      if (!finished) cpu.rip() -= in.length;
      return true;
    }
    --cpu.steps_left;
    ++cpu.statistics.rep_iterations;
  }
}

template <typename Operation, Repeat repeat>
Handler SelectRepeated(const Insn& in) {
  switch (in.size) {
    case 1:
      return Repeated<Operation, uint8_t, repeat>;
    case 2:
      return Repeated<Operation, uint16_t, repeat>;
    case 4:
      return Repeated<Operation, uint32_t, repeat>;
    default:
      return Repeated<Operation, uint64_t, repeat>;
  }
}

// F2 repeats too what does not compare.
template <typename Operation>
Handler String(const Insn& in) {
  const bool repeats = in.Has(kPrefixRep) || in.Has(kPrefixRepne);
  if (!repeats) {
    return BySize(in, []<typename T>(Cpu& cpu, const Insn& in) -> bool {
      return Operation::template One<T>(cpu, in);
    });
  }
  if constexpr (Operation::kCompares) {
    return in.Has(kPrefixRep)
               ? SelectRepeated<Operation, Repeat::kWhileEqual>(in)
               : SelectRepeated<Operation, Repeat::kWhileNotEqual>(in);
  } else {
    return SelectRepeated<Operation, Repeat::kRep>(in);
  }
}

}  // namespace

Handler Movs(const Insn& in) { return String<MovsOperation>(in); }
Handler Stos(const Insn& in) { return String<StosOperation>(in); }
Handler Lods(const Insn& in) { return String<LodsOperation>(in); }
Handler Cmps(const Insn& in) { return String<CmpsOperation>(in); }
Handler Scas(const Insn& in) { return String<ScasOperation>(in); }

}  // namespace librr::pc::handlers
