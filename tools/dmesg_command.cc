// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr dmesg: the log of the guest's kernel at a position.
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "librr/linux_report.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/linux_argument.h"
#include "tools/machine_options.h"

namespace librr::tools {
namespace {

void WriteJson(const Machine& machine, const std::vector<LinuxLogRecord>& log) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("records").BeginArray();
  for (const LinuxLogRecord& record : log) {
    json.BeginObject();
    json.Key("sequence").Number(record.sequence);
    json.Key("time_ns").Number(record.time_ns);
    json.Key("level").Number(record.level);
    json.Key("facility").Number(record.facility);
    json.Key("text").Text(record.text);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

// As dmesg: each line of a record begins with its time.
absl::StatusOr<int> Dmesg(const Arguments& arguments) {
  const absl::StatusOr<LinuxAt> opened = OpenLinuxAt(arguments);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<std::vector<LinuxLogRecord>> log = opened->guest->Log();
  if (!log.ok()) return opened->Error(log.status());
  if (arguments.Has("json")) {
    WriteJson(opened->machine(), *log);
  } else {
    std::cout << LogReport(*log);
  }
  return kExitDone;
}

}  // namespace

const Command& DmesgCommand() {
  static const Command command{
      .name = "dmesg",
      .words = "T.vmrr",
      .summary = "the log of the guest's kernel at a position",
      .details =
          R"(Reads the kernel's ring buffer from the guest's memory: also what never reached
a console, and what a kernel that has hung could no longer print.)",
      .examples = R"(  vmrr dmesg boot.vmrr --at end)",
      .min_words = 1,
      .max_words = 1,
      .options = {kAtOption, kLinuxOptions, kReplayOptions, kJsonOption,
                  kCommonOptions},
      .run = &Dmesg};
  return command;
}

}  // namespace librr::tools
