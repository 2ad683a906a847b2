// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr maps: the memory areas of a process of the guest.
#include "absl/strings/str_format.h"
#include "librr/linux_report.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/linux_argument.h"
#include "tools/machine_options.h"

namespace librr::tools {
namespace {

void WriteJson(const Machine& machine, const std::vector<LinuxMapping>& maps) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("maps").BeginArray();
  for (const LinuxMapping& mapping : maps) {
    json.BeginObject();
    json.Key("begin").Number(mapping.begin.value());
    json.Key("end").Number(mapping.end.value());
    json.Key("permissions").Text(MapPermissions(mapping));
    json.Key("offset").Number(mapping.offset);
    json.Key("device_major").Number(mapping.device_major);
    json.Key("device_minor").Number(mapping.device_minor);
    json.Key("inode").Number(mapping.inode);
    json.Key("name").Text(mapping.name);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

// As /proc/PID/maps.
absl::StatusOr<int> Maps(const Arguments& arguments) {
  const absl::StatusOr<uint64_t> pid = ParseNumber(arguments.words()[1], "pid");
  if (!pid.ok()) return pid.status();
  if (*pid > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrFormat("pid: %d is none: there are at most 4194304", *pid));
  }
  const absl::StatusOr<LinuxAt> opened = OpenLinuxAt(arguments);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<std::vector<LinuxMapping>> maps =
      opened->guest->Maps(static_cast<uint32_t>(*pid));
  if (!maps.ok()) return opened->Error(maps.status());
  if (arguments.Has("json")) {
    WriteJson(opened->machine(), *maps);
  } else {
    std::cout << MapReport(*maps);
  }
  return kExitDone;
}

}  // namespace

const Command& MapsCommand() {
  static const Command command{
      .name = "maps",
      .words = "T.vmrr PID",
      .summary = "the memory areas of a process at a position",
      .details = R"(Prints what /proc/PID/maps of the guest would print.)",
      .examples = R"(  vmrr maps boot.vmrr 1 --at end)",
      .min_words = 2,
      .max_words = 2,
      .options = {kAtOption, kLinuxOptions, kReplayOptions, kJsonOption,
                  kCommonOptions},
      .run = &Maps};
  return command;
}

}  // namespace librr::tools
