// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr modules: the loadable modules of the guest's kernel.
#include "absl/strings/str_format.h"
#include "librr/linux_report.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/linux_argument.h"
#include "tools/machine_options.h"

namespace librr::tools {
namespace {

void WriteJson(const Machine& machine,
               const std::vector<LinuxModule>& modules) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("modules").BeginArray();
  for (const LinuxModule& module : modules) {
    json.BeginObject();
    json.Key("name").Text(module.name);
    json.Key("base").Number(module.base.value());
    json.Key("size").Number(module.size);
    json.Key("state").Text(module.state);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

absl::StatusOr<int> Modules(const Arguments& arguments) {
  const absl::StatusOr<LinuxAt> opened = OpenLinuxAt(arguments);
  if (!opened.ok()) return opened.status();
  const absl::StatusOr<std::vector<LinuxModule>> modules =
      opened->guest->Modules();
  if (!modules.ok()) return opened->Error(modules.status());
  if (arguments.Has("json")) {
    WriteJson(opened->machine(), *modules);
  } else {
    std::cout << ModuleReport(*modules);
  }
  return kExitDone;
}

}  // namespace

const Command& ModulesCommand() {
  static const Command command{
      .name = "modules",
      .words = "T.vmrr",
      .summary = "the modules of the guest's kernel at a position",
      .details =
          R"(Prints name, size, state and base address of each loaded module.)",
      .examples = R"(  vmrr modules boot.vmrr --at end)",
      .min_words = 1,
      .max_words = 1,
      .options = {kAtOption, kLinuxOptions, kReplayOptions, kJsonOption,
                  kCommonOptions},
      .run = &Modules};
  return command;
}

}  // namespace librr::tools
