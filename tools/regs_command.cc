// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr regs: the registers at a position.
#include "absl/strings/str_format.h"
#include "librr/inspection.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr size_t kMaxNumberBytes = 8;

void WriteJson(const Machine& machine) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("cpus").BeginArray();
  for (int vcpu = 0; vcpu < machine.vcpu_count(); ++vcpu) {
    const std::vector<RegisterValue> registers = machine.Registers(vcpu);
    json.BeginObject();
    for (const RegisterValue& value : registers) {
      json.Key(value.name);
      if (value.bytes.size() <= kMaxNumberBytes) {
        json.Number(*RegisterNumber({&value, 1}, value.name));
      } else {
        json.Text(RegisterHex(value));
      }
    }
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WriteText(const Machine& machine) {
  absl::PrintF("position %d, %s s\n", machine.position().value(),
               FormatSeconds(machine.time()));
  for (int vcpu = 0; vcpu < machine.vcpu_count(); ++vcpu) {
    absl::PrintF("cpu%d, next %s\n", vcpu,
                 DescribeNextInstruction(machine, vcpu));
    for (const RegisterValue& value : machine.Registers(vcpu)) {
      absl::PrintF("  %-10s %s\n", value.name, RegisterHex(value));
    }
  }
}

absl::StatusOr<int> Regs(const Arguments& arguments) {
  const absl::StatusOr<OpenedAt> opened = OpenAtPosition(arguments);
  if (!opened.ok()) return opened.status();
  const Machine& machine = opened->machine();
  if (arguments.Has("json")) {
    WriteJson(machine);
  } else {
    WriteText(machine);
  }
  return kExitDone;
}

}  // namespace

const Command& RegsCommand() {
  static const Command command{
      .name = "regs",
      .words = "T.vmrr",
      .summary = "the registers at a position",
      .details =
          R"(Replays up to the position. Names are gdb's; the position counts executed steps,
and the state is the one before the next step.)",
      .examples = R"(  vmrr regs boot.vmrr --at 1000000
  vmrr regs boot.vmrr --at end --json)",
      .min_words = 1,
      .max_words = 1,
      .options = {kAtOption, kReplayOptions, kJsonOption, kCommonOptions},
      .run = &Regs};
  return command;
}

}  // namespace librr::tools
