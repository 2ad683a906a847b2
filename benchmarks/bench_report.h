// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What measurements mean: figures with the bounds that they are to keep, as a
// table for people and as JSON for programs.
#ifndef LIBRR_BENCHMARKS_BENCH_REPORT_H_
#define LIBRR_BENCHMARKS_BENCH_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "benchmarks/guest_measurements.h"

namespace librr::benchmarks {

struct SpeedRow {
  std::string phase;
  uint64_t steps = 0;
  uint64_t rep_iterations = 0;
  double best_cpu_s = 0;  // of all rounds
  double median_cpu_s = 0;

  double Mips(double cpu_s) const;  // with REP iterations
  double MipsWithoutRep(double cpu_s) const;
};

struct BoundRow {
  std::string key;   // in JSON
  std::string what;  // for people
  double value = 0;
  std::string unit = "";
  int digits = 0;  // after the point
  std::optional<double> at_most = std::nullopt;
  std::optional<double> at_least = std::nullopt;
  std::string note = "";

  bool IsMet() const;
};

struct Report {
  std::vector<SpeedRow> speed;
  std::vector<BoundRow> bounds;
  int rounds = 0;
};

Report Judge(const GuestResults& results);

// A table in Markdown, ending with a newline.
std::string BoundTable(const std::vector<BoundRow>& rows);
// Markdown, ending with a newline.
std::string ReportText(const Report& report);
// One object, ending with a newline; all that was measured is in it.
std::string ReportJson(const Report& report, const GuestResults& results);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_BENCH_REPORT_H_
