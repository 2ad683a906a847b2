// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Encodings: prefixes, ModRM, SIB, displacements, immediates.
#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "tests/cpu/differential_builder.h"

namespace librr::pc {

void CaseBuilder::ChoosePrefixes() {
  switch (row_.prefix) {
    case Prefix::P66:
      operand_prefix_ = true;
      break;
    case Prefix::F2:
      repeat_ = 0xf2;
      break;
    case Prefix::F3:
      repeat_ = 0xf3;
      break;
    case Prefix::Any:
    case Prefix::NP:
    case Prefix::NoRep:
      break;
  }
  const bool force64 = row_.attributes & kForce64;
  if (shape_.size == 8) {
    rex_w_ =
        !force64 && (!(row_.attributes & kDefault64) || random_.Percent(10));
  } else if (shape_.size == 2) {
    operand_prefix_ = true;
  }
  if (!shape_.code32 && random_.Percent(5)) force_rex_ = true;
  if (!force64 && random_.Percent(6)) {
    static constexpr uint8_t kSegments[] = {0x26, 0x2e, 0x36, 0x3e, 0x65};
    segment_ = kSegments[random_.Below(shape_.code32 ? 4 : 5)];
  }
  if (!shape_.code32 && random_.Percent(6)) address_prefix_ = true;
  // Ignored repeat prefixes. (Some CPUs let them select LOOPE or LOOPNE.)
  if (row_.map == OpcodeMap::k1B && row_.prefix == Prefix::Any &&
      !(row_.attributes & kString) && row_.opcode != 0x90 &&
      name_.substr(0, 4) != "loop" && random_.Percent(3))
    repeat_ = random_.Percent(50) ? 0xf2 : 0xf3;
  if ((row_.attributes & kLockable) && shape_.memory) {
    lock_ = random_.Percent(15);
  } else {
    lock_ = random_.Percent(1);
  }
}

void CaseBuilder::ChooseRegisters() {
  reg_ =
      row_.ext.reg >= 0 ? static_cast<unsigned>(row_.ext.reg) : AnyRegister();
  rm_ = row_.ext.rm >= 0 ? static_cast<unsigned>(row_.ext.rm) : AnyRegister();
  opcode_register_ = AnyRegister();
  for (Operand operand : row_.operands) {
    if (operand == Operand::Sw) reg_ %= 6;
    if (operand == Operand::Dy) reg_ &= 7;
    if (operand == Operand::Cy) {
      // Whether the others are #UD or #GP for the user depends on the CPU.
      static constexpr unsigned kRegisters[] = {0, 2, 3, 4};
      reg_ = kRegisters[random_.Below(std::size(kRegisters))];
    }
    if (operand == Operand::STi) rm_ &= 7;
    if (operand == Operand::Pq) reg_ &= 7;
    if (operand == Operand::Nq || operand == Operand::Qq ||
        operand == Operand::Qd)
      rm_ &= 7;
  }
}

unsigned CaseBuilder::AccessBytes() const {
  if (name_ == "fxsave" || name_ == "fxrstor") return 512;
  if (name_ == "fnsave" || name_ == "frstor") return 108;
  if (name_ == "fnstenv" || name_ == "fldenv") return 28;
  if (name_ == "clflush") return 1;
  for (Operand operand : row_.operands) {
    const OperandTraits& traits = TraitsOf(operand);
    if (traits.place != OperandPlace::kModRmRm &&
        traits.place != OperandPlace::kModRmMemory &&
        traits.place != OperandPlace::kMoffs)
      continue;
    switch (traits.size) {
      case OperandSize::k1:
      case OperandSize::k1OrReg4:
        return 1;
      case OperandSize::k2:
      case OperandSize::k2OrReg4:
      case OperandSize::k2OrRegV:
        return 2;
      case OperandSize::k4:
        return 4;
      case OperandSize::k8:
        return 8;
      case OperandSize::k10:
        return 10;
      case OperandSize::k16:
        return 16;
      default:
        return name_ == "cmpxchg8b" ? 2 * static_cast<unsigned>(shape_.size)
                                    : static_cast<unsigned>(shape_.size);
    }
  }
  return 16;
}

uint64_t CaseBuilder::AccessAlignment() {
  const unsigned bytes = AccessBytes();
  // A locked access across cache lines is slow or forbidden on some hosts.
  if (lock_ || name_ == "xchg") return bytes == 16 ? 16 : bytes;
  // AMD reads 4 bytes even if the operand size is 16 bits, Intel 2.
  if (name_ == "movsxd") return 4;
  if (bytes == 512) return random_.Percent(90) ? 16 : 1;
  if (bytes == 16)
    return random_.Percent(85) ? 16 : random_.Percent(50) ? 8 : 1;
  return 1;
}

void CaseBuilder::ChooseAddress() {
  if (HasPlace(row_, OperandPlace::kMoffs)) {
    test_.operand = DataAddress(8, 1);
    return;
  }
  free_address_ = name_ == "lea" && random_.Percent(70);
  uint64_t target = DataAddress(AccessBytes(), AccessAlignment());
  if (!shape_.code32 && !address_prefix_ && random_.Percent(1))
    target = (target & ~63ull) | 0x0000900000000000ull;
  const auto pick = [this] {
    unsigned r;
    do {
      r = AnyRegister();
    } while (reserved_ & (1u << r));
    return r;
  };
  const uint64_t mask = AddressMask();
  const uint64_t form = random_.Below(20);
  mod_ = 0;
  if (form == 0 && !shape_.code32) {  // RIP-relative
    rip_relative_ = true;
    displacement_bytes_ = 4;
    test_.operand = target;
    return;
  }
  static constexpr unsigned kDisplacementBytes[] = {0, 1, 4};
  displacement_bytes_ = kDisplacementBytes[random_.Below(3)];
  displacement_ = displacement_bytes_ == 0 ? 0
                  : displacement_bytes_ == 1
                      ? static_cast<int8_t>(random_.Next())
                      : static_cast<int32_t>(random_.Next());
  const bool has_base = form >= 4;
  const bool has_index = form <= 3 ? form >= 2 : form >= 12;
  if (!has_base) displacement_bytes_ = 4;
  uint64_t rest = target;
  if (has_index) {
    do {
      index_ = pick();
    } while (index_ == 4);
    scale_ = static_cast<unsigned>(random_.Below(4));
    sib_ = true;
    if (!free_address_) {
      uint64_t& value = test_.input.gpr[index_];
      if (!has_base) value = random_.Below(0x100000);
      if ((mask >> 32) == 0 && random_.Percent(50))
        value ^= random_.Next() << 32;
      rest -= value << scale_;
    }
  }
  if (has_base) {
    do {
      base_ = pick();
    } while (has_index && base_ == index_);
    // The stack pointer as a base keeps its value.
    const bool based_on_stack = UsesStack(name_) && random_.Percent(10);
    if (based_on_stack) base_ = kRsp;
    if ((base_ & 7) == 4) sib_ = true;
    if (random_.Percent(5)) sib_ = true;
    if ((base_ & 7) == 5 && displacement_bytes_ == 0) {
      displacement_bytes_ = 1;
      displacement_ = 0;
    }
    mod_ = displacement_bytes_ == 0 ? 0 : displacement_bytes_ == 1 ? 1 : 2;
    if (based_on_stack) {
      displacement_ = static_cast<int8_t>(displacement_);
      if (has_index) test_.input.gpr[index_] = random_.Below(8);
      target = gpr(kRsp) + static_cast<uint64_t>(displacement_) +
               (has_index ? test_.input.gpr[index_] << scale_ : 0);
    } else if (!free_address_) {
      uint64_t value = rest - static_cast<uint64_t>(displacement_);
      if ((mask >> 32) == 0)
        value =
            (value & mask) | (random_.Percent(50) ? random_.Next() << 32 : 0);
      test_.input.gpr[base_] = value;
    }
  } else {
    sib_ = sib_ || !shape_.code32;
    base_ = 5;
    if (!free_address_) {
      displacement_ = static_cast<int32_t>(rest);
      if (static_cast<uint64_t>(displacement_) != rest && (mask >> 32) != 0) {
        // Out of reach of the displacement: the index alone decides.
        target = (has_index ? test_.input.gpr[index_] << scale_ : 0) +
                 static_cast<uint64_t>(displacement_);
      }
    }
  }
  if (shape_.code32 && segment_ == 0x2e && random_.Percent(50)) segment_ = 0;
  test_.operand = target & mask;
}

void CaseBuilder::Emit(uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; ++i)
    test_.bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void CaseBuilder::EmitPrefixes() {
  std::vector<uint8_t> prefixes;
  if (operand_prefix_) prefixes.push_back(0x66);
  if (address_prefix_) prefixes.push_back(0x67);
  if (repeat_) prefixes.push_back(repeat_);
  if (segment_) prefixes.push_back(segment_);
  if (lock_) prefixes.push_back(0xf0);
  for (size_t i = prefixes.size(); i > 1; --i)
    std::swap(prefixes[i - 1], prefixes[random_.Below(i)]);
  for (uint8_t prefix : prefixes) Emit(prefix, 1);
  unsigned rex = 0;
  if (rex_w_) rex |= 8;
  if (UsesModRm(row_) && (reg_ & 8)) rex |= 4;
  if (shape_.memory) {
    if (sib_ && (index_ & 8)) rex |= 2;
    if (!rip_relative_ && (base_ & 8)) rex |= 1;
  } else if (UsesModRm(row_)) {
    if (rm_ & 8) rex |= 1;
  } else if (HasPlace(row_, OperandPlace::kOpcode) && (opcode_register_ & 8)) {
    rex |= 1;
  }
  if (rex || force_rex_) Emit(0x40 | rex, 1);
}

void CaseBuilder::EmitModRm() {
  const unsigned reg = (reg_ & 7) << 3;
  if (!shape_.memory) {
    Emit(0xc0 | reg | (rm_ & 7), 1);
    return;
  }
  if (rip_relative_) {
    Emit(reg | 5, 1);
    rip_relative_at_ = test_.bytes.size();
    Emit(0, 4);
    return;
  }
  if (sib_) {
    Emit(mod_ << 6 | reg | 4, 1);
    Emit(scale_ << 6 | (index_ & 7) << 3 | (base_ & 7), 1);
  } else {
    Emit(mod_ << 6 | reg | (base_ & 7), 1);
  }
  Emit(static_cast<uint64_t>(displacement_), displacement_bytes_);
}

void CaseBuilder::EmitImmediates() {
  for (Operand operand : row_.operands) {
    switch (operand) {
      case Operand::Ib:
      case Operand::Ibs: {
        uint64_t value =
            random_.Percent(50) ? random_.Next() : random_.Below(40);
        if (name_ == "enter") value = random_.Below(40);
        test_.shift_count = static_cast<uint8_t>(value);
        Emit(value, 1);
        break;
      }
      case Operand::Iw:
        Emit(random_.Percent(80) ? random_.Below(128) : random_.Next(), 2);
        break;
      case Operand::Iz:
        Emit(random_.Integer(), shape_.size == 2 ? 2 : 4);
        break;
      case Operand::Iv:
        Emit(random_.Integer(), static_cast<unsigned>(shape_.size));
        break;
      case Operand::Jb: {
        const auto before = -static_cast<int>(test_.bytes.size()) - 1;
        int displacement;
        do {
          displacement = static_cast<int8_t>(random_.Next());
        } while (displacement < 0 && displacement >= before);
        Emit(static_cast<uint64_t>(displacement), 1);
        break;
      }
      case Operand::Jz: {
        int64_t displacement =
            0x40 + static_cast<int64_t>(random_.Below(0x600));
        if (random_.Percent(50)) displacement = -displacement;
        if (random_.Percent(5)) displacement = 0x40000;
        Emit(static_cast<uint64_t>(displacement), 4);
        break;
      }
      case Operand::Ob:
      case Operand::Ov:
        Emit(test_.operand, shape_.code32 || address_prefix_ ? 4 : 8);
        PatchRandom(test_.operand, 8, OperandKind::kInteger);
        break;
      default:
        break;
    }
  }
}

}  // namespace librr::pc
