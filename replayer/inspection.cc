// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/inspection.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr/disassembler.h"

namespace librr {
namespace {

constexpr uint64_t kPageSize = 4096;
constexpr size_t kMaxInstructionBytes = 15;    // Intel SDM vol. 2, 2.3.11
constexpr uint64_t kLongModeActive = 1 << 10;  // EFER.LMA, vol. 3, 2.2.1
constexpr uint64_t kProtectionEnable = 1;      // CR0.PE, vol. 3, 2.5
constexpr uint64_t kLinuxUser32Selector = 0x23;

}  // namespace

std::optional<uint64_t> RegisterNumber(
    absl::Span<const RegisterValue> registers, std::string_view name) {
  for (const RegisterValue& value : registers) {
    if (value.name != name) continue;
    uint64_t number = 0;
    for (size_t i = std::min<size_t>(value.bytes.size(), 8); i-- > 0;) {
      number = number << 8 | value.bytes[i];
    }
    return number;
  }
  return std::nullopt;
}

std::string RegisterHex(const RegisterValue& value) {
  std::string digits;
  for (size_t i = value.bytes.size(); i-- > 0;) {
    absl::StrAppendFormat(&digits, "%02x", value.bytes[i]);
  }
  const size_t first = digits.find_first_not_of('0');
  if (first == std::string::npos) return "0x0";
  return "0x" + digits.substr(first);
}

int CodeBits(absl::Span<const RegisterValue> registers) {
  if ((RegisterNumber(registers, "efer").value_or(0) & kLongModeActive) != 0) {
    return RegisterNumber(registers, "cs") == kLinuxUser32Selector ? 32 : 64;
  }
  const uint64_t cr0 =
      RegisterNumber(registers, "cr0").value_or(kProtectionEnable);
  return (cr0 & kProtectionEnable) != 0 ? 32 : 16;
}

uint64_t CodeAddress(absl::Span<const RegisterValue> registers) {
  const uint64_t rip = RegisterNumber(registers, "rip").value_or(0);
  if (CodeBits(registers) == 64) return rip;
  const uint64_t base = RegisterNumber(registers, "cs_base").value_or(0);
  return (base + rip) & 0xffffffff;
}

std::vector<uint8_t> ReadVirtual(const Machine& machine, int vcpu,
                                 GuestVirtual address, size_t size) {
  std::vector<uint8_t> out;
  while (out.size() < size) {
    const GuestVirtual at = address + out.size();
    const size_t chunk =
        std::min<size_t>(size - out.size(), kPageSize - at.value() % kPageSize);
    const absl::StatusOr<GuestPhysical> physical = machine.Translate(vcpu, at);
    if (!physical.ok()) break;
    const size_t had = out.size();
    out.resize(had + chunk);
    if (!machine.ReadPhysical(*physical, absl::MakeSpan(&out[had], chunk))
             .ok()) {
      out.resize(had);
      break;
    }
    // The end of the address space.
    if (at.value() + chunk < at.value()) break;
  }
  return out;
}

std::string DescribeNextInstruction(const Machine& machine, int vcpu) {
  const std::vector<RegisterValue> registers = machine.Registers(vcpu);
  const uint64_t address = CodeAddress(registers);
  const std::vector<uint8_t> code =
      ReadVirtual(machine, vcpu, GuestVirtual(address), kMaxInstructionBytes);
  const std::vector<DisassembledInstruction> instructions =
      DisassembleX86(code, address, CodeBits(registers), 1);
  return absl::StrCat(
      "0x", absl::Hex(address), ": ",
      instructions.empty() ? "(not mapped)" : instructions.front().text);
}

}  // namespace librr
