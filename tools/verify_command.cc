// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr verify: proves that recordings replay exactly, or finds out why not.
#include <unistd.h>

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "librr/verify.h"
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

std::string_view DiagnosisName(VerifyReport::Diagnosis diagnosis) {
  switch (diagnosis) {
    case VerifyReport::Diagnosis::kExact:
      return "exact";
    case VerifyReport::Diagnosis::kRepeats:
      return "repeats";
    case VerifyReport::Diagnosis::kDidNotRepeat:
      return "did_not_repeat";
    case VerifyReport::Diagnosis::kDependsOnExecution:
      return "depends_on_execution";
  }
  return "unknown";
}

void AddDivergence(JsonWriter& json, const Divergence& divergence) {
  json.Key("divergence").BeginObject();
  json.Key("position").Number(divergence.position.value());
  json.Key("time_ns").Number(divergence.time.value());
  json.Key("last_good_position").Number(divergence.last_good.value());
  json.Key("component").Text(divergence.component);
  json.Key("ram_bucket");
  if (divergence.ram_bucket >= 0) {
    json.Number(static_cast<uint64_t>(divergence.ram_bucket));
  } else {
    json.Null();
  }
  json.Key("expected").Text(divergence.expected);
  json.Key("actual").Text(divergence.actual);
  json.Key("last_input_position");
  if (divergence.last_input.has_value()) {
    json.Number(divergence.last_input->position.value());
  } else {
    json.Null();
  }
  json.EndObject();
}

void AddReport(JsonWriter& json, const TraceReader& trace,
               const VerifyReport& report) {
  json.BeginObject();
  json.Key("path").Text(trace.info().path);
  json.Key("exact").Bool(report.exact());
  json.Key("complete").Bool(trace.info().complete);
  json.Key("end_position").Number(report.end.value());
  json.Key("digests_compared").Number(report.counts.digests);
  json.Key("output_bytes_compared").Number(report.counts.output_bytes);
  json.Key("inputs_applied").Number(report.counts.inputs);
  json.Key("diagnosis").Text(DiagnosisName(report.diagnosis));
  if (report.divergence.has_value()) AddDivergence(json, *report.divergence);
  if (report.step.has_value()) {
    json.Key("first_differing_step").BeginObject();
    json.Key("position").Number(report.step->position.value());
    json.Key("instructions").BeginArray();
    for (const std::string& text : report.step->instructions) json.Text(text);
    json.EndArray();
    json.EndObject();
  }
  if (!report.exact()) json.Key("explanation").Text(report.Explain());
  json.EndObject();
}

void SayReport(const TraceReader& trace, const VerifyReport& report,
               const RunCosts& costs) {
  const TraceInfo& info = trace.info();
  if (!report.exact()) {
    std::string text = report.Explain();
    text.pop_back();  // its last newline
    Say(absl::StrCat("verify: ", info.path, ": ", text));
    return;
  }
  Say(absl::StrCat(info.path, ": exact: ", report.counts.digests,
                   " digests and ", report.counts.output_bytes,
                   " bytes of output agree up to position ",
                   FormatCount(report.end.value()),
                   DescribeSpeed(report.end.value(), costs)));
  Say(absl::StrCat(DescribeEnd(info.end), "; next: vmrr regs ",
                   ShellWord(info.path), " --at end"));
}

absl::StatusOr<int> VerifyTraces(const Arguments& arguments) {
  absl::StatusOr<ReplayOptions> replay = ReplayOptionsFrom(arguments);
  if (!replay.ok()) return replay.status();
  std::vector<std::unique_ptr<TraceReader>> traces;
  for (const std::string& path : arguments.words()) {
    auto trace = OpenTraceArgument(path);
    if (!trace.ok()) return trace.status();
    traces.push_back(*std::move(trace));
  }
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok()) {
    return status;
  }
  StopSignals signals;
  VerifyOptions options;
  options.engine = replay->engine;
  options.budget = replay->budget;
  options.stop = signals.flag();
  std::vector<VerifyReport> reports;
  bool exact = true;
  for (const std::unique_ptr<TraceReader>& trace : traces) {
    ProgressBar bar(STDERR_FILENO, "verifying");
    options.observer = &bar;
    RunCosts costs;
    const uint64_t begin = HostClock::Real().Now();
    absl::StatusOr<VerifyReport> report =
        Verify(*trace, FactoryFor(*trace), options);
    costs.total = HostClock::Real().Now() - begin;
    bar.Clear();
    if (!report.ok()) return ReplayError(report.status(), *trace);
    exact = exact && report->exact();
    SayReport(*trace, *report, costs);
    reports.push_back(*std::move(report));
  }
  if (arguments.Has("json")) {
    JsonWriter json(stdout);
    json.BeginObject();
    json.Key("exact").Bool(exact);
    json.Key("traces").BeginArray();
    for (size_t i = 0; i < traces.size(); ++i) {
      AddReport(json, *traces[i], reports[i]);
    }
    json.EndArray();
    json.EndObject();
  }
  return exact ? kExitDone : kExitFalse;
}

}  // namespace

const Command& VerifyCommand() {
  static const Command command{
      .name = "verify",
      .words = "T.vmrr...",
      .summary = "prove that recordings replay exactly, or find out why not",
      .details =
          R"(Replays each trace and compares all digests and all output. If anything differs,
it is replayed again in another way, and the report says what differs, since
when, and whether recording, replay or this host's memory is to blame. Exit code
0 if all agree, 1 if not.)",
      .examples = R"(  vmrr verify boot.vmrr
  vmrr verify --budget 1000 *.vmrr
  vmrr verify --json boot.vmrr)",
      .min_words = 1,
      .max_words = std::numeric_limits<size_t>::max(),
      .options = {kReplayOptions, kJsonOption, kCommonOptions},
      .run = &VerifyTraces};
  return command;
}

}  // namespace librr::tools
