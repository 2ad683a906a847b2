// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Guests that attack the machine: nothing they do may crash or hang it, or
// show how their run was cut.
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

}  // namespace
}  // namespace librr
