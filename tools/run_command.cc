// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr run: runs a machine without recording it.
#include <unistd.h>

#include <optional>

#include "librr/live_run.h"
#include "tools/commands.h"
#include "tools/console_writer.h"
#include "tools/exit_code.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/raw_terminal.h"
#include "tools/run_report.h"
#include "tools/stop_signals.h"

namespace librr::tools {
namespace {

// The command that records what was run.
std::string RecordInstead(const Arguments& arguments) {
  std::string text = "vmrr record -o run.vmrr";
  for (const std::string& word : arguments.typed()) {
    absl::StrAppend(&text, " ", word[0] == '-' ? word : ShellWord(word));
  }
  return text;
}

absl::StatusOr<int> Run(const Arguments& arguments) {
  absl::StatusOr<LiveRunOptions> options = RunOptionsFrom(arguments);
  if (!options.ok()) return options.status();
  absl::StatusOr<PcConfig> config = ConfigFromOptions(arguments);
  if (!config.ok()) return config.status();
  absl::StatusOr<LiveInput> input = InputFromOptions(arguments);
  if (!input.ok()) return input.status();
  const absl::StatusOr<OutputFile> stats = OpenStatsFile(arguments);
  if (!stats.ok()) return stats.status();
  absl::StatusOr<std::unique_ptr<Machine>> machine =
      MakeMachine(*config, arguments);
  if (!machine.ok()) return machine.status();
  *config = PcConfig();  // its files are in the machine now

  ConsoleWriter console(STDOUT_FILENO);
  LiveRun run(machine->get(), input->source.get(), &console, nullptr, *options);
  StopSignals signals([&run] { run.RequestStop(); });
  if (input->from_terminal) Say("running; ^] stops");
  absl::StatusOr<EndRecord> end;
  {
    const std::optional<RawTerminal> terminal =
        input->from_terminal ? RawTerminal::Enter(STDIN_FILENO) : std::nullopt;
    if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
      return status;
    }
    end = run.Run();
  }
  if (console.inside_line()) std::fputc('\n', stderr);
  if (!end.ok()) return FromHost(end.status());
  if (absl::Status status =
          WriteStats(stats->get(), (*machine)->Statistics(), run.costs());
      !status.ok()) {
    return status;
  }
  Say(absl::StrCat(DescribeEnd(*end), " at position ",
                   DescribePlace(end->position, end->time),
                   DescribeSpeed(end->position.value(), run.costs())));
  Say(absl::StrCat("to record it: ", RecordInstead(arguments)));
  return GuestExitCode(arguments, *end);
}

}  // namespace

const Command& RunCommand() {
  static const Command command{
      .name = "run",
      .words = "",
      .summary = "run a machine without recording it",
      .details =
          R"(Boots a kernel. The guest's serial console is standard input and output. On a
terminal every key goes to the guest, ^C too; ^] ends the run. The same seed,
date and input at the same times give the same run.)",
      .examples =
          R"(  vmrr run --kernel vmlinuz --initrd initramfs.cpio.gz --memory 1G
  echo 'poweroff -f' | vmrr run -k vmlinuz -i initramfs.cpio.gz
  vmrr run -k test.elf --max-time 10 --exit-status)",
      .min_words = 0,
      .max_words = 0,
      .options = {kMachineOptions, kRunOptions, kStatsOption, kCommonOptions},
      .run = &Run};
  return command;
}

}  // namespace librr::tools
