// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/time_travel.h"

#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/gdb_client.h"
#include "benchmarks/stopwatch.h"
#include "benchmarks/stub_client.h"
#include "benchmarks/turn_taking.h"
#include "librr-core/base/status_macros.h"
#include "librr/debug_stub.h"
#include "librr/inspection.h"
#include "librr/pc_machine.h"
#include "librr/replayer.h"
#include "librr/timeline.h"
#include "librr/timeline_target.h"
#include "librr/trace.h"

namespace librr::benchmarks {
namespace {

constexpr double kMiB = 1 << 20;
constexpr uint64_t kPage = 4096;

double Percentile(std::vector<double> values, double percent) {
  std::sort(values.begin(), values.end());
  const auto at = static_cast<size_t>(
      percent / 100 * static_cast<double>(values.size() - 1) + 0.5);
  return values[at];
}

// The same operation, many times.
struct Costs {
  void Add(const Cost& cost) {
    cpu_ms.push_back(cost.cpu_ms);
    elapsed_ms.push_back(cost.elapsed_ms);
  }
  std::vector<double> cpu_ms;
  std::vector<double> elapsed_ms;
};

// CPU time with its bound, and beside it what a clock on the wall said.
BoundRow CostRow(const char* key, const char* what, const Costs& costs,
                 double percent, double bound, int digits,
                 const std::string& note = "") {
  return {.key = key,
          .what = what,
          .value = Percentile(costs.cpu_ms, percent),
          .unit = "ms",
          .digits = digits,
          .at_most = bound,
          .note = absl::StrFormat(
              "elapsed %.*f; %d times, CPU time %.*f to %.*f%s", digits,
              Percentile(costs.elapsed_ms, percent), costs.cpu_ms.size(),
              digits, Percentile(costs.cpu_ms, 0), digits,
              Percentile(costs.cpu_ms, 100), note)};
}

BoundRow RateRow(const char* key, const char* what, int count,
                 const Cost& cost) {
  return {.key = key,
          .what = what,
          .value = count * 1e3 / cost.cpu_ms,
          .unit = "a second",
          .digits = 0,
          .at_least = 2000,
          .note = absl::StrFormat("%d steps; elapsed %.0f a second", count,
                                  count * 1e3 / cost.elapsed_ms)};
}

uint64_t PeakResidentBytes() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    uint64_t kib = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %" SCNu64, &kib) == 1) {
      return kib << 10;
    }
  }
  return 0;
}

// A recording, opened as a debugger opens it.
struct Opened {
  std::unique_ptr<TraceReader> trace;
  std::unique_ptr<Timeline> timeline;
};

MachineFactory FactoryOf(const TraceReader& trace) {
  return
      [&trace](const std::string&) -> absl::StatusOr<std::unique_ptr<Machine>> {
        LIBRR_ASSIGN_OR_RETURN(const PcConfig config, PcConfigFromTrace(trace));
        return CreatePcMachine(config);
      };
}

absl::StatusOr<Opened> Open(const std::string& path, int jobs) {
  Opened opened;
  LIBRR_ASSIGN_OR_RETURN(opened.trace, TraceReader::Open(path));
  TimelineOptions options;
  options.jobs = jobs;
  LIBRR_ASSIGN_OR_RETURN(
      opened.timeline,
      Timeline::Open(opened.trace.get(), FactoryOf(*opened.trace), options));
  return opened;
}

absl::StatusOr<Opened> OpenAtEnd(const std::string& path, int jobs) {
  LIBRR_ASSIGN_OR_RETURN(Opened opened, Open(path, jobs));
  LIBRR_RETURN_IF_ERROR(opened.timeline->Seek(opened.timeline->end()));
  return opened;
}

// The stub over a timeline, served in a thread, for one client.
class Served {
 public:
  static absl::StatusOr<std::unique_ptr<Served>> Start(
      Timeline* timeline, const std::string& folder) {
    std::unique_ptr<Served> served(new Served(timeline));
    served->path_ = absl::StrCat(folder, "/bench-", getpid(), ".stub");
    LIBRR_ASSIGN_OR_RETURN(
        served->stub_,
        DebugStub::Listen(&served->target_,
                          {.address = served->path_, .once = true}));
    DebugStub* const stub = served->stub_.get();
    served->thread_ = std::thread([stub] { stub->Serve().IgnoreError(); });
    return served;
  }
  ~Served() {
    if (stub_ != nullptr) stub_->Stop();
    if (thread_.joinable()) thread_.join();
  }
  const std::string& path() const { return path_; }

 private:
  explicit Served(Timeline* timeline) : target_(timeline) {}
  TimelineTarget target_;
  std::unique_ptr<DebugStub> stub_;
  std::thread thread_;
  std::string path_;
};

absl::Status MeasureOpening(const std::string& path, const std::string& folder,
                            std::vector<BoundRow>& rows) {
  Costs costs;
  uint64_t replayed = 0;
  for (int i = 0; i < 5; ++i) {
    const Stopwatch stopwatch;
    LIBRR_ASSIGN_OR_RETURN(const Opened opened, OpenAtEnd(path, 0));
    LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<Served> served,
                           Served::Start(opened.timeline.get(), folder));
    LIBRR_ASSIGN_OR_RETURN(StubClient client,
                           StubClient::Connect(served->path()));
    LIBRR_RETURN_IF_ERROR(client.Ask("?").status());
    costs.Add(stopwatch.Read());
    replayed = opened.timeline->statistics().replayed_steps;
  }
  rows.push_back(CostRow(
      "open_at_end_ms", "open at the end to the stub's first answer", costs, 50,
      500, 0, absl::StrCat("; ", replayed, " steps replayed")));
  return absl::OkStatus();
}

absl::Status MeasureSteps(const std::string& path, const std::string& folder,
                          bool quick, std::vector<BoundRow>& rows) {
  LIBRR_ASSIGN_OR_RETURN(const Opened opened, OpenAtEnd(path, 0));
  Timeline& timeline = *opened.timeline;
  std::mt19937_64 random(42);
  Costs first, next;
  for (int i = 0; i < (quick ? 5 : 100); ++i) {
    const Position goal(1 + random() % (timeline.end().value() - 1));
    const Stopwatch both;
    LIBRR_RETURN_IF_ERROR(timeline.Seek(goal));
    LIBRR_RETURN_IF_ERROR(timeline.Step(-1).status());
    first.Add(both.Read());
    for (int j = 0; j < 20; ++j) {
      const Stopwatch stopwatch;
      LIBRR_RETURN_IF_ERROR(timeline.Step(-1).status());
      next.Add(stopwatch.Read());
    }
  }
  rows.push_back(
      CostRow("seek_and_step_ms",
              "seek to a random position and first reverse-stepi there, median",
              first, 50, 100, 1));
  rows.push_back(CostRow("seek_and_step_95_ms", "the same, 95th percentile",
                         first, 95, 250, 1));
  rows.push_back(CostRow("next_step_ms", "reverse-stepi after that, median",
                         next, 50, 2, 3));

  const int count = quick ? 500 : 10'000;
  const Position middle(timeline.end().value() / 2);
  LIBRR_RETURN_IF_ERROR(timeline.Seek(middle));
  const Stopwatch in_process;
  for (int i = 0; i < count; ++i) {
    LIBRR_RETURN_IF_ERROR(timeline.Step(-1).status());
  }
  rows.push_back(RateRow("backward_steps_per_s",
                         "backward steps in a row, at the timeline", count,
                         in_process.Read()));
  LIBRR_RETURN_IF_ERROR(timeline.Seek(Position(middle.value() / 2)));
  LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<Served> served,
                         Served::Start(&timeline, folder));
  LIBRR_ASSIGN_OR_RETURN(StubClient client,
                         StubClient::Connect(served->path()));
  const Stopwatch at_stub;
  for (int i = 0; i < count; ++i) {
    LIBRR_RETURN_IF_ERROR(client.Ask("bs").status());
  }
  rows.push_back(RateRow("stub_backward_steps_per_s",
                         "backward steps in a row, at the stub", count,
                         at_stub.Read()));
  return absl::OkStatus();
}

// Where the guest's program says "// at: NAME", as gdb names a line.
absl::StatusOr<std::string> LineAt(const std::string& name) {
  std::ifstream file("tests/guests/workload.c");
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.ends_with("// at: " + name)) {
      return absl::StrCat("workload.c:", number);
    }
  }
  return absl::NotFoundError(
      absl::StrCat("tests/guests/workload.c has no line '", name, "'"));
}

// The loop of `workload spin`, in one line: from behind it to before it.
absl::Status MeasureReverseNext(const std::string& path,
                                const std::string& folder,
                                std::vector<BoundRow>& rows) {
  LIBRR_ASSIGN_OR_RETURN(const std::string behind, LineAt("spun"));
  LIBRR_ASSIGN_OR_RETURN(const Opened opened, OpenAtEnd(path, 0));
  LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<Served> served,
                         Served::Start(opened.timeline.get(), folder));
  LIBRR_ASSIGN_OR_RETURN(
      const GdbTiming timing,
      TimeGdbCommand(served->path(), "build/guests/programs/workload",
                     {absl::StrCat("break ", behind), "reverse-continue"},
                     "reverse-next"));
  const uint64_t steps = timing.begin - timing.end;
  if (steps < 100'000) {
    return absl::InternalError(absl::StrCat("reverse-next went back ", steps,
                                            " steps only: ", timing.output));
  }
  rows.push_back(
      {.key = "reverse_next_s",
       .what = "reverse-next over a line of 10⁵ instructions, through gdb",
       .value = timing.cpu_ms / 1e3,
       .unit = "s",
       .digits = 1,
       .at_most = 60,
       .note = absl::StrFormat("%d instructions; CPU time of stub and gdb, "
                               "elapsed %.1f",
                               steps, timing.elapsed_ms / 1e3)});
  return absl::OkStatus();
}

absl::StatusOr<Cost> PlainReplay(const std::string& path) {
  LIBRR_ASSIGN_OR_RETURN(const auto trace, TraceReader::Open(path));
  LIBRR_ASSIGN_OR_RETURN(const auto replayer,
                         Replayer::Create(trace.get(), FactoryOf(*trace), {}));
  const Stopwatch stopwatch;
  LIBRR_RETURN_IF_ERROR(replayer->RunToEnd());
  return stopwatch.Read();
}

// A word of the kernel's code, which was written when the kernel was unpacked.
absl::StatusOr<StopConditions> WordOfKernelCode(Timeline& timeline) {
  const std::vector<RegisterValue> registers = timeline.machine().Registers(0);
  LIBRR_ASSIGN_OR_RETURN(
      const GuestPhysical place,
      timeline.machine().Translate(
          0, GuestVirtual(*RegisterNumber(registers, "rip"))));
  StopConditions conditions;
  conditions.watchpoints.push_back({.id = 1,
                                    .kind = WatchKind::kWrite,
                                    .address = place.value() & ~uint64_t{7},
                                    .length = 8,
                                    .physical = true});
  return conditions;
}

struct Search {
  Cost cost;
  Position hit;
};

absl::StatusOr<Search> SearchBackwards(const std::string& path, int jobs) {
  LIBRR_ASSIGN_OR_RETURN(const Opened opened, OpenAtEnd(path, jobs));
  LIBRR_ASSIGN_OR_RETURN(const StopConditions conditions,
                         WordOfKernelCode(*opened.timeline));
  const Stopwatch stopwatch;
  LIBRR_ASSIGN_OR_RETURN(
      const TimelineStop stop,
      opened.timeline->Run(Direction::kBackward, conditions));
  if (stop.reason != TimelineStop::Reason::kCondition) {
    return absl::InternalError("the watched word was never written");
  }
  return Search{stopwatch.Read(), opened.timeline->position()};
}

// Memory is measured in a process that does nothing else.
absl::Status MeasureSearchMemory(const std::string& path,
                                 std::vector<BoundRow>& rows) {
  const Job job = [path](TurnTaker&) -> absl::StatusOr<ProcessFigures> {
    LIBRR_RETURN_IF_ERROR(SearchBackwards(path, 2).status());
    LIBRR_ASSIGN_OR_RETURN(const auto trace, TraceReader::Open(path));
    ProcessFigures figures;
    figures.peak_resident_bytes = PeakResidentBytes();
    figures.guest_ram_bytes = trace->info().header.memory_bytes;
    return figures;
  };
  LIBRR_ASSIGN_OR_RETURN(const std::vector<ProcessFigures> figures,
                         RunByTurns({job}));
  const double budget =
      static_cast<double>(TimelineOptions().checkpoint_memory);
  const double ram = static_cast<double>(figures[0].guest_ram_bytes);
  rows.push_back(
      {.key = "search_peak_mib",
       .what = "peak memory of a two-worker search",
       .value = static_cast<double>(figures[0].peak_resident_bytes) / kMiB,
       .unit = "MiB",
       .digits = 0,
       .at_most = (1.5 * ram + budget) / kMiB,
       .note = "bound: 1.5 × guest RAM + budget"});
  return absl::OkStatus();
}

absl::Status MeasureSearches(const std::string& path,
                             std::vector<BoundRow>& rows) {
  LIBRR_ASSIGN_OR_RETURN(const Cost before, PlainReplay(path));
  LIBRR_ASSIGN_OR_RETURN(const Search one, SearchBackwards(path, 1));
  LIBRR_ASSIGN_OR_RETURN(const Search two, SearchBackwards(path, 2));
  LIBRR_ASSIGN_OR_RETURN(const Cost after, PlainReplay(path));
  const double cpu_ms = (before.cpu_ms + after.cpu_ms) / 2;
  const double elapsed_ms = (before.elapsed_ms + after.elapsed_ms) / 2;
  rows.push_back(
      {.key = "search_one_job",
       .what = "reverse-continue to a watchpoint last hit at the "
               "beginning / one forward replay, on one core",
       .value = one.cost.busiest_ms / cpu_ms,
       .digits = 2,
       .at_most = 1.3,
       .note = absl::StrFormat(
           "elapsed %.2f; hit at position %d; replays took %.1f and %.1f s",
           one.cost.elapsed_ms / elapsed_ms, one.hit.value(),
           before.cpu_ms / 1e3, after.cpu_ms / 1e3)});
  rows.push_back({.key = "search_two_jobs",
                  .what = "the same, on two",
                  .value = two.cost.busiest_ms / cpu_ms,
                  .digits = 2,
                  .at_most = 0.8,
                  .note = absl::StrFormat("the busier thread; elapsed %.2f",
                                          two.cost.elapsed_ms / elapsed_ms)});
  return absl::OkStatus();
}

// The stack of a program that computes: its first word is not written.
absl::Status MeasureHotPage(const std::string& path,
                            std::vector<BoundRow>& rows) {
  LIBRR_ASSIGN_OR_RETURN(const Opened opened, Open(path, 1));
  Timeline& timeline = *opened.timeline;
  const Position from(timeline.end().value() * 2 / 5);
  const Position to(from.value() + timeline.end().value() / 10);
  LIBRR_RETURN_IF_ERROR(timeline.Seek(from));
  const uint64_t stack =
      *RegisterNumber(timeline.machine().Registers(0), "rsp");
  LIBRR_ASSIGN_OR_RETURN(const GuestPhysical place,
                         timeline.machine().Translate(0, GuestVirtual(stack)));
  StopConditions conditions;
  conditions.watchpoints.push_back({.id = 1,
                                    .kind = WatchKind::kWrite,
                                    .address = place.value() & ~(kPage - 1),
                                    .length = 8,
                                    .physical = true});
  Costs plain, watched;
  for (int i = 0; i < 3; ++i) {
    for (Costs* costs : {&plain, &watched}) {
      LIBRR_RETURN_IF_ERROR(timeline.Seek(from));
      const Stopwatch stopwatch;
      Position here = from;
      while (here < to) {
        LIBRR_RETURN_IF_ERROR(
            timeline
                .Run(Direction::kForward,
                     costs == &plain ? StopConditions{} : conditions, to)
                .status());
        here = timeline.position();
      }
      costs->Add(stopwatch.Read());
    }
  }
  const double plain_ms = Percentile(plain.cpu_ms, 50);
  const double watched_ms = Percentile(watched.cpu_ms, 50);
  rows.push_back({.key = "hot_page_watch",
                  .what = "a watch on a word in a hot page / a plain replay",
                  .value = watched_ms / plain_ms,
                  .digits = 2,
                  .at_most = 4,
                  .note = absl::StrFormat("%.2f s over %.2f s",
                                          watched_ms / 1e3, plain_ms / 1e3)});
  return absl::OkStatus();
}

absl::Status DescribeTrace(const std::string& path,
                           std::vector<BoundRow>& rows) {
  LIBRR_ASSIGN_OR_RETURN(const auto trace, TraceReader::Open(path));
  const TraceInfo& info = trace->info();
  rows.push_back({.key = "recording_steps",
                  .what = "the recording, in million steps",
                  .value = static_cast<double>(info.end.position.value()) / 1e6,
                  .digits = 0});
  rows.push_back({.key = "checkpoint_bytes_over_ram",
                  .what = "checkpoints in the file / guest RAM",
                  .value = static_cast<double>(info.bytes.checkpoints) /
                           static_cast<double>(info.header.memory_bytes),
                  .digits = 3,
                  .at_most = 2,
                  .note = absl::StrFormat(
                      "%d checkpoints, %.1f MiB", info.checkpoint_count,
                      static_cast<double>(info.bytes.checkpoints) / kMiB)});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<BoundRow>> MeasureTimeTravel(
    const std::string& trace, const std::string& folder, bool quick,
    const Say& say) {
  std::vector<BoundRow> rows;
  LIBRR_RETURN_IF_ERROR(DescribeTrace(trace, rows));
  say("memory of a backward search");
  LIBRR_RETURN_IF_ERROR(MeasureSearchMemory(trace, rows));
  say("opening at the end");
  LIBRR_RETURN_IF_ERROR(MeasureOpening(trace, folder, rows));
  say("seeking and stepping back");
  LIBRR_RETURN_IF_ERROR(MeasureSteps(trace, folder, quick, rows));
  say("reverse-next through gdb");
  LIBRR_RETURN_IF_ERROR(MeasureReverseNext(trace, folder, rows));
  say("watching a hot page");
  LIBRR_RETURN_IF_ERROR(MeasureHotPage(trace, rows));
  say("searching backwards");
  LIBRR_RETURN_IF_ERROR(MeasureSearches(trace, rows));
  return rows;
}

}  // namespace librr::benchmarks
