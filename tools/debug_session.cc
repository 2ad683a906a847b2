// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/debug_session.h"

#include <limits>
#include <optional>
#include <utility>

#include "tools/exit_code.h"
#include "tools/linux_argument.h"
#include "tools/message.h"
#include "tools/stop_signals.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr Option kTimelineTable[] = {
    {"checkpoint-memory", 0, "SIZE",
     "memory for checkpoints, as 512M (default: 1G)"},
    {"jobs", 0, "N",
     "how many machines search backwards at the same time\n"
     "(default: one for each core)"},
    {"engine", 0, "NAME", "what executes the guest: interp (the default)"},
};

constexpr Option kThreadTable[] = {
    {"threads", 0, "tasks|vcpus",
     "what gdb's threads are: the tasks of the guest's Linux\n"
     "where it is seen (the default), or always vCPUs"},
};

absl::StatusOr<bool> ThreadsAreTasks(const Arguments& arguments) {
  const std::string threads = arguments.Text("threads").value_or("tasks");
  if (threads == "tasks") return true;
  if (threads == "vcpus") return false;
  return absl::InvalidArgumentError(absl::StrCat(
      "--threads: '", threads, "' is unknown; give tasks or vcpus"));
}

absl::StatusOr<TimelineOptions> OptionsFrom(const Arguments& arguments) {
  TimelineOptions options;
  options.engine = arguments.Text("engine").value_or("");
  const auto memory = arguments.Size("checkpoint-memory");
  if (!memory.ok()) return memory.status();
  if (memory->has_value()) options.checkpoint_memory = **memory;
  const auto jobs = arguments.Number("jobs");
  if (!jobs.ok()) return jobs.status();
  if (jobs->has_value()) {
    constexpr uint64_t kMaxJobs = 1024;
    if (**jobs == 0 || **jobs > kMaxJobs) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--jobs: ", **jobs, " is impossible; give 1 to ", kMaxJobs));
    }
    options.jobs = static_cast<int>(**jobs);
  }
  return options;
}

void SayWhatIsMissing(const TraceInfo& info) {
  const uint64_t end = info.end.position.value();
  Say(info.damage.empty()
          ? absl::StrCat(info.path,
                         ": not complete; what there is ends at position ", end)
          : absl::StrCat(info.damage, "; what is good ends at position ", end));
}

}  // namespace

const absl::Span<const Option> kTimelineOptions(kTimelineTable);
const absl::Span<const Option> kThreadOption(kThreadTable);

absl::StatusOr<std::unique_ptr<DebugSession>> DebugSession::Open(
    const Arguments& arguments, std::string_view position_option) {
  auto session = std::unique_ptr<DebugSession>(new DebugSession());
  // What is wrong with the file is said where gdb is told about it.
  const LinuxSources sources =
      LinuxSourcesFrom(arguments).value_or(LinuxSources());
  auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  session->trace_ = *std::move(trace);
  const TraceReader& reader = *session->trace_;
  if (!reader.info().complete) SayWhatIsMissing(reader.info());
  const auto at = PositionOption(arguments, position_option, reader);
  if (!at.ok()) return at.status();
  absl::StatusOr<TimelineOptions> options = OptionsFrom(arguments);
  if (!options.ok()) return options.status();
  const absl::StatusOr<bool> tasks = ThreadsAreTasks(arguments);
  if (!tasks.ok()) return tasks.status();
  options->observer = &session->progress_;
  auto timeline = Timeline::Open(&reader, FactoryFor(reader), *options);
  if (!timeline.ok()) return ReplayError(timeline.status(), reader);
  session->timeline_ = *std::move(timeline);

  const Position goal = at->value_or(reader.info().end.position);
  Timeline* const going = session->timeline_.get();
  const StopSignals signals([going] { going->RequestStop(); });
  session->progress_.Show("replaying");
  const absl::Status status = going->Seek(goal);
  session->progress_.Hide();
  if (!status.ok()) return ReplayError(status, reader);
  session->machine_ = std::make_unique<TimelineTarget>(going);
  session->target_ =
      std::make_unique<LinuxTarget>(session->machine_.get(), sources);
  session->target_->ShowTasks(*tasks);
  std::string notes = session->target_->TakeNotes();
  while (!notes.empty() && notes.back() == '\n') notes.pop_back();
  if (!notes.empty()) Say(notes);
  return session;
}

}  // namespace librr::tools
