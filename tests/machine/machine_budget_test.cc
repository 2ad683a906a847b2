// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// How a run is cut into budgets, where it is moved to a fresh machine and when
// somebody looks at it leaves no trace.
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/machine/guest_runs.h"

namespace librr {
namespace {

using testing::HasSubstr;

class BudgetTest : public testing::TestWithParam<const char*> {};

TEST_P(BudgetTest, NothingDependsOnHowTheRunIsCut) {
  Slicing slicing;
  slicing.until = Position(400'000);
  ExpectSameTrailHoweverCut(GuestConfig(GetParam()), slicing);
}

INSTANTIATE_TEST_SUITE_P(Guests, BudgetTest,
                         testing::Values("hello", "idle", "halt", "triple",
                                         "faultloop", "timer", "rdrand",
                                         "long64", "busytimer"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

TEST(BudgetTest, LongGuestDoesNotDependOnHowItIsCut) {
  Slicing slicing;
  slicing.until = Position(1'200'000);
  const Trail trail = ExpectSameTrailHoweverCut(GuestConfig("long64"), slicing);
  EXPECT_EQ(trail.position, Position(1'200'000));
}

// Types at given times, wherever the guest is then, and notes where that was.
std::vector<TypedInput> TypeAt(
    const PcConfig& config,
    const std::vector<std::pair<uint64_t, std::string>>& keys) {
  std::unique_ptr<pc::PcMachine> machine = NewGuest(config);
  std::vector<TypedInput> inputs;
  for (const auto& [time, bytes] : keys) {
    // While the guest is busy a step takes a nanosecond or more.
    while (machine->time() < VirtualTime(time)) {
      machine->Run({machine->position() + 1, VirtualTime(time)});
    }
    inputs.push_back({machine->position(), machine->time(), bytes});
    EXPECT_TRUE(machine->ApplyInput({InputKind::kConsole, bytes}).ok());
  }
  return inputs;
}

TEST(BudgetTest, EchoedInputDoesNotDependOnHowTheRunIsCut) {
  const PcConfig config = GuestConfig("echo");
  Slicing slicing;
  // The first while it idles, the others while it echoes.
  slicing.inputs = TypeAt(config, {{5'000'000, "a"},
                                   {5'002'000, "b"},
                                   {5'002'777, "cd"},
                                   {9'000'001, "ef"},
                                   {9'050'000, "q"}});
  const Trail trail = ExpectSameTrailHoweverCut(config, slicing);
  EXPECT_EQ(trail.end, EndReason::kExit);
  EXPECT_THAT(trail.Console(), HasSubstr("abcdefq\nbytes: 00000007"));
}

TEST(BudgetTest, EveryStepEqualsAPlainRunToThere) {
  const PcConfig config = GuestConfig("rdrand");
  std::unique_ptr<pc::PcMachine> stepped = NewGuest(config);
  std::map<uint64_t, Digest> digests;
  StopState stop;
  while (stop.kind == StopKind::kPosition) {
    digests[stepped->position().value()] = stepped->ComputeDigest();
    stop = stepped->Run({.until = stepped->position() + 1});
  }
  ASSERT_EQ(stop.end, EndReason::kExit);
  const uint64_t end = stepped->position().value();
  ASSERT_EQ(digests.size(), end);  // one state per position

  std::mt19937_64 random(1);
  for (int i = 0; i < 60; ++i) {
    const uint64_t position = random() % end;
    std::unique_ptr<pc::PcMachine> plain = NewGuest(config);
    RunTo(*plain, Position(position));
    ASSERT_EQ(plain->position(), Position(position));
    EXPECT_EQ(FirstDifference(digests[position], plain->ComputeDigest(),
                              config.memory_bytes),
              "")
        << "position " << position;
  }
}

TEST(BudgetTest, RegistersAndMemoryAtAPositionAreThoseOfAPlainRun) {
  for (const char* guest : {"long64", "busytimer", "timer"}) {
    SCOPED_TRACE(guest);
    const PcConfig config = GuestConfig(guest);
    std::mt19937_64 random(7);
    // One machine is cut and looked at all the time.
    std::unique_ptr<pc::PcMachine> watched = NewGuest(config);
    for (int i = 0; i < 8; ++i) {
      const Position position = watched->position() + random() % 20'000;
      StopState stop;
      while (watched->position() < position && stop.kind != StopKind::kEnded) {
        const uint64_t left = position - watched->position();
        stop = watched->Run(
            {.until = watched->position() +
                      std::min<uint64_t>(left, 1 + random() % 1'000)});
        watched->ComputeDigest();
        watched->Registers(0);
      }
      std::unique_ptr<pc::PcMachine> plain = NewGuest(config);
      RunTo(*plain, position);
      EXPECT_EQ(plain->time(), watched->time());
      const std::vector<RegisterValue> expected = plain->Registers(0);
      const std::vector<RegisterValue> actual = watched->Registers(0);
      ASSERT_EQ(expected.size(), actual.size());
      for (size_t k = 0; k < expected.size(); ++k) {
        EXPECT_EQ(expected[k].name, actual[k].name);
        EXPECT_EQ(expected[k].bytes, actual[k].bytes) << expected[k].name;
      }
      std::vector<uint8_t> ours(config.memory_bytes);
      std::vector<uint8_t> theirs(config.memory_bytes);
      ASSERT_TRUE(
          plain->ReadPhysical(GuestPhysical(0), absl::MakeSpan(ours)).ok());
      ASSERT_TRUE(
          watched->ReadPhysical(GuestPhysical(0), absl::MakeSpan(theirs)).ok());
      EXPECT_TRUE(ours == theirs) << "position " << position.value();
    }
  }
}

TEST(BudgetTest, SeveralVcpusTakeTurnsHoweverTheRunIsCut) {
  PcConfig config = GuestConfig("busytimer");
  config.vcpus = 3;
  Slicing slicing;
  slicing.until = Position(200'000);
  ExpectSameTrailHoweverCut(config, slicing);
}

}  // namespace
}  // namespace librr
