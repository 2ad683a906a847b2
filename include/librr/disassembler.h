// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Instructions as text, for people. Nothing that a guest can see depends on it.
//
//   for (const DisassembledInstruction& instruction :
//        DisassembleX86(bytes, 0xffffffff81000000, 64, 10)) {
//     std::cout << instruction.text << "\n";
//   }
//
// Functions without state: callable from any thread.
#ifndef LIBRR_DISASSEMBLER_H_
#define LIBRR_DISASSEMBLER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace librr {

struct DisassembledInstruction {
  uint64_t address = 0;
  std::vector<uint8_t> bytes;
  std::string text;  // "mov rax, qword ptr [rbx + 8]"
};

// At most `max_count` instructions from the front of `code`, which is at
// `address` in a CPU mode of 16, 32 or 64 bits. A byte that begins no
// instruction comes as ".byte 0x0f". An instruction cut off by the end of
// `code` does too.
std::vector<DisassembledInstruction> DisassembleX86(
    absl::Span<const uint8_t> code, uint64_t address, int bits,
    size_t max_count);

}  // namespace librr

#endif  // LIBRR_DISASSEMBLER_H_
