// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/verify.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replayer/fake_replay.h"

namespace librr {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using Diagnosis = VerifyReport::Diagnosis;

constexpr FakeOptions kQuiet = {.print_every = 0};

VerifyReport VerifyOk(const TraceReader& trace, const MachineFactory& factory,
                      const VerifyOptions& options = {}) {
  absl::StatusOr<VerifyReport> report = Verify(trace, factory, options);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : VerifyReport{};
}

TEST(VerifyTest, ExactReplayIsExact) {
  auto trace = RecordTyping("exact");
  const VerifyReport report = VerifyOk(*trace, FakeFactory());
  EXPECT_TRUE(report.exact());
  EXPECT_EQ(report.counts.digests, trace->info().digest_count);
  EXPECT_EQ(report.end, trace->info().end.position);
  EXPECT_EQ(report.Explain(), "");
}

TEST(VerifyTest, FaultOfEveryReplayRepeats) {
  auto trace = RecordTyping("repeats", kQuiet);
  const VerifyReport report =
      VerifyOk(*trace, FakeFactory(kQuiet, {.wrong_step = 25'001}));
  EXPECT_EQ(report.diagnosis, Diagnosis::kRepeats);
  EXPECT_EQ(report.divergence->component, "cpu0");
  EXPECT_EQ(report.divergence->last_good, Position(20'000));
  EXPECT_EQ(report.divergence->position, Position(30'000));
  EXPECT_THAT(report.Explain(), HasSubstr("--digest-every 10 "));
  EXPECT_THAT(report.Explain(), HasSubstr("(10000 steps)"));
  EXPECT_THAT(report.Explain(), HasSubstr("last input before: console \"ab\""));
}

TEST(VerifyTest, FaultOfOneEngineIsFoundToTheStep) {
  auto trace = RecordTyping("engine", kQuiet);
  VerifyOptions options;
  options.second_engine = "good";
  const VerifyReport report =
      VerifyOk(*trace, FakeFactory(kQuiet, {.wrong_step = 25'001}), options);
  EXPECT_EQ(report.diagnosis, Diagnosis::kDependsOnExecution);
  ASSERT_TRUE(report.step.has_value());
  EXPECT_EQ(report.step->position, Position(25'000));
  EXPECT_THAT(report.step->instructions, ElementsAre("0x1000: add rax, rbx"));
  EXPECT_THAT(report.step->after.parts, ElementsAre("cpu0"));
  EXPECT_THAT(report.step->after.registers,
              ElementsAre(StartsWith("cpu0 rax: 0x")));
  EXPECT_EQ(report.step->after.page_count, 0u);
  EXPECT_THAT(report.Explain(), HasSubstr("add rax, rbx"));
}

TEST(VerifyTest, StepThatSpoilsMemoryNamesThePage) {
  auto trace = RecordTyping("spoils", kQuiet);
  auto endless = std::make_shared<int>(1 << 30);
  VerifyOptions options;
  options.second_engine = "good";
  const VerifyReport report = VerifyOk(
      *trace, FakeFactory(kQuiet, {.flip_at = 1'234, .flips_left = endless}),
      options);
  ASSERT_TRUE(report.step.has_value());
  EXPECT_EQ(report.step->position, Position(1'233));
  EXPECT_THAT(report.step->after.pages,
              ElementsAre("0x8000: 1 byte, first at 0x8123: 0x04, 0x00 "
                          "(1 bit)"));
}

TEST(VerifyTest, EveryFirstStepIsFound) {
  auto trace = RecordTyping("every", kQuiet);
  VerifyOptions options;
  options.second_engine = "good";
  for (const uint64_t wrong :
       {1u, 2u, 64u, 9'999u, 10'000u, 10'001u, 19'937u}) {
    const VerifyReport report =
        VerifyOk(*trace, FakeFactory(kQuiet, {.wrong_step = wrong}), options);
    ASSERT_TRUE(report.step.has_value()) << wrong;
    EXPECT_EQ(report.step->position, Position(wrong - 1));
  }
}

TEST(VerifyTest, BitThatFlippedOnceDoesNotRepeat) {
  auto trace = RecordTyping("flip", kQuiet);
  auto once = std::make_shared<int>(1);
  const VerifyReport report = VerifyOk(
      *trace, FakeFactory(kQuiet, {.flip_at = 25'001, .flips_left = once}));
  EXPECT_EQ(report.diagnosis, Diagnosis::kDidNotRepeat);
  EXPECT_EQ(report.divergence->component, "RAM 0x8000-0xbfff");
  EXPECT_EQ(report.divergence->last_good, Position(20'000));
  ASSERT_TRUE(report.difference.has_value());
  EXPECT_THAT(report.difference->pages, Contains(HasSubstr("(1 bit)")));
  EXPECT_THAT(report.Explain(), HasSubstr("memory"));
  EXPECT_THAT(report.Explain(), HasSubstr("did not repeat"));
}

TEST(VerifyTest, FaultThatDependsOnTheBudgetIsNamedAsSuch) {
  auto trace = RecordTyping("budget", kQuiet);
  const VerifyReport report = VerifyOk(
      *trace,
      // With a budget of 997, 24 * 997 + 1 begins a run: no fault.
      FakeFactory(kQuiet, {.wrong_step_unless_stopped_before = 24 * 997 + 1}));
  EXPECT_EQ(report.diagnosis, Diagnosis::kDependsOnExecution);
  // Single steps stop before every step, so the fault hides from the search,
  // which says how far it came.
  EXPECT_FALSE(report.step.has_value());
  ASSERT_TRUE(report.narrowed.has_value());
  EXPECT_LE(report.narrowed->first, Position(24 * 997));
  EXPECT_GE(report.narrowed->second, Position(24 * 997 + 1));
  EXPECT_THAT(report.Explain(), HasSubstr("between positions"));
}

TEST(VerifyTest, WrongOutputIsReported) {
  auto trace = RecordTyping("output");
  const VerifyReport report =
      VerifyOk(*trace, FakeFactory({}, {.wrong_output = 25'500}));
  EXPECT_EQ(report.divergence->kind, Divergence::Kind::kOutput);
  EXPECT_EQ(report.diagnosis, Diagnosis::kRepeats);
}

TEST(VerifyTest, EarlyEndIsReported) {
  auto trace = RecordTyping("ends_early");
  const VerifyReport report =
      VerifyOk(*trace, FakeFactory({}, {.ends_at = 12'345}));
  EXPECT_EQ(report.divergence->kind, Divergence::Kind::kEnd);
  EXPECT_EQ(report.diagnosis, Diagnosis::kRepeats);
}

TEST(VerifyTest, StopCancels) {
  auto trace = RecordTyping("stop");
  const std::atomic<bool> stop = true;
  VerifyOptions options;
  options.stop = &stop;
  EXPECT_TRUE(
      absl::IsCancelled(Verify(*trace, FakeFactory(), options).status()));
}

TEST(VerifyTest, PhasesAreReported) {
  struct Observer final : VerifyObserver {
    void OnPhase(const std::string& phase) override { phases.push_back(phase); }
    std::vector<std::string> phases;
  } observer;
  auto trace = RecordTyping("phases", kQuiet);
  VerifyOptions options;
  options.observer = &observer;
  options.second_engine = "good";
  VerifyOk(*trace, FakeFactory(kQuiet, {.wrong_step = 25'001}), options);
  EXPECT_THAT(observer.phases.front(), "replaying");
  EXPECT_THAT(observer.phases.back(), HasSubstr("searching"));
}

}  // namespace
}  // namespace librr
