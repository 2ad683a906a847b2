// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr timeline: which task of the guest executed when.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/commands.h"
#include "tools/debug_session.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/linux_argument.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/stop_signals.h"
#include "tools/task_history.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr Option kTimelineTable[] = {
    {"from", 0, "P", "begin at position P (default: the recording's begin)"},
    {"to", 0, "P", "end at position P (default: `end`)"},
    {"perfetto", 0, "FILE",
     "write Chrome's trace JSON, which Perfetto's viewer opens"},
    {"slices", 0, "", "list every stretch of a task on a CPU, too"},
};

std::string Describe(const TaskEvent& event) {
  std::string text = absl::StrCat(event.comm, "[", event.pid, "] ",
                                  std::string(TaskEventName(event.kind)));
  switch (event.kind) {
    case TaskEvent::Kind::kFork:
      return absl::StrCat(text, " -> ", event.other_pid);
    case TaskEvent::Kind::kExec:
      return absl::StrCat(text, " ", JsonQuote(event.detail));
    case TaskEvent::Kind::kExit:
      return (event.number & 0x7f) != 0
                 ? absl::StrCat(text, " by signal ", event.number & 0x7f)
                 : absl::StrCat(text, " ", event.number >> 8 & 0xff);
    case TaskEvent::Kind::kSignal:
      return absl::StrCat(text, " ", event.number, " -> ", event.other_pid);
  }
  return text;
}

void WriteJson(const TaskHistory& history) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("slices").BeginArray();
  for (const TaskSlice& slice : history.slices) {
    json.BeginObject();
    json.Key("begin").Number(slice.begin.value());
    json.Key("end").Number(slice.end.value());
    json.Key("begin_ns").Number(slice.begin_time.value());
    json.Key("end_ns").Number(slice.end_time.value());
    json.Key("cpu").Number(static_cast<uint64_t>(slice.cpu));
    json.Key("pid").Number(slice.pid);
    json.Key("tgid").Number(slice.tgid);
    json.Key("comm").Text(slice.comm);
    json.Key("faults").Number(slice.faults);
    json.EndObject();
  }
  json.EndArray();
  json.Key("events").BeginArray();
  for (const TaskEvent& event : history.events) {
    json.BeginObject();
    json.Key("kind").Text(TaskEventName(event.kind));
    json.Key("position").Number(event.position.value());
    json.Key("time_ns").Number(event.time.value());
    json.Key("cpu").Number(static_cast<uint64_t>(event.cpu));
    json.Key("pid").Number(event.pid);
    json.Key("comm").Text(event.comm);
    json.Key("other_pid").Number(event.other_pid);
    json.Key("number").Number(event.number);
    json.Key("detail").Text(event.detail);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

// Trace Event Format: "X" is a stretch, "i" a moment, "M" a name; microseconds.
// A CPU is shown as a process, with its tasks as threads.
bool WritePerfetto(const TaskHistory& history, std::FILE* file) {
  const auto micros = [](VirtualTime time) {
    return absl::StrFormat("%d.%03d", time.value() / 1000, time.value() % 1000);
  };
  absl::FPrintF(file, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
  const char* separator = "\n";
  std::set<std::pair<int, uint32_t>> named;
  std::set<int> cpus;
  for (const TaskSlice& slice : history.slices) {
    if (cpus.insert(slice.cpu).second) {
      absl::FPrintF(file,
                    "%s{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%d,"
                    "\"args\":{\"name\":\"CPU %d\"}}",
                    separator, slice.cpu, slice.cpu);
      separator = ",\n";
    }
    if (named.insert({slice.cpu, slice.pid}).second) {
      absl::FPrintF(file,
                    ",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%d,"
                    "\"tid\":%d,\"args\":{\"name\":%s}}",
                    slice.cpu, slice.pid,
                    JsonQuote(absl::StrCat(slice.comm, " ", slice.pid)));
    }
    absl::FPrintF(
        file,
        ",\n{\"ph\":\"X\",\"name\":%s,\"pid\":%d,\"tid\":%d,\"ts\":%s,"
        "\"dur\":%s,\"args\":{\"position\":%d,\"end\":%d,\"process\":%d,"
        "\"faults\":%d}}",
        JsonQuote(slice.comm), slice.cpu, slice.pid, micros(slice.begin_time),
        micros(VirtualTime(slice.end_time - slice.begin_time)),
        slice.begin.value(), slice.end.value(), slice.tgid, slice.faults);
  }
  for (const TaskEvent& event : history.events) {
    absl::FPrintF(file,
                  "%s{\"ph\":\"i\",\"s\":\"t\",\"name\":%s,\"pid\":%d,"
                  "\"tid\":%d,\"ts\":%s,\"args\":{\"position\":%d}}",
                  separator, JsonQuote(Describe(event)), event.cpu, event.pid,
                  micros(event.time), event.position.value());
    separator = ",\n";
  }
  absl::FPrintF(file, "\n]}\n");
  return std::ferror(file) == 0;
}

void WriteText(const TaskHistory& history, bool with_slices) {
  struct Sum {
    std::string comm;
    uint64_t steps = 0, nanoseconds = 0, slices = 0, faults = 0;
  };
  std::map<uint32_t, Sum> sums;
  for (const TaskSlice& slice : history.slices) {
    Sum& sum = sums[slice.pid];
    sum.comm = slice.comm;
    sum.steps += slice.end - slice.begin;
    sum.nanoseconds += slice.end_time - slice.begin_time;
    ++sum.slices;
    sum.faults += slice.faults;
  }
  std::vector<std::pair<uint32_t, Sum>> order(sums.begin(), sums.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) {
                     return a.second.steps > b.second.steps;
                   });
  absl::PrintF("%7s %14s %11s %8s %8s  %s\n", "PID", "STEPS", "SECONDS",
               "SLICES", "FAULTS", "TASK");
  for (const auto& [pid, sum] : order) {
    absl::PrintF("%7d %14d %11.6f %8d %8d  %s\n", pid, sum.steps,
                 static_cast<double>(sum.nanoseconds) * 1e-9, sum.slices,
                 sum.faults, JsonQuote(sum.comm));
  }
  absl::PrintF("\n%14s %14s  %s\n", "POSITION", "SECONDS", "EVENT");
  auto event = history.events.begin();
  const auto print_events = [&](Position until) {
    for (; event != history.events.end() && event->position <= until; ++event) {
      absl::PrintF("%14d %14.9f  %s\n", event->position.value(),
                   static_cast<double>(event->time.value()) * 1e-9,
                   Describe(*event));
    }
  };
  if (with_slices) {
    for (const TaskSlice& slice : history.slices) {
      print_events(slice.begin);
      absl::PrintF("%14d %14.9f  CPU %d: %s[%d]\n", slice.begin.value(),
                   static_cast<double>(slice.begin_time.value()) * 1e-9,
                   slice.cpu, slice.comm, slice.pid);
    }
  }
  print_events(Position::Max());
}

absl::StatusOr<int> RunTimeline(const Arguments& arguments) {
  auto session = DebugSession::Open(arguments, "to");
  if (!session.ok()) return session.status();
  const TraceReader& trace = (*session)->trace();
  const auto from = PositionOption(arguments, "from", trace);
  if (!from.ok()) return from.status();
  if (from->value_or(Position(0)) > (*session)->timeline().position()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--from: position ", from->value().value(),
                     " is behind --to; give an earlier one"));
  }
  // Before the sandbox closes: files cannot be opened behind it.
  std::FILE* perfetto = nullptr;
  const auto path = arguments.Text("perfetto");
  if (path.has_value()) {
    perfetto = std::fopen(path->c_str(), "we");
    if (perfetto == nullptr) {
      return absl::UnavailableError(
          absl::StrCat(*path, ": cannot be written; name another file"));
    }
  }
  if (absl::Status status = SandboxUnlessRefused(arguments); !status.ok())
    return status;
  Timeline* const timeline = &(*session)->timeline();
  const Position to = timeline->position();
  const StopSignals signals([timeline] { timeline->RequestStop(); });
  (*session)->progress().Show("collecting");
  const auto history =
      CollectTaskHistory(timeline, from->value_or(Position(0)), to);
  (*session)->progress().Hide();
  if (absl::IsNotFound(history.status())) {
    return FromGuest(absl::NotFoundError(
        absl::StrCat("at position ", to.value(), ": ",
                     history.status().message(), "; ", kNoLinuxHelp)));
  }
  if (!history.ok()) return ReplayError(history.status(), trace);
  for (const std::string& line : history->left_out) Say(line);
  if (perfetto != nullptr) {
    const bool written = WritePerfetto(*history, perfetto);
    if (std::fclose(perfetto) != 0 || !written) {
      return absl::UnavailableError(
          absl::StrCat(*path, ": cannot be written to its end"));
    }
    Say(absl::StrCat("wrote ", *path, ": ", history->slices.size(), " slices, ",
                     history->events.size(), " events"));
  }
  if (arguments.Has("json")) {
    WriteJson(*history);
  } else if (perfetto == nullptr) {
    WriteText(*history, arguments.Has("slices"));
  }
  return kExitDone;
}

}  // namespace

const Command& TimelineCommand() {
  static const Command command{
      .name = "timeline",
      .words = "T.vmrr",
      .summary = "which task of the guest executed when",
      .details =
          R"(Replays once and collects, from outside, which task of the guest's Linux executed
when on which CPU, and each fork, exec, exit and signal with its position. Tasks
are listed by how many steps they took; positions are those for `vmrr gdb --at`.
FAULTS are page faults as the kernel counts them for a task.)",
      .examples = R"(  vmrr timeline boot.vmrr
  vmrr timeline boot.vmrr --from 1000000000 --slices
  vmrr timeline boot.vmrr --perfetto boot.json)",
      .min_words = 1,
      .max_words = 1,
      .options = {kTimelineTable, kTimelineOptions, kJsonOption,
                  kCommonOptions},
      .run = &RunTimeline};
  return command;
}

}  // namespace librr::tools
