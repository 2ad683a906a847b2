// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/recorder.h"

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librr/input_script.h"
#include "tests/recorder/fake_recording.h"

namespace librr {
namespace {

using testing::ElementsAre;

std::unique_ptr<TraceReader> Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<TraceReader>> trace = TraceReader::Open(path);
  EXPECT_TRUE(trace.ok()) << trace.status();
  return trace.ok() ? *std::move(trace) : nullptr;
}

std::vector<Event> Events(const TraceReader& trace, EventKindSet kinds) {
  std::vector<Event> events;
  EventCursor cursor = trace.Events({.kinds = kinds});
  while (true) {
    absl::StatusOr<const Event*> event = cursor.Next();
    EXPECT_TRUE(event.ok()) << event.status();
    if (!event.ok() || *event == nullptr) return events;
    events.push_back(**event);
  }
}

TEST(RecorderTest, TraceHoldsInputsWithTheirPlace) {
  TimedKeys keys({{250'000, "a"}, {1'300'001, "q"}});
  EndRecord end;
  const std::string path = RecordFake("inputs", {}, {}, &keys, &end);
  auto trace = Open(path);
  ASSERT_NE(trace, nullptr);
  EXPECT_TRUE(trace->info().complete);
  EXPECT_EQ(trace->info().end.reason, EndReason::kPowerOff);
  EXPECT_EQ(trace->info().end.position, end.position);
  const std::vector<Event> inputs = Events(*trace, {EventKind::kInput});
  ASSERT_EQ(inputs.size(), 4u);
  EXPECT_EQ(inputs[0].position, Position(0));
  EXPECT_EQ(inputs[1].position, Position(0));
  EXPECT_EQ(inputs[2].payload, "a");
  EXPECT_EQ(inputs[2].time, VirtualTime(250'000));
  EXPECT_EQ(inputs[3].payload, "q");
  EXPECT_EQ(inputs[3].time, VirtualTime(1'300'001));
}

// A script, seed and date make one recording, however it is logged.
TEST(RecorderTest, WhatAScriptTypesDoesNotDependOnTheLog) {
  const auto inputs = [](std::optional<uint64_t> digest_every) {
    auto script = ParseInputScript(
        "script", "expect login: \ntype a\nwait 0.0003\ntype b\ntype q");
    EXPECT_TRUE(script.ok()) << script.status();
    RecorderOptions options;
    options.digest_every = digest_every;
    FakeOptions fake;
    fake.prompt = true;
    fake.idle_every = 0;
    const auto trace = Open(RecordFake("script", fake, options, script->get()));
    std::vector<std::string> typed;
    for (const Event& event : Events(*trace, {EventKind::kInput})) {
      typed.push_back(absl::StrCat(event.position.value(), " ",
                                   event.time.value(), " ", event.payload));
    }
    return typed;
  };
  const std::vector<std::string> expected = inputs(std::nullopt);
  EXPECT_GE(expected.size(), 4u);
  for (const uint64_t every : {7, 1009, 99'991}) {
    EXPECT_EQ(inputs(every), expected) << every;
  }
}

TEST(RecorderTest, OutputsHaveThePositionOfTheirStep) {
  NoInput none;
  RecorderOptions options;
  options.run.max_position = Position(2500);
  auto trace = Open(RecordFake("outputs", {}, options, &none));
  std::vector<uint64_t> positions;
  for (const Event& event : Events(*trace, {EventKind::kOutput})) {
    positions.push_back(event.position.value());
  }
  EXPECT_THAT(positions, ElementsAre(1000, 2000));
}

TEST(RecorderTest, DigestsComeExactlyWhereAsked) {
  NoInput none;
  RecorderOptions options;
  options.run.max_position = Position(2500);
  options.digest_every = 1000;
  auto trace = Open(RecordFake("digest_every", {}, options, &none));
  std::vector<uint64_t> positions;
  for (const Event& event : Events(*trace, {EventKind::kDigest})) {
    positions.push_back(event.position.value());
  }
  EXPECT_THAT(positions, ElementsAre(0, 1000, 2000, 2500));
}

TEST(RecorderTest, DigestSpacingGrows) {
  NoInput none;
  RecorderOptions options;
  options.run.max_position = Position(40'000'000);
  auto trace = Open(RecordFake("adaptive", {.print_every = 0}, options, &none));
  const std::vector<Event> digests = Events(*trace, {EventKind::kDigest});
  ASSERT_GE(digests.size(), 3u);
  EXPECT_LT(digests.size(), 40u);
  EXPECT_EQ(digests.back().position, Position(40'000'000));
}

TEST(RecorderTest, ZeroDigestIntervalIsRefused) {
  FakeMachine machine;
  RecorderOptions options;
  options.digest_every = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(
      Recorder::Create(TracePath("zero"), DescribeFake(), &machine, options)
          .status()));
}

TEST(RecorderTest, StoppedRecordingIsComplete) {
  FakeMachine machine({.idle_every = 0});
  const std::string path = TracePath("stopped");
  auto recorder = Recorder::Create(path, DescribeFake(), &machine, {});
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  NoInput none;
  std::thread stopper([&] { (*recorder)->RequestStop(); });
  const absl::StatusOr<EndRecord> end = (*recorder)->Record(&none, nullptr);
  stopper.join();
  ASSERT_TRUE(end.ok()) << end.status();
  auto trace = Open(path);
  EXPECT_TRUE(trace->info().complete);
  EXPECT_EQ(trace->info().end.reason, EndReason::kStopped);
}

TEST(RecorderTest, CostsAreAccounted) {
  FakeMachine machine;
  RecorderOptions options;
  options.run.max_position = Position(3'000'000);
  auto recorder =
      Recorder::Create(TracePath("costs"), DescribeFake(), &machine, options);
  ASSERT_TRUE(recorder.ok());
  NoInput none;
  ASSERT_TRUE((*recorder)->Record(&none, nullptr).ok());
  const RunCosts costs = (*recorder)->costs();
  EXPECT_GT(costs.hash, 0u);
  EXPECT_GT(costs.log, 0u);
  EXPECT_GT(costs.gate, 0u);
  EXPECT_GT(costs.total, costs.hash + costs.log + costs.gate);
}

}  // namespace
}  // namespace librr
