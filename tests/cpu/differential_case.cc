// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/cpu/differential_case.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>
#include <utility>

#include "machines/pc/cpu/decoder.h"
#include "machines/pc/cpu/memory.h"
#include "tests/cpu/differential_builder.h"

namespace librr::pc {

using std::string_view;

bool HasOperand(const InstructionRow& row, Operand operand) {
  return std::find(std::begin(row.operands), std::end(row.operands), operand) !=
         std::end(row.operands);
}

bool UsesStack(string_view name) {
  static constexpr string_view kNames[] = {
      "push",    "pop",     "call",    "ret",    "enter",   "leave",
      "pushf",   "popf",    "pusha",   "popa",   "push fs", "push gs",
      "push es", "push cs", "push ss", "push ds"};
  return std::find(std::begin(kNames), std::end(kNames), name) !=
         std::end(kNames);
}

bool HasPlace(const InstructionRow& row, OperandPlace place) {
  return std::any_of(
      std::begin(row.operands), std::end(row.operands),
      [place](Operand operand) { return TraitsOf(operand).place == place; });
}

bool HasSize(const InstructionRow& row, OperandSize size) {
  return std::any_of(
      std::begin(row.operands), std::end(row.operands),
      [size](Operand operand) { return TraitsOf(operand).size == size; });
}

bool UsesModRm(const InstructionRow& row) {
  return row.ext.reg >= 0 || row.ext.mod != 0 ||
         HasPlace(row, OperandPlace::kModRmRm) ||
         HasPlace(row, OperandPlace::kModRmMemory) ||
         HasPlace(row, OperandPlace::kModRmRmReg) ||
         HasPlace(row, OperandPlace::kModRmAlwaysReg) ||
         HasPlace(row, OperandPlace::kModRmReg);
}

std::optional<TestCase> CaseBuilder::Build() {
  bad_target_ = random_.Percent(3);
  ChooseState();
  ChoosePrefixes();
  ChooseRegisters();
  ChooseImplicitOperands();
  ChooseExplicitOperands();
  if (shape_.code32)
    for (size_t i = 0; i < 8; ++i) test_.input.gpr[i] &= 0xffffffff;

  EmitPrefixes();
  if (row_.map != OpcodeMap::k1B) Emit(0x0f, 1);
  if (row_.map == OpcodeMap::k38) Emit(0x38, 1);
  if (row_.map == OpcodeMap::k3A) Emit(0x3a, 1);
  uint8_t opcode = row_.opcode;
  if (HasPlace(row_, OperandPlace::kOpcode)) opcode |= opcode_register_ & 7;
  Emit(opcode, 1);
  if (UsesModRm(row_)) EmitModRm();
  EmitImmediates();
  if (test_.bytes.size() > kMaxInsnBytes) return std::nullopt;

  test_.address = kCodeWindow + 0x800 + random_.Below(16);
  if (random_.Percent(4))
    test_.address =
        kCodeWindow + kPageSize - random_.Below(test_.bytes.size() + 1);
  test_.input.rip = test_.address;
  if (rip_relative_) {
    const auto displacement = static_cast<uint32_t>(
        test_.operand - test_.address - test_.bytes.size());
    std::memcpy(&test_.bytes[rip_relative_at_], &displacement, 4);
    test_.operand = test_.address + test_.bytes.size() +
                    static_cast<uint64_t>(static_cast<int32_t>(displacement));
  }
  for (Operand operand : row_.operands) {
    if (operand == Operand::CL)
      test_.shift_count = static_cast<uint8_t>(gpr(kRcx));
    if (operand == Operand::One) test_.shift_count = 1;
  }

  uint8_t padded[2 * kMaxInsnBytes];
  std::memset(padded, kPadding, sizeof(padded));
  std::memcpy(padded, test_.bytes.data(), test_.bytes.size());
  Insn insn;
  Decode(padded, sizeof(padded),
         (shape_.code32 ? kDecode32 : kDecode64) | kDecodeUser, &insn);
  if (insn.row != shape_.row || insn.length != test_.bytes.size())
    return std::nullopt;
  return std::move(test_);
}

std::string Shape::Name() const {
  return std::string(table_row().mnemonic) +
         (memory ? " memory" : " register") + " " + std::to_string(8 * size) +
         (code32 ? " in 32-bit code" : "");
}

std::vector<Shape> ShapesOf(size_t index, bool code32) {
  const InstructionRow& row = InstructionTable()[index];
  std::vector<bool> forms;
  if (HasPlace(row, OperandPlace::kModRmRm)) {
    // AMD has no register form of PREFETCHW.
    if (row.ext.mod != 1 && row.mnemonic != string_view("prefetchw"))
      forms.push_back(false);
    if (row.ext.mod != 2) forms.push_back(true);
  } else {
    forms.push_back(row.ext.mod == 1 ||
                    HasPlace(row, OperandPlace::kModRmMemory) ||
                    HasPlace(row, OperandPlace::kMoffs));
  }
  const bool no_operands = row.operands[0] == Operand::_;
  std::vector<int> sizes;
  if (row.attributes & kForce64) {
    sizes = {code32 ? 4 : 8};
  } else if (row.attributes & kDefault64) {
    sizes = code32 ? std::vector<int>{2, 4} : std::vector<int>{2, 8};
  } else if (row.prefix == Prefix::NP || row.prefix == Prefix::P66) {
    sizes = {4};
    if (!code32 &&
        (HasSize(row, OperandSize::kY) || HasSize(row, OperandSize::kV)))
      sizes.push_back(8);
  } else if (HasSize(row, OperandSize::kV) || HasSize(row, OperandSize::kZ) ||
             HasSize(row, OperandSize::k2OrRegV) || no_operands ||
             HasPlace(row, OperandPlace::kModRmMemory)) {
    sizes = code32 ? std::vector<int>{2, 4} : std::vector<int>{2, 4, 8};
  } else if (HasSize(row, OperandSize::kY)) {
    sizes = code32 ? std::vector<int>{4} : std::vector<int>{4, 8};
  } else {
    sizes = {4};
  }
  std::vector<Shape> shapes;
  for (bool memory : forms)
    for (int size : sizes) shapes.push_back({index, memory, size, code32});
  return shapes;
}

std::optional<TestCase> BuildCase(const Shape& shape, uint64_t seed) {
  return CaseBuilder(shape, seed).Build();
}

}  // namespace librr::pc
