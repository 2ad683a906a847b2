// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Small guests through files: recorded by the public recorder, replayed by the
// public replayer.
#include <filesystem>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/machine/recorded_guests.h"

namespace librr {
namespace {

using testing::HasSubstr;

RecorderOptions Options(uint64_t seed = 1) {
  RecorderOptions options;
  options.run.seed = seed;
  options.run.power_on_seconds = 1'700'000'000;
  options.digest_every = 1'000;
  return options;
}

TEST(MachineRecordReplayTest, TypingAtAnyTimeReplaysExactly) {
  const PcConfig config = GuestConfig("echo");
  const Keys times[] = {
      {{0, "q"}},             // before the guest listens
      {{1'000'000, "abcq"}},  // all at once
      {{5'000, "a"}, {20'000, "b"}, {20'001, "c"}, {900'000'000, "q"}},
      {{10, std::string(100, 'x')}, {30'000'000'000, "yq"}},
      {{3'000, "1"}, {13'700, "2"}, {14'000, "3"}, {15'100, "4q"}},
  };
  for (const Keys& keys : times) {
    EndRecord end;
    OutputLog console;
    const std::string path =
        RecordGuest("typing.vmrr", config, Options(), keys, &end, &console);
    EXPECT_EQ(end.reason, EndReason::kExit);
    std::string typed;
    for (const auto& [time, bytes] : keys) typed += bytes;
    std::string echoed;
    for (const Output& output : console.outputs) {
      if (output.kind == OutputKind::kConsole) echoed += output.bytes;
    }
    EXPECT_THAT(echoed, HasSubstr(typed));  // nothing was dropped
    const std::unique_ptr<TraceReader> trace = OpenRecording(path);
    ASSERT_NE(trace, nullptr);
    EXPECT_TRUE(trace->info().complete);
    EXPECT_EQ(trace->info().end.position, end.position);
    ExpectExactHoweverCut(*trace);
  }
}

TEST(MachineRecordReplayTest, SeedsDifferAndEachReplaysExactly) {
  const PcConfig config = GuestConfig("rdrand");
  std::set<std::string> consoles;
  for (const uint64_t seed : {0ull, 1ull, 2ull, ~0ull}) {
    OutputLog console;
    const std::string path =
        RecordGuest("seed.vmrr", config, Options(seed), {}, nullptr, &console);
    std::string text;
    for (const Output& output : console.outputs) text += output.bytes;
    consoles.insert(text);
    const std::unique_ptr<TraceReader> trace = OpenRecording(path);
    ASSERT_NE(trace, nullptr);
    ExpectExactHoweverCut(*trace);
  }
  EXPECT_EQ(consoles.size(), 4u);
}

TEST(MachineRecordReplayTest, EveryGuestReplaysToItsEnd) {
  for (const char* guest : {"hello", "idle", "halt", "triple", "poweroff",
                            "reset", "timer", "busytimer", "attack_code",
                            "attack_paging", "attack_edge", "attack_fatal"}) {
    SCOPED_TRACE(guest);
    RecorderOptions options = Options();
    options.run.max_position = Position(300'000);
    options.digest_every = 5'000;
    EndRecord end;
    const std::string path =
        RecordGuest("guest.vmrr", GuestConfig(guest), options, {}, &end);
    const std::unique_ptr<TraceReader> trace = OpenRecording(path);
    ASSERT_NE(trace, nullptr);
    EXPECT_EQ(trace->info().end.reason, end.reason);
    ExpectExactHoweverCut(*trace);
  }
}

TEST(MachineRecordReplayTest, LimitsEndTheRecordingExactly) {
  RecorderOptions options = Options();
  options.digest_every = 50'000;
  options.run.max_position = Position(123'457);
  EndRecord end;
  std::string path =
      RecordGuest("limit.vmrr", GuestConfig("faultloop"), options, {}, &end);
  EXPECT_EQ(end.reason, EndReason::kLimit);
  EXPECT_EQ(end.position, Position(123'457));
  ExpectExactHoweverCut(*OpenRecording(path));

  options.run.max_position = std::nullopt;
  options.run.max_time = VirtualTime(34'567'890);
  path = RecordGuest("limit.vmrr", GuestConfig("timer"), options, {}, &end);
  EXPECT_EQ(end.reason, EndReason::kLimit);
  EXPECT_EQ(end.time, VirtualTime(34'567'890));
  ExpectExactHoweverCut(*OpenRecording(path));
}

// As after kill -9: the file as it was at some moment, without an end.
TEST(MachineRecordReplayTest, PrefixOfAKilledRecordingVerifies) {
  const Keys keys = {{5'000, "ab"}, {50'000'000, "c"}, {90'000'000, "q"}};
  const std::string path =
      RecordGuest("killed.vmrr", GuestConfig("echo"), Options(), keys);
  const uint64_t size = std::filesystem::file_size(path);
  int cut_short = 0;
  for (uint64_t cut = 1; cut < size && cut < 2'000; cut += cut < 100 ? 1 : 37) {
    std::filesystem::copy_file(
        path, path + ".cut", std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path + ".cut", size - cut);
    absl::StatusOr<std::unique_ptr<TraceReader>> trace =
        TraceReader::Open(path + ".cut");
    // Nothing can be replayed of a recording that had not begun.
    if (!trace.ok() || !PcConfigFromTrace(**trace).ok()) continue;
    // Without its index, which comes last, a trace is still complete.
    if (!(*trace)->info().complete) {
      ++cut_short;
      EXPECT_EQ((*trace)->info().end.reason, EndReason::kTruncated);
    }
    const VerifyReport report = VerifyRecording(**trace, {.budget = 7});
    EXPECT_TRUE(report.exact()) << cut << "\n" << report.Explain();
    EXPECT_EQ(report.end, (*trace)->info().end.position);
  }
  EXPECT_GT(cut_short, 20);
}

TEST(MachineRecordReplayTest, SeekShowsWhatAPlainRunShows) {
  const Keys keys = {{5'000, "ab"}, {40'000, "c"}, {50'000'000, "dq"}};
  const PcConfig config = GuestConfig("echo");
  const std::string path = RecordGuest("seek.vmrr", config, Options(), keys);
  const std::unique_ptr<TraceReader> trace = OpenRecording(path);
  ASSERT_NE(trace, nullptr);
  const MachineFactory factory = RecordedFactory(*trace);
  const uint64_t end = trace->info().end.position.value();
  // One replay goes there in small steps, the other at once.
  auto slow = Replayer::Create(trace.get(), factory, {.budget = 3});
  ASSERT_TRUE(slow.ok()) << slow.status();
  for (uint64_t position = 0; position <= end; position += 1 + end / 23) {
    ASSERT_TRUE((*slow)->SeekTo(Position(position)).ok());
    auto fast = Replayer::Create(trace.get(), factory, {});
    ASSERT_TRUE(fast.ok()) << fast.status();
    ASSERT_TRUE((*fast)->SeekTo(Position(position)).ok());
    Machine& a = (*slow)->machine();
    Machine& b = (*fast)->machine();
    EXPECT_EQ(a.position(), Position(position));
    EXPECT_EQ(a.time(), b.time());
    EXPECT_EQ(a.ComputeDigest(), b.ComputeDigest());
  }
}

TEST(MachineRecordReplayTest, AdaptiveDigestsReplayExactly) {
  RecorderOptions options = Options();
  options.digest_every = std::nullopt;
  const std::string path =
      RecordGuest("adaptive.vmrr", GuestConfig("long64"), options);
  const std::unique_ptr<TraceReader> trace = OpenRecording(path);
  ASSERT_NE(trace, nullptr);
  EXPECT_GE(trace->info().digest_count, 2u);
  EXPECT_TRUE(VerifyRecording(*trace).exact());
}

}  // namespace
}  // namespace librr
