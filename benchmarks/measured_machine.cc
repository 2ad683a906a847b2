// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/measured_machine.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr/live_run.h"
#include "librr/pc_machine.h"
#include "librr/recorder.h"
#include "librr/replayer.h"
#include "librr/trace.h"

namespace librr::benchmarks {
namespace {

constexpr uint64_t kPowerOnSeconds = 1'700'000'000;
constexpr uint64_t kSeed = 1;

// CPU time, which stands still while others have their turn: what is accounted
// is what this process did, however loaded the host is.
class CpuClock final : public HostClock {
 public:
  uint64_t Now() override { return ProcessCpuNs(); }
  void Wait(int, int, std::optional<uint64_t>) override {}
};

class TurnObserver final : public ReplayObserver {
 public:
  explicit TurnObserver(TurnTaker* turns) : turns_(turns) {}
  void OnProgress(Position, VirtualTime, Position) override {
    turns_->MayPass();
  }

 private:
  TurnTaker* const turns_;
};

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (!file || !(bytes << file.rdbuf())) {
    return absl::NotFoundError(
        absl::StrCat(path, ": cannot be read; scripts/guests makes the guest"));
  }
  return std::move(bytes).str();
}

// The most memory that this process ever had: VmHWM of proc(5), in bytes.
uint64_t PeakResidentBytes() {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word) {
    if (word != "VmHWM:") continue;
    uint64_t kib = 0;
    file >> kib;
    return kib << 10;
  }
  return 0;
}

// How much of the guest's RAM the host holds: Rss in smaps of proc(5), of the
// mapping that is large enough to be it.
uint64_t ResidentRamBytes(uint64_t ram_bytes) {
  std::ifstream file("/proc/self/smaps");
  uint64_t size = 0;
  for (std::string line; std::getline(file, line);) {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t kib = 0;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " ", &begin, &end) ==
        2) {
      size = end - begin;
    } else if (size >= ram_bytes &&
               std::sscanf(line.c_str(), "Rss: %" SCNu64 " kB", &kib) == 1) {
      return kib << 10;
    }
  }
  return 0;
}

absl::StatusOr<PcConfig> Configure(const GuestFiles& guest) {
  absl::StatusOr<std::string> kernel = ReadFile(guest.kernel);
  if (!kernel.ok()) return kernel.status();
  absl::StatusOr<std::string> initrd = ReadFile(guest.initrd);
  if (!initrd.ok()) return initrd.status();
  PcConfig config;
  config.kernel = *std::move(kernel);
  config.initrd = *std::move(initrd);
  config.command_line = "console=ttyS0";
  config.memory_bytes = guest.memory_bytes;
  return config;
}

void FillIn(const Machine& machine, ProcessFigures& figures) {
  const MachineStatistics statistics = machine.Statistics();
  figures.steps = statistics.steps;
  figures.rep_iterations = statistics.rep_iterations;
  figures.guest_ns = machine.time().value();
  figures.guest_ram_bytes = machine.memory_bytes();
  figures.cpu_ns = ProcessCpuNs();
  figures.peak_resident_bytes = PeakResidentBytes();
  figures.resident_guest_ram_bytes = ResidentRamBytes(machine.memory_bytes());
}

absl::Status CheckEnd(const EndRecord& end, const PhaseTypist& typist,
                      const Measurement& measurement) {
  if (end.reason == EndReason::kPowerOff &&
      typist.figures().size() == measurement.phases.size() + 1) {
    return absl::OkStatus();
  }
  return absl::InternalError(
      absl::StrCat("the guest did not do its work: it ended with ",
                   std::string(EndReasonName(end.reason)), " after ",
                   typist.figures().size(), " phases. ", end.detail));
}

absl::Status AddTraceFigures(const std::string& path, ProcessFigures& figures) {
  const absl::StatusOr<std::unique_ptr<TraceReader>> trace =
      TraceReader::Open(path);
  if (!trace.ok()) return trace.status();
  const TraceInfo& info = (*trace)->info();
  figures.bytes = info.bytes;
  figures.input_count = info.input_count;
  figures.output_count = info.output_count;
  figures.digest_count = info.digest_count;
  return absl::OkStatus();
}

absl::StatusOr<ProcessFigures> MeasureLive(const Measurement& measurement,
                                           TurnTaker& turns) {
  absl::StatusOr<PcConfig> config = Configure(measurement.guest);
  if (!config.ok()) return config.status();
  const absl::StatusOr<std::unique_ptr<Machine>> machine =
      CreatePcMachine(*config);
  if (!machine.ok()) return machine.status();
  CpuClock clock;
  PhaseTypist typist(machine->get(), measurement.phases, &turns);
  RecorderOptions options;
  options.run.power_on_seconds = kPowerOnSeconds;
  options.run.seed = kSeed;
  options.run.idle = IdlePolicy::kSkip;
  options.run.clock = &clock;
  if (!measurement.checkpoints) options.checkpoint_memory = 0;

  const bool records = measurement.way == Way::kRecord;
  std::unique_ptr<Recorder> recorder;
  if (records) {
    absl::StatusOr<std::unique_ptr<Recorder>> created = Recorder::Create(
        measurement.trace, DescribePc(*config), machine->get(), options);
    if (!created.ok()) return created.status();
    recorder = *std::move(created);
  }
  *config = PcConfig();  // the machine and the trace have copies
  LiveRun run(machine->get(), &typist, nullptr, nullptr, options.run);
  const uint64_t begin = ProcessCpuNs();
  const absl::StatusOr<EndRecord> end =
      records ? recorder->Record(&typist, nullptr) : run.Run();
  if (!end.ok()) return end.status();
  ProcessFigures figures;
  figures.execution_cpu_ns = ProcessCpuNs() - begin;
  figures.costs = records ? recorder->costs() : run.costs();
  FillIn(**machine, figures);
  absl::Status status = CheckEnd(*end, typist, measurement);
  if (!status.ok()) return status;

  figures.keystrokes = typist.keystrokes();
  figures.phase_count = typist.figures().size();
  std::copy(typist.figures().begin(), typist.figures().end(),
            figures.phases.begin());
  if (!records) return figures;
  recorder.reset();
  status = AddTraceFigures(measurement.trace, figures);
  if (!status.ok()) return status;
  return figures;
}

absl::StatusOr<ProcessFigures> MeasureReplay(const Measurement& measurement,
                                             TurnTaker& turns) {
  const absl::StatusOr<std::unique_ptr<TraceReader>> trace =
      TraceReader::Open(measurement.trace);
  if (!trace.ok()) return trace.status();
  const MachineFactory factory =
      [&trace](const std::string&) -> absl::StatusOr<std::unique_ptr<Machine>> {
    const absl::StatusOr<PcConfig> config = PcConfigFromTrace(**trace);
    if (!config.ok()) return config.status();
    return CreatePcMachine(*config);
  };
  TurnObserver observer(&turns);
  ReplayOptions options;
  options.observer = &observer;
  const absl::StatusOr<std::unique_ptr<Replayer>> replayer =
      Replayer::Create(trace->get(), factory, options);
  if (!replayer.ok()) return replayer.status();
  const uint64_t begin = ProcessCpuNs();
  const absl::Status status = (*replayer)->RunToEnd();
  if (!status.ok()) return status;
  ProcessFigures figures;
  figures.execution_cpu_ns = ProcessCpuNs() - begin;
  FillIn((*replayer)->machine(), figures);
  return figures;
}

}  // namespace

Job MeasureMachine(const Measurement& measurement) {
  return [measurement](TurnTaker& turns) -> absl::StatusOr<ProcessFigures> {
    if (measurement.phases.size() >= kMaxPhases) {
      return absl::InvalidArgumentError("too many phases");
    }
    return measurement.way == Way::kReplay ? MeasureReplay(measurement, turns)
                                           : MeasureLive(measurement, turns);
  };
}

}  // namespace librr::benchmarks
