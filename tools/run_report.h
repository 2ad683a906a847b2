// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What `vmrr run`, `record`, `replay` and `stats` tell about a run that is
// over.
#ifndef LIBRR_TOOLS_RUN_REPORT_H_
#define LIBRR_TOOLS_RUN_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "librr/live_run.h"
#include "librr/machine.h"
#include "tools/command_line.h"
#include "tools/file_bytes.h"
#include "tools/json_writer.h"

namespace librr::tools {

extern const absl::Span<const Option> kStatsOption;  // --stats FILE

// The file of --stats, opened before the sandbox; null if it was not given.
absl::StatusOr<OutputFile> OpenStatsFile(const Arguments& arguments);

// Writes machine and host costs as one JSON object. Does nothing without file.
absl::Status WriteStats(std::FILE* file, const MachineStatistics& statistics,
                        const RunCosts& costs);
// The members of that object.
void AddMachineStatistics(JsonWriter& json,
                          const MachineStatistics& statistics);

// ", 45 MIPS, recording took 0.40 %"; empty for a run too short to tell. Time
// spent waiting does not count.
std::string DescribeSpeed(uint64_t steps, const RunCosts& costs);

// "POSITION (SECONDS s of its time)".
std::string DescribePlace(Position position, VirtualTime time);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_RUN_REPORT_H_
