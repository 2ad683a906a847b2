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

// The host's clock, standing still while others have their turn.
class TurnClock final : public HostClock {
 public:
  explicit TurnClock(const TurnTaker* turns) : turns_(turns) {}
  uint64_t Now() override {
    return HostClock::Real().Now() - turns_->waited_ns();
  }
  void Wait(int, int, std::optional<uint64_t>) override {}

 private:
  const TurnTaker* const turns_;
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
  PcConfig config;
  LIBRR_ASSIGN_OR_RETURN(config.kernel, ReadFile(guest.kernel));
  LIBRR_ASSIGN_OR_RETURN(config.initrd, ReadFile(guest.initrd));
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

absl::StatusOr<ProcessFigures> MeasureLive(const Measurement& measurement,
                                           TurnTaker& turns) {
  LIBRR_ASSIGN_OR_RETURN(PcConfig config, Configure(measurement.guest));
  LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<Machine> machine,
                         CreatePcMachine(config));
  TurnClock clock(&turns);
  PhaseTypist typist(machine.get(), measurement.phases, &turns);
  RecorderOptions options;
  options.run.power_on_seconds = kPowerOnSeconds;
  options.run.seed = kSeed;
  options.run.idle = IdlePolicy::kSkip;
  options.run.clock = &clock;

  std::unique_ptr<Recorder> recorder;
  if (measurement.way == Way::kRecord) {
    LIBRR_ASSIGN_OR_RETURN(
        recorder, Recorder::Create(measurement.trace, DescribePc(config),
                                   machine.get(), options));
  }
  config = PcConfig();  // the machine and the trace have copies
  ProcessFigures figures;
  const uint64_t begin = ProcessCpuNs();
  EndRecord end;
  if (recorder != nullptr) {
    LIBRR_ASSIGN_OR_RETURN(end, recorder->Record(&typist, nullptr));
    figures.costs = recorder->costs();
  } else {
    LiveRun run(machine.get(), &typist, nullptr, nullptr, options.run);
    LIBRR_ASSIGN_OR_RETURN(end, run.Run());
    figures.costs = run.costs();
  }
  figures.execution_cpu_ns = ProcessCpuNs() - begin;
  FillIn(*machine, figures);
  LIBRR_RETURN_IF_ERROR(CheckEnd(end, typist, measurement));

  figures.keystrokes = typist.keystrokes();
  figures.phase_count = typist.figures().size();
  std::copy(typist.figures().begin(), typist.figures().end(),
            figures.phases.begin());
  if (recorder != nullptr) {
    recorder.reset();
    LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<TraceReader> trace,
                           TraceReader::Open(measurement.trace));
    figures.bytes = trace->info().bytes;
    figures.input_count = trace->info().input_count;
    figures.output_count = trace->info().output_count;
    figures.digest_count = trace->info().digest_count;
  }
  return figures;
}

absl::StatusOr<ProcessFigures> MeasureReplay(const Measurement& measurement,
                                             TurnTaker& turns) {
  LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<TraceReader> trace,
                         TraceReader::Open(measurement.trace));
  const MachineFactory factory =
      [&trace](const std::string&) -> absl::StatusOr<std::unique_ptr<Machine>> {
    LIBRR_ASSIGN_OR_RETURN(const PcConfig config, PcConfigFromTrace(*trace));
    return CreatePcMachine(config);
  };
  TurnObserver observer(&turns);
  ReplayOptions options;
  options.observer = &observer;
  LIBRR_ASSIGN_OR_RETURN(const std::unique_ptr<Replayer> replayer,
                         Replayer::Create(trace.get(), factory, options));
  ProcessFigures figures;
  const uint64_t begin = ProcessCpuNs();
  LIBRR_RETURN_IF_ERROR(replayer->RunToEnd());
  figures.execution_cpu_ns = ProcessCpuNs() - begin;
  FillIn(replayer->machine(), figures);
  return figures;
}

}  // namespace

Job MeasureMachine(const Measurement& measurement) {
  LIBRR_CHECK(measurement.phases.size() < kMaxPhases);
  return [measurement](TurnTaker& turns) {
    return measurement.way == Way::kReplay ? MeasureReplay(measurement, turns)
                                           : MeasureLive(measurement, turns);
  };
}

}  // namespace librr::benchmarks
