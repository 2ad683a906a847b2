// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// librr_bench: measures the embedded machine, the recorder and the replayer on
// the Linux guest that scripts/guests makes, and prints the figures as a table.
#include <fstream>
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/statusor.h"
#include "benchmarks/bench_report.h"
#include "benchmarks/guest_measurements.h"

ABSL_FLAG(std::string, kernel, "build/guests/vmlinuz", "the guest's kernel");
ABSL_FLAG(std::string, initrd, "build/guests/initramfs.cpio.gz",
          "its initial file system");
ABSL_FLAG(std::string, folder, ".", "where traces are put for a while");
ABSL_FLAG(std::string, json, "", "a file for all figures as JSON");
ABSL_FLAG(int, rounds, 5, "how often the work is run, recorded and replayed");
ABSL_FLAG(bool, quick, false,
          "small amounts of work, once: only to see that it works");

namespace librr::benchmarks {
namespace {

int Main() {
  MeasurementPlan plan;
  plan.guest.kernel = absl::GetFlag(FLAGS_kernel);
  plan.guest.initrd = absl::GetFlag(FLAGS_initrd);
  plan.folder = absl::GetFlag(FLAGS_folder);
  plan.quick = absl::GetFlag(FLAGS_quick);
  plan.rounds = plan.quick ? 1 : absl::GetFlag(FLAGS_rounds);
  if (plan.rounds < 1) {
    std::cerr << "librr_bench: --rounds must be 1 or more\n";
    return 2;
  }
  const absl::StatusOr<GuestResults> results =
      MeasureGuest(plan, [](const std::string& what) {
        std::cerr << "librr_bench: " << what << std::endl;
      });
  if (!results.ok()) {
    std::cerr << "librr_bench: " << results.status().message() << "\n";
    return 1;
  }
  const Report report = Judge(*results);
  std::cout << ReportText(report) << std::flush;
  if (const std::string path = absl::GetFlag(FLAGS_json); !path.empty()) {
    std::ofstream file(path);
    if (!(file << ReportJson(report, *results) << std::flush)) {
      std::cerr << "librr_bench: " << path << ": cannot be written\n";
      return 4;
    }
  }
  return 0;
}

}  // namespace
}  // namespace librr::benchmarks

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "measures librr on the Linux guest: speed, costs, sizes, memory");
  absl::ParseCommandLine(argc, argv);
  return librr::benchmarks::Main();
}
