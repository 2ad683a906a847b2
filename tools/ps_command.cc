// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr ps: the guest's tasks at a position.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr/inspection.h"
#include "librr/linux_report.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/linux_argument.h"
#include "tools/machine_options.h"

namespace librr::tools {
namespace {

constexpr Option kPsTable[] = {
    {"threads", 'T', "", "a line for each thread, not for each process"},
};

void WriteJson(const Machine& machine, const std::vector<LinuxTask>& tasks) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("position").Number(machine.position().value());
  json.Key("time_ns").Number(machine.time().value());
  json.Key("tasks").BeginArray();
  for (const LinuxTask& task : tasks) {
    json.BeginObject();
    json.Key("pid").Number(task.pid);
    json.Key("tgid").Number(task.tgid);
    json.Key("ppid").Number(task.ppid);
    json.Key("comm").Text(task.comm);
    json.Key("state").Text(std::string(1, task.state));
    json.Key("cpu").Number(task.cpu);
    json.Key("uid").Number(task.uid);
    json.Key("start_ns").Number(task.start_ns);
    json.Key("cmdline").Text(task.cmdline);
    json.Key("task").Number(task.address.value());
    json.Key("mm").Number(task.mm.value());
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

absl::StatusOr<int> Ps(const Arguments& arguments) {
  const absl::StatusOr<LinuxAt> opened = OpenLinuxAt(arguments);
  if (!opened.ok()) return opened.status();
  absl::StatusOr<std::vector<LinuxTask>> tasks = opened->guest->Tasks();
  if (!tasks.ok()) return opened->Error(tasks.status());
  // The idle tasks are no processes.
  std::erase_if(*tasks, [](const LinuxTask& task) { return task.pid == 0; });
  if (arguments.Has("json")) {
    WriteJson(opened->machine(), *tasks);
  } else {
    std::cout << TaskReport(*tasks, arguments.Has("threads"));
  }
  return kExitDone;
}

}  // namespace

const Command& PsCommand() {
  static const Command command{
      .name = "ps",
      .words = "T.vmrr",
      .summary = "the guest's processes at a position",
      .details =
          R"(Shows the tasks of the guest's Linux, seen from outside: symbols and types are
read from the kernel itself, and nothing is installed in the guest. START counts
seconds since the guest's boot. --json lists every thread.)",
      .examples = R"(  vmrr ps boot.vmrr --at end
  vmrr ps boot.vmrr --at 1000000000 --threads)",
      .min_words = 1,
      .max_words = 1,
      .options = {kPsTable, kAtOption, kLinuxOptions, kReplayOptions,
                  kJsonOption, kCommonOptions},
      .run = &Ps};
  return command;
}

}  // namespace librr::tools
