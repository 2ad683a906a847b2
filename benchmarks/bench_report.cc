// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/bench_report.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace librr::benchmarks {
namespace {

constexpr double kMiB = 1 << 20;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle]
                                : (values[middle - 1] + values[middle]) / 2;
}

// Of a figure that each round has.
template <typename Figure>
std::vector<double> OfRounds(const GuestResults& results, Figure figure) {
  std::vector<double> values;
  for (const GuestResults::Round& round : results.rounds) {
    values.push_back(figure(round));
  }
  return values;
}

std::string Range(const std::vector<double>& values, double scale, int digits) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return absl::StrFormat("%.*f to %.*f", digits, *low * scale, digits,
                         *high * scale);
}

double CpuPerStep(const ProcessFigures& figures) {
  return static_cast<double>(figures.execution_cpu_ns) /
         static_cast<double>(figures.steps);
}

double Ratio(uint64_t numerator, uint64_t denominator) {
  return static_cast<double>(numerator) / static_cast<double>(denominator);
}

// "1234567" as "1,234,567".
std::string Grouped(uint64_t value) {
  const std::string digits = absl::StrCat(value);
  std::string grouped;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) grouped.push_back(',');
    grouped.push_back(digits[i]);
  }
  return grouped;
}

std::vector<SpeedRow> Speeds(const GuestResults& results) {
  std::vector<SpeedRow> rows;
  for (size_t i = 0; i < results.phase_names.size(); ++i) {
    SpeedRow row;
    row.phase = results.phase_names[i];
    row.steps = results.rounds[0].run.phases[i].steps;
    row.rep_iterations = results.rounds[0].run.phases[i].rep_iterations;
    const std::vector<double> seconds =
        OfRounds(results, [i](const GuestResults::Round& round) {
          return static_cast<double>(round.run.phases[i].cpu_ns) / 1e9;
        });
    row.best_cpu_s = *std::min_element(seconds.begin(), seconds.end());
    row.median_cpu_s = Median(seconds);
    rows.push_back(std::move(row));
  }
  return rows;
}

BoundRow RatioRow(const GuestResults& results, std::string key,
                  std::string what, double at_most,
                  double (*ratio)(const GuestResults::Round&)) {
  const std::vector<double> ratios = OfRounds(results, ratio);
  return {.key = std::move(key),
          .what = std::move(what),
          .value = Median(ratios),
          .unit = "",
          .digits = 3,
          .at_most = at_most,
          .note = Range(ratios, 1, 3)};
}

void AddCosts(const GuestResults& results, std::vector<BoundRow>& rows) {
  const auto share = [&](const char* key, const char* what,
                         std::optional<double> at_most, auto part) {
    const std::vector<double> shares =
        OfRounds(results, [part](const GuestResults::Round& round) {
          const RunCosts& costs = round.record.costs;
          return 100 * Ratio(part(costs), costs.total - costs.idle_wait);
        });
    rows.push_back({.key = key,
                    .what = what,
                    .value = Median(shares),
                    .unit = "%",
                    .digits = 2,
                    .at_most = at_most,
                    .note = Range(shares, 1, 2)});
  };
  share("gate_percent", "recording: share of time in the gate", std::nullopt,
        [](const RunCosts& costs) { return costs.gate; });
  share("log_percent", "recording: share of time in the log", std::nullopt,
        [](const RunCosts& costs) { return costs.log; });
  share("hash_percent", "recording: share of time in digests", std::nullopt,
        [](const RunCosts& costs) { return costs.hash; });
  share("accounted_percent", "recording: gate, log and digests together", 2,
        [](const RunCosts& costs) {
          return costs.gate + costs.log + costs.hash;
        });
  rows.push_back(
      RatioRow(results, "record_over_run", "CPU time of recording / running",
               1.02, [](const GuestResults::Round& round) {
                 return CpuPerStep(round.record) / CpuPerStep(round.run);
               }));
  rows.push_back(RatioRow(results, "record_over_run_process",
                          "the same, with starting and ending of the process",
                          1.02, [](const GuestResults::Round& round) {
                            return Ratio(round.record.cpu_ns, round.run.cpu_ns);
                          }));
  rows.push_back(RatioRow(
      results, "replay_over_record", "CPU time of replaying / recording", 1.05,
      [](const GuestResults::Round& round) {
        return CpuPerStep(round.replay) / CpuPerStep(round.record);
      }));
}

// What the longer of two recordings has more than the shorter.
TraceBytes Added(const TraceBytes& longer, const TraceBytes& shorter) {
  // A part may come out smaller: sizes after compression vary.
  const auto more = [](uint64_t a, uint64_t b) { return a > b ? a - b : 0; };
  TraceBytes added;
  added.total = more(longer.total, shorter.total);
  added.inputs = more(longer.inputs, shorter.inputs);
  added.outputs = more(longer.outputs, shorter.outputs);
  added.digests = more(longer.digests, shorter.digests);
  added.index = more(longer.index, shorter.index);
  return added;
}

void AddSizes(const GuestResults& results, std::vector<BoundRow>& rows) {
  const auto part = [&rows](const char* key, std::string what, double value,
                            std::optional<double> at_most) {
    rows.push_back({.key = key,
                    .what = std::move(what),
                    .value = value,
                    .unit = "bytes",
                    .digits = 1,
                    .at_most = at_most});
  };
  const ProcessFigures& idle = results.idle_trace;
  const ProcessFigures& typing = results.typing_trace;
  const uint64_t keys = typing.keystrokes - idle.keystrokes;
  const TraceBytes typed = Added(typing.bytes, idle.bytes);
  part("input_bytes",
       absl::StrCat("trace: all inputs, with ", typing.keystrokes,
                    " keys pressed one at a time"),
       static_cast<double>(typing.bytes.inputs),
       1000 + 16 * static_cast<double>(typing.keystrokes));
  part("input_bytes_per_key", "trace: inputs per key",
       Ratio(typed.inputs, keys), 16);
  part("output_bytes_per_key", "trace: outputs per key",
       Ratio(typed.outputs, keys), std::nullopt);
  part("digest_bytes_per_key", "trace: digests per key",
       Ratio(typed.digests, keys), std::nullopt);
  part("index_bytes_per_key", "trace: index per key", Ratio(typed.index, keys),
       std::nullopt);

  const ProcessFigures& hashing = results.sha256_trace;
  const TraceBytes hashed = Added(hashing.bytes, idle.bytes);
  const double billions = static_cast<double>(hashing.steps - idle.steps) / 1e9;
  const auto per_billion = [&](const char* key, const char* what,
                               uint64_t bytes, std::optional<double> at_most) {
    part(key, absl::StrCat("trace: ", what, " per 10⁹ steps of SHA-256"),
         static_cast<double>(bytes) / billions, at_most);
  };
  per_billion("sha256_input_bytes", "inputs", hashed.inputs, std::nullopt);
  per_billion("sha256_output_bytes", "outputs", hashed.outputs, std::nullopt);
  per_billion("sha256_digest_bytes", "digests", hashed.digests, std::nullopt);
  per_billion("sha256_index_bytes", "index", hashed.index, std::nullopt);
  per_billion("sha256_all_bytes", "all parts but the image", hashed.total,
              8192);
  part("boot_all_bytes", "trace of a boot: all parts but the image",
       static_cast<double>(idle.bytes.total - idle.bytes.image), std::nullopt);
}

BoundRow MemoryRow(std::string key, std::string what,
                   const ProcessFigures& figures) {
  const double peak = static_cast<double>(figures.peak_resident_bytes);
  const double beside =
      peak - static_cast<double>(figures.resident_guest_ram_bytes);
  return {.key = std::move(key),
          .what = std::move(what),
          .value = (peak - static_cast<double>(figures.guest_ram_bytes)) / kMiB,
          .unit = "MiB",
          .digits = 1,
          .at_most = 96,
          .note = absl::StrFormat(
              "peak %.0f, guest RAM %d; %.1f beside the RAM that was touched",
              peak / kMiB, figures.guest_ram_bytes >> 20, beside / kMiB)};
}

std::string BoundText(const BoundRow& row) {
  if (row.at_most.has_value()) return absl::StrFormat("≤ %g", *row.at_most);
  if (row.at_least.has_value()) return absl::StrFormat("≥ %g", *row.at_least);
  return "";
}

bool HasBound(const BoundRow& row) {
  return row.at_most.has_value() || row.at_least.has_value();
}

// --- JSON ---

std::string JsonMember(const std::string& key, uint64_t value) {
  return absl::StrCat("\"", key, "\": ", value);
}

std::string JsonObject(const std::vector<std::string>& members) {
  return absl::StrCat("{", absl::StrJoin(members, ", "), "}");
}

std::string JsonArray(const std::vector<std::string>& values) {
  return absl::StrCat("[\n    ", absl::StrJoin(values, ",\n    "), "]");
}

std::string BytesJson(const TraceBytes& bytes) {
  return JsonObject(
      {JsonMember("total", bytes.total), JsonMember("header", bytes.header),
       JsonMember("image", bytes.image), JsonMember("inputs", bytes.inputs),
       JsonMember("outputs", bytes.outputs),
       JsonMember("digests", bytes.digests), JsonMember("index", bytes.index)});
}

std::string ProcessJson(const ProcessFigures& figures) {
  std::vector<std::string> phases;
  for (size_t i = 0; i < figures.phase_count; ++i) {
    const PhaseFigures& phase = figures.phases[i];
    phases.push_back(
        JsonObject({JsonMember("steps", phase.steps),
                    JsonMember("rep_iterations", phase.rep_iterations),
                    JsonMember("cpu_ns", phase.cpu_ns)}));
  }
  return JsonObject(
      {JsonMember("cpu_ns", figures.cpu_ns),
       JsonMember("execution_cpu_ns", figures.execution_cpu_ns),
       JsonMember("peak_resident_bytes", figures.peak_resident_bytes),
       JsonMember("guest_ram_bytes", figures.guest_ram_bytes),
       JsonMember("resident_guest_ram_bytes", figures.resident_guest_ram_bytes),
       JsonMember("steps", figures.steps),
       JsonMember("rep_iterations", figures.rep_iterations),
       JsonMember("guest_ns", figures.guest_ns),
       JsonMember("keystrokes", figures.keystrokes),
       JsonMember("input_count", figures.input_count),
       JsonMember("output_count", figures.output_count),
       JsonMember("digest_count", figures.digest_count),
       JsonMember("total_ns", figures.costs.total),
       JsonMember("gate_ns", figures.costs.gate),
       JsonMember("log_ns", figures.costs.log),
       JsonMember("hash_ns", figures.costs.hash),
       absl::StrCat("\"bytes\": ", BytesJson(figures.bytes)),
       absl::StrCat("\"phases\": [", absl::StrJoin(phases, ", "), "]")});
}

}  // namespace

double SpeedRow::Mips(double cpu_s) const {
  return static_cast<double>(steps) / cpu_s / 1e6;
}

double SpeedRow::MipsWithoutRep(double cpu_s) const {
  return static_cast<double>(steps - rep_iterations) / cpu_s / 1e6;
}

bool BoundRow::IsMet() const {
  return !(at_most.has_value() && value > *at_most) &&
         !(at_least.has_value() && value < *at_least);
}

Report Judge(const GuestResults& results) {
  Report report;
  report.rounds = static_cast<int>(results.rounds.size());
  report.speed = Speeds(results);
  const SpeedRow& boot = report.speed[0];
  report.bounds.push_back(
      {.key = "boot_mips",
       .what = "boot, in million steps a second of CPU time",
       .value = boot.Mips(boot.median_cpu_s),
       .unit = "MIPS",
       .digits = 0,
       .at_least = 40,
       .note = "aim: 100"});
  AddCosts(results, report.bounds);
  AddSizes(results, report.bounds);
  report.bounds.push_back(MemoryRow(
      "record_memory_mib", "peak memory of recording, beyond guest RAM",
      results.full_record));
  report.bounds.push_back(MemoryRow(
      "replay_memory_mib", "peak memory of replaying, beyond guest RAM",
      results.full_replay));
  return report;
}

std::string BoundTable(const std::vector<BoundRow>& rows) {
  std::string text =
      "| figure | value | bound | | remarks |\n"
      "| --- | ---: | ---: | --- | --- |\n";
  for (const BoundRow& row : rows) {
    absl::StrAppendFormat(&text, "| %s | %.*f%s%s | %s | %s | %s |\n", row.what,
                          row.digits, row.value, row.unit.empty() ? "" : " ",
                          row.unit, BoundText(row),
                          !HasBound(row) ? ""
                          : row.IsMet()  ? "met"
                                         : "**missed**",
                          row.note);
  }
  return text;
}

std::string ReportText(const Report& report) {
  std::string text =
      "| workload | steps | REP iterations | CPU s | MIPS | "
      "MIPS without REP iterations | fastest round |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
  for (const SpeedRow& row : report.speed) {
    absl::StrAppendFormat(
        &text, "| %s | %s | %s | %.2f | %.0f | %.0f | %.0f |\n", row.phase,
        Grouped(row.steps), Grouped(row.rep_iterations), row.median_cpu_s,
        row.Mips(row.median_cpu_s), row.MipsWithoutRep(row.median_cpu_s),
        row.Mips(row.best_cpu_s));
  }
  absl::StrAppend(&text, "\n", BoundTable(report.bounds));
  return text;
}

std::string ReportJson(const Report& report, const GuestResults& results) {
  std::vector<std::string> speed;
  for (const SpeedRow& row : report.speed) {
    speed.push_back(absl::StrFormat(
        "{\"workload\": \"%s\", \"steps\": %d, \"rep_iterations\": %d, "
        "\"median_cpu_s\": %.6f, \"best_cpu_s\": %.6f, \"mips\": %.3f, "
        "\"mips_without_rep\": %.3f}",
        row.phase, row.steps, row.rep_iterations, row.median_cpu_s,
        row.best_cpu_s, row.Mips(row.median_cpu_s),
        row.MipsWithoutRep(row.median_cpu_s)));
  }
  std::vector<std::string> bounds;
  for (const BoundRow& row : report.bounds) {
    std::string json = absl::StrFormat(
        "{\"figure\": \"%s\", \"value\": %.6f, \"unit\": \"%s\"", row.key,
        row.value, row.unit);
    if (row.at_most.has_value()) {
      absl::StrAppendFormat(&json, ", \"at_most\": %g", *row.at_most);
    }
    if (row.at_least.has_value()) {
      absl::StrAppendFormat(&json, ", \"at_least\": %g", *row.at_least);
    }
    if (HasBound(row)) {
      absl::StrAppend(&json, ", \"met\": ", row.IsMet() ? "true" : "false");
    }
    bounds.push_back(absl::StrCat(json, "}"));
  }
  std::vector<std::string> rounds;
  for (const GuestResults::Round& round : results.rounds) {
    rounds.push_back(
        absl::StrCat("{\"run\": ", ProcessJson(round.run),
                     ",\n     \"record\": ", ProcessJson(round.record),
                     ",\n     \"replay\": ", ProcessJson(round.replay), "}"));
  }
  return absl::StrCat(
      "{\n  \"speed\": ", JsonArray(speed),
      ",\n  \"bounds\": ", JsonArray(bounds),
      ",\n  \"rounds\": ", JsonArray(rounds),
      ",\n  \"idle_trace\": ", ProcessJson(results.idle_trace),
      ",\n  \"sha256_trace\": ", ProcessJson(results.sha256_trace),
      ",\n  \"typing_trace\": ", ProcessJson(results.typing_trace),
      ",\n  \"full_record\": ", ProcessJson(results.full_record),
      ",\n  \"full_replay\": ", ProcessJson(results.full_replay), "\n}\n");
}

}  // namespace librr::benchmarks
