// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/machine/guest_runs.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "gtest/gtest.h"
#include "librr-core/base/coding.h"

namespace librr {
namespace {

// Above this a run with budget 1 takes too long for a short test.
constexpr uint64_t kShortRun = 1'000'000;

class SlicedRun {
 public:
  SlicedRun(const PcConfig& config, const Slicing& slicing)
      : config_(config),
        slicing_(slicing),
        machine_(NewGuest(config, slicing.seed)) {
    machine_->SetOutputSink(&log_);
  }

  Trail Run() {
    for (const TypedInput& input : slicing_.inputs) {
      GoTo(input.position, input.time);
      if (stop_.kind == StopKind::kEnded) break;
      EXPECT_EQ(machine_->position(), input.position);
      EXPECT_EQ(machine_->time(), input.time);
      EXPECT_TRUE(
          machine_->ApplyInput({InputKind::kConsole, input.bytes}).ok());
    }
    GoTo(slicing_.until, slicing_.idle_until);
    Trail trail;
    trail.outputs = std::move(log_.outputs);
    trail.stop = stop_.kind;
    trail.end = stop_.end;
    trail.exit_code = stop_.exit_code;
    trail.detail = stop_.detail;
    trail.position = machine_->position();
    trail.time = machine_->time();
    trail.digest = machine_->ComputeDigest();
    return trail;
  }

 private:
  void GoTo(Position position, VirtualTime idle_until) {
    while (true) {
      const Position slice_end =
          Position((machine_->position().value() / slicing_.budget + 1) *
                   slicing_.budget);
      const Position until = std::min(slice_end, position);
      stop_ = machine_->Run({until, idle_until});
      ++slices_;
      if (stop_.kind == StopKind::kPosition) {
        EXPECT_EQ(machine_->position(), until);
      } else {
        EXPECT_LE(machine_->position(), until);
      }
      if (slicing_.digest_every != 0 && slices_ % slicing_.digest_every == 0) {
        machine_->ComputeDigest();
      }
      if (slicing_.move_every != 0 && slices_ % slicing_.move_every == 0 &&
          stop_.kind != StopKind::kEnded) {
        machine_ = CopyGuest(config_, *machine_);
        machine_->SetOutputSink(&log_);
      }
      if (stop_.kind != StopKind::kPosition) return;
      if (machine_->position() >= position) return;
    }
  }

  const PcConfig& config_;
  const Slicing& slicing_;
  OutputLog log_;
  std::unique_ptr<pc::PcMachine> machine_;
  StopState stop_;
  uint64_t slices_ = 0;
};

}  // namespace

std::string ReadGuest(const std::string& name) {
  const std::string path = std::string(LIBRR_GUESTS_DIR) + "/" + name + ".elf";
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

PcConfig GuestConfig(const std::string& name, uint64_t memory_bytes) {
  PcConfig config;
  config.kernel = ReadGuest(name);
  config.memory_bytes = memory_bytes;
  return config;
}

std::string Number(uint64_t value) {
  std::string bytes;
  PutFixed64(bytes, value);
  return bytes;
}

std::unique_ptr<pc::PcMachine> NewGuest(const PcConfig& config, uint64_t seed) {
  absl::StatusOr<std::unique_ptr<pc::PcMachine>> machine =
      pc::PcMachine::Create(config);
  EXPECT_TRUE(machine.ok()) << machine.status();
  if (!machine.ok()) return nullptr;
  EXPECT_TRUE((*machine)
                  ->ApplyInput({InputKind::kPowerOnDate, Number(1'700'000'000)})
                  .ok());
  EXPECT_TRUE((*machine)->ApplyInput({InputKind::kSeed, Number(seed)}).ok());
  return *std::move(machine);
}

std::unique_ptr<pc::PcMachine> CopyGuest(const PcConfig& config,
                                         pc::PcMachine& machine) {
  std::unique_ptr<pc::PcMachine> copy = NewGuest(config, 0);
  std::vector<uint8_t> ours(4096);
  std::vector<uint8_t> theirs(4096);
  for (uint64_t page = 0; page < machine.memory_bytes(); page += 4096) {
    EXPECT_TRUE(
        machine.ReadPhysical(GuestPhysical(page), absl::MakeSpan(ours)).ok());
    EXPECT_TRUE(
        copy->ReadPhysical(GuestPhysical(page), absl::MakeSpan(theirs)).ok());
    if (ours == theirs) continue;
    EXPECT_TRUE(copy->WritePhysical(GuestPhysical(page), ours).ok());
  }
  const absl::Status restored = copy->RestoreState(machine.SaveState());
  EXPECT_TRUE(restored.ok()) << restored;
  return copy;
}

void OutputLog::OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                         Position position, VirtualTime time) {
  outputs.push_back(
      {kind, std::string(bytes.begin(), bytes.end()), position, time});
}

std::string Trail::Console() const {
  std::string text;
  for (const Output& output : outputs) {
    if (output.kind == OutputKind::kConsole) text += output.bytes;
  }
  return text;
}

void PrintTo(const Trail& trail, std::ostream* out) {
  *out << EndReasonName(trail.end) << " (" << trail.detail << ") at position "
       << trail.position.value() << ", " << trail.time.value() << " ns, "
       << trail.outputs.size() << " outputs, digest " << trail.digest.Summary()
       << ":";
  for (const Digest::Component& component : trail.digest.components) {
    *out << " " << component.name << " " << component.hash;
  }
  *out << "\n" << trail.Console();
}

Trail RunToEnd(const PcConfig& config, const Slicing& slicing) {
  return SlicedRun(config, slicing).Run();
}

Trail ExpectSameTrailHoweverCut(const PcConfig& config, Slicing slicing) {
  const Trail plain = RunToEnd(config, slicing);
  for (const uint64_t budget : {1u, 7u, 1'000u, 10'000'000u}) {
    const uint64_t steps = plain.position.value();
    if (budget == 1 && steps > kShortRun) continue;
    SCOPED_TRACE(budget);
    slicing.budget = budget;
    slicing.move_every = 0;
    slicing.digest_every = 0;
    EXPECT_EQ(RunToEnd(config, slicing), plain);
    // Numbers of slices without a common factor, so that fresh machines begin
    // at all kinds of places; about a dozen of them.
    slicing.digest_every = 3;
    slicing.move_every = steps / budget / 12 + 1;
    EXPECT_EQ(RunToEnd(config, slicing), plain);
  }
  return plain;
}

void RunTo(Machine& machine, Position position) {
  StopState stop;
  do {
    stop = machine.Run({.until = position});
  } while (stop.kind == StopKind::kInterrupted);
  if (stop.kind == StopKind::kPosition) {
    EXPECT_EQ(machine.position(), position);
  }
}

}  // namespace librr
