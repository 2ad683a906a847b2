// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Measures what going back in one recording costs: opening it, stepping and
// running backwards, searching.
//
//   absl::StatusOr<std::vector<BoundRow>> rows =
//       MeasureTimeTravel("guest.vmrr", "folder", /*quick=*/false, say);
#ifndef LIBRR_BENCHMARKS_TIME_TRAVEL_H_
#define LIBRR_BENCHMARKS_TIME_TRAVEL_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmarks/bench_report.h"

namespace librr::benchmarks {

using Say = std::function<void(const std::string&)>;

// `folder` is for a socket. To be called from a process with one thread.
absl::StatusOr<std::vector<BoundRow>> MeasureTimeTravel(
    const std::string& trace, const std::string& folder, bool quick,
    const Say& say);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_TIME_TRAVEL_H_
