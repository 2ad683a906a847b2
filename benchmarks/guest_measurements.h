// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// All that is measured on the Linux guest, in one go.
//
//   absl::StatusOr<GuestResults> results = MeasureGuest(plan, say);
//   std::cout << ReportText(Judge(*results));
#ifndef LIBRR_BENCHMARKS_GUEST_MEASUREMENTS_H_
#define LIBRR_BENCHMARKS_GUEST_MEASUREMENTS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/measured_machine.h"

namespace librr::benchmarks {

struct MeasurementPlan {
  GuestFiles guest;
  std::string folder;  // where traces are put; they are deleted again
  int rounds = 5;
  // Small amounts of work: shows that it works, and little else.
  bool quick = false;
};

struct GuestResults {
  // A round is the same work three times, by turns.
  struct Round {
    ProcessFigures run;
    ProcessFigures record;
    ProcessFigures replay;
  };
  std::vector<std::string> phase_names;  // the boot first
  std::vector<Round> rounds;             // at least one

  // Recordings that differ in one thing: nothing is done after the boot, a
  // long SHA-256, and many keys pressed one at a time.
  ProcessFigures idle_trace;
  ProcessFigures sha256_trace;
  ProcessFigures typing_trace;

  // A guest that uses nearly all of its RAM.
  ProcessFigures full_record;
  ProcessFigures full_replay;
};

// `say` is told what is done now, for people.
absl::StatusOr<GuestResults> MeasureGuest(
    const MeasurementPlan& plan,
    const std::function<void(const std::string&)>& say);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_GUEST_MEASUREMENTS_H_
