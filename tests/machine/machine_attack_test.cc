// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Guests that attack the machine: nothing they do may crash or hang it, or
// show how their run was cut.
#include <cstdlib>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/machine/guest_runs.h"

namespace librr {
namespace {

using testing::HasSubstr;

TEST(MachineAttackTest, SelfModifyingCodeIsExecutedAsItStands) {
  const Trail trail = ExpectSameTrailHoweverCut(GuestConfig("attack_code"));
  EXPECT_EQ(trail.end, EndReason::kExit);
  EXPECT_EQ(trail.exit_code, 0);
  EXPECT_THAT(trail.Console(), HasSubstr("executed: "));
}

TEST(MachineAttackTest, PageTablesThatChangeUnderTheCodeAreExact) {
  const Trail trail = ExpectSameTrailHoweverCut(GuestConfig("attack_paging"));
  EXPECT_EQ(trail.end, EndReason::kExit);
  EXPECT_EQ(trail.exit_code, 0);
  EXPECT_THAT(trail.Console(), HasSubstr("remapped: "));
}

TEST(MachineAttackTest, EndOfRamIsExact) {
  const Trail trail = ExpectSameTrailHoweverCut(GuestConfig("attack_edge"));
  EXPECT_EQ(trail.end, EndReason::kExit);
  EXPECT_EQ(trail.exit_code, 0);
  EXPECT_THAT(trail.Console(), HasSubstr("edge: "));
}

TEST(MachineAttackTest, UndeliverableExceptionsEndTheMachineOrGoOn) {
  const PcConfig config = GuestConfig("attack_fatal");
  std::set<std::string> ways;
  for (uint64_t seed = 0; ways.size() < 8; ++seed) {
    ASSERT_LT(seed, 100u);
    Slicing slicing;
    slicing.seed = seed;
    slicing.until = Position(30'000);
    const Trail trail = RunToEnd(config, slicing);
    if (!ways.insert(trail.Console()).second) continue;
    SCOPED_TRACE(trail.Console());
    EXPECT_TRUE(trail.end == EndReason::kTripleFault ||
                trail.end == EndReason::kExit ||
                trail.stop == StopKind::kPosition);
    EXPECT_EQ(ExpectSameTrailHoweverCut(config, slicing), trail);
  }
}

// How many seeds the random guests get; a soak sets more.
uint64_t Seeds() {
  const char* seeds = std::getenv("LIBRR_ATTACK_SEEDS");
  return seeds != nullptr ? std::strtoull(seeds, nullptr, 10) : 24;
}

class RandomAttackTest : public testing::TestWithParam<const char*> {};

TEST_P(RandomAttackTest, WhateverItDoesIsBoundedAndExact) {
  const PcConfig config = GuestConfig(GetParam());
  for (uint64_t seed = 0; seed < Seeds(); ++seed) {
    SCOPED_TRACE(seed);
    Slicing slicing;
    slicing.seed = seed;
    slicing.until = Position(40'000);
    slicing.idle_until = VirtualTime(10'000'000'000);
    const Trail plain = RunToEnd(config, slicing);
    EXPECT_LE(plain.position, slicing.until);
    // Cut, moved and looked at; in the second way seldom, so that caches live
    // longer.
    slicing.budget = 7;
    slicing.digest_every = 31;
    slicing.move_every = 1'000;
    EXPECT_EQ(RunToEnd(config, slicing), plain);
    slicing.budget = 1'237;
    slicing.digest_every = 0;
    slicing.move_every = 9;
    EXPECT_EQ(RunToEnd(config, slicing), plain);
    if (HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Guests, RandomAttackTest,
                         testing::Values("attack_devices", "attack_random32",
                                         "attack_random64"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param);
                         });

TEST(MachineAttackTest, SleepBeyondTheEndOfTimeIsTheEnd) {
  const Trail trail = ExpectSameTrailHoweverCut(GuestConfig("attack_clock"));
  EXPECT_EQ(trail.end, EndReason::kIdle);
  EXPECT_LT(trail.time, VirtualTime(1'000'000));
}

}  // namespace
}  // namespace librr
