// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// How a case of the differential test is made: the class behind BuildCase.
//
//   choose registers and flags     differential_operands.cc
//   choose prefixes, registers     differential_encoding.cc
//   choose implicit operands, the address, memory    both
//   write the bytes                differential_encoding.cc
//
// One CaseBuilder makes one case.
#ifndef LIBRR_TESTS_CPU_DIFFERENTIAL_BUILDER_H_
#define LIBRR_TESTS_CPU_DIFFERENTIAL_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "machines/pc/cpu/instruction_table.h"
#include "machines/pc/cpu/operand_traits.h"
#include "machines/pc/cpu/registers.h"
#include "tests/cpu/differential_case.h"
#include "tests/cpu/differential_random.h"

namespace librr::pc {

bool HasOperand(const InstructionRow& row, Operand operand);
bool HasPlace(const InstructionRow& row, OperandPlace place);
bool HasSize(const InstructionRow& row, OperandSize size);
bool UsesModRm(const InstructionRow& row);
bool UsesStack(std::string_view mnemonic);

// The builder of one case.
class CaseBuilder {
 public:
  CaseBuilder(const Shape& shape, uint64_t seed)
      : shape_(shape),
        row_(shape.table_row()),
        name_(row_.mnemonic),
        random_(seed) {
    test_.shape = shape;
  }
  std::optional<TestCase> Build();

 private:
  uint64_t& gpr(GprIndex i) { return test_.input.gpr[i]; }
  uint64_t AddressMask() const {
    return shape_.code32 || address_prefix_ ? 0xffffffffull : ~0ull;
  }
  unsigned AnyRegister() {
    return static_cast<unsigned>(random_.Below(shape_.code32 ? 8 : 16));
  }
  OperandKind AnyKind();
  uint64_t SafeDataAddress(uint64_t bytes, uint64_t alignment);
  uint64_t DataAddress(uint64_t bytes, uint64_t alignment);
  uint64_t LandingPad();
  void Patch(uint64_t address, const void* bytes, size_t size);
  void PatchRandom(uint64_t address, size_t size, OperandKind kind);

  void ChooseState();
  void ChooseX87(FxImage* fx);
  void ChoosePrefixes();
  void ChooseRegisters();
  void ChooseImplicitOperands();
  void ChooseString();
  void ChooseStack();
  void ChooseAddress();
  void ChooseExplicitOperands();
  void FillMemoryOperand();
  unsigned AccessBytes() const;
  uint64_t AccessAlignment();

  void Emit(uint64_t value, unsigned bytes);
  void EmitPrefixes();
  void EmitModRm();
  void EmitImmediates();

  const Shape shape_;
  const InstructionRow& row_;
  const std::string_view name_;
  Random random_;
  TestCase test_;

  // Prefixes.
  bool operand_prefix_ = false;
  bool address_prefix_ = false;
  bool lock_ = false;
  uint8_t repeat_ = 0;
  uint8_t segment_ = 0;
  bool rex_w_ = false;
  bool force_rex_ = false;
  // Operands. Numbers include REX extensions.
  unsigned reg_ = 0, rm_ = 0, opcode_register_ = 0;
  uint32_t reserved_ = 0;  // registers that an address may not be built from
  // A branch goes to an address that is not canonical. The stack is good then:
  // which fault comes first is not architectural.
  bool bad_target_ = false;
  bool free_address_ = false;  // LEA: any address will do
  // The addressing form.
  unsigned mod_ = 3, base_ = 0, index_ = 4, scale_ = 0;
  bool sib_ = false, rip_relative_ = false;
  int64_t displacement_ = 0;
  unsigned displacement_bytes_ = 0;
  size_t rip_relative_at_ = 0;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_CPU_DIFFERENTIAL_BUILDER_H_
