// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr replay: executes a recording again.
#include <unistd.h>

#include <memory>
#include <optional>

#include "absl/strings/numbers.h"
#include "librr/live_run.h"
#include "tools/commands.h"
#include "tools/console_writer.h"
#include "tools/exit_code.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/progress_bar.h"
#include "tools/run_report.h"
#include "tools/stop_signals.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr Option kReplayTable[] = {
    {"to", 0, "P", "stop at position P (default: `end`)"},
    {"console", 0, "", "print the guest's console again"},
    {"pace", 0, "X",
     "X times as fast as the guest's own time, 0.1 to slow it\n"
     "down (default: as fast as it goes)"},
};

// Shows what the guest printed, and holds the replay back.
class ReplayScreen final : public ReplayObserver {
 public:
  ReplayScreen(ConsoleWriter* console, ProgressBar* bar,
               std::optional<double> pace, const std::atomic<bool>* stop)
      : console_(console),
        bar_(bar),
        pace_(pace),
        stop_(stop),
        begin_(HostClock::Real().Now()) {}

  void OnProgress(Position position, VirtualTime time, Position goal) override {
    WaitFor(time);
    if (bar_ != nullptr) bar_->OnProgress(position, time, goal);
  }
  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                Position position, VirtualTime time) override {
    WaitFor(time);
    if (console_ != nullptr) console_->OnOutput(kind, bytes, position, time);
  }
  uint64_t waited() const { return waited_; }

 private:
  void WaitFor(VirtualTime time) {
    if (!pace_.has_value()) return;
    const double due = static_cast<double>(time.value()) / *pace_;
    while (!stop_->load()) {
      const uint64_t now = HostClock::Real().Now();
      const double left = due - static_cast<double>(now - begin_);
      if (left <= 0) return;
      HostClock::Real().Wait(-1, -1, static_cast<uint64_t>(left));
      waited_ += HostClock::Real().Now() - now;
    }
  }

  ConsoleWriter* const console_;
  ProgressBar* const bar_;
  const std::optional<double> pace_;
  const std::atomic<bool>* const stop_;
  const uint64_t begin_;
  uint64_t waited_ = 0;
};

absl::StatusOr<std::optional<double>> PaceOption(const Arguments& arguments) {
  const std::optional<std::string> text = arguments.Text("pace");
  if (!text.has_value()) return std::nullopt;
  double pace = 0;
  if (!absl::SimpleAtod(*text, &pace) || !(pace >= 1e-6 && pace <= 1e6)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--pace: '", *text, "' is impossible; 1 is the guest's own pace"));
  }
  return std::optional<double>(pace);
}

absl::StatusOr<int> Replay(const Arguments& arguments) {
  auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  const TraceInfo& info = (*trace)->info();
  const auto to = PositionOption(arguments, "to", **trace);
  if (!to.ok()) return to.status();
  absl::StatusOr<ReplayOptions> options = ReplayOptionsFrom(arguments);
  if (!options.ok()) return options.status();
  const auto pace = PaceOption(arguments);
  if (!pace.ok()) return pace.status();
  const absl::StatusOr<OutputFile> stats = OpenStatsFile(arguments);
  if (!stats.ok()) return stats.status();
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
    return status;
  }

  const bool shows_console = arguments.Has("console");
  ConsoleWriter console(STDOUT_FILENO);
  StopSignals signals;
  ProgressBar bar(STDERR_FILENO, "replaying");
  // Both on one terminal would write over each other.
  const bool shows_bar = !(shows_console && isatty(STDOUT_FILENO) != 0);
  ReplayScreen screen(shows_console ? &console : nullptr,
                      shows_bar ? &bar : nullptr, *pace, signals.flag());
  options->observer = &screen;
  options->stop = signals.flag();
  auto replayer = Replayer::Create(trace->get(), FactoryFor(**trace), *options);
  if (!replayer.ok()) return ReplayError(replayer.status(), **trace);
  RunCosts costs;
  const uint64_t begin = HostClock::Real().Now();
  const bool whole = !to->has_value() || **to == info.end.position;
  const absl::Status status =
      whole ? (*replayer)->RunToEnd() : (*replayer)->SeekTo(**to);
  costs.total = HostClock::Real().Now() - begin;
  costs.idle_wait = screen.waited();
  bar.Clear();
  if (shows_console && console.inside_line()) std::fputc('\n', stderr);
  Machine& machine = (*replayer)->machine();
  const std::string path = ShellWord(info.path);
  if (absl::IsCancelled(status)) {
    Say(absl::StrCat("stopped at position ",
                     DescribePlace(machine.position(), machine.time()),
                     "; next: vmrr regs ", path, " --at ",
                     machine.position().value()));
    return kExitFalse;
  }
  if (absl::IsAborted(status)) {
    Say(absl::StrCat("replay: ", info.path, ": ", status.message()));
    Say(absl::StrCat("next: vmrr verify ", path, " finds out why"));
    return kExitFalse;
  }
  if (!status.ok()) return ReplayError(status, **trace);
  if (absl::Status written =
          WriteStats(stats->get(), machine.Statistics(), costs);
      !written.ok()) {
    return written;
  }
  const ReplayCounts& counts = (*replayer)->counts();
  Say(absl::StrCat("replayed to position ",
                   DescribePlace(machine.position(), machine.time()),
                   DescribeSpeed(machine.position().value(), costs), "; ",
                   counts.digests, " digests and ", counts.output_bytes,
                   " bytes of output agree"));
  Say(absl::StrCat(whole ? DescribeEnd(info.end) : "the recording goes on",
                   "; next: vmrr regs ", path, " --at ",
                   machine.position().value()));
  return kExitDone;
}

}  // namespace

const Command& ReplayCommand() {
  static const Command command{
      .name = "replay",
      .words = "T.vmrr",
      .summary = "execute a recording again",
      .details =
          R"(Runs the recorded machine again, from the trace alone, and compares each digest
and each byte of output on the way. Exit code 1 if anything differs.)",
      .examples = R"(  vmrr replay boot.vmrr
  vmrr replay boot.vmrr --console --pace 1
  vmrr replay boot.vmrr --to 1000000)",
      .min_words = 1,
      .max_words = 1,
      .options = {kReplayTable, kReplayOptions, kStatsOption, kCommonOptions},
      .run = &Replay};
  return command;
}

}  // namespace librr::tools
