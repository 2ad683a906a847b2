// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "librr/trace.h"
#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

TEST(TraceRoundTripTest, InfoSaysWhatWasRecorded) {
  const std::string bytes = SmallTrace();
  const auto reader = MustOpen(bytes);
  const TraceInfo& info = reader->info();
  EXPECT_EQ(info.format_version, 1u);
  EXPECT_EQ(info.header.machine_kind, "pc");
  EXPECT_EQ(info.header.machine_model, 1u);
  EXPECT_EQ(info.header.vcpus, 2u);
  EXPECT_EQ(info.header.memory_bytes, 64u << 20);
  EXPECT_EQ(info.header.command_line, SmallHeader().command_line);
  EXPECT_EQ(info.header.config, SmallHeader().config);
  EXPECT_EQ(info.header.created_unix_seconds, 1700000000u);
  EXPECT_EQ(info.header.id, SmallHeader().id);
  EXPECT_FALSE(info.header.parent_id.has_value());
  EXPECT_TRUE(info.complete);
  EXPECT_FALSE(info.being_written);
  EXPECT_FALSE(info.damage_offset.has_value());
  EXPECT_EQ(info.end.position, Position(3001));
  EXPECT_EQ(info.end.reason, EndReason::kPowerOff);
  EXPECT_EQ(info.end.detail, "the guest powered off");
  EXPECT_EQ(info.event_count, 12u);
  EXPECT_EQ(info.input_count, 2u);
  EXPECT_EQ(info.output_count, 4u);
  EXPECT_EQ(info.digest_count, 4u);
  EXPECT_THAT(info.images, testing::ElementsAre(testing::Pair("kernel", 20u)));
}

TEST(TraceRoundTripTest, SizesByPartAddUp) {
  const std::string bytes = SmallTrace();
  const TraceBytes by_part = MustOpen(bytes)->info().bytes;
  EXPECT_EQ(by_part.total, bytes.size());
  EXPECT_EQ(by_part.header + by_part.image + by_part.inputs + by_part.outputs +
                by_part.digests + by_part.checkpoints + by_part.index +
                by_part.other + by_part.damaged,
            by_part.total);
  EXPECT_EQ(by_part.damaged, 0u);
  EXPECT_GT(by_part.inputs, 0u);
  EXPECT_GT(by_part.outputs, 0u);
  EXPECT_GT(by_part.digests, 0u);
  EXPECT_GT(by_part.index, 0u);
}

TEST(TraceRoundTripTest, EventsComeBackInOrder) {
  const auto reader = MustOpen(SmallTrace());
  const std::vector<Event> events = AllEvents(*reader);
  ASSERT_EQ(events.size(), 12u);
  std::string summary;
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].index, i);
    EXPECT_EQ(events[i].time.value(), events[i].position.value() * 3 / 2);
    summary += EventKindName(events[i].kind);
    summary += "@" + std::to_string(events[i].position.value()) + " ";
  }
  EXPECT_EQ(summary,
            "input@0 output@90 output@120 digest@120 input@120 mark@120 "
            "output@150 digest@1000 digest@2000 heartbeat@2000 output@2100 "
            "digest@3000 ");
  EXPECT_EQ(events[0].payload, "seed");
  EXPECT_EQ(events[5].payload, "here");
  EXPECT_EQ(*events[3].digest, *SmallDigest(1));
  EXPECT_EQ(*events[7].digest, *SmallDigest(2));
  EXPECT_EQ(*events[8].digest, *SmallDigest(3));
  EXPECT_EQ(*events[11].digest, *SmallDigest(3));
  EXPECT_EQ(events[4].digest, nullptr);
}

TEST(TraceRoundTripTest, CursorVisitsOnlyTheKindsAskedFor) {
  const auto reader = MustOpen(SmallTrace());
  std::string console;
  for (const Event& event :
       AllEvents(*reader, {.kinds = {EventKind::kOutput}})) {
    EXPECT_EQ(event.kind, EventKind::kOutput);
    console += event.payload;
  }
  EXPECT_EQ(console, "hix\n");
  EXPECT_EQ(AllEvents(*reader, {.kinds = {EventKind::kInput, EventKind::kMark}})
                .size(),
            3u);
}

TEST(TraceRoundTripTest, SeekFindsTheFirstEventAtOrAfterAPosition) {
  TraceBuilder builder;
  for (uint64_t i = 1; i <= 1000; ++i) {
    builder.Output(10 * (i / 2), "x");
    if (i % 7 == 0) builder.Flush();
    if (i % 5 == 0) builder.Mark(10 * (i / 2), "m");
  }
  const auto reader = MustOpen(builder.Finish(100000));
  for (const EventKindSet kinds :
       {EventKindSet::All(), EventKindSet{EventKind::kMark}}) {
    const std::vector<Event> all = AllEvents(*reader, {.kinds = kinds});
    EventCursor cursor = reader->Events({.kinds = kinds});
    for (uint64_t position = 0; position < 5100; position += 3) {
      ASSERT_TRUE(cursor.SeekTo(Position(position)).ok());
      const absl::StatusOr<const Event*> event = cursor.Next();
      ASSERT_TRUE(event.ok()) << event.status();
      const auto expected =
          std::find_if(all.begin(), all.end(), [&](const Event& candidate) {
            return candidate.position >= Position(position);
          });
      if (expected == all.end()) {
        EXPECT_EQ(*event, nullptr);
      } else {
        ASSERT_NE(*event, nullptr);
        EXPECT_EQ((*event)->index, expected->index);
      }
    }
  }
}

TEST(TraceRoundTripTest, ImagesOfAnySizeComeBack) {
  std::string large;  // hard to compress, and three blocks long
  std::mt19937_64 random(1);
  while (large.size() < (9u << 20)) {
    large.push_back(static_cast<char>(random()));
  }
  const std::string zeros(5 << 20, '\0');
  TraceBuilder builder(SmallHeader(),
                       {{"kernel", large}, {"empty", ""}, {"initrd", zeros}});
  const std::string bytes = builder.Finish(0);
  EXPECT_LT(bytes.size(), large.size() + 4096);
  const auto reader = MustOpen(bytes);
  EXPECT_EQ(reader->ReadImage("kernel").value(), large);
  EXPECT_EQ(reader->ReadImage("empty").value(), "");
  EXPECT_EQ(reader->ReadImage("initrd").value(), zeros);
  EXPECT_TRUE(absl::IsNotFound(reader->ReadImage("disk").status()));
}

TEST(TraceRoundTripTest, RandomTracesComeBack) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    TraceBuilder builder;
    std::vector<Event> expected;
    uint64_t position = 0;
    uint64_t time = 0;
    const uint64_t largest_step = uint64_t{1} << (random() % 58);
    for (uint64_t i = 0; i < 300; ++i) {
      Event event;
      position += random() % largest_step;
      time += random() % largest_step;
      event.kind = static_cast<EventKind>(1 + random() % 5);
      if (event.kind == EventKind::kInput || event.kind == EventKind::kOutput) {
        event.subkind = static_cast<uint8_t>(random());
      }
      event.position = Position(position);
      event.time = VirtualTime(time);
      event.payload = std::string(random() % 20, static_cast<char>(random()));
      event.index = i;
      if (event.kind == EventKind::kDigest) {
        event.digest = SmallDigest(random() % 100);
      }
      expected.push_back(event);
      builder.Add(event);
      if (random() % 50 == 0) builder.Flush();
    }
    EndRecord end;
    end.position = Position::Max();
    end.time = VirtualTime::Max();
    end.vcpu = 1;
    end.reason = EndReason::kExit;
    end.exit_code = 255;
    ASSERT_TRUE(builder.writer().Finish(end).ok());
    const auto reader = MustOpen(builder.disk().content);
    const std::vector<Event> events = AllEvents(*reader);
    EXPECT_EQ(events.size(), expected.size());
    EXPECT_TRUE(IsPrefix(events, expected));
    EXPECT_EQ(reader->info().end.position, Position::Max());
    EXPECT_EQ(reader->info().end.exit_code, 255);
    EXPECT_EQ(reader->info().end.vcpu, 1);
  }
}

TEST(TraceRoundTripTest, GroupsAreClosedBeforeTheyBreakALimit) {
  TraceBuilder builder;
  for (uint64_t i = 0; i < 70000; ++i) builder.Output(i, "x");
  for (uint64_t i = 0; i < 600; ++i) builder.Digest(70000 + i, i);
  for (uint64_t i = 0; i < 5; ++i) {
    builder.Input(80000 + i, std::string(kMaxEventPayload, 'y'));
  }
  const auto reader = MustOpen(builder.Finish(100000));
  EXPECT_EQ(reader->info().event_count, 70605u);
  const std::vector<Event> events = AllEvents(*reader);
  ASSERT_EQ(events.size(), 70605u);
  EXPECT_EQ(*events[70599].digest, *SmallDigest(599));
  EXPECT_EQ(events[70604].payload.size(), kMaxEventPayload);
}

TEST(TraceRoundTripTest, ComponentsMayChangeBetweenDigests) {
  TraceBuilder builder;
  auto other = std::make_shared<Digest>(*SmallDigest(4));
  other->components.push_back({"nvme0", 9});
  Event event = MakeEvent(EventKind::kDigest, 20);
  event.digest = other;
  builder.Digest(10, 1).Add(event).Digest(30, 2);
  const auto reader = MustOpen(builder.Finish(30));
  const std::vector<Event> events = AllEvents(*reader);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(*events[0].digest, *SmallDigest(1));
  EXPECT_EQ(*events[1].digest, *other);
  EXPECT_EQ(*events[2].digest, *SmallDigest(2));
}

TEST(TraceRoundTripTest, ParentIsKept) {
  TraceHeader header = SmallHeader();
  header.parent_id = TraceHeader::Id{9, 9, 9};
  TraceBuilder builder(header);
  EXPECT_EQ(MustOpen(builder.Finish(0))->info().header.parent_id,
            header.parent_id);
}

TEST(TraceRoundTripTest, TraceWithoutEventsIsComplete) {
  TraceBuilder builder;
  const auto reader = MustOpen(builder.Finish(0));
  EXPECT_TRUE(reader->info().complete);
  EXPECT_TRUE(AllEvents(*reader).empty());
  EventCursor cursor = reader->Events();
  EXPECT_TRUE(cursor.SeekTo(Position(5)).ok());
  EXPECT_EQ(cursor.Next().value(), nullptr);
}

}  // namespace
}  // namespace librr::trace
