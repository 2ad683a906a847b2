// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr stats: what the recorded machine did, counted while it is replayed.
#include <unistd.h>

#include "absl/strings/str_format.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/progress_bar.h"
#include "tools/run_report.h"
#include "tools/stop_signals.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

void WriteJson(const MachineStatistics& statistics) {
  JsonWriter json(stdout);
  json.BeginObject();
  AddMachineStatistics(json, statistics);
  json.EndObject();
}

void WriteText(const MachineStatistics& statistics) {
  const auto line = [](const char* name, uint64_t count) {
    absl::PrintF("%-20s %s\n", name, FormatCount(count));
  };
  line("steps", statistics.steps);
  line("REP iterations", statistics.rep_iterations);
  line("exceptions", statistics.exceptions);
  line("interrupts", statistics.interrupts);
  line("decoded blocks", statistics.decoded_blocks);
  line("invalidated blocks", statistics.invalidated_blocks);
  line("page walks", statistics.page_walks);
}

absl::StatusOr<int> Stats(const Arguments& arguments) {
  const auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  absl::StatusOr<ReplayOptions> options = ReplayOptionsFrom(arguments);
  if (!options.ok()) return options.status();
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
    return status;
  }
  StopSignals signals;
  ProgressBar bar(STDERR_FILENO, "replaying");
  options->observer = &bar;
  options->stop = signals.flag();
  const auto replayer =
      Replayer::Create(trace->get(), FactoryFor(**trace), *options);
  if (!replayer.ok()) return ReplayError(replayer.status(), **trace);
  if (absl::Status status = (*replayer)->RunToEnd(); !status.ok()) {
    bar.Clear();
    return ReplayError(status, **trace);
  }
  bar.Clear();
  const MachineStatistics statistics = (*replayer)->machine().Statistics();
  if (arguments.Has("json")) {
    WriteJson(statistics);
  } else {
    WriteText(statistics);
  }
  return kExitDone;
}

}  // namespace

const Command& StatsCommand() {
  static const Command command{
      .name = "stats",
      .words = "T.vmrr",
      .summary = "count what the guest did: steps, exceptions, interrupts",
      .details =
          R"(Replays the whole recording. Counts of blocks and page walks are the engine's.)",
      .examples = R"(  vmrr stats boot.vmrr
  vmrr stats --json boot.vmrr)",
      .min_words = 1,
      .max_words = 1,
      .options = {kReplayOptions, kJsonOption, kCommonOptions},
      .run = &Stats};
  return command;
}

}  // namespace librr::tools
