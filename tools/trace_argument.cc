// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/trace_argument.h"

#include <unistd.h>

#include <utility>

#include "tools/exit_code.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/progress_bar.h"
#include "tools/stop_signals.h"

namespace librr::tools {
namespace {

constexpr Option kReplayTable[] = {
    {"engine", 0, "NAME", "what executes the guest: interp (the default)"},
    {"budget", 0, "N",
     "run the machine from the beginning in slices of N steps; the\n"
     "result is the same for every N (--slice is the same option)"},
    {"slice", 0, "N", "the same as --budget"},
};
constexpr Option kAtTable[] = {
    {"at", 0, "P", "the position: a number of steps, or `end`"}};

}  // namespace

const absl::Span<const Option> kReplayOptions(kReplayTable);
const absl::Span<const Option> kAtOption(kAtTable);

absl::StatusOr<std::unique_ptr<TraceReader>> OpenTraceArgument(
    const std::string& path) {
  absl::StatusOr<std::unique_ptr<TraceReader>> trace = TraceReader::Open(path);
  if (!trace.ok()) return FromInput(trace.status());
  return trace;
}

MachineFactory FactoryFor(const TraceReader& trace) {
  return [&trace](const std::string& engine)
             -> absl::StatusOr<std::unique_ptr<Machine>> {
    absl::StatusOr<PcConfig> config = PcConfigFromTrace(trace);
    if (!config.ok()) return FromInput(config.status());
    if (!engine.empty()) config->engine = engine;
    absl::StatusOr<std::unique_ptr<Machine>> machine = CreatePcMachine(*config);
    // What was recorded was possible then; the engine is chosen here.
    if (!machine.ok() && engine.empty()) return FromInput(machine.status());
    return machine;
  };
}

absl::StatusOr<ReplayOptions> ReplayOptionsFrom(const Arguments& arguments) {
  ReplayOptions options;
  options.engine = arguments.Text("engine").value_or("");
  for (const char* name : {"budget", "slice"}) {
    const absl::StatusOr<std::optional<uint64_t>> budget =
        arguments.Number(name);
    if (!budget.ok()) return budget.status();
    if (!budget->has_value()) continue;
    if (**budget == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, ": 0 steps are none; give 1 or more"));
    }
    options.budget = **budget;
  }
  return options;
}

absl::StatusOr<std::optional<Position>> PositionOption(
    const Arguments& arguments, std::string_view option,
    const TraceReader& trace) {
  const std::optional<std::string> text = arguments.Text(option);
  if (!text.has_value()) return std::nullopt;
  const Position end = trace.info().end.position;
  if (*text == "end") return end;
  const std::string what = absl::StrCat("--", View(option));
  const absl::StatusOr<uint64_t> number = ParseNumber(*text, what);
  if (!number.ok()) return number.status();
  if (Position(*number) > end) {
    return absl::OutOfRangeError(absl::StrCat(
        what, ": ", *text, " is beyond the end of ", trace.info().path,
        ", which is at position ", end.value()));
  }
  return Position(*number);
}

namespace {

class SeekProgress final : public TimelineObserver {
 public:
  void OnProgress(uint64_t done, uint64_t total) override {
    bar_.OnProgress(Position(done), VirtualTime(0), Position(total));
  }

 private:
  ProgressBar bar_{STDERR_FILENO, "replaying"};
};

absl::Status GoTo(Position position, const std::string& engine,
                  OpenedAt& opened) {
  SeekProgress progress;
  TimelineOptions options;
  options.engine = engine;
  options.jobs = 1;
  options.observer = &progress;
  auto timeline =
      Timeline::Open(opened.trace.get(), FactoryFor(*opened.trace), options);
  if (!timeline.ok()) return timeline.status();
  const StopSignals signals(
      [going = timeline->get()] { going->RequestStop(); });
  if (absl::Status status = (*timeline)->Seek(position); !status.ok()) {
    return status;
  }
  opened.timeline = *std::move(timeline);
  return absl::OkStatus();
}

absl::Status ReplayTo(Position position, ReplayOptions options,
                      OpenedAt& opened) {
  const StopSignals signals;
  ProgressBar bar(STDERR_FILENO, "replaying");
  options.observer = &bar;
  options.stop = signals.flag();
  auto replayer =
      Replayer::Create(opened.trace.get(), FactoryFor(*opened.trace), options);
  if (!replayer.ok()) return replayer.status();
  if (absl::Status status = (*replayer)->SeekTo(position); !status.ok()) {
    return status;
  }
  opened.replayer = *std::move(replayer);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<OpenedAt> OpenAtPosition(const Arguments& arguments) {
  OpenedAt opened;
  auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  opened.trace = *std::move(trace);
  const absl::StatusOr<std::optional<Position>> at =
      PositionOption(arguments, "at", *opened.trace);
  if (!at.ok()) return at.status();
  if (!at->has_value()) {
    return absl::InvalidArgumentError(
        "no position: give one with --at P, or --at end");
  }
  absl::StatusOr<ReplayOptions> options = ReplayOptionsFrom(arguments);
  if (!options.ok()) return options.status();
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
    return status;
  }
  absl::Status status = options->budget != 0
                            ? ReplayTo(**at, *std::move(options), opened)
                            : GoTo(**at, options->engine, opened);
  if (!status.ok()) return ReplayError(status, *opened.trace);
  return opened;
}

absl::Status ReplayError(const absl::Status& status, const TraceReader& trace) {
  if (absl::IsCancelled(status)) return status;
  const absl::string_view message = status.message();
  const std::string prefix = absl::StrCat(trace.info().path, ": ");
  if (message.substr(0, prefix.size()) == prefix) return status;
  return absl::Status(status.code(), absl::StrCat(prefix, message));
}

}  // namespace librr::tools
