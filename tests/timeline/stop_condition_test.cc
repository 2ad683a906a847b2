// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Stop conditions against an oracle that looks at the machine after each step.
#include "librr/stop_condition.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/machine/guest_runs.h"

namespace librr {
namespace {

constexpr uint64_t kSteps = 30'000;

// What each step of a guest did, found by looking before and after it.
struct Oracle {
  std::vector<uint64_t> pc;          // before step i
  std::vector<bool> is_instruction;  // step i is no delivery of an interrupt
  std::vector<std::string> watched;  // the watched bytes before step i
  std::vector<uint64_t> exceptions;  // delivered before step i
  std::vector<uint64_t> interrupts;
  std::map<uint64_t, Digest> digests;  // at some positions
};

Oracle Watch(const PcConfig& config, uint64_t physical, size_t size) {
  Oracle oracle;
  std::unique_ptr<pc::PcMachine> machine = NewGuest(config);
  while (true) {
    const uint64_t position = machine->position().value();
    pc::Cpu& cpu = machine->cpu(0);
    oracle.pc.push_back(cpu.rip() + cpu.regs.segments[pc::kCs].base);
    std::vector<uint8_t> bytes(size);
    EXPECT_TRUE(
        machine->ReadPhysical(GuestPhysical(physical), absl::MakeSpan(bytes))
            .ok());
    oracle.watched.emplace_back(bytes.begin(), bytes.end());
    oracle.exceptions.push_back(machine->Statistics().exceptions);
    oracle.interrupts.push_back(machine->Statistics().interrupts);
    if (position % 97 == 0) oracle.digests[position] = machine->ComputeDigest();
    if (position == kSteps) break;
    const StopState stop = machine->Run({.until = Position(position + 1)});
    if (stop.kind != StopKind::kPosition) break;
    oracle.is_instruction.push_back(machine->Statistics().interrupts ==
                                    oracle.interrupts.back());
  }
  return oracle;
}

// All stops of an armed run, cut into budgets.
std::vector<StopHit> HitsOf(const PcConfig& config,
                            const StopConditions& conditions, uint64_t budget,
                            uint64_t end, const Oracle& oracle) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(config);
  EXPECT_TRUE(machine->SetStopConditions(conditions).ok());
  std::vector<StopHit> hits;
  Position skip = Position::Max();
  while (machine->position().value() < end) {
    const uint64_t slice = (machine->position().value() / budget + 1) * budget;
    const StopState stop = machine->Run(
        {.until = Position(std::min(slice, end)), .skip_breakpoints_at = skip});
    const auto known = oracle.digests.find(machine->position().value());
    if (known != oracle.digests.end()) {
      EXPECT_EQ(FirstDifference(known->second, machine->ComputeDigest(),
                                config.memory_bytes),
                "");
    }
    if (stop.kind == StopKind::kPosition) continue;
    if (stop.kind != StopKind::kCondition) break;
    for (const StopHit& hit : stop.hits) {
      EXPECT_EQ(hit.forward_stop(), machine->position());
      if (hit.kind == StopHit::Kind::kBreakpoint) skip = hit.position;
      hits.push_back(hit);
    }
  }
  return hits;
}

std::vector<uint64_t> Positions(const std::vector<StopHit>& hits) {
  std::vector<uint64_t> positions;
  for (const StopHit& hit : hits) positions.push_back(hit.position.value());
  return positions;
}

class StopConditionTest : public testing::TestWithParam<const char*> {};

TEST_P(StopConditionTest, BreakpointsStopBeforeEachInstructionAtTheirAddress) {
  const PcConfig config = GuestConfig(GetParam());
  const Oracle oracle = Watch(config, 0, 1);
  const uint64_t end = oracle.is_instruction.size();
  std::mt19937_64 random(3);
  for (int round = 0; round < 12; ++round) {
    StopConditions conditions;
    std::set<uint64_t> addresses;
    for (int i = 0; i < 1 + round; ++i) {
      const uint64_t address = oracle.pc[random() % end];
      if (!addresses.insert(address).second) continue;
      conditions.breakpoints.push_back(
          {.id = 7, .address = address, .physical = round % 2 == 1});
    }
    std::vector<uint64_t> expected;
    for (uint64_t i = 0; i < end; ++i) {
      if (oracle.is_instruction[i] && addresses.count(oracle.pc[i]))
        expected.push_back(i);
    }
    const uint64_t budget = 1 + random() % 5'000;
    EXPECT_EQ(Positions(HitsOf(config, conditions, budget, end, oracle)),
              expected)
        << "round " << round;
  }
}

TEST_P(StopConditionTest, WriteWatchpointsStopBehindEachStepThatChangesBytes) {
  const PcConfig config = GuestConfig(GetParam());
  // Where the guest writes: found by comparing its RAM at two positions.
  std::vector<uint8_t> before(config.memory_bytes), after(config.memory_bytes);
  std::unique_ptr<pc::PcMachine> machine = NewGuest(config);
  ASSERT_TRUE(
      machine->ReadPhysical(GuestPhysical(0), absl::MakeSpan(before)).ok());
  std::set<uint64_t> places;
  for (int i = 0; i < 36; ++i) {
    machine->Run({.until = machine->position() + 777});
    ASSERT_TRUE(
        machine->ReadPhysical(GuestPhysical(0), absl::MakeSpan(after)).ok());
    for (uint64_t at = 0; at < after.size(); ++at) {
      if (before[at] != after[at]) places.insert(at);
    }
    before = after;
  }
  ASSERT_FALSE(places.empty());
  std::mt19937_64 random(5);
  for (int round = 0; round < 6; ++round) {
    const uint64_t place = *std::next(
        places.begin(), static_cast<int64_t>(random() % places.size()));
    const uint64_t size = 1 + random() % 40;
    const Oracle oracle = Watch(config, place, size);
    const uint64_t end = oracle.is_instruction.size();
    std::vector<uint64_t> expected;
    for (uint64_t i = 0; i < end; ++i) {
      if (oracle.watched[i] != oracle.watched[i + 1]) expected.push_back(i);
    }
    EXPECT_FALSE(expected.empty());
    // These guests map linear to physical addresses one to one.
    for (const bool physical : {true, false}) {
      StopConditions conditions;
      conditions.watchpoints.push_back({.id = 9,
                                        .kind = WatchKind::kWrite,
                                        .address = place,
                                        .length = size,
                                        .physical = physical});
      const std::vector<StopHit> hits =
          HitsOf(config, conditions, 1 + random() % 5'000, end, oracle);
      EXPECT_EQ(Positions(hits), expected)
          << "place " << place << " size " << size << " physical " << physical;
      for (const StopHit& hit : hits) {
        const uint64_t at = hit.address - place;
        ASSERT_LE(at + hit.length, size);
        EXPECT_EQ(hit.old_bytes,
                  oracle.watched[hit.position.value()].substr(at, hit.length));
        EXPECT_EQ(
            hit.new_bytes,
            oracle.watched[hit.position.value() + 1].substr(at, hit.length));
      }
    }
  }
}

TEST_P(StopConditionTest, CatchpointsStopBehindEachDelivery) {
  const PcConfig config = GuestConfig(GetParam());
  const Oracle oracle = Watch(config, 0, 1);
  const uint64_t end = oracle.is_instruction.size();
  for (const bool interrupts : {false, true}) {
    const std::vector<uint64_t>& counts =
        interrupts ? oracle.interrupts : oracle.exceptions;
    std::vector<uint64_t> expected;
    for (uint64_t i = 0; i < end; ++i) {
      if (counts[i] != counts[i + 1]) expected.push_back(i);
    }
    StopConditions conditions;
    conditions.catchpoints.push_back(
        {.id = 1,
         .kind = interrupts ? Catchpoint::Kind::kInterrupt
                            : Catchpoint::Kind::kException});
    EXPECT_EQ(Positions(HitsOf(config, conditions, 1'000, end, oracle)),
              expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Guests, StopConditionTest,
                         testing::Values("hello", "timer", "busytimer",
                                         "long64", "rdrand"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

TEST(StopConditionTest, ReadsAreSeenAndSilentWritesOnlyIfAsked) {
  // Every kind of watch on a page that a guest's stack or data is in: reads
  // stop more often than writes, accesses as often as both.
  const PcConfig config = GuestConfig("busytimer");
  const Oracle oracle = Watch(config, 0, 1);
  const uint64_t end = oracle.is_instruction.size();
  std::map<WatchKind, std::set<uint64_t>> stops;
  for (const WatchKind kind : {WatchKind::kWrite, WatchKind::kAnyWrite,
                               WatchKind::kRead, WatchKind::kAccess}) {
    StopConditions conditions;
    conditions.watchpoints.push_back({.kind = kind,
                                      .address = 0x100000,
                                      .length = 0x10000,
                                      .physical = true});
    for (const StopHit& hit : HitsOf(config, conditions, 1'000, end, oracle))
      stops[kind].insert(hit.position.value());
  }
  EXPECT_TRUE(std::includes(
      stops[WatchKind::kAnyWrite].begin(), stops[WatchKind::kAnyWrite].end(),
      stops[WatchKind::kWrite].begin(), stops[WatchKind::kWrite].end()));
  std::set<uint64_t> both = stops[WatchKind::kAnyWrite];
  both.insert(stops[WatchKind::kRead].begin(), stops[WatchKind::kRead].end());
  EXPECT_EQ(stops[WatchKind::kAccess], both);
  EXPECT_FALSE(stops[WatchKind::kRead].empty());
}

TEST(StopConditionTest, ConditionsOutOfRangeAreNamed) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("hello"));
  StopConditions conditions;
  conditions.watchpoints.push_back({.address = 0x1234, .length = 0});
  EXPECT_THAT(std::string(machine->SetStopConditions(conditions).message()),
              testing::HasSubstr("0x1234"));
  conditions.watchpoints[0] = {.address = ~uint64_t{0}, .length = 2};
  EXPECT_FALSE(machine->SetStopConditions(conditions).ok());
  // Beyond RAM there is nothing to watch, which is no error.
  conditions.watchpoints[0] = {
      .address = uint64_t{1} << 40, .length = 64, .physical = true};
  EXPECT_TRUE(machine->SetStopConditions(conditions).ok());
}

}  // namespace
}  // namespace librr
