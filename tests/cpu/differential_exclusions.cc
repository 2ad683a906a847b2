// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/differential_exclusions.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace librr::pc {
namespace {

using std::string_view;

struct Exclusion {
  string_view mnemonic;
  const char* reason;
};

constexpr const char* kSystemReason =
    "depends on descriptor tables, which are the kernel's";
constexpr const char* kUmipReason = "UMIP: the host's kernel emulates it";
constexpr const char* kSoftwareInterruptReason =
    "goes through the IDT, which is the kernel's";
constexpr const char* kClockReason = "reads a clock";

constexpr Exclusion kExclusions[] = {
    {"sldt", kUmipReason},
    {"str", kUmipReason},
    {"sgdt", kUmipReason},
    {"sidt", kUmipReason},
    {"smsw", kUmipReason},
    {"verr", kSystemReason},
    {"verw", kSystemReason},
    {"lar", kSystemReason},
    {"lsl", kSystemReason},
    {"arpl", kSystemReason},
    {"les", kSystemReason},
    {"lds", kSystemReason},
    {"lss", kSystemReason},
    {"lfs", kSystemReason},
    {"lgs", kSystemReason},
    {"pop es", kSystemReason},
    {"pop ss", kSystemReason},
    {"pop ds", kSystemReason},
    {"pop fs", kSystemReason},
    {"pop gs", kSystemReason},
    {"retf", kSystemReason},
    {"iret", kSystemReason},
    {"int", kSoftwareInterruptReason},
    {"int1", kSoftwareInterruptReason},
    {"int3", kSoftwareInterruptReason},
    {"into", kSoftwareInterruptReason},
    {"rdtsc", kClockReason},
    {"rdtscp", kClockReason},
    {"rdpmc", "depends on CR4.PCE, which is the kernel's"},
    {"cpuid", "identifies the CPU"},
    {"rdrand", "random"},
    {"rdseed", "random"},
};

bool IsShift(string_view name) {
  static constexpr string_view kNames[] = {"rol", "ror", "rcl",  "rcr", "shl",
                                           "shr", "sar", "shld", "shrd"};
  return std::find(std::begin(kNames), std::end(kNames), name) !=
         std::end(kNames);
}

uint64_t ToRflags(uint8_t flag_set) {
  return ((flag_set & kFlagC) ? kCf : 0) | ((flag_set & kFlagP) ? kPf : 0) |
         ((flag_set & kFlagA) ? kAf : 0) | ((flag_set & kFlagZ) ? kZf : 0) |
         ((flag_set & kFlagS) ? kSf : 0) | ((flag_set & kFlagO) ? kOf : 0);
}

unsigned OperandBits(const TestCase& test) {
  return test.shape.table_row().operands[0] == Operand::Eb
             ? 8
             : 8 * static_cast<unsigned>(test.shape.size);
}

unsigned MaskedCount(const TestCase& test) {
  return test.shift_count & (OperandBits(test) == 64 ? 63 : 31);
}

}  // namespace

const char* ReasonToSkip(const InstructionRow& row, bool code32) {
  if (row.modes == (code32 ? Modes::L : Modes::N)) return "not in this mode";
  if (row.attributes & kVendor) return "Intel and AMD differ";
  for (const Exclusion& exclusion : kExclusions)
    if (exclusion.mnemonic == row.mnemonic) return exclusion.reason;
  for (Operand operand : row.operands) {
    if (operand == Operand::Mp || operand == Operand::Ap) return kSystemReason;
  }
  // MOV to a segment register.
  if (row.operands[0] == Operand::Sw) return kSystemReason;
  return nullptr;
}

// SDM vol. 2, at each instruction: "Flags Affected".
uint64_t UndefinedFlags(const TestCase& test) {
  const InstructionRow& row = test.shape.table_row();
  if (!IsShift(row.mnemonic)) return ToRflags(row.undefined);
  const unsigned count = MaskedCount(test);
  if (count == 0) return 0;
  const string_view name = row.mnemonic;
  const bool rotate = name[0] == 'r';
  uint64_t undefined = rotate ? 0 : kAf;
  if (count > 1) undefined |= kOf;
  if ((name == "shl" || name == "shr") && count >= OperandBits(test))
    undefined |= kCf;
  return undefined;
}

bool HasUndefinedResult(const TestCase& test, uint64_t source) {
  const string_view name = test.shape.table_row().mnemonic;
  if (name == "shld" || name == "shrd")
    return MaskedCount(test) > OperandBits(test);
  if (name == "bsf" || name == "bsr") {
    return (source << (64 - 8 * test.shape.size)) == 0;
  }
  return name == "bswap" && test.shape.size == 2;
}

bool HasUndefinedRegisters(const TestCase& test, bool faulted) {
  return faulted && test.shape.table_row().mnemonic == string_view("popa");
}

bool HasUndefinedFaultAddress(const TestCase& test) {
  const string_view name = test.shape.table_row().mnemonic;
  static constexpr string_view kNames[] = {
      "cmps",   "movs",   "fldenv",  "frstor",   "fnstenv",
      "fnsave", "fxsave", "fxrstor", "maskmovq", "maskmovdqu"};
  return std::find(std::begin(kNames), std::end(kNames), name) !=
         std::end(kNames);
}

uint64_t UndefinedMxcsrFlags(const TestCase& test, const Outcome& host) {
  if (host.vector != kSimdError) return 0;
  const string_view name = test.shape.table_row().mnemonic;
  if (name == "dpps" || name == "dppd") return 0x3f;
  const uint64_t unmasked =
      host.state.fx.mxcsr & ~(test.input.fx.mxcsr >> 7) & 0x18;
  return unmasked ? 0x20 : 0;
}

bool HasUndefinedMmxState(const TestCase& test, bool faulted) {
  const InstructionRow& row = test.shape.table_row();
  if (!(row.attributes & kMmx)) return false;
  return faulted ||
         (test.shape.memory && row.mnemonic == string_view("cvtpi2ps"));
}

std::vector<MemoryRange> UncomparedMemory(const TestCase& test, bool faulted) {
  const string_view name = test.shape.table_row().mnemonic;
  if (name == "fxsave") {
    // FOP, FIP, FDP; the CPU's own MXCSR_MASK; what no CPU need write.
    return {{test.operand + 5, 19},
            {test.operand + 28, 4},
            {test.operand + 416, 96}};
  }
  if (name == "fnstenv" || name == "fnsave") {
    // FIP, FOP, FDP in the 16-bit and the 32-bit format.
    if (test.shape.size == 2) return {{test.operand + 6, 8}};
    return {{test.operand + 12, 16}};
  }
  if ((name == "shld" || name == "shrd") && HasUndefinedResult(test, 0))
    return {{test.operand, static_cast<uint64_t>(test.shape.size)}};
  // AMD zeroes the upper half, Intel leaves it. SDM vol. 2, PUSH.
  if (name.substr(0, 5) == "push " && test.shape.code32 && test.shape.size == 4)
    return {{test.input.gpr[kRsp] - 2, 2}};
  // A frame that does not fit: some CPUs have written part of it.
  if (name == "enter" && faulted) return {{kDataWindow, kDataWritableBytes}};
  return {};
}

}  // namespace librr::pc
