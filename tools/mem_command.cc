// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr mem: memory at a position.
#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "librr/inspection.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/file_bytes.h"
#include "tools/guest_address.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr size_t kBytesALine = 16;

constexpr Option kMemTable[] = {
    {"physical", 'p', "", "ADDR is physical (default: virtual)"},
    {"output", 'o', "FILE", "write the bytes to FILE, as they are"},
};

absl::StatusOr<std::vector<uint8_t>> ReadRange(const Machine& machine,
                                               bool physical, int vcpu,
                                               uint64_t address,
                                               uint64_t length) {
  const std::string where = absl::StrCat(
      "0x", absl::Hex(address), " at position ", machine.position().value());
  if (length > machine.memory_bytes()) {
    return absl::OutOfRangeError(
        absl::StrCat(length, " bytes are more than the guest's memory, ",
                     machine.memory_bytes()));
  }
  std::vector<uint8_t> bytes(physical ? length : 0);
  if (!physical) {
    bytes = ReadVirtual(machine, vcpu, GuestVirtual(address), length);
    if (bytes.size() == length) return bytes;
    return absl::AbortedError(absl::StrCat(
        "only ", bytes.size(), " of ", length,
        " bytes are mapped to memory from virtual address ", where));
  }
  const absl::Status status =
      machine.ReadPhysical(GuestPhysical(address), absl::MakeSpan(bytes));
  if (status.ok()) return bytes;
  return absl::AbortedError(absl::StrCat("there is no memory at ", length,
                                         " bytes from physical address ",
                                         where));
}

void WriteDump(uint64_t address, absl::Span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); i += kBytesALine) {
    const auto line = bytes.subspan(i, kBytesALine);
    std::string hex;
    std::string text;
    for (size_t j = 0; j < kBytesALine; ++j) {
      if (j == kBytesALine / 2) hex.push_back(' ');
      if (j >= line.size()) {
        hex += "   ";
        continue;
      }
      absl::StrAppendFormat(&hex, " %02x", line[j]);
      text.push_back(
          line[j] >= 0x20 && line[j] < 0x7f ? static_cast<char>(line[j]) : '.');
    }
    absl::PrintF("%016x %s  |%s|\n", address + i, hex, text);
  }
}

void WriteJson(const Machine& machine, bool physical, uint64_t address,
               absl::Span<const uint8_t> bytes) {
  std::string hex;
  for (const uint8_t byte : bytes) absl::StrAppendFormat(&hex, "%02x", byte);
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("address").Number(address);
  json.Key("length").Number(bytes.size());
  json.Key("physical").Bool(physical);
  json.Key("bytes").Text(hex);
  json.EndObject();
}

absl::StatusOr<int> Mem(const Arguments& arguments) {
  const std::optional<std::string> path = arguments.Text("output");
  const absl::StatusOr<uint64_t> length =
      ParseNumber(arguments.words()[2], "length");
  if (!length.ok()) return length.status();
  OutputFile file;
  if (path.has_value()) {
    absl::StatusOr<OutputFile> opened = OpenOutputFile(*path);
    if (!opened.ok()) return opened.status();
    file = *std::move(opened);
  }
  const absl::StatusOr<OpenedAt> opened = OpenAtPosition(arguments);
  if (!opened.ok()) return opened.status();
  const Machine& machine = opened->machine();
  const absl::StatusOr<int> vcpu = VcpuOption(arguments, machine);
  if (!vcpu.ok()) return vcpu.status();
  const absl::StatusOr<uint64_t> address =
      ParseAddress(arguments.words()[1], machine, *vcpu);
  if (!address.ok()) return address.status();
  const bool physical = arguments.Has("physical");
  const absl::StatusOr<std::vector<uint8_t>> bytes =
      ReadRange(machine, physical, *vcpu, *address, *length);
  if (!bytes.ok()) return bytes.status();
  if (file != nullptr) {
    std::fwrite(bytes->data(), 1, bytes->size(), file.get());
    if (absl::Status status = FinishOutput(file.get(), *path); !status.ok()) {
      return status;
    }
    Say(absl::StrCat("wrote ", bytes->size(), " bytes to ", *path));
  } else if (!arguments.Has("json")) {
    WriteDump(*address, *bytes);
  }
  if (arguments.Has("json")) WriteJson(machine, physical, *address, *bytes);
  return kExitDone;
}

}  // namespace

const Command& MemCommand() {
  static const Command command{
      .name = "mem",
      .words = "T.vmrr ADDR LEN",
      .summary = "memory at a position",
      .details =
          R"(Replays up to the position and shows LEN bytes. ADDR is a number (0x for
hexadecimal) or a register, such as rsp. Exit code 1 if there is no memory.)",
      .examples = R"(  vmrr mem boot.vmrr --at end rsp 64
  vmrr mem boot.vmrr --at 1000000 0xffffffff81000000 256
  vmrr mem boot.vmrr --at 1000000 --physical 0x1000000 4096 -o page.bin)",
      .min_words = 3,
      .max_words = 3,
      .options = {kAtOption, kMemTable, kCpuOption, kReplayOptions, kJsonOption,
                  kCommonOptions},
      .run = &Mem};
  return command;
}

}  // namespace librr::tools
