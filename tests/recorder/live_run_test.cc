// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/live_run.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/recorder/fake_recording.h"

namespace librr {
namespace {

using testing::HasSubstr;

// Time passes only while somebody waits.
class FakeClock final : public HostClock {
 public:
  uint64_t Now() override { return now_ += 1; }
  void Wait(int, int, std::optional<uint64_t> timeout_ns) override {
    waits.push_back(timeout_ns);
    if (on_wait) on_wait();
    now_ += timeout_ns.value_or(12'345);
  }
  std::vector<std::optional<uint64_t>> waits;
  std::function<void()> on_wait;

 private:
  uint64_t now_ = 0;
};

// A terminal at which somebody types in the given waits.
class FakeTerminal final : public InputSource {
 public:
  std::string Poll(size_t room, VirtualTime) override {
    const std::string bytes = typed.substr(0, room);
    typed.erase(0, bytes.size());
    return bytes;
  }
  bool live() const override { return open; }
  bool exhausted() const override { return !open && typed.empty(); }
  bool stop_requested() const override { return stop; }
  std::string typed;
  bool open = true;
  bool stop = false;
};

TEST(LiveRunTest, MachineThatEndsEndsTheRun) {
  FakeMachine machine({.halts_at = 123});
  NoInput none;
  LiveRun run(&machine, &none, nullptr, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->reason, EndReason::kHalt);
  EXPECT_EQ(end->position, Position(123));
}

TEST(LiveRunTest, DateAndSeedAreAppliedFirst) {
  FakeMachine machine({.halts_at = 1});
  NoInput none;
  LiveRun run(&machine, &none, nullptr, nullptr,
              {.power_on_seconds = 1'700'000'000, .seed = 42});
  ASSERT_TRUE(run.Run().ok());
  EXPECT_EQ(machine.date(), 1'700'000'000u);
  EXPECT_EQ(machine.seed(), 42u);
}

TEST(LiveRunTest, PositionLimitIsExact) {
  FakeMachine machine;
  NoInput none;
  LiveRun run(&machine, &none, nullptr, nullptr,
              {.max_position = Position(77'777)});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kLimit);
  EXPECT_EQ(end->position, Position(77'777));
}

TEST(LiveRunTest, TimeLimitIsExactInIdleToo) {
  for (const uint64_t limit : {123'456u, 99'999u, 1'000'000u}) {
    FakeMachine machine;
    NoInput none;
    LiveRun run(&machine, &none, nullptr, nullptr,
                {.max_time = VirtualTime(limit)});
    const absl::StatusOr<EndRecord> end = run.Run();
    ASSERT_TRUE(end.ok());
    EXPECT_EQ(end->reason, EndReason::kLimit);
    EXPECT_EQ(end->time, VirtualTime(limit));
  }
}

TEST(LiveRunTest, NothingLeftEndsWithIdle) {
  FakeMachine machine({.timer_period = 0});
  NoInput none;
  LiveRun run(&machine, &none, nullptr, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kIdle);
  EXPECT_EQ(end->position, Position(5000));
}

TEST(LiveRunTest, InputIsHeldUntilTheGuestListens) {
  FakeMachine machine({.print_every = 0, .listens_at = 300'000});
  TimedKeys keys({{0, "hello q"}});
  ConsoleText console;
  LiveRun run(&machine, &keys, &console, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kPowerOff);
  EXPECT_GE(end->position, Position(300'000));
  EXPECT_EQ(console.text, "<h><e><l><l><o>< ><q>");
}

TEST(LiveRunTest, LongInputComesInPiecesThatFit) {
  // Nothing is armed: only the next piece wakes the guest.
  FakeMachine machine({.print_every = 0, .idle_every = 50, .timer_period = 0});
  TimedKeys keys({{0, std::string(100, 'a') + "q"}});
  ConsoleText console;
  LiveRun run(&machine, &keys, &console, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kPowerOff);
  EXPECT_EQ(console.text.size(), 3 * 101u);
}

TEST(LiveRunTest, IdleIsSkippedWithoutALiveSource) {
  FakeMachine machine({.timer_period = 1'000'000'000});
  NoInput none;
  FakeClock clock;
  LiveRun run(&machine, &none, nullptr, nullptr,
              {.max_time = VirtualTime(10'000'000'000), .clock = &clock});
  ASSERT_TRUE(run.Run().ok());
  EXPECT_TRUE(clock.waits.empty());
}

TEST(LiveRunTest, IdleFollowsTheHostsClockWhileATerminalIsOpen) {
  FakeMachine machine({.timer_period = 1'000'000});
  FakeTerminal terminal;
  FakeClock clock;
  LiveRun run(&machine, &terminal, nullptr, nullptr,
              {.max_time = VirtualTime(5'000'000), .clock = &clock});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  ASSERT_GE(clock.waits.size(), 5u);
  // The first idle begins after 5000 steps, that is at 5000 ns.
  EXPECT_EQ(clock.waits[0], 995'000u);
}

TEST(LiveRunTest, SkipDoesNotWaitForATimerEvenWithATerminal) {
  FakeMachine machine({.timer_period = 1'000'000});
  FakeTerminal terminal;
  FakeClock clock;
  LiveRun run(&machine, &terminal, nullptr, nullptr,
              {.idle = IdlePolicy::kSkip,
               .max_time = VirtualTime(5'000'000),
               .clock = &clock});
  ASSERT_TRUE(run.Run().ok());
  EXPECT_TRUE(clock.waits.empty());
}

TEST(LiveRunTest, TerminalWakesAMachineWithoutTimer) {
  FakeMachine machine({.timer_period = 0});
  FakeTerminal terminal;
  FakeClock clock;
  clock.on_wait = [&] { terminal.typed = "q"; };
  LiveRun run(&machine, &terminal, nullptr, nullptr, {.clock = &clock});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kPowerOff);
  EXPECT_EQ(end->position, Position(5001));
  ASSERT_EQ(clock.waits.size(), 1u);
  EXPECT_EQ(clock.waits[0], std::nullopt);
  EXPECT_GE(end->time, VirtualTime(5000 + 12'345));
}

TEST(LiveRunTest, TerminalThatClosesLeavesAnIdleMachine) {
  FakeMachine machine({.timer_period = 0});
  FakeTerminal terminal;
  FakeClock clock;
  clock.on_wait = [&] { terminal.open = false; };
  LiveRun run(&machine, &terminal, nullptr, nullptr, {.clock = &clock});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kIdle);
}

TEST(LiveRunTest, IdleMachineThatDoesNotListenEndsDespiteATerminal) {
  FakeMachine machine({.timer_period = 0, .listens_at = 1'000'000});
  FakeTerminal terminal;
  LiveRun run(&machine, &terminal, nullptr, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kIdle);
}

TEST(LiveRunTest, SourceCanStopTheRun) {
  FakeMachine machine;
  FakeTerminal terminal;
  terminal.stop = true;
  LiveRun run(&machine, &terminal, nullptr, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kStopped);
}

TEST(LiveRunTest, StopFromAnotherThreadEndsABusyMachine) {
  FakeMachine machine({.idle_every = 0});
  NoInput none;
  LiveRun run(&machine, &none, nullptr, nullptr, {});
  std::thread stopper([&] { run.RequestStop(); });
  const absl::StatusOr<EndRecord> end = run.Run();
  stopper.join();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kStopped);
}

TEST(LiveRunTest, StopFromAnotherThreadEndsARealWait) {
  FakeMachine machine({.timer_period = 0});
  FakeTerminal terminal;  // never types, has no descriptor
  LiveRun run(&machine, &terminal, nullptr, nullptr, {});
  std::thread stopper([&] { run.RequestStop(); });
  const absl::StatusOr<EndRecord> end = run.Run();
  stopper.join();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kStopped);
}

// Fails at the first output.
class FullDisk final : public RunLog {
 public:
  absl::Status OnInput(const Input&, Position, VirtualTime) override {
    return absl::OkStatus();
  }
  absl::Status OnOutput(OutputKind, absl::Span<const uint8_t>, Position,
                        VirtualTime) override {
    return absl::ResourceExhaustedError("disk full");
  }
  absl::StatusOr<Position> OnRest(Machine&) override { return Position::Max(); }
  absl::Status OnEnd(Machine&, const EndRecord&) override {
    return absl::OkStatus();
  }
};

TEST(LiveRunTest, ErrorOfTheLogEndsTheRun) {
  FakeMachine machine({.idle_every = 0});
  NoInput none;
  FullDisk log;
  LiveRun run(&machine, &none, nullptr, &log, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  EXPECT_TRUE(absl::IsResourceExhausted(end.status()));
  EXPECT_THAT(std::string(end.status().message()), HasSubstr("disk full"));
}

}  // namespace
}  // namespace librr
