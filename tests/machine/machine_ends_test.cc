// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Every way in which a machine ends, or does not.
#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/machine/guest_runs.h"

namespace librr {
namespace {

using testing::HasSubstr;

Trail RunGuest(const std::string& guest, uint64_t seed = kSeed) {
  Slicing slicing;
  slicing.seed = seed;
  return RunToEnd(GuestConfig(guest), slicing);
}

TEST(MachineEndsTest, ExitPortEndsWithItsCode) {
  const Trail trail = RunGuest("hello");
  EXPECT_EQ(trail.stop, StopKind::kEnded);
  EXPECT_EQ(trail.end, EndReason::kExit);
  EXPECT_EQ(trail.exit_code, 0);
  EXPECT_EQ(trail.Console(), "hello from a bare machine\n");
  ASSERT_EQ(trail.outputs.back().kind, OutputKind::kExitCode);
  EXPECT_EQ(trail.outputs.back().bytes, std::string(1, '\0'));
  // The write is the last step.
  EXPECT_EQ(trail.outputs.back().position, trail.position);
}

TEST(MachineEndsTest, NothingLeftToWaitForIsIdle) {
  const Trail trail = RunGuest("idle");
  EXPECT_EQ(trail.end, EndReason::kIdle);
  EXPECT_EQ(trail.Console(), "idling\n");
}

TEST(MachineEndsTest, IdleGuestWaitsWhileInputMayCome) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("idle"));
  const StopState stop =
      machine->Run({Position::Max(), VirtualTime(123'456'789)});
  EXPECT_EQ(stop.kind, StopKind::kIdle);
  EXPECT_EQ(machine->time(), VirtualTime(123'456'789));
  EXPECT_EQ(machine->NextTimer(), std::nullopt);
}

TEST(MachineEndsTest, HaltWithInterruptsOffIsHalt) {
  const Trail trail = RunGuest("halt");
  EXPECT_EQ(trail.end, EndReason::kHalt);
  EXPECT_EQ(trail.Console(), "halting\n");
}

TEST(MachineEndsTest, FaultsThatCannotBeDeliveredAreATripleFault) {
  const Trail trail = RunGuest("triple");
  EXPECT_EQ(trail.end, EndReason::kTripleFault);
  EXPECT_THAT(trail.detail, HasSubstr("RIP 0x"));
}

TEST(MachineEndsTest, SleepStateS5IsPowerOff) {
  const Trail trail = RunGuest("poweroff");
  EXPECT_EQ(trail.end, EndReason::kPowerOff);
  EXPECT_EQ(trail.Console(), "good night\n");
}

TEST(MachineEndsTest, EveryResetPortResets) {
  std::set<std::string> ways;
  for (uint64_t seed = 0; ways.size() < 4; ++seed) {
    ASSERT_LT(seed, 50u);
    const Trail trail = RunGuest("reset", seed);
    EXPECT_EQ(trail.end, EndReason::kReset) << trail.Console();
    ways.insert(trail.Console());
  }
}

TEST(MachineEndsTest, EndIsFinal) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("hello"));
  machine->Run({});
  const Digest digest = machine->ComputeDigest();
  const Position position = machine->position();
  machine->RequestStop();
  const StopState again = machine->Run({});
  EXPECT_EQ(again.kind, StopKind::kEnded);
  EXPECT_EQ(again.end, EndReason::kExit);
  EXPECT_EQ(machine->position(), position);
  EXPECT_EQ(machine->ComputeDigest(), digest);
}

TEST(MachineEndsTest, EndSurvivesAMoveToAFreshMachine) {
  const PcConfig config = GuestConfig("hello");
  std::unique_ptr<pc::PcMachine> machine = NewGuest(config);
  machine->Run({});
  std::unique_ptr<pc::PcMachine> copy = CopyGuest(config, *machine);
  const StopState stop = copy->Run({});
  EXPECT_EQ(stop.kind, StopKind::kEnded);
  EXPECT_EQ(stop.end, EndReason::kExit);
  EXPECT_EQ(copy->ComputeDigest(), machine->ComputeDigest());
}

TEST(MachineEndsTest, FaultingForEverAdvancesToALimit) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("faultloop"));
  for (const uint64_t limit : {1'000u, 100'000u, 100'001u, 1'000'000u}) {
    const StopState stop = machine->Run({.until = Position(limit)});
    EXPECT_EQ(stop.kind, StopKind::kPosition);
    EXPECT_EQ(machine->position(), Position(limit));
    EXPECT_GE(machine->time(), VirtualTime(limit));
  }
  EXPECT_GT(machine->Statistics().exceptions, 300'000u);
}

// Requests a stop from another thread once the run is on its way.
TEST(MachineEndsTest, StopRequestEndsARunThatWouldNotEnd) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("faultloop"));
  std::thread stopper([&machine] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    machine->RequestStop();
  });
  const StopState stop = machine->Run({});
  stopper.join();
  EXPECT_EQ(stop.kind, StopKind::kInterrupted);
  // Where it stopped depends on the host's time, what is there does not.
  std::unique_ptr<pc::PcMachine> plain = NewGuest(GuestConfig("faultloop"));
  RunTo(*plain, machine->position());
  EXPECT_EQ(plain->ComputeDigest(), machine->ComputeDigest());
  // And it goes on.
  const Position further = machine->position() + 1'000;
  EXPECT_EQ(machine->Run({.until = further}).kind, StopKind::kPosition);
  EXPECT_EQ(machine->position(), further);
}

TEST(MachineEndsTest, StopRequestBeforeARunStopsIt) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(GuestConfig("timer"));
  machine->RequestStop();
  EXPECT_EQ(machine->Run({}).kind, StopKind::kInterrupted);
  EXPECT_EQ(machine->position(), Position(0));
  EXPECT_EQ(machine->Run({}).end, EndReason::kExit);
}

}  // namespace
}  // namespace librr
