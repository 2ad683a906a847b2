// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/cpu/decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/instruction_table.h"
#include "machines/pc/cpu/operand_traits.h"

namespace librr::pc {
namespace {

bool HandleInvalid(Cpu& cpu, const Insn&) { return cpu.RaiseUd(); }
bool HandleTooLong(Cpu& cpu, const Insn&) { return cpu.RaiseGp(); }
bool HandlePrivileged(Cpu& cpu, const Insn&) { return cpu.RaiseGp(); }
bool HandleNotAvailable(Cpu& cpu, const Insn&) {
  return cpu.Raise(kDeviceNotAvailable);
}

// The rows of one opcode, and whether any of them has a ModRM byte.
struct OpcodeRows {
  std::vector<uint16_t> rows;
  bool has_modrm = false;
};

bool UsesModRm(const InstructionRow& row) {
  if (row.ext.reg >= 0 || row.ext.mod != 0) return true;
  return std::any_of(std::begin(row.operands), std::end(row.operands),
                     [](Operand operand) {
                       const OperandPlace place = TraitsOf(operand).place;
                       return place == OperandPlace::kModRmRm ||
                              place == OperandPlace::kModRmMemory ||
                              place == OperandPlace::kModRmRmReg ||
                              place == OperandPlace::kModRmAlwaysReg ||
                              place == OperandPlace::kModRmReg;
                     });
}

// The instruction table by opcode.
class OpcodeIndex {
 public:
  OpcodeIndex() {
    const absl::Span<const InstructionRow> table = InstructionTable();
    for (size_t i = 0; i < table.size(); ++i) {
      // An opcode with a register in its low bits stands for eight.
      const bool in_opcode =
          std::any_of(std::begin(table[i].operands),
                      std::end(table[i].operands), [](Operand operand) {
                        return TraitsOf(operand).place == OperandPlace::kOpcode;
                      });
      for (int r = 0; r < (in_opcode ? 8 : 1); ++r) {
        OpcodeRows& rows = index_[static_cast<int>(table[i].map)]
                                 [table[i].opcode + static_cast<unsigned>(r)];
        rows.rows.push_back(static_cast<uint16_t>(i));
        rows.has_modrm = rows.has_modrm || UsesModRm(table[i]);
      }
    }
  }
  const OpcodeRows& Find(OpcodeMap map, uint8_t opcode) const {
    return index_[static_cast<int>(map)][opcode];
  }

 private:
  std::array<std::array<OpcodeRows, 256>, 4> index_;
};

const OpcodeIndex& Index() {
  static const OpcodeIndex index;
  return index;
}

// One decoding in progress.
class Decoding {
 public:
  Decoding(const uint8_t* bytes, unsigned available, uint32_t mode, Insn* insn)
      : bytes_(bytes),
        available_(available),
        mode_(mode),
        is64_((mode & kDecodeSizeMask) == kDecode64),
        in_(*insn) {}

  DecodeResult Run();

 private:
  // Reads a byte; false if there is none (see `Out`).
  bool Next(uint8_t* byte) {
    if (at_ >= available_ || at_ >= kMaxInsnBytes) return false;
    *byte = bytes_[at_++];
    return true;
  }
  bool NextSigned(unsigned size, int64_t* value) {
    if (at_ + size > available_ || at_ + size > kMaxInsnBytes) {
      at_ = std::min(available_, kMaxInsnBytes);
      return false;
    }
    uint64_t raw = 0;
    std::memcpy(&raw, bytes_ + at_, size);
    at_ += size;
    const int shift = 64 - 8 * static_cast<int>(size);
    *value = static_cast<int64_t>(raw << shift) >> shift;
    return true;
  }
  // Bytes ran out: too long, or more are needed.
  DecodeResult Out() {
    if (at_ < kMaxInsnBytes) return DecodeResult::kNeedsMoreBytes;
    return Replace(&HandleTooLong);
  }
  DecodeResult Replace(Handler handler) {
    in_.handler = handler;
    in_.length = static_cast<uint8_t>(at_);
    in_.row = kNoRow;
    return DecodeResult::kDone;
  }

  bool ReadPrefixes(uint8_t* opcode);
  bool ReadOpcode(uint8_t opcode);
  const InstructionRow* SelectRow(const OpcodeRows& rows);
  void SetSizes(const InstructionRow& row);
  bool ReadAddress();
  bool ReadAddress16();
  bool ReadImmediates(const InstructionRow& row);
  unsigned SizeOf(OperandSize size, bool memory) const;
  uint8_t RegisterOf(const OperandTraits& traits) const;
  void SetOperands(const InstructionRow& row);
  Handler HandlerFor(const InstructionRow& row) const;

  const uint8_t* const bytes_;
  const unsigned available_;
  const uint32_t mode_;
  const bool is64_;
  Insn& in_;

  unsigned at_ = 0;
  bool operand_prefix_ = false;
  bool address_prefix_ = false;
  bool lock_ = false;
  uint8_t repeat_ = 0;  // the last of F2 and F3
  int segment_ = -1;
  uint8_t rex_ = 0;
  OpcodeMap map_ = OpcodeMap::k1B;
  uint8_t opcode_ = 0;
  uint8_t modrm_ = 0;
  bool memory_ = false;
  unsigned operand_size_ = 4;
};

bool Decoding::ReadPrefixes(uint8_t* opcode) {
  for (;;) {
    uint8_t byte;
    if (!Next(&byte)) return false;
    switch (byte) {
      case 0x66:
        operand_prefix_ = true;
        break;
      case 0x67:
        address_prefix_ = true;
        break;
      case 0xf0:
        lock_ = true;
        break;
      case 0xf2:
      case 0xf3:
        repeat_ = byte;
        break;
      // In 64-bit mode only FS and GS override; the others are ignored.
      case 0x26:
        if (!is64_) segment_ = kEs;
        break;
      case 0x2e:
        if (!is64_) segment_ = kCs;
        break;
      case 0x36:
        if (!is64_) segment_ = kSs;
        break;
      case 0x3e:
        if (!is64_) segment_ = kDs;
        break;
      case 0x64:
        segment_ = kFs;
        break;
      case 0x65:
        segment_ = kGs;
        break;
      default:
        if (is64_ && (byte & 0xf0) == 0x40) {
          rex_ = byte;
          continue;
        }
        *opcode = byte;
        return true;
    }
    rex_ = 0;  // a REX prefix counts only right before the opcode
  }
}

bool Decoding::ReadOpcode(uint8_t opcode) {
  map_ = OpcodeMap::k1B;
  if (opcode == 0x0f) {
    map_ = OpcodeMap::k0F;
    if (!Next(&opcode)) return false;
    if (opcode == 0x38 || opcode == 0x3a) {
      map_ = opcode == 0x38 ? OpcodeMap::k38 : OpcodeMap::k3A;
      if (!Next(&opcode)) return false;
    }
  }
  opcode_ = opcode;
  return true;
}

const InstructionRow* Decoding::SelectRow(const OpcodeRows& candidates) {
  const absl::Span<const InstructionRow> table = InstructionTable();
  const int reg = (modrm_ >> 3) & 7;
  const int rm = modrm_ & 7;
  const int mod = (modrm_ >> 6) == 3 ? 2 : 1;
  for (uint16_t i : candidates.rows) {
    const InstructionRow& row = table[i];
    if (row.modes == Modes::L && !is64_) continue;
    if (row.modes == Modes::N && is64_) continue;
    bool match = true;
    switch (row.prefix) {
      case Prefix::Any:
        break;
      case Prefix::NP:
        match = !repeat_ && !operand_prefix_;
        break;
      case Prefix::P66:
        match = !repeat_ && operand_prefix_;
        break;
      case Prefix::F3:
        match = repeat_ == 0xf3;
        break;
      case Prefix::F2:
        match = repeat_ == 0xf2;
        break;
      case Prefix::NoRep:
        match = !repeat_;
        break;
    }
    if (!match) continue;
    if (row.ext.reg >= 0 && row.ext.reg != reg) continue;
    if (row.ext.rm >= 0 && row.ext.rm != rm) continue;
    if (row.ext.mod != 0 && row.ext.mod != mod) continue;
    in_.row = i;
    return &row;
  }
  return nullptr;
}

void Decoding::SetSizes(const InstructionRow& row) {
  switch (mode_ & kDecodeSizeMask) {
    case kDecode16:
      operand_size_ = operand_prefix_ ? 4 : 2;
      in_.address_size = address_prefix_ ? 4 : 2;
      break;
    case kDecode32:
      operand_size_ = operand_prefix_ ? 2 : 4;
      in_.address_size = address_prefix_ ? 2 : 4;
      break;
    default:
      in_.address_size = address_prefix_ ? 4 : 8;
      if (row.attributes & kForce64) {
        operand_size_ = 8;
      } else if (rex_ & 8) {
        operand_size_ = 8;
      } else if (operand_prefix_) {
        operand_size_ = 2;
      } else {
        operand_size_ = (row.attributes & kDefault64) ? 8 : 4;
      }
  }
}

// SDM vol. 2, table 2-1.
bool Decoding::ReadAddress16() {
  static constexpr uint8_t kBase[8] = {kRbx, kRbx, kRbp, kRbp,
                                       kRsi, kRdi, kRbp, kRbx};
  static constexpr uint8_t kIndex[8] = {
      kRsi, kRdi, kRsi, kRdi, kZeroSlot, kZeroSlot, kZeroSlot, kZeroSlot};
  const unsigned mod = modrm_ >> 6;
  const unsigned rm = modrm_ & 7;
  uint8_t base = kBase[rm];
  int64_t disp = 0;
  if (mod == 0 && rm == 6) {
    base = kZeroSlot;
    if (!NextSigned(2, &disp)) return false;
  } else if (mod == 1 || mod == 2) {
    if (!NextSigned(mod, &disp)) return false;
  }
  in_.base = base * 8;
  in_.index = kIndex[rm] * 8;
  in_.disp = static_cast<int32_t>(disp);
  in_.segment = base == kRbp ? kSs : kDs;
  return true;
}

// SDM vol. 2, tables 2-2 and 2-3.
bool Decoding::ReadAddress() {
  if (in_.address_size == 2) return ReadAddress16();
  const unsigned mod = modrm_ >> 6;
  unsigned base = (modrm_ & 7);
  unsigned index = kZeroSlot;
  unsigned disp_size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
  if (base == 4) {
    uint8_t sib;
    if (!Next(&sib)) return false;
    in_.scale = sib >> 6;
    index = ((sib >> 3) & 7) | ((rex_ & 2) << 2);
    if (index == kRsp) index = kZeroSlot;
    base = sib & 7;
    if (base == 5 && mod == 0) {
      base = kZeroSlot;
      disp_size = 4;
    } else {
      base |= (rex_ & 1) << 3;
    }
  } else if (base == 5 && mod == 0) {
    base = is64_ ? kRip : kZeroSlot;
    disp_size = 4;
  } else {
    base |= (rex_ & 1) << 3;
  }
  int64_t disp = 0;
  if (disp_size && !NextSigned(disp_size, &disp)) return false;
  in_.base = static_cast<uint8_t>(base * 8);
  in_.index = static_cast<uint8_t>(index * 8);
  in_.disp = static_cast<int32_t>(disp);
  in_.segment = base == kRsp || base == kRbp ? kSs : kDs;
  return true;
}

unsigned Decoding::SizeOf(OperandSize size, bool memory) const {
  switch (size) {
    case OperandSize::kNone:
      return 0;
    case OperandSize::k1:
      return 1;
    case OperandSize::k2:
      return 2;
    case OperandSize::k4:
      return 4;
    case OperandSize::k8:
      return 8;
    case OperandSize::k10:
      return 10;
    case OperandSize::k16:
      return 16;
    case OperandSize::kV:
      return operand_size_;
    case OperandSize::kZ:
      return std::min(operand_size_, 4u);
    case OperandSize::kY:
      return (rex_ & 8) ? 8 : 4;
    case OperandSize::kNative:
      return is64_ ? 8 : 4;
    case OperandSize::k1OrReg4:
      return memory ? 1 : 4;
    case OperandSize::k2OrReg4:
      return memory ? 2 : 4;
    case OperandSize::k2OrRegV:
      return memory ? 2 : operand_size_;
  }
  return 0;
}

bool Decoding::ReadImmediates(const InstructionRow& row) {
  bool first = true;
  for (Operand operand : row.operands) {
    const OperandTraits& traits = TraitsOf(operand);
    int64_t value = 0;
    if (traits.place == OperandPlace::kMoffs) {
      if (!NextSigned(in_.address_size, &value)) return false;
      if (in_.address_size < 8)
        value &= (int64_t{1} << (8 * in_.address_size)) - 1;
      in_.imm = static_cast<uint64_t>(value);
      continue;
    }
    if (traits.place != OperandPlace::kImmediate) continue;
    if (operand == Operand::One) {
      in_.imm = 1;
      continue;
    }
    if (!NextSigned(SizeOf(traits.size, false), &value)) return false;
    if (operand == Operand::Iw) value &= 0xffff;
    if (first) {
      in_.imm = static_cast<uint64_t>(value);
      first = false;
    } else {
      in_.disp = static_cast<int32_t>(value);
    }
    if (operand == Operand::Ap) {
      in_.imm &= operand_size_ == 2 ? 0xffffull : 0xffffffffull;
      if (!NextSigned(2, &value)) return false;
      in_.disp = static_cast<int32_t>(value & 0xffff);
    }
  }
  return true;
}

uint8_t Decoding::RegisterOf(const OperandTraits& traits) const {
  unsigned number = 0;
  switch (traits.place) {
    case OperandPlace::kImplicit:
      return traits.implicit;
    case OperandPlace::kModRmReg:
      number = ((modrm_ >> 3) & 7) | ((rex_ & 4) << 1);
      break;
    case OperandPlace::kOpcode:
      number = (opcode_ & 7) | ((rex_ & 1) << 3);
      break;
    default:
      number = (modrm_ & 7) | ((rex_ & 1) << 3);
  }
  if (traits.registers == RegisterClass::kNumber)
    return static_cast<uint8_t>(number);
  if (traits.size == OperandSize::k1 && !rex_ && number >= 4)
    return static_cast<uint8_t>((number - 4) * 8 + 1);  // AH, CH, DH, BH
  return static_cast<uint8_t>(number * 8);
}

void Decoding::SetOperands(const InstructionRow& row) {
  // Which of R, M, I the first two operands are.
  char kinds[2] = {0, 0};
  unsigned size = 0;
  for (int i = 0; i < 3; ++i) {
    const Operand operand = row.operands[i];
    const OperandTraits& traits = TraitsOf(operand);
    char kind = 0;
    switch (traits.place) {
      case OperandPlace::kNone:
      case OperandPlace::kString:
        break;
      case OperandPlace::kImmediate:
        kind = 'I';
        break;
      case OperandPlace::kMoffs:
        kind = 'M';
        break;
      case OperandPlace::kModRmRm:
      case OperandPlace::kModRmMemory:
        kind = memory_ ? 'M' : 'R';
        break;
      default:
        kind = 'R';
    }
    if (size == 0 && kind != 'I') size = SizeOf(traits.size, memory_);
    if (i == 2) break;
    kinds[i] = kind;
    if (kind == 'R') {
      uint8_t number = RegisterOf(traits);
      // MMX, x87 and segment registers ignore REX extensions.
      if (operand == Operand::Pq || operand == Operand::Qq ||
          operand == Operand::Qd || operand == Operand::Nq ||
          operand == Operand::Sw || operand == Operand::STi)
        number &= 7;
      (i == 0 ? in_.dst : in_.src) = number;
    }
  }
  in_.size = static_cast<uint8_t>(size ? size : operand_size_);
  if (kinds[0] == 'R') {
    in_.form = kinds[1] == 'R'   ? Form::kRR
               : kinds[1] == 'M' ? Form::kRM
               : kinds[1] == 'I' ? Form::kRI
                                 : Form::kR;
  } else if (kinds[0] == 'M') {
    in_.form = kinds[1] == 'R'   ? Form::kMR
               : kinds[1] == 'I' ? Form::kMI
                                 : Form::kM;
  } else if (kinds[0] == 'I') {
    in_.form = Form::kI;
  } else {
    in_.form = Form::kNone;
  }
}

Handler Decoding::HandlerFor(const InstructionRow& row) const {
  const uint32_t attributes = row.attributes;
  if (lock_ && (!(attributes & kLockable) ||
                (in_.form != Form::kM && in_.form != Form::kMR &&
                 in_.form != Form::kMI)))
    return &HandleInvalid;
  for (Operand operand : row.operands) {
    const OperandPlace place = TraitsOf(operand).place;
    if (place == OperandPlace::kModRmMemory && !memory_) return &HandleInvalid;
    if (place == OperandPlace::kModRmRmReg && memory_) return &HandleInvalid;
  }
  if ((attributes & kMmx) && (mode_ & kDecodeMmxUd)) return &HandleInvalid;
  if ((attributes & kSse) && (mode_ & kDecodeSseUd)) return &HandleInvalid;
  if ((attributes & (kMmx | kSse)) && (mode_ & kDecodeTaskSwitched))
    return &HandleNotAvailable;
  if ((attributes & kX87) && (mode_ & kDecodeX87Nm)) return &HandleNotAvailable;
  if ((attributes & kPrivileged) && (mode_ & kDecodeUser))
    return &HandlePrivileged;
  return row.selector(in_);
}

DecodeResult Decoding::Run() {
  in_ = Insn{};
  in_.base = in_.index = kZeroSlot * 8;
  in_.segment = kDs;
  in_.address_kind = AddressKind::kSlow;
  uint8_t opcode;
  if (!ReadPrefixes(&opcode) || !ReadOpcode(opcode)) return Out();
  const OpcodeRows& candidates = Index().Find(map_, opcode_);
  if (candidates.rows.empty()) return Replace(&HandleInvalid);
  if (candidates.has_modrm && !Next(&modrm_)) return Out();
  const InstructionRow* row = SelectRow(candidates);
  if (!row) return Replace(&HandleInvalid);
  SetSizes(*row);
  if (candidates.has_modrm) {
    const bool always_register = std::any_of(
        std::begin(row->operands), std::end(row->operands),
        [](Operand operand) {
          return TraitsOf(operand).place == OperandPlace::kModRmAlwaysReg;
        });
    memory_ = (modrm_ >> 6) != 3 && !always_register;
    if (memory_ && !ReadAddress()) return Out();
  }
  if (!ReadImmediates(*row)) return Out();
  if (segment_ >= 0) in_.segment = static_cast<uint8_t>(segment_) & 7;
  if (is64_ && in_.address_size == 8 && in_.segment < kFs)
    in_.address_kind = AddressKind::kFlat64;
  in_.prefixes = static_cast<uint8_t>(
      (lock_ ? kPrefixLock : 0) | (repeat_ == 0xf3 ? kPrefixRep : 0) |
      (repeat_ == 0xf2 ? kPrefixRepne : 0) | (rex_ ? kPrefixRex : 0) |
      ((rex_ & 8) ? kPrefixRexW : 0) | (operand_prefix_ ? kPrefix66 : 0));
  SetOperands(*row);
  in_.length = static_cast<uint8_t>(at_);
  in_.handler = HandlerFor(*row);
  if (in_.handler == &HandleInvalid) in_.row = kNoRow;
  return DecodeResult::kDone;
}

}  // namespace

bool EndsBlock(const Insn& insn) {
  return insn.row == kNoRow ||
         (InstructionTable()[insn.row].attributes & kEndsBlock);
}

DecodeResult Decode(const uint8_t* bytes, unsigned available, uint32_t mode,
                    Insn* insn) {
  return Decoding(bytes, available, mode, insn).Run();
}

}  // namespace librr::pc
