// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/guest_measurements.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace librr::benchmarks {
namespace {

std::vector<Phase> Work(bool quick) {
  return {
      {"SHA-256", quick ? "workload sha256 1" : "workload sha256 12"},
      {"gzip", quick ? "gzip -c /bin/workload >z" : "gzip -c /bin/busybox >z"},
      {"fork+exec", quick ? "workload exec 10" : "workload exec 300"},
  };
}

// Lines of comment: the shell has nothing to do but to take the keys.
std::vector<Phase> Typing(bool quick) {
  std::vector<Phase> phases;
  for (int i = 0; i < (quick ? 1 : 6); ++i) {
    phases.push_back({"typing",
                      "# the quick brown fox jumps over the lazy dog, "
                      "seven times",
                      true});
  }
  return phases;
}

// Measures one machine by itself; later calls do nothing after an error.
ProcessFigures MeasureAlone(const Measurement& measurement,
                            absl::Status& status) {
  if (!status.ok()) return {};
  const absl::StatusOr<std::vector<ProcessFigures>> figures =
      RunByTurns({MeasureMachine(measurement)});
  status = figures.status();
  return figures.ok() ? figures->front() : ProcessFigures();
}

// A trace's path; the file is deleted with it.
class TemporaryTrace {
 public:
  TemporaryTrace(const std::string& folder, const std::string& name)
      : path_(absl::StrCat(folder, "/bench-", name, "-", getpid(), ".vmrr")) {}
  ~TemporaryTrace() { unlink(path_.c_str()); }
  TemporaryTrace(const TemporaryTrace&) = delete;
  TemporaryTrace& operator=(const TemporaryTrace&) = delete;
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

}  // namespace

absl::StatusOr<GuestResults> MeasureGuest(
    const MeasurementPlan& plan,
    const std::function<void(const std::string&)>& say) {
  GuestResults results;
  const std::vector<Phase> work = Work(plan.quick);
  results.phase_names = {"boot"};
  for (const Phase& phase : work) results.phase_names.push_back(phase.name);

  const TemporaryTrace replayed(plan.folder, "replayed");
  const TemporaryTrace recorded(plan.folder, "recorded");
  say("recording what will be replayed");
  absl::Status status;
  MeasureAlone({Way::kRecord, plan.guest, work, replayed.path()}, status);
  for (int i = 0; i < plan.rounds && status.ok(); ++i) {
    say(absl::StrCat("running, recording and replaying by turns, round ", i + 1,
                     " of ", plan.rounds));
    const absl::StatusOr<std::vector<ProcessFigures>> figures = RunByTurns({
        MeasureMachine({Way::kRun, plan.guest, work, ""}),
        MeasureMachine({Way::kRecord, plan.guest, work, recorded.path()}),
        MeasureMachine({Way::kReplay, {}, {}, replayed.path()}),
    });
    if (!figures.ok()) return figures.status();
    results.rounds.push_back({(*figures)[0], (*figures)[1], (*figures)[2]});
  }

  say("sizes of traces");
  results.idle_trace =
      MeasureAlone({Way::kRecord, plan.guest, {}, recorded.path()}, status);
  const std::vector<Phase> hashing = {
      {"SHA-256", plan.quick ? "workload sha256 4" : "workload sha256 32"}};
  results.sha256_trace = MeasureAlone(
      {Way::kRecord, plan.guest, hashing, recorded.path()}, status);
  results.typing_trace = MeasureAlone(
      {Way::kRecord, plan.guest, Typing(plan.quick), recorded.path()}, status);

  say("memory of a guest that uses all of its own");
  const std::vector<Phase> filling = {
      {"remount", "mount -o remount,size=85% /tmp"},
      {"fill", "cat /dev/zero >/tmp/zeros; rm /tmp/zeros"}};
  GuestFiles small = plan.guest;
  small.memory_bytes = uint64_t{256} << 20;
  results.full_record =
      MeasureAlone({Way::kRecord, small, filling, recorded.path()}, status);
  results.full_replay =
      MeasureAlone({Way::kReplay, {}, {}, recorded.path()}, status);
  if (!status.ok()) return status;
  return results;
}

}  // namespace librr::benchmarks
