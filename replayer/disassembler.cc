// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/disassembler.h"

#include <capstone/capstone.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/check.h"

namespace librr {
namespace {

// A Capstone handle and room for one instruction.
class Capstone {
 public:
  explicit Capstone(int bits) {
    const cs_mode mode = bits == 64   ? CS_MODE_64
                         : bits == 32 ? CS_MODE_32
                                      : CS_MODE_16;
    LIBRR_CHECK(cs_open(CS_ARCH_X86, mode, &handle_) == CS_ERR_OK);
    instruction_ = cs_malloc(handle_);
    LIBRR_CHECK(instruction_ != nullptr);
  }
  ~Capstone() {
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  Capstone(const Capstone&) = delete;
  Capstone& operator=(const Capstone&) = delete;

  // nullptr if no instruction begins here.
  const cs_insn* Decode(const uint8_t* code, size_t size, uint64_t address) {
    return cs_disasm_iter(handle_, &code, &size, &address, instruction_)
               ? instruction_
               : nullptr;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

}  // namespace

std::vector<DisassembledInstruction> DisassembleX86(
    absl::Span<const uint8_t> code, uint64_t address, int bits,
    size_t max_count) {
  Capstone capstone(bits);
  std::vector<DisassembledInstruction> result;
  while (!code.empty() && result.size() < max_count) {
    DisassembledInstruction out;
    out.address = address;
    size_t size = 1;
    if (const cs_insn* insn =
            capstone.Decode(code.data(), code.size(), address)) {
      size = insn->size;
      out.text = insn->mnemonic;
      if (insn->op_str[0] != '\0') {
        absl::StrAppend(&out.text, " ", insn->op_str);
      }
    } else {
      out.text = absl::StrFormat(".byte 0x%02x", code[0]);
    }
    out.bytes.assign(code.begin(), code.begin() + size);
    code.remove_prefix(size);
    address += size;
    result.push_back(std::move(out));
  }
  return result;
}

}  // namespace librr
