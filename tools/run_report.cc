// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/run_report.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "tools/message.h"

namespace librr::tools {
namespace {

constexpr uint64_t kTooShort = 50'000'000;  // nanoseconds

constexpr Option kStatsTable[] = {
    {"stats", 0, "FILE", "write what the run did and cost, as JSON"}};

}  // namespace

const absl::Span<const Option> kStatsOption(kStatsTable);

absl::StatusOr<OutputFile> OpenStatsFile(const Arguments& arguments) {
  const std::optional<std::string> path = arguments.Text("stats");
  if (!path.has_value()) return OutputFile();
  return OpenOutputFile(*path);
}

void AddMachineStatistics(JsonWriter& json,
                          const MachineStatistics& statistics) {
  json.Key("steps").Number(statistics.steps);
  json.Key("rep_iterations").Number(statistics.rep_iterations);
  json.Key("exceptions").Number(statistics.exceptions);
  json.Key("interrupts").Number(statistics.interrupts);
  json.Key("decoded_blocks").Number(statistics.decoded_blocks);
  json.Key("invalidated_blocks").Number(statistics.invalidated_blocks);
  json.Key("page_walks").Number(statistics.page_walks);
}

absl::Status WriteStats(std::FILE* file, const MachineStatistics& statistics,
                        const RunCosts& costs) {
  if (file == nullptr) return absl::OkStatus();
  JsonWriter json(file);
  json.BeginObject();
  AddMachineStatistics(json, statistics);
  json.Key("host_ns").BeginObject();
  json.Key("total").Number(costs.total);
  json.Key("idle_wait").Number(costs.idle_wait);
  json.Key("gate").Number(costs.gate);
  json.Key("log").Number(costs.log);
  json.Key("hash").Number(costs.hash);
  json.Key("checkpoints").Number(costs.checkpoints);
  json.EndObject();
  json.EndObject();
  return FinishOutput(file, "--stats");
}

std::string DescribeSpeed(uint64_t steps, const RunCosts& costs) {
  const uint64_t busy = costs.total - costs.idle_wait;
  if (busy < kTooShort) return "";
  const uint64_t recording =
      costs.gate + costs.log + costs.hash + costs.checkpoints;
  const double nanos = static_cast<double>(busy);
  std::string text =
      absl::StrFormat(", %.0f MIPS", static_cast<double>(steps) * 1e3 / nanos);
  if (costs.log + costs.hash != 0) {
    absl::StrAppendFormat(&text, ", recording took %.2f %%",
                          100 * static_cast<double>(recording) / nanos);
  }
  return text;
}

std::string DescribePlace(Position position, VirtualTime time) {
  return absl::StrCat(FormatCount(position.value()), " (", FormatSeconds(time),
                      " s of its time)");
}

}  // namespace librr::tools
