// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr record: runs a machine and records it.
#include <unistd.h>

#include <optional>

#include "librr/recorder.h"
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

constexpr Option kRecordTable[] = {
    {"output", 'o', "T.vmrr", "the trace; an existing file is replaced"},
    {"digest-every", 0, "N",
     "log a digest every N steps (default: at growing\n"
     "intervals): finds where a replay goes wrong more closely"},
    {"checkpoint-memory", 0, "SIZE",
     "memory for checkpoints that wait for compression and disk\n"
     "(default: 4M; more only evens out a slow disk); 0 takes\n"
     "none: the trace is small, and opening it takes long"},
    {"sync", 0, "", "wait for the disk each second: survives power cuts"},
};

absl::StatusOr<RecorderOptions> RecorderOptionsFrom(
    const Arguments& arguments) {
  RecorderOptions options;
  const absl::StatusOr<LiveRunOptions> run = RunOptionsFrom(arguments);
  if (!run.ok()) return run.status();
  options.run = *run;
  const absl::StatusOr<std::optional<uint64_t>> every =
      arguments.Number("digest-every");
  if (!every.ok()) return every.status();
  if (every->has_value() && **every == 0) {
    return absl::InvalidArgumentError(
        "--digest-every: 0 steps are none; give 1 or more");
  }
  options.digest_every = *every;
  const auto memory = arguments.Size("checkpoint-memory");
  if (!memory.ok()) return memory.status();
  if (memory->has_value()) options.checkpoint_memory = **memory;
  options.sync = arguments.Has("sync");
  return options;
}

absl::StatusOr<int> Record(const Arguments& arguments) {
  const std::optional<std::string> path = arguments.Text("output");
  if (!path.has_value()) {
    return absl::InvalidArgumentError(
        "no trace to write: name one with -o NAME.vmrr");
  }
  absl::StatusOr<RecorderOptions> options = RecorderOptionsFrom(arguments);
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
  absl::StatusOr<std::unique_ptr<Recorder>> recorder =
      Recorder::Create(*path, DescribePc(*config), machine->get(), *options);
  if (!recorder.ok()) return FromHost(recorder.status());
  *config = PcConfig();  // its files are in machine and trace now

  ConsoleWriter console(STDOUT_FILENO);
  StopSignals signals([&recorder] { (*recorder)->RequestStop(); });
  Say(absl::StrCat("recording to ", *path,
                   input->from_terminal ? "; ^] stops" : ""));
  absl::StatusOr<EndRecord> end;
  {
    const std::optional<RawTerminal> terminal =
        input->from_terminal ? RawTerminal::Enter(STDIN_FILENO) : std::nullopt;
    if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
      return status;
    }
    end = (*recorder)->Record(input->source.get(), &console);
  }
  if (console.inside_line()) std::fputc('\n', stderr);
  if (!end.ok()) {
    return FromHost(absl::Status(
        end.status().code(),
        absl::StrCat(end.status().message(), "; ", *path,
                     " holds the recording up to the last second before")));
  }
  const RunCosts costs = (*recorder)->costs();
  if (absl::Status status =
          WriteStats(stats->get(), (*machine)->Statistics(), costs);
      !status.ok()) {
    return status;
  }
  Say(absl::StrCat(DescribeEnd(*end), " at position ",
                   DescribePlace(end->position, end->time),
                   DescribeSpeed(end->position.value(), costs)));
  Say(absl::StrCat(
      "recorded ", *path, ", ", FormatBytes((*recorder)->bytes_written()),
      (*recorder)->checkpoints() == 0
          ? ""
          : absl::StrCat(", ", (*recorder)->checkpoints(), " checkpoints"),
      "; next: vmrr verify ", ShellWord(*path)));
  return GuestExitCode(arguments, *end);
}

}  // namespace

const Command& RecordCommand() {
  static const Command command{
      .name = "record",
      .words = "",
      .summary = "run a machine and record it",
      .details =
          R"(Boots a kernel and records everything that its state does not determine: what
you type and when, the date, the seed. The trace holds kernel and initrd too:
nothing else is needed to replay it. It is readable by you only, as it holds
what the guest holds.

On a terminal every key goes to the guest, ^C too; ^] ends the recording. If
the guest idles while you may still type, its clock follows yours; otherwise
idle time is skipped. A recording that is killed is good up to its last second.

Checkpoints in the trace let `vmrr gdb` and others open its end at once. They
take at most twice the guest's memory on the disk.)",
      .examples =
          R"(  vmrr record -o boot.vmrr --kernel vmlinuz --initrd initramfs.cpio.gz
  vmrr record -o t.vmrr -k vmlinuz -i initramfs.cpio.gz --input work.input
  vmrr record -o f.vmrr -k test.elf --max-position 1000000 --digest-every 1000

  # work.input
  expect # 
  type sha256sum /bin/busybox\n
  wait 0.5
  type poweroff -f\n)",
      .min_words = 0,
      .max_words = 0,
      .options = {kRecordTable, kMachineOptions, kRunOptions, kStatsOption,
                  kCommonOptions},
      .run = &Record};
  return command;
}

}  // namespace librr::tools
