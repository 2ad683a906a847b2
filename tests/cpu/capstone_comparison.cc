// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/capstone_comparison.h"

#include <capstone/capstone.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "machines/pc/cpu/decoder.h"
#include "machines/pc/cpu/instruction_table.h"
#include "machines/pc/cpu/operand_traits.h"

namespace librr::pc {
namespace {

class Capstone {
 public:
  explicit Capstone(uint32_t mode) {
    const cs_mode theirs = mode == kDecode64   ? CS_MODE_64
                           : mode == kDecode32 ? CS_MODE_32
                                               : CS_MODE_16;
    EXPECT_EQ(cs_open(CS_ARCH_X86, theirs, &handle_), CS_ERR_OK);
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    insn_ = cs_malloc(handle_);
  }
  ~Capstone() {
    cs_free(insn_, 1);
    cs_close(&handle_);
  }
  Capstone(const Capstone&) = delete;
  Capstone& operator=(const Capstone&) = delete;

  // nullptr if it is no instruction.
  const cs_insn* Decode(std::string_view bytes) {
    const auto* code = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t size = bytes.size();
    uint64_t address = 0;
    return cs_disasm_iter(handle_, &code, &size, &address, insn_) ? insn_
                                                                  : nullptr;
  }
  std::string RegisterName(unsigned reg) const {
    const char* name = cs_reg_name(handle_, reg);
    return name == nullptr ? "" : name;
  }

 private:
  csh handle_;
  cs_insn* insn_;
};

bool HasGroup(const cs_insn& insn, const std::set<int>& groups) {
  for (int i = 0; i < insn.detail->groups_count; ++i)
    if (groups.contains(insn.detail->groups[i])) return true;
  return false;
}

// How many of its prefixes are among `wanted`.
int Prefixes(const cs_insn& insn, uint32_t mode, const std::set<int>& wanted) {
  static const std::set<int> kPrefixes = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                          0x66, 0x67, 0xf0, 0xf2, 0xf3};
  int count = 0;
  for (int i = 0; i < insn.size; ++i) {
    const int byte = insn.bytes[i];
    if (mode == kDecode64 && (byte & 0xf0) == 0x40) continue;
    if (!kPrefixes.contains(byte)) break;
    count += wanted.contains(byte);
  }
  return count;
}

// The class of instructions of the model that Capstone 4 decodes otherwise
// than the SDM says, or "".
std::string ClassOfModel(const cs_insn& insn, uint32_t mode) {
  const std::string_view mnemonic = insn.mnemonic;
  if (mnemonic == "ud0" || mnemonic == "ud2b")
    return "UD0 and UD1, which have a ModRM byte";
  // SDM vol. 2, CALL; AMD and Capstone do not ignore it.
  if (mode == kDecode64 && insn.detail->x86.prefix[2] == 0x66 &&
      HasGroup(insn, {X86_GRP_BRANCH_RELATIVE}))
    return "66 on near branches, which Intel ignores";
  if (Prefixes(insn, mode, {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}) > 1)
    return "several segment prefixes, of which the SDM leaves the choice open";
  if (mnemonic == "movsxd" && !(insn.detail->x86.rex & 8))
    return "MOVSXD without REX.W, which has 32 bits";
  if (mode == kDecode32 && HasGroup(insn, {X86_GRP_BRANCH_RELATIVE}) &&
      Prefixes(insn, mode, {0x67}) != 0)
    return "67 on near branches, which changes nothing";
  if (mnemonic == "data16") return "prefixes shown as instructions";
  return "";
}

// The class of instructions that CPUID does not offer, or "".
std::string ClassOfOthers(const cs_insn& insn) {
  static const std::set<int> kVex = {
      X86_GRP_AVX,  X86_GRP_AVX2, X86_GRP_AVX512, X86_GRP_BMI, X86_GRP_BMI2,
      X86_GRP_F16C, X86_GRP_FMA,  X86_GRP_FMA4,   X86_GRP_TBM, X86_GRP_XOP};
  static const std::set<int> kCrypto = {X86_GRP_AES, X86_GRP_PCLMUL,
                                        X86_GRP_SHA};
  static const std::set<int> kRest = {X86_GRP_ADX, X86_GRP_FSGSBASE,
                                      X86_GRP_HLE, X86_GRP_RTM};
  static const std::set<std::string_view> kCryptoNames = {
      "pclmulqdq", "montmul",   "xcryptecb", "xstore", "xcryptcbc",
      "xcryptctr", "xcryptcfb", "xcryptofb", "xsha1",  "xsha256"};
  static const std::set<std::string_view> kAmd = {
      "femms",  "extrq",  "insertq", "movntss", "movntsd", "monitorx",
      "mwaitx", "skinit", "stgi",    "clgi",    "clzero",  "rdpru"};
  static const std::set<std::string_view> kNames = {
      "xgetbv",   "xsetbv",   "invpcid",  "rdpid",   "rdpkru",     "wrpkru",
      "movbe",    "adcx",     "adox",     "clwb",    "clflushopt", "xtest",
      "xbegin",   "xabort",   "xend",     "encls",   "enclu",      "rdfsbase",
      "wrfsbase", "rdgsbase", "wrgsbase", "monitor", "mwait",      "rsm",
      "getsec",   "salc",     "cldemote", "ptwrite", "endbr32x",   "invept",
      "invvpid",  "ffreep"};
  const std::string_view mnemonic = insn.mnemonic;
  if (HasGroup(insn, kVex) ||
      (mnemonic[0] == 'v' && mnemonic != "verr" && mnemonic != "verw" &&
       !HasGroup(insn, {X86_GRP_VM})))
    return "VEX, EVEX and XOP";
  if (HasGroup(insn, kCrypto) || kCryptoNames.contains(mnemonic))
    return "cryptography";
  if (HasGroup(insn, {X86_GRP_VM})) return "virtualisation";
  if (HasGroup(insn, {X86_GRP_3DNOW, X86_GRP_SSE4A}) || kAmd.contains(mnemonic))
    return "AMD's own";
  if (mnemonic.starts_with("xsave") || mnemonic.starts_with("xrstor") ||
      mnemonic.starts_with("bnd"))
    return "XSAVE and MPX";
  if (HasGroup(insn, kRest) || kNames.contains(mnemonic)) return "others";
  return "";
}

// What our decoder calls a register: a byte offset for general ones, else a
// number. No value: none of ours.
std::optional<uint8_t> SlotOf(const std::string& name) {
  static const auto* const kSlots = [] {
    auto* slots = new std::map<std::string, uint8_t>;
    static constexpr const char* kLegacy[8] = {"ax", "cx", "dx", "bx",
                                               "sp", "bp", "si", "di"};
    for (uint8_t i = 0; i < 16; ++i) {
      const uint8_t slot = static_cast<uint8_t>(i * 8);
      if (i < 8) {
        for (const char* prefix : {"", "e", "r"})
          (*slots)[absl::StrCat(prefix, kLegacy[i])] = slot;
      } else {
        for (const char* suffix : {"", "d", "w", "b"})
          (*slots)[absl::StrCat("r", i, suffix)] = slot;
      }
      for (const char* other : {"xmm", "mm", "cr", "dr"})
        (*slots)[absl::StrCat(other, i)] = i;
      (*slots)[absl::StrCat("st(", i, ")")] = i;
    }
    for (uint8_t i = 0; i < 4; ++i) {
      const char letter = kLegacy[i][0];
      (*slots)[std::string{letter, 'l'}] = static_cast<uint8_t>(i * 8);
      (*slots)[std::string{letter, 'h'}] = static_cast<uint8_t>(i * 8 + 1);
    }
    for (uint8_t i = 4; i < 8; ++i)
      (*slots)[absl::StrCat(kLegacy[i], "l")] = static_cast<uint8_t>(i * 8);
    static constexpr const char* kSegments[] = {"es", "cs", "ss",
                                                "ds", "fs", "gs"};
    for (uint8_t i = 0; i < 6; ++i) (*slots)[kSegments[i]] = i;
    for (const char* name : {"ip", "eip", "rip"}) (*slots)[name] = kRip * 8;
    for (const char* name : {"", "eiz", "riz"}) (*slots)[name] = kZeroSlot * 8;
    return slots;
  }();
  const auto found = kSlots->find(name);
  if (found == kSlots->end()) return std::nullopt;
  return found->second;
}

uint64_t Truncated(uint64_t value, unsigned bytes) {
  return bytes >= 8 ? value : value & ((uint64_t{1} << (8 * bytes)) - 1);
}

// Compares one instruction's operands, by Capstone's and ours.
class Operands {
 public:
  Operands(const Capstone& capstone, const Insn& ours, const cs_insn& theirs,
           uint32_t mode)
      : capstone_(capstone),
        ours_(ours),
        row_(InstructionTable()[ours.row]),
        theirs_(theirs.detail->x86),
        mode_(mode) {}

  // Whether every operand that we have is one of theirs, in the same place.
  bool HaveSameCount() const {
    int count = 0;
    for (const Operand operand : row_.operands)
      count += TraitsOf(operand).place != OperandPlace::kNone;
    return count == theirs_.op_count;
  }

  // Empty, or which differs.
  std::string Difference() const {
    const bool in_order = HaveSameCount();
    int immediates = 0;
    for (int i = 0; i < 3; ++i) {
      const OperandTraits& traits = TraitsOf(row_.operands[i]);
      switch (traits.place) {
        case OperandPlace::kNone:
        case OperandPlace::kString:
        case OperandPlace::kImplicit:
          break;
        case OperandPlace::kMoffs:
          if (!Any([&](const cs_x86_op& op) { return SameMoffs(op); }))
            return "address";
          break;
        case OperandPlace::kImmediate:
          if (row_.operands[i] == Operand::One) break;
          if (!SameImmediate(row_.operands[i], immediates++))
            return "immediate";
          break;
        case OperandPlace::kModRmRm:
        case OperandPlace::kModRmMemory:
          if (ours_.is_memory()) {
            if (!Any([&](const cs_x86_op& op) { return SameMemory(op); }))
              return "memory operand";
            break;
          }
          [[fallthrough]];
        default:
          if (in_order && i < 2 && !SameRegister(i)) return "register";
      }
    }
    return "";
  }

 private:
  template <typename Predicate>
  bool Any(Predicate predicate) const {
    for (int i = 0; i < theirs_.op_count; ++i)
      if (predicate(theirs_.operands[i])) return true;
    return false;
  }

  bool SameMoffs(const cs_x86_op& op) const {
    const unsigned size = ours_.address_size;
    if (op.type == X86_OP_IMM)
      return Truncated(static_cast<uint64_t>(op.imm), size) == ours_.imm;
    return op.type == X86_OP_MEM &&
           Truncated(static_cast<uint64_t>(op.mem.disp), size) == ours_.imm;
  }

  bool SameImmediate(Operand operand, int number) const {
    uint64_t ours = number == 0 ? ours_.imm : static_cast<uint64_t>(ours_.disp);
    unsigned size = std::min<unsigned>(ours_.size, 8);
    switch (operand) {
      case Operand::Jb:
      case Operand::Jz:  // Capstone names the target
        ours += ours_.length;
        if (mode_ == kDecode64) size = 8;
        if (mode_ == kDecode16) size = 2;  // of a target it shows no more
        break;
      case Operand::Ib:  // its sign is not always shown
        size = 1;
        break;
      case Operand::Iw:
        size = 2;
        break;
      default:
        break;
    }
    if (!Any([](const cs_x86_op& op) { return op.type == X86_OP_IMM; }))
      return IsInMnemonic(ours);
    return Any([&](const cs_x86_op& op) {
      return op.type == X86_OP_IMM && Truncated(static_cast<uint64_t>(op.imm),
                                                size) == Truncated(ours, size);
    });
  }

  // CMPPS and its kind are shown as CMPEQPS..., AAM and AAD without their base.
  bool IsInMnemonic(uint64_t immediate) const {
    const std::string_view mnemonic = row_.mnemonic;
    return (mnemonic.starts_with("cmp") && immediate < 8) ||
           ((mnemonic == "aam" || mnemonic == "aad") && immediate == 10);
  }

  bool SameMemory(const cs_x86_op& op) const {
    if (op.type != X86_OP_MEM) return false;
    const auto slot = [&](x86_reg reg) {
      return SlotOf(reg == X86_REG_INVALID ? "" : capstone_.RegisterName(reg));
    };
    const std::optional<uint8_t> base = slot(op.mem.base);
    const std::optional<uint8_t> index = slot(op.mem.index);
    const bool is_scaled = index.has_value() && *index != kZeroSlot * 8;
    if (base != ours_.base || index != ours_.index) return false;
    if (is_scaled && op.mem.scale != 1 << ours_.scale) return false;
    const unsigned size = ours_.address_size;
    if (Truncated(static_cast<uint64_t>(op.mem.disp), size) !=
        Truncated(static_cast<uint64_t>(int64_t{ours_.disp}), size))
      return false;
    const auto segment = slot(op.mem.segment);
    const bool has_base = mode_ != kDecode64 || ours_.segment >= kFs;
    // Where there is no prefix, Capstone names no segment.
    if (op.mem.segment == X86_REG_INVALID)
      return mode_ != kDecode64 || !has_base;
    return !has_base ? segment < kFs : segment == ours_.segment;
  }

  bool SameRegister(int i) const {
    const OperandTraits& traits = TraitsOf(row_.operands[i]);
    const uint8_t slot = i == 0 ? ours_.dst : ours_.src;
    const auto same = [&](const cs_x86_op& op) {
      return op.type == X86_OP_REG &&
             (traits.size != OperandSize::kV || op.size == ours_.size) &&
             SlotOf(capstone_.RegisterName(op.reg)) == slot;
    };
    // The order of XCHG's operands is free, and Capstone's is any.
    if (traits.place == OperandPlace::kOpcode) return Any(same);
    return same(theirs_.operands[i]);
  }

  const Capstone& capstone_;
  const Insn& ours_;
  const InstructionRow& row_;
  const cs_x86& theirs_;
  const uint32_t mode_;
};

// Returns Capstone's length.
size_t Compare(Capstone& capstone, std::string_view bytes, uint32_t mode,
               Comparison* result) {
  const cs_insn* theirs = capstone.Decode(bytes);
  if (theirs == nullptr) {
    ++result->skipped;
    return 1;
  }
  const size_t length = theirs->size;
  if (const std::string other = ClassOfOthers(*theirs); !other.empty()) {
    ++result->excluded_of_others[other];
    return length;
  }
  if (const std::string ours = ClassOfModel(*theirs, mode); !ours.empty()) {
    ++result->excluded_of_model[ours];
    return length;
  }
  ++result->compared;
  Insn ours;
  const DecodeResult decoded =
      Decode(reinterpret_cast<const uint8_t*>(bytes.data()),
             static_cast<unsigned>(bytes.size()), mode, &ours);
  const std::string text = absl::StrCat(
      theirs->mnemonic, " ", theirs->op_str, " | ",
      absl::BytesToHexString(std::string(bytes.substr(0, length))));
  if (decoded != DecodeResult::kDone) {
    ++result->different[absl::StrCat(text, ": ours needs more bytes")];
  } else if (ours.row == kNoRow && Prefixes(*theirs, mode, {0xf0}) != 0) {
    ++result->excluded_of_model["LOCK where it faults"];
  } else if (ours.row == kNoRow && Prefixes(*theirs, mode, {0xf2, 0xf3}) != 0) {
    ++result->excluded_of_model["F2 and F3 where they fault"];
  } else if (ours.row == kNoRow) {
    ++result->unknown[text];
  } else if (ours.length != length) {
    ++result->different[absl::StrCat(text, ": ours has ", ours.length)];
  } else {
    const Operands operands(capstone, ours, *theirs, mode);
    result->all_operands += operands.HaveSameCount();
    if (const std::string which = operands.Difference(); !which.empty())
      ++result->different[absl::StrCat(text, ": ", which)];
  }
  return length;
}

uint64_t Sum(const std::map<std::string, uint64_t>& counts) {
  uint64_t sum = 0;
  for (const auto& [text, count] : counts) sum += count;
  return sum;
}

}  // namespace

void Comparison::Print(std::string_view name) const {
  std::cout << name << ": " << compared << " compared, " << all_operands
            << " with all operands, " << Sum(unknown) << " unknown to us, "
            << Sum(different) << " different, " << skipped
            << " bytes skipped\n";
  for (const auto& [text, count] : excluded_of_others)
    std::cout << "  not offered: " << count << " " << text << "\n";
  for (const auto& [text, count] : excluded_of_model)
    std::cout << "  excluded: " << count << " " << text << "\n";
  int shown = 0;
  for (const auto& [text, count] : different)
    if (++shown <= 20) std::cout << "  different: " << text << "\n";
  shown = 0;
  for (const auto& [text, count] : unknown)
    if (++shown <= 20) std::cout << "  unknown: " << text << "\n";
}

void Comparison::ExpectAgreement() const {
  EXPECT_GT(compared, 1000u);
  EXPECT_EQ(Sum(different), 0u);
  EXPECT_LE((Sum(unknown) + Sum(excluded_of_model)) * 1000, compared);
}

void CompareCode(std::string_view bytes, uint32_t mode, Comparison* result) {
  Capstone capstone(mode);
  while (!bytes.empty())
    bytes.remove_prefix(Compare(capstone, bytes, mode, result));
}

void CompareStarts(std::string_view bytes, size_t distance, uint32_t mode,
                   Comparison* result) {
  Capstone capstone(mode);
  for (; bytes.size() >= distance; bytes.remove_prefix(distance))
    Compare(capstone, bytes.substr(0, distance), mode, result);
}

}  // namespace librr::pc
