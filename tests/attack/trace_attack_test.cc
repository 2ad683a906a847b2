// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Damaged traces through the reader and the replayer; scripts/soak does the
// same a hundred thousand times (attack_traces).
#include "tests/attack/trace_attack.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librr-core/trace/event_batch.h"
#include "tests/attack/attacked_trace.h"

namespace librr {
namespace {

constexpr uint64_t kCases = 300;

class TraceAttackTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::string> bytes = RecordAttackedGuest(testing::TempDir());
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    bytes_ = new std::string(*std::move(bytes));
  }
  static void TearDownTestSuite() { delete bytes_; }

  static inline std::string* bytes_ = nullptr;
};

TEST_F(TraceAttackTest, AttackedTraceHasSomethingOfEverything) {
  const auto trace = TraceReader::OpenBytes(*bytes_);
  ASSERT_TRUE(trace.ok()) << trace.status();
  const TraceInfo& info = (*trace)->info();
  EXPECT_TRUE(info.complete);
  EXPECT_EQ(info.end.reason, EndReason::kExit);
  EXPECT_GT(info.end.position, Position(80'000));
  EXPECT_LT(info.end.position, Position(200'000));
  EXPECT_GE(info.input_count, 6u);
  EXPECT_GT(info.output_count, 20u);
  EXPECT_GT(info.digest_count, 10u);
  EXPECT_EQ(info.images.size(), 2u);
  EXPECT_GE(info.checkpoint_count, 4u);
}

TEST_F(TraceAttackTest, UndamagedTraceIsExact) {
  TraceAttack attack(*bytes_);
  const AttackResult result = attack.Check(*bytes_, MutationKind::kBits);
  EXPECT_EQ(result.outcome, AttackOutcome::kExact) << result.message;
  EXPECT_EQ(result.fault, "");
}

TEST_F(TraceAttackTest, DamagedTraceIsRefusedOrExactSoFar) {
  TraceAttack attack(*bytes_);
  const TraceMutator mutator(*bytes_);
  int counts[kAttackOutcomes] = {};
  for (uint64_t seed = 0; seed < kCases; ++seed) {
    Mutation mutation = mutator.Mutate(seed);
    const AttackResult result =
        attack.Check(std::move(mutation.bytes), mutation.kind);
    EXPECT_EQ(result.fault, "")
        << "case " << seed << ", " << MutationName(mutation.kind);
    ++counts[static_cast<int>(result.outcome)];
  }
  for (const AttackOutcome outcome :
       {AttackOutcome::kRefused, AttackOutcome::kExact,
        AttackOutcome::kDamaged}) {
    EXPECT_GT(counts[static_cast<int>(outcome)], 0)
        << AttackOutcomeName(outcome);
  }
}

// About one lie in fifteen about events is found by the replay; most others
// are refused, and how a recording is cut into blocks depends on the host: a
// fixed number of cases may have none.
TEST_F(TraceAttackTest, LiesAreFoundAsDivergence) {
  TraceAttack attack(*bytes_);
  const TraceMutator mutator(*bytes_);
  constexpr int kEnough = 3;
  constexpr int kMaxLies = 2000;
  int diverged = 0;
  int lies = 0;
  for (uint64_t seed = 0; diverged < kEnough && lies < kMaxLies; ++seed) {
    Mutation mutation = mutator.Mutate(seed);
    if (!IsRepaired(mutation.kind) ||
        !trace::IsBatch(static_cast<trace::BlockType>(mutation.block_type))) {
      continue;
    }
    ++lies;
    const AttackResult result =
        attack.Check(std::move(mutation.bytes), mutation.kind);
    EXPECT_EQ(result.fault, "") << "case " << seed;
    diverged += result.outcome == AttackOutcome::kDiverged;
  }
  EXPECT_EQ(diverged, kEnough) << "of " << lies << " lies";
  RecordProperty("lies", lies);
}

TEST_F(TraceAttackTest, MutationsOfASeedAreRepeatable) {
  const TraceMutator mutator(*bytes_);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(mutator.Mutate(seed).bytes, mutator.Mutate(seed).bytes);
  }
}

}  // namespace
}  // namespace librr
