// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/debug_frame.h"

#include <array>
#include <optional>
#include <utility>

#include "librr-core/base/coding.h"

namespace librr::linux_guest {
namespace {

// DWARF 5, 7.24 and 7.7.1.
constexpr uint8_t kAdvanceLoc = 0x40;  // plus the distance
constexpr uint8_t kOffset = 0x80;      // plus the register
constexpr uint8_t kAdvanceLoc1 = 0x02;
constexpr uint8_t kAdvanceLoc2 = 0x03;
constexpr uint8_t kAdvanceLoc4 = 0x04;
constexpr uint8_t kUndefinedRule = 0x07;
constexpr uint8_t kSameValue = 0x08;
constexpr uint8_t kDefCfa = 0x0c;
constexpr uint8_t kDefCfaExpression = 0x0f;
constexpr uint8_t kExpression = 0x10;
constexpr uint8_t kDefCfaSf = 0x12;
constexpr uint8_t kOpDeref = 0x06;
constexpr uint8_t kOpConsts = 0x11;
constexpr uint8_t kOpPlus = 0x22;
constexpr uint8_t kOpBreg = 0x70;  // plus the register

constexpr int kWord = 8;

// System V ABI, AMD64 supplement, figure 3.36.
enum DwarfRegister : uint8_t {
  kRax = 0,
  kRdx = 1,
  kRcx = 2,
  kRbx = 3,
  kRsi = 4,
  kRdi = 5,
  kRbp = 6,
  kRsp = 7,
  kR8 = 8,
  kR10 = 10,
  kR13 = 13,
  kR15 = 15,
  kReturnAddress = 16,
  kRflags = 49,
  kCs = 51,
  kSs = 52,
};

// struct pt_regs from its end: the CFA of a frame that has one is behind it.
// Linux, arch/x86/include/asm/ptrace.h.
constexpr uint64_t kPtRegsSize = 21 * kWord;
constexpr uint64_t kIretFrameSize = 5 * kWord;
constexpr std::pair<uint8_t, int> kIretFrame[] = {
    {kSs, 1}, {kRsp, 2}, {kRflags, 3}, {kCs, 4}, {kReturnAddress, 5}};
constexpr std::pair<uint8_t, int> kPushedRegisters[] = {
    {kRdi, 7},  {kRsi, 8},     {kRdx, 9},  {kRcx, 10},     {kRax, 11},
    {kR8, 12},  {kR8 + 1, 13}, {kR10, 14}, {kR10 + 1, 15}, {kRbx, 16},
    {kRbp, 17}, {12, 18},      {kR13, 19}, {kR13 + 1, 20}, {kR15, 21}};

// What a frame description has in common with others: one CIE each.
enum class FrameKind : uint8_t {
  kCall,
  kStackSwitch,
  kRegs,
  kRegsPartial,
  kStop,
};
constexpr size_t kKinds = 5;

void PutByte(std::string& out, unsigned byte) {
  out.push_back(static_cast<char>(byte));
}

void PutSigned(std::string& out, int64_t value) {
  while (true) {
    const auto byte = static_cast<unsigned>(value & 0x7f);
    value >>= 7;
    if ((value == 0 && (byte & 0x40) == 0) ||
        (value == -1 && (byte & 0x40) != 0)) {
      PutByte(out, byte);
      return;
    }
    PutByte(out, byte | 0x80);
  }
}

void PutRule(std::string& out, uint8_t rule, uint8_t reg) {
  PutByte(out, rule);
  PutByte(out, reg);
}

// The register is saved `words` below the CFA.
void PutSaved(std::string& out, uint8_t reg, int words) {
  if (reg < 64) {
    PutByte(out, kOffset | reg);
    PutVarint(out, static_cast<uint64_t>(words));
  }
}

void PutBlock(std::string& out, const std::string& block) {
  PutVarint(out, block.size());
  out += block;
}

FrameKind KindOf(const OrcRow& row) {
  switch (row.type) {
    case OrcType::kUndefined:
    case OrcType::kEndOfStack:
      return FrameKind::kStop;
    case OrcType::kRegs:
      return FrameKind::kRegs;
    case OrcType::kRegsPartial:
      return FrameKind::kRegsPartial;
    case OrcType::kCall:
      break;
  }
  return row.sp_base == OrcBase::kSpIndirect ||
                 row.sp_base == OrcBase::kBpIndirect
             ? FrameKind::kStackSwitch
             : FrameKind::kCall;
}

// Registers of the caller that are nowhere: all but RSP, RBP and RIP.
void PutNothingSaved(std::string& out) {
  for (uint8_t reg = 0; reg < kReturnAddress; ++reg) {
    if (reg != kRsp && reg != kRbp) PutRule(out, kUndefinedRule, reg);
  }
  PutRule(out, kUndefinedRule, kRflags);
}

std::string InitialRules(FrameKind kind) {
  std::string rules;
  switch (kind) {
    case FrameKind::kStop:
      PutByte(rules, kDefCfa);
      PutByte(rules, kRsp);
      PutVarint(rules, kWord);
      PutNothingSaved(rules);
      PutRule(rules, kUndefinedRule, kReturnAddress);
      break;
    case FrameKind::kCall:
    case FrameKind::kStackSwitch:
      PutNothingSaved(rules);
      PutSaved(rules, kReturnAddress, 1);
      break;
    case FrameKind::kRegs:
      for (const auto& [reg, words] : kPushedRegisters) {
        PutSaved(rules, reg, words);
      }
      [[fallthrough]];
    case FrameKind::kRegsPartial:
      for (const auto& [reg, words] : kIretFrame) PutSaved(rules, reg, words);
      break;
  }
  return rules;
}

// How far the CFA is from where ORC's stack pointer is.
uint64_t CfaDistance(FrameKind kind) {
  if (kind == FrameKind::kRegs) return kPtRegsSize;
  if (kind == FrameKind::kRegsPartial) return kIretFrameSize;
  return 0;
}

// nullopt: there is no such register.
std::optional<uint8_t> RegisterOf(OrcBase base) {
  switch (base) {
    case OrcBase::kUndefined:
    case OrcBase::kPreviousSp:
      return std::nullopt;
    case OrcBase::kDx:
      return kRdx;
    case OrcBase::kDi:
      return kRdi;
    case OrcBase::kBp:
    case OrcBase::kBpIndirect:
      return kRbp;
    case OrcBase::kSp:
    case OrcBase::kSpIndirect:
      return kRsp;
    case OrcBase::kR10:
      return kR10;
    case OrcBase::kR13:
      return kR13;
  }
  return std::nullopt;
}

// Linux, arch/x86/kernel/unwind_orc.c, unwind_next_frame(), "Find SP".
void PutCfa(std::string& out, const OrcRow& row, FrameKind kind, uint8_t reg) {
  const int64_t distance = static_cast<int64_t>(CfaDistance(kind));
  if (row.sp_base != OrcBase::kSpIndirect &&
      row.sp_base != OrcBase::kBpIndirect) {
    // The other registers' values are the stack pointer itself.
    const bool has_offset =
        row.sp_base == OrcBase::kSp || row.sp_base == OrcBase::kBp;
    const int64_t offset = (has_offset ? row.sp_offset : 0) + distance;
    if (offset >= 0) {
      PutByte(out, kDefCfa);
      PutVarint(out, reg);
      PutVarint(out, static_cast<uint64_t>(offset));
      return;
    }
    if (offset % kWord == 0) {
      PutByte(out, kDefCfaSf);
      PutVarint(out, reg);
      PutSigned(out, offset / -kWord);
      return;
    }
    std::string sum;
    PutByte(sum, kOpBreg + reg);
    PutSigned(sum, offset);
    PutByte(out, kDefCfaExpression);
    PutBlock(out, sum);
    return;
  }
  // The stack pointer was saved. SP's offset counts from the saved value since
  // 5.12, which has it only for calls, and was the place of it before, for
  // interrupt frames only.
  const bool is_added_after =
      row.sp_base == OrcBase::kSpIndirect && row.type == OrcType::kCall;
  std::string expression;
  PutByte(expression, kOpBreg + reg);
  PutSigned(expression, is_added_after ? 0 : row.sp_offset);
  PutByte(expression, kOpDeref);
  PutByte(expression, kOpConsts);
  PutSigned(expression, (is_added_after ? row.sp_offset : 0) + distance);
  PutByte(expression, kOpPlus);
  PutByte(out, kDefCfaExpression);
  PutBlock(out, expression);
}

// "Find BP" of the same function.
void PutBp(std::string& out, const OrcRow& row, FrameKind kind) {
  if (row.bp_base == OrcBase::kPreviousSp) {
    const int64_t offset =
        row.bp_offset - static_cast<int64_t>(CfaDistance(kind));
    if (offset < 0 && offset % kWord == 0) {
      PutSaved(out, kRbp, static_cast<int>(offset / -kWord));
      return;
    }
    // The CFA is on the expression's stack.
    std::string place;
    PutByte(place, kOpConsts);
    PutSigned(place, offset);
    PutByte(place, kOpPlus);
    PutRule(out, kExpression, kRbp);
    PutBlock(out, place);
    return;
  }
  if (row.bp_base == OrcBase::kBp) {
    std::string place;
    PutByte(place, kOpBreg + kRbp);
    PutSigned(place, row.bp_offset);
    PutRule(out, kExpression, kRbp);
    PutBlock(out, place);
    return;
  }
  if (kind == FrameKind::kRegs) {
    for (const auto& [reg, words] : kPushedRegisters) {
      if (reg == kRbp) PutSaved(out, reg, words);
    }
    return;
  }
  PutRule(out, kSameValue, kRbp);
}

void PutAdvance(std::string& out, uint64_t distance) {
  if (distance == 0) return;
  if (distance < 0x40) {
    PutByte(out, kAdvanceLoc | static_cast<unsigned>(distance));
  } else if (distance <= 0xff) {
    PutByte(out, kAdvanceLoc1);
    PutFixed(out, distance, 1);
  } else if (distance <= 0xffff) {
    PutByte(out, kAdvanceLoc2);
    PutFixed(out, distance, 2);
  } else {
    PutByte(out, kAdvanceLoc4);
    PutFixed(out, distance, 4);
  }
}

// Zero bytes are DW_CFA_nop.
void Pad(std::string& entry, size_t alignment) {
  entry.resize((entry.size() + alignment - 1) / alignment * alignment);
}

void PutEntry(std::string& out, std::string* entry) {
  Pad(*entry, kWord);
  PutFixed32(out, static_cast<uint32_t>(entry->size()));
  out += *entry;
}

void PutCie(std::string& out, FrameKind kind) {
  const bool is_signal_frame =
      kind != FrameKind::kCall && kind != FrameKind::kStop;
  std::string entry;
  PutFixed32(entry, 0xffffffff);
  PutByte(entry, 1);  // version
  if (is_signal_frame) PutByte(entry, 'S');
  PutByte(entry, 0);
  PutVarint(entry, 1);       // code alignment
  PutSigned(entry, -kWord);  // data alignment
  PutByte(entry, kReturnAddress);
  entry += InitialRules(kind);
  PutEntry(out, &entry);
}

class Builder {
 public:
  Builder() {
    for (size_t kind = 0; kind < kKinds; ++kind) {
      cies_[kind] = static_cast<uint32_t>(out_.size());
      PutCie(out_, static_cast<FrameKind>(kind));
    }
  }

  void Begin(uint64_t address, FrameKind kind) {
    begin_ = at_ = address;
    kind_ = kind;
    program_.clear();
    has_row_ = false;
  }

  void Add(const OrcRow& row) {
    const bool is_new_cfa = !has_row_ || row.sp_base != last_.sp_base ||
                            row.sp_offset != last_.sp_offset;
    const bool is_new_bp = !has_row_ || row.bp_base != last_.bp_base ||
                           row.bp_offset != last_.bp_offset;
    if (kind_ != FrameKind::kStop && (is_new_cfa || is_new_bp)) {
      PutAdvance(program_, row.address - at_);
      at_ = row.address;
      const std::optional<uint8_t> reg = RegisterOf(row.sp_base);
      // Rows without a register are of another kind.
      if (is_new_cfa && reg.has_value()) PutCfa(program_, row, kind_, *reg);
      if (is_new_bp) PutBp(program_, row, kind_);
    }
    last_ = row;
    has_row_ = true;
  }

  void End(uint64_t address) {
    if (!has_row_ || address <= begin_) return;
    entry_.clear();
    PutFixed32(entry_, cies_[static_cast<size_t>(kind_)]);
    PutFixed64(entry_, begin_);
    PutFixed64(entry_, address - begin_);
    entry_ += program_;
    PutEntry(out_, &entry_);
    has_row_ = false;
  }

  FrameKind kind() const { return kind_; }
  bool has_row() const { return has_row_; }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
  std::array<uint32_t, kKinds> cies_ = {};
  uint64_t begin_ = 0;
  uint64_t at_ = 0;
  FrameKind kind_ = FrameKind::kStop;
  std::string program_;
  std::string entry_;
  OrcRow last_;
  bool has_row_ = false;
};

// Distances between rows have 32 bits.
constexpr uint64_t kMaxSpan = 0x7fffffff;

}  // namespace

std::string BuildDebugFrame(absl::Span<const OrcRow> rows,
                            absl::Span<const uint64_t> functions) {
  Builder builder;
  size_t next_function = 0;
  uint64_t begin = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    OrcRow row = rows[i];
    if (!RegisterOf(row.sp_base).has_value() &&
        row.type != OrcType::kEndOfStack) {
      row.type = OrcType::kUndefined;
    }
    const FrameKind kind = KindOf(row);
    bool is_function = false;
    while (next_function < functions.size() &&
           functions[next_function] <= row.address) {
      is_function = true;
      ++next_function;
    }
    if (!builder.has_row() || kind != builder.kind() || is_function ||
        row.address - begin > kMaxSpan) {
      builder.End(row.address);
      builder.Begin(row.address, kind);
      begin = row.address;
    }
    builder.Add(row);
  }
  // The last row ends a section: its own bytes are enough.
  if (!rows.empty()) builder.End(rows.back().address + 1);
  return builder.Take();
}

}  // namespace librr::linux_guest
