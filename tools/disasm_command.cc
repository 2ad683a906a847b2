// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr disasm: instructions at a position.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "librr/disassembler.h"
#include "librr/inspection.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/guest_address.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr uint64_t kDefaultCount = 10;
constexpr uint64_t kMaxCount = 1'000'000;
constexpr size_t kMaxInstructionBytes = 15;

constexpr Option kDisasmTable[] = {
    {"count", 'n', "N", "how many instructions (default: 10)"}};

std::string Hex(absl::Span<const uint8_t> bytes) {
  std::string hex;
  for (const uint8_t byte : bytes) {
    absl::StrAppendFormat(&hex, "%s%02x", hex.empty() ? "" : " ", byte);
  }
  return hex;
}

void WriteJson(const Machine& machine, int bits,
               absl::Span<const DisassembledInstruction> instructions) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("bits").Number(static_cast<uint64_t>(bits));
  json.Key("instructions").BeginArray();
  for (const DisassembledInstruction& instruction : instructions) {
    json.BeginObject();
    json.Key("address").Number(instruction.address);
    json.Key("bytes").Text(Hex(instruction.bytes));
    json.Key("text").Text(instruction.text);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

absl::StatusOr<int> Disasm(const Arguments& arguments) {
  const absl::StatusOr<std::optional<uint64_t>> count =
      arguments.Number("count");
  if (!count.ok()) return count.status();
  const uint64_t wanted = count->value_or(kDefaultCount);
  if (wanted > kMaxCount) {
    return absl::InvalidArgumentError(
        absl::StrCat("--count: ", wanted, " is too many; at most ", kMaxCount));
  }
  const absl::StatusOr<OpenedAt> opened = OpenAtPosition(arguments);
  if (!opened.ok()) return opened.status();
  const Machine& machine = opened->machine();
  const absl::StatusOr<int> vcpu = VcpuOption(arguments, machine);
  if (!vcpu.ok()) return vcpu.status();
  const std::vector<RegisterValue> registers = machine.Registers(*vcpu);
  uint64_t address = CodeAddress(registers);
  if (arguments.words().size() > 1) {
    const absl::StatusOr<uint64_t> typed =
        ParseAddress(arguments.words()[1], machine, *vcpu);
    if (!typed.ok()) return typed.status();
    address = *typed;
  }
  const std::vector<uint8_t> code = ReadVirtual(
      machine, *vcpu, GuestVirtual(address), wanted * kMaxInstructionBytes);
  if (code.empty() && wanted > 0) {
    return absl::AbortedError(absl::StrCat(
        "virtual address 0x", absl::Hex(address),
        " is not mapped to memory at position ", machine.position().value()));
  }
  const int bits = CodeBits(registers);
  const std::vector<DisassembledInstruction> instructions =
      DisassembleX86(code, address, bits, wanted);
  if (arguments.Has("json")) {
    WriteJson(machine, bits, instructions);
    return kExitDone;
  }
  for (const DisassembledInstruction& instruction : instructions) {
    absl::PrintF("%#018x  %-30s  %s\n", instruction.address,
                 Hex(instruction.bytes), instruction.text);
  }
  return kExitDone;
}

}  // namespace

const Command& DisasmCommand() {
  static const Command command{
      .name = "disasm",
      .words = "T.vmrr [ADDR]",
      .summary = "instructions at a position",
      .details =
          R"(Replays up to the position and shows instructions from ADDR (a number or a
register) on, or the next ones to be executed.)",
      .examples = R"(  vmrr disasm boot.vmrr --at 1000000
  vmrr disasm boot.vmrr --at end 0xffffffff81000000 -n 20)",
      .min_words = 1,
      .max_words = 2,
      .options = {kAtOption, kDisasmTable, kCpuOption, kReplayOptions,
                  kJsonOption, kCommonOptions},
      .run = &Disasm};
  return command;
}

}  // namespace librr::tools
