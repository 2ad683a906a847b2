// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// time_travel_bench: records the Linux guest that scripts/guests makes, with
// and without checkpoints, and measures what going back in the recording costs.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "benchmarks/measured_machine.h"
#include "benchmarks/time_travel.h"

ABSL_FLAG(std::string, kernel, "build/guests/vmlinuz", "the guest's kernel");
ABSL_FLAG(std::string, initrd, "build/guests/initramfs.cpio.gz",
          "its initial file system");
ABSL_FLAG(std::string, folder, ".", "where traces are put for a while");
ABSL_FLAG(std::string, trace, "",
          "a recording to measure; nothing is recorded then");
ABSL_FLAG(std::string, keep, "", "where to put the recording, to be kept");
ABSL_FLAG(int, rounds, 3, "how often it is recorded with and without");
ABSL_FLAG(bool, quick, false,
          "a small amount of work, once: only to see that it works");

namespace librr::benchmarks {
namespace {

std::vector<Phase> Work(bool quick) {
  const Phase spin = {"spin", "workload spin 20000"};
  if (quick) return {{"SHA-256", "workload sha256 1"}, spin};
  return {{"SHA-256", "workload sha256 24"},
          {"gzip", "gzip -c /bin/busybox >z"},
          {"fork+exec", "workload exec 300"},
          {"SHA-256 again", "workload sha256 22"},
          spin};
}

// Records with and without checkpoints by turns; the last recording stays.
absl::StatusOr<BoundRow> Record(const std::string& path, int rounds) {
  const bool quick = absl::GetFlag(FLAGS_quick);
  GuestFiles guest;
  guest.kernel = absl::GetFlag(FLAGS_kernel);
  guest.initrd = absl::GetFlag(FLAGS_initrd);
  const std::string other = path + ".without";
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    std::cerr << "time_travel_bench: recording, round " << i + 1 << " of "
              << rounds << std::endl;
    const auto figures = RunByTurns(
        {MeasureMachine({Way::kRecord, guest, Work(quick), other, false}),
         MeasureMachine({Way::kRecord, guest, Work(quick), path, true})});
    if (!figures.ok()) return figures.status();
    ratios.push_back(static_cast<double>((*figures)[1].cpu_ns) /
                     static_cast<double>((*figures)[0].cpu_ns));
    std::cerr << "time_travel_bench: " << ratios.back()
              << " times the CPU time without checkpoints" << std::endl;
  }
  unlink(other.c_str());
  std::sort(ratios.begin(), ratios.end());
  return BoundRow{
      .key = "record_with_over_without",
      .what =
          "CPU time of recording with checkpoints / without, "
          "all threads",
      .value = ratios[ratios.size() / 2],
      .unit = "",
      .digits = 3,
      .at_most = 1.02,
      .note = absl::StrFormat("%.3f to %.3f", ratios.front(), ratios.back())};
}

absl::StatusOr<std::vector<BoundRow>> Measure() {
  const bool quick = absl::GetFlag(FLAGS_quick);
  std::string path = absl::GetFlag(FLAGS_trace);
  std::vector<BoundRow> rows;
  const bool records = path.empty();
  const std::string kept = absl::GetFlag(FLAGS_keep);
  if (records) {
    path = kept.empty() ? absl::StrCat(absl::GetFlag(FLAGS_folder),
                                       "/time-travel-", getpid(), ".vmrr")
                        : kept;
    absl::StatusOr<BoundRow> row =
        Record(path, quick ? 1 : absl::GetFlag(FLAGS_rounds));
    if (!row.ok()) return row.status();
    rows.push_back(*std::move(row));
  }
  absl::StatusOr<std::vector<BoundRow>> travel = MeasureTimeTravel(
      path, absl::GetFlag(FLAGS_folder), quick, [](const std::string& what) {
        std::cerr << "time_travel_bench: " << what << std::endl;
      });
  if (records && kept.empty()) unlink(path.c_str());
  if (!travel.ok()) return travel.status();
  rows.insert(rows.end(), travel->begin(), travel->end());
  return rows;
}

int Main() {
  if (absl::GetFlag(FLAGS_rounds) < 1) {
    std::cerr << "time_travel_bench: --rounds must be 1 or more\n";
    return 2;
  }
  const absl::StatusOr<std::vector<BoundRow>> rows = Measure();
  if (!rows.ok()) {
    std::cerr << "time_travel_bench: " << rows.status().message() << "\n";
    return 1;
  }
  std::cout << BoundTable(*rows) << std::flush;
  return 0;
}

}  // namespace
}  // namespace librr::benchmarks

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "measures what going back in a recording of the Linux guest costs");
  absl::ParseCommandLine(argc, argv);
  return librr::benchmarks::Main();
}
