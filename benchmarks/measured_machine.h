// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs, records or replays the Linux guest once, as a user of the library
// would, and says what it cost this process.
//
//   absl::StatusOr<std::vector<ProcessFigures>> figures =
//       RunByTurns({MeasureMachine({Way::kRun, guest, phases}),
//                   MeasureMachine({Way::kRecord, guest, phases, "t.vmrr"})});
#ifndef LIBRR_BENCHMARKS_MEASURED_MACHINE_H_
#define LIBRR_BENCHMARKS_MEASURED_MACHINE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "benchmarks/phase_typist.h"
#include "benchmarks/turn_taking.h"

namespace librr::benchmarks {

enum class Way { kRun, kRecord, kReplay };

struct GuestFiles {
  std::string kernel;  // paths
  std::string initrd;
  uint64_t memory_bytes = uint64_t{512} << 20;
};

struct Measurement {
  Way way = Way::kRun;
  GuestFiles guest;           // a replay needs none
  std::vector<Phase> phases;  // nor these
  std::string trace;          // the path of what is recorded or replayed
  bool checkpoints = false;   // whether recordings have them
};

// The job fails if the guest does not do all phases and power off, or if a
// replay diverges.
Job MeasureMachine(const Measurement& measurement);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_MEASURED_MACHINE_H_
