// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests that run small guests on the embedded machine: start one,
// run it cut into budgets, move it to a fresh machine in the middle, and keep
// everything that can be observed from outside.
//
//   const PcConfig config = GuestConfig("timer");
//   const Trail plain = RunToEnd(config, {});
//   EXPECT_EQ(RunToEnd(config, {.budget = 7}), plain);
#ifndef LIBRR_TESTS_MACHINE_GUEST_RUNS_H_
#define LIBRR_TESTS_MACHINE_GUEST_RUNS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "librr/digest.h"
#include "librr/machine.h"
#include "librr/pc_machine.h"
#include "machines/pc/embedded_pc.h"

namespace librr {

inline constexpr uint64_t kGuestMemory = 16ull << 20;
inline constexpr uint64_t kSeed = 0x5eed;

// The file of tests/guests/NAME.S.
std::string ReadGuest(const std::string& name);
PcConfig GuestConfig(const std::string& name,
                     uint64_t memory_bytes = kGuestMemory);

// A new machine that was given date and seed.
std::unique_ptr<pc::PcMachine> NewGuest(const PcConfig& config,
                                        uint64_t seed = kSeed);
// A fresh machine in the state of `machine`.
std::unique_ptr<pc::PcMachine> CopyGuest(const PcConfig& config,
                                         pc::PcMachine& machine);

// Eight bytes, little-endian.
std::string Number(uint64_t value);

struct Output {
  OutputKind kind;
  std::string bytes;
  Position position;
  VirtualTime time;
  bool operator==(const Output&) const = default;
};

class OutputLog final : public OutputSink {
 public:
  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                Position position, VirtualTime time) override;
  std::vector<Output> outputs;
};

// All that a run leaves behind.
struct Trail {
  std::vector<Output> outputs;
  StopKind stop = StopKind::kPosition;
  EndReason end = EndReason::kNone;
  uint8_t exit_code = 0;
  std::string detail;
  Position position;
  VirtualTime time;
  Digest digest;

  std::string Console() const;
  bool operator==(const Trail&) const = default;
};
void PrintTo(const Trail& trail, std::ostream* out);

// Console input at a position and a time.
struct TypedInput {
  Position position;
  VirtualTime time;
  std::string bytes;
};

struct Slicing {
  uint64_t budget = 10'000'000;
  // Moves to a fresh machine after every so many slices; 0: never.
  uint64_t move_every = 0;
  // Computes a digest, and drops it, after every so many slices; 0: never.
  uint64_t digest_every = 0;
  uint64_t seed = kSeed;
  std::vector<TypedInput> inputs = {};
  // The run is over there, or when the guest has idled until that time.
  Position until = Position(50'000'000);
  VirtualTime idle_until = VirtualTime::Max();
};

// Runs a guest until it ends or a limit of `slicing` is reached.
Trail RunToEnd(const PcConfig& config, const Slicing& slicing);
// The same with budgets 1 (if the run is short), 7, 1000 and 10^7, fresh
// machines and digests in between: expects that nothing differs, and returns
// it.
Trail ExpectSameTrailHoweverCut(const PcConfig& config, Slicing slicing = {});

// Runs to a position; an idle guest passes time until its next timer.
void RunTo(Machine& machine, Position position);

}  // namespace librr

#endif  // LIBRR_TESTS_MACHINE_GUEST_RUNS_H_
