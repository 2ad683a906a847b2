// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/replayer.h"

#include <fstream>
#include <iterator>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/replayer/fake_replay.h"

namespace librr {
namespace {

using testing::HasSubstr;

TEST(ReplayerTest, EveryBudgetReplaysExactly) {
  auto trace = RecordTyping("budgets");
  ASSERT_EQ(trace->info().end.reason, EndReason::kPowerOff);
  for (const uint64_t budget : {0u, 1u, 7u, 1000u, 10'000'000u}) {
    ReplayOptions options;
    options.budget = budget;
    auto replayer = NewReplayer(*trace, FakeFactory(), options);
    EXPECT_TRUE(replayer->RunToEnd().ok()) << budget;
    EXPECT_EQ(replayer->counts().inputs, trace->info().input_count);
    EXPECT_EQ(replayer->counts().digests, trace->info().digest_count);
    EXPECT_GT(replayer->counts().output_bytes, 50u);
    EXPECT_EQ(replayer->machine().position(), trace->info().end.position);
    EXPECT_EQ(replayer->machine().time(), trace->info().end.time);
  }
}

TEST(ReplayerTest, OtherTypingTimesReplayExactlyToo) {
  for (uint64_t shift = 1; shift < 400'000; shift = shift * 3 + 1) {
    TimedKeys keys({{shift, "abc"}, {2 * shift + 7, "defghijklmnopqr"}});
    RecorderOptions options;
    options.run.max_time = VirtualTime(1'200'003);
    auto trace = OpenTrace(RecordFake("shifted", {}, options, &keys));
    for (const uint64_t budget : {0u, 1u, 7u}) {
      ReplayOptions replay;
      replay.budget = budget;
      auto replayer = NewReplayer(*trace, FakeFactory(), replay);
      EXPECT_TRUE(replayer->RunToEnd().ok()) << shift << " " << budget;
    }
  }
}

TEST(ReplayerTest, EveryKindOfEndReplays) {
  const auto record = [](FakeOptions fake, RecorderOptions options,
                         std::vector<std::pair<uint64_t, std::string>> typed) {
    TimedKeys keys(std::move(typed));
    auto trace = OpenTrace(RecordFake("ends", fake, options, &keys));
    auto replayer = NewReplayer(*trace, FakeFactory(fake));
    const absl::Status status = replayer->RunToEnd();
    EXPECT_TRUE(status.ok()) << status;
    return trace->info().end.reason;
  };
  RecorderOptions position_limit;
  position_limit.run.max_position = Position(5000);  // where it idles
  RecorderOptions time_limit;
  time_limit.run.max_time = VirtualTime(50'000);  // within an idle time
  EXPECT_EQ(record({.halts_at = 777}, {}, {}), EndReason::kHalt);
  EXPECT_EQ(record({}, {}, {{5, "x"}}), EndReason::kExit);
  EXPECT_EQ(record({}, {}, {{5, "q"}}), EndReason::kPowerOff);
  EXPECT_EQ(record({.timer_period = 0}, {}, {}), EndReason::kIdle);
  EXPECT_EQ(record({}, position_limit, {}), EndReason::kLimit);
  EXPECT_EQ(record({}, time_limit, {}), EndReason::kLimit);
}

TEST(ReplayerTest, SeekFindsTheStateOfAPlainRun) {
  auto trace = RecordTyping("seek");
  // The state at each position, from one replay in single steps.
  std::map<uint64_t, Digest> states;
  auto plain = NewReplayer(*trace, FakeFactory());
  for (uint64_t p = 0; p <= trace->info().end.position.value(); p += 1) {
    ASSERT_TRUE(plain->SeekTo(Position(p)).ok());
    if (p % 4999 < 2 || p % 5000 < 2) {
      states[p] = plain->machine().ComputeDigest();
    }
  }
  for (const auto& [p, state] : states) {
    if (p % 3 != 0) continue;
    auto replayer = NewReplayer(*trace, FakeFactory());
    ASSERT_TRUE(replayer->SeekTo(Position(p)).ok());
    EXPECT_EQ(replayer->machine().position(), Position(p));
    EXPECT_EQ(replayer->machine().ComputeDigest(), state) << p;
  }
}

TEST(ReplayerTest, SeekIncludesInputsOfItsPosition) {
  TimedKeys keys({{3, "a"}});
  RecorderOptions options;
  options.run.max_position = Position(100);
  auto trace = OpenTrace(RecordFake("inclusive", {}, options, &keys));
  EventCursor cursor = trace->Events({.kinds = {EventKind::kInput}});
  Position applied;
  while (true) {
    auto event = cursor.Next();
    ASSERT_TRUE(event.ok());
    if (*event == nullptr) break;
    applied = (*event)->position;
  }
  ASSERT_GT(applied, Position(0));
  auto replayer = NewReplayer(*trace, FakeFactory());
  ASSERT_TRUE(replayer->SeekTo(applied).ok());
  EXPECT_EQ(replayer->machine().InputRoom(InputKind::kConsole),
            FakeMachine::kRoom - 1);
}

TEST(ReplayerTest, PositionsOutsideTheTraceAreRefused) {
  auto trace = RecordTyping("outside");
  auto replayer = NewReplayer(*trace, FakeFactory());
  EXPECT_TRUE(
      absl::IsOutOfRange(replayer->SeekTo(trace->info().end.position + 1)));
  ASSERT_TRUE(replayer->SeekTo(Position(500)).ok());
  EXPECT_TRUE(absl::IsOutOfRange(replayer->SeekTo(Position(499))));
  EXPECT_TRUE(replayer->SeekTo(Position(500)).ok());
}

TEST(ReplayerTest, WrongStateIsFoundAtTheNextDigest) {
  auto trace = RecordTyping("wrong_state");
  auto replayer = NewReplayer(
      *trace, FakeFactory({.print_every = 1000}, {.wrong_step = 25'001}));
  const absl::Status status = replayer->RunToEnd();
  EXPECT_TRUE(absl::IsAborted(status));
  ASSERT_TRUE(replayer->divergence().has_value());
  const Divergence& divergence = *replayer->divergence();
  EXPECT_GE(divergence.position, Position(25'001));
  EXPECT_LE(divergence.position, Position(30'000));
  EXPECT_EQ(divergence.last_good, Position(20'000));
  // The same error again, not a crash or a silent success.
  EXPECT_EQ(replayer->RunToEnd(), status);
}

TEST(ReplayerTest, DivergenceNamesComponentBucketAndLastInput) {
  auto trace = RecordTyping("names", {.print_every = 0});
  auto flips = std::make_shared<int>(1);
  auto replayer = NewReplayer(
      *trace, FakeFactory({.print_every = 0},
                          {.flip_at = 25'001, .flips_left = flips}));
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
  const Divergence& divergence = *replayer->divergence();
  EXPECT_EQ(divergence.kind, Divergence::Kind::kDigest);
  EXPECT_EQ(divergence.component, "RAM 0x8000-0xbfff");
  EXPECT_EQ(divergence.ram_bucket, 2);
  EXPECT_EQ(divergence.last_good, Position(20'000));
  EXPECT_EQ(divergence.position, Position(30'000));
  ASSERT_TRUE(divergence.last_input.has_value());
  EXPECT_EQ(divergence.last_input->payload, "ab");
  EXPECT_THAT(divergence.Message(), HasSubstr("console \"ab\" at position"));
}

TEST(ReplayerTest, WrongOutputByteIsFoundAtOnce) {
  auto trace = RecordTyping("wrong_output");
  auto replayer =
      NewReplayer(*trace, FakeFactory({}, {.wrong_output = 25'500}));
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
  EXPECT_EQ(replayer->divergence()->kind, Divergence::Kind::kOutput);
  EXPECT_EQ(replayer->divergence()->position, Position(26'000));
  EXPECT_EQ(replayer->divergence()->component, "console output");
}

TEST(ReplayerTest, MissingAndSurplusOutputsAreFound) {
  auto trace = RecordTyping("missing");
  auto silent = NewReplayer(*trace, FakeFactory({.print_every = 0}));
  EXPECT_TRUE(absl::IsAborted(silent->RunToEnd()));
  EXPECT_EQ(silent->divergence()->actual, "nothing");
  auto loud = NewReplayer(*trace, FakeFactory({.print_every = 500}));
  EXPECT_TRUE(absl::IsAborted(loud->RunToEnd()));
  EXPECT_EQ(loud->divergence()->position, Position(500));
}

TEST(ReplayerTest, EarlyEndIsADivergence) {
  auto trace = RecordTyping("early_end");
  auto replayer = NewReplayer(*trace, FakeFactory({}, {.ends_at = 12'345}));
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
  EXPECT_EQ(replayer->divergence()->kind, Divergence::Kind::kEnd);
  EXPECT_EQ(replayer->divergence()->position, Position(12'345));
}

TEST(ReplayerTest, MachineThatSleepsIsADivergenceNotAHang) {
  auto trace = RecordTyping("sleeps");
  auto replayer = NewReplayer(*trace, FakeFactory({}, {.sleeps_at = 12'345}));
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
  EXPECT_EQ(replayer->divergence()->kind, Divergence::Kind::kClock);
}

TEST(ReplayerTest, MachineThatIsBusyInsteadOfIdleIsADivergence) {
  auto trace = RecordTyping("busy");
  auto replayer = NewReplayer(*trace, FakeFactory({.idle_every = 0}));
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
}

TEST(ReplayerTest, MachineThatDoesNotEndIsADivergence) {
  NoInput none;
  auto trace = OpenTrace(RecordFake("no_end", {.halts_at = 777}, {}, &none));
  auto replayer = NewReplayer(*trace, FakeFactory());
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
  EXPECT_EQ(replayer->divergence()->component, "end");
}

TEST(ReplayerTest, RefusedInputIsADivergence) {
  auto trace = RecordTyping("refused");
  auto replayer = NewReplayer(*trace, FakeFactory({.listens_at = 100'000'000}));
  EXPECT_TRUE(absl::IsAborted(replayer->RunToEnd()));
  EXPECT_EQ(replayer->divergence()->kind, Divergence::Kind::kInput);
}

TEST(ReplayerTest, CutTraceReplaysItsGoodPrefix) {
  RecordTyping("whole");
  std::ifstream in(TracePath("whole"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  for (size_t size = bytes.size(); size > 0;
       size -= std::min<size_t>(97, size)) {
    auto trace = TraceReader::OpenBytes(bytes.substr(0, size));
    if (!trace.ok()) continue;
    auto replayer = NewReplayer(**trace, FakeFactory());
    const absl::Status status = replayer->RunToEnd();
    EXPECT_TRUE(status.ok()) << size << ": " << status;
  }
}

TEST(ReplayerTest, StopFlagCancelsAndTheReplayGoesOn) {
  auto trace = RecordTyping("cancel");
  std::atomic<bool> stop = true;
  ReplayOptions options;
  options.stop = &stop;
  auto replayer = NewReplayer(*trace, FakeFactory(), options);
  EXPECT_TRUE(absl::IsCancelled(replayer->RunToEnd()));
  stop = false;
  EXPECT_TRUE(replayer->RunToEnd().ok());
}

TEST(ReplayerTest, ObserverSeesOutputsAgain) {
  struct Observer final : ReplayObserver {
    void OnOutput(OutputKind, absl::Span<const uint8_t> bytes, Position,
                  VirtualTime) override {
      text.append(bytes.begin(), bytes.end());
    }
    std::string text;
  } observer;
  TimedKeys keys({{3, "aq"}});
  auto trace = OpenTrace(RecordFake("observed", {}, {}, &keys));
  ReplayOptions options;
  options.observer = &observer;
  ASSERT_TRUE(NewReplayer(*trace, FakeFactory(), options)->RunToEnd().ok());
  EXPECT_EQ(observer.text, "<a><q>");
}

TEST(ReplayerTest, ForeignMachineIsRefusedForPc) {
  auto trace = RecordTyping("foreign");
  EXPECT_TRUE(absl::IsFailedPrecondition(PcConfigFromTrace(*trace).status()));
}

TEST(ReplayerTest, PcConfigSurvivesTheTrace) {
  PcConfig config;
  config.kernel = "kernel bytes";
  config.initrd = std::string(1000, 'i');
  config.command_line = "console=ttyS0 quiet";
  config.memory_bytes = FakeMachine::kMemory;
  FakeMachine machine({.halts_at = 5});
  const std::string path = TracePath("pc");
  auto recorder = Recorder::Create(path, DescribePc(config), &machine, {});
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  NoInput none;
  ASSERT_TRUE((*recorder)->Record(&none, nullptr).ok());
  auto trace = OpenTrace(path);
  const absl::StatusOr<PcConfig> read = PcConfigFromTrace(*trace);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->kernel, config.kernel);
  EXPECT_EQ(read->initrd, config.initrd);
  EXPECT_EQ(read->command_line, config.command_line);
  EXPECT_EQ(read->memory_bytes, config.memory_bytes);
}

}  // namespace
}  // namespace librr
