// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Looking at a machine at rest, as a debugger does: nothing here changes it.
//
//   const std::vector<RegisterValue> registers = machine.Registers(0);
//   const uint64_t pc = CodeAddress(registers);
//   std::vector<uint8_t> code = ReadVirtual(machine, 0, GuestVirtual(pc), 64);
//   DisassembleX86(code, pc, CodeBits(registers), 10);
//
// Functions without state: as thread-safe as the machine.
#ifndef LIBRR_INSPECTION_H_
#define LIBRR_INSPECTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "librr/machine.h"

namespace librr {

// The low 64 bits of a register; nullopt if there is none of this name.
std::optional<uint64_t> RegisterNumber(
    absl::Span<const RegisterValue> registers, std::string_view name);

// "0x1f" without leading zeros, from the highest byte down.
std::string RegisterHex(const RegisterValue& value);

// Whether the CPU executes 16, 32 or 64 bit code. Registers hold no code size:
// outside long mode a protected-mode CPU counts as 32 bits, and in long mode
// 32 bits are those of Linux's compatibility segment (selector 0x23).
int CodeBits(absl::Span<const RegisterValue> registers);

// The linear address of the next instruction.
uint64_t CodeAddress(absl::Span<const RegisterValue> registers);

// As much of the range as is mapped to RAM from its beginning on; empty if its
// first byte is not.
std::vector<uint8_t> ReadVirtual(const Machine& machine, int vcpu,
                                 GuestVirtual address, size_t size);

// "addr: text" of the next instruction of a vCPU, or why there is none.
std::string DescribeNextInstruction(const Machine& machine, int vcpu);

}  // namespace librr

#endif  // LIBRR_INSPECTION_H_
