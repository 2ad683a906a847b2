// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/timeline.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librr/inspection.h"
#include "tests/timeline/timeline_recording.h"

namespace librr {
namespace {

using Reason = TimelineStop::Reason;

// All that can be seen of a machine at rest.
std::string Looks(Timeline& timeline) {
  std::string text =
      std::to_string(timeline.position().value()) + " " +
      std::to_string(timeline.time().value()) + " " +
      std::to_string(timeline.machine().ComputeDigest().Summary());
  for (const RegisterValue& value : timeline.machine().Registers(0)) {
    text.append(value.bytes.begin(), value.bytes.end());
  }
  return text;
}

const GuestRecording& Echo() {
  static const auto* recording = new GuestRecording("echo", "timeline_echo",
                                                    {{5'000'000, "a"},
                                                     {5'002'000, "bc"},
                                                     {9'000'001, "def"},
                                                     {20'000'000, "q"}});
  return *recording;
}

const GuestRecording& Busy() {
  static const auto* recording =
      new GuestRecording("busytimer", "timeline_busy");
  return *recording;
}

const GuestRecording& Long() {
  static const auto* recording = new GuestRecording("long64", "timeline_long");
  return *recording;
}

class TimelineTest
    : public testing::TestWithParam<const GuestRecording& (*)()> {
 protected:
  const GuestRecording& recording() { return GetParam()(); }
};

TEST_P(TimelineTest, SeekEqualsAPlainReplay) {
  std::unique_ptr<Timeline> timeline = recording().Open();
  std::mt19937_64 random(11);
  std::vector<Position> positions = {timeline->end(), Position(0)};
  for (int i = 0; i < 12; ++i)
    positions.push_back(Position(random() % (recording().end() + 1)));
  for (const Position position : positions) {
    ASSERT_TRUE(timeline->Seek(position).ok());
    EXPECT_EQ(timeline->position(), position);
    EXPECT_EQ(FirstDifference(recording().DigestAt(position),
                              timeline->machine().ComputeDigest(),
                              timeline->machine().memory_bytes()),
              "")
        << position.value();
  }
}

TEST_P(TimelineTest, AThousandRandomOperationsEndInTheStatesOfPlainSeeks) {
  const uint64_t end = recording().end();
  // The reference never goes back.
  std::mt19937_64 random(7);
  std::unique_ptr<Timeline> timeline = recording().Open();
  std::map<uint64_t, std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const uint64_t here = timeline->position().value();
    uint64_t expected = here;
    const auto move = [&](int64_t steps) {
      const absl::StatusOr<TimelineStop> stop = timeline->Step(steps);
      ASSERT_TRUE(stop.ok()) << stop.status();
      const int64_t to = static_cast<int64_t>(here) + steps;
      expected = static_cast<uint64_t>(
          std::clamp<int64_t>(to, 0, static_cast<int64_t>(end)));
      EXPECT_EQ(stop->reason, to < 0 ? Reason::kBegin
                              : to > static_cast<int64_t>(end)
                                  ? Reason::kEnd
                                  : Reason::kPosition);
    };
    switch (random() % 6) {
      case 0:
        expected = random() % (end + 1);
        ASSERT_TRUE(timeline->Seek(Position(expected)).ok());
        break;
      case 1:
        move(1);
        break;
      case 2:
        move(-1);
        break;
      case 3:
        move(static_cast<int64_t>(random() % 2'000));
        break;
      case 4:
        move(-static_cast<int64_t>(random() % 2'000));
        break;
      default: {
        // There and back is the identity.
        const int64_t steps =
            static_cast<int64_t>(random() % std::min<uint64_t>(500, here + 1));
        const std::string before = Looks(*timeline);
        ASSERT_TRUE(timeline->Step(-steps).ok());
        ASSERT_TRUE(timeline->Step(steps).ok());
        EXPECT_EQ(Looks(*timeline), before);
      }
    }
    ASSERT_EQ(timeline->position().value(), expected);
    const auto [it, added] = seen.try_emplace(expected, Looks(*timeline));
    EXPECT_EQ(it->second, Looks(*timeline)) << "operation " << i;
  }
  // Everything that was seen is what a walk that only goes forward sees.
  std::unique_ptr<Timeline> reference = recording().Open();
  for (const auto& [position, looks] : seen) {
    ASSERT_TRUE(reference->Seek(Position(position)).ok());
    EXPECT_EQ(Looks(*reference), looks) << position;
  }
  EXPECT_EQ(reference->statistics().restores, 0u);
}

// Conditions of all kinds, from what the guest does.
StopConditions SomeConditions(const GuestRecording& recording,
                              std::mt19937_64& random) {
  std::unique_ptr<Timeline> timeline = recording.Open();
  StopConditions conditions;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(timeline->Seek(Position(random() % recording.end())).ok());
    conditions.breakpoints.push_back(
        {.id = 1,
         .address = *RegisterNumber(timeline->machine().Registers(0), "rip")});
  }
  const uint64_t stack =
      *RegisterNumber(timeline->machine().Registers(0), "rsp");
  conditions.watchpoints.push_back({.id = 2,
                                    .kind = WatchKind::kWrite,
                                    .address = stack - 16,
                                    .length = 16});
  conditions.watchpoints.push_back({.id = 3,
                                    .kind = WatchKind::kAccess,
                                    .address = stack + 4,
                                    .length = 4,
                                    .physical = true});
  conditions.catchpoints.push_back(
      {.id = 4, .kind = Catchpoint::Kind::kInterrupt});
  return conditions;
}

// A step may meet several conditions: they are one stop.
std::vector<Position> StopsForward(Timeline& timeline,
                                   const StopConditions& conditions,
                                   std::vector<StopHit>* hits,
                                   size_t max = 400) {
  std::vector<Position> stops;
  while (stops.size() < max) {
    const absl::StatusOr<TimelineStop> stop =
        timeline.Run(Direction::kForward, conditions);
    EXPECT_TRUE(stop.ok()) << stop.status();
    if (!stop.ok() || stop->reason != Reason::kCondition) {
      EXPECT_EQ(timeline.position(), timeline.end());
      break;
    }
    for (const StopHit& hit : stop->hits) {
      EXPECT_EQ(hit.forward_stop(), timeline.position());
      hits->push_back(hit);
    }
    stops.push_back(timeline.position());
  }
  return stops;
}

bool Earlier(const StopHit& a, const StopHit& b) {
  return std::tie(a.position, a.kind, a.id, a.address) <
         std::tie(b.position, b.kind, b.id, b.address);
}

TEST_P(TimelineTest, BackwardStopsAreTheForwardOnesInReverse) {
  std::mt19937_64 random(23);
  for (int round = 0; round < 3; ++round) {
    const StopConditions conditions = SomeConditions(recording(), random);
    std::unique_ptr<Timeline> timeline =
        recording().Open({.jobs = 1 + round % 2});
    std::vector<StopHit> forward;
    StopsForward(*timeline, conditions, &forward);
    // Position 0 is not stopped at when one starts there.
    std::erase_if(forward, [](const StopHit& hit) {
      return hit.position == Position(0) &&
             hit.kind == StopHit::Kind::kBreakpoint;
    });
    const Position top = timeline->position();
    std::vector<StopHit> again;
    ASSERT_TRUE(timeline->Seek(Position(0)).ok());
    StopsForward(*timeline, conditions, &again);
    EXPECT_EQ(forward, again);
    // A breakpoint at the top is behind: backwards it is not met.
    std::erase_if(forward,
                  [top](const StopHit& hit) { return hit.position >= top; });
    std::vector<StopHit> backward;
    while (true) {
      const Position here = timeline->position();
      const absl::StatusOr<TimelineStop> stop =
          timeline->Run(Direction::kBackward, conditions);
      ASSERT_TRUE(stop.ok()) << stop.status();
      ASSERT_LT(timeline->position(), here);
      if (stop->reason != Reason::kCondition) {
        EXPECT_EQ(stop->reason, Reason::kBegin);
        break;
      }
      for (const StopHit& hit : stop->hits) {
        EXPECT_EQ(hit.position, timeline->position());
        backward.push_back(hit);
      }
      if (timeline->position() == Position(0)) break;
    }
    std::erase_if(backward, [](const StopHit& hit) {
      return hit.position == Position(0) &&
             hit.kind == StopHit::Kind::kBreakpoint;
    });
    std::sort(forward.begin(), forward.end(), Earlier);
    std::sort(backward.begin(), backward.end(), Earlier);
    EXPECT_EQ(backward, forward) << "round " << round;

    // And a list of them all.
    ASSERT_TRUE(timeline->Seek(Position(recording().end() / 2)).ok());
    const std::string before = Looks(*timeline);
    absl::StatusOr<std::vector<StopHit>> listed =
        timeline->FindHits(conditions, Position(1), top, 100'000);
    ASSERT_TRUE(listed.ok()) << listed.status();
    EXPECT_EQ(Looks(*timeline), before);
    std::erase_if(forward, [](const StopHit& hit) {
      return hit.position == Position(0);
    });
    std::sort(listed->begin(), listed->end(), Earlier);
    EXPECT_EQ(*listed, forward);
  }
}

std::string NameOf(
    const testing::TestParamInfo<const GuestRecording& (*)()>& info) {
  const char* const names[] = {"echo", "busytimer", "long64"};
  return names[info.index];
}

INSTANTIATE_TEST_SUITE_P(Guests, TimelineTest,
                         testing::Values(&Echo, &Busy, &Long), NameOf);

TEST(TimelineRunTest, BoundsAreKeptInBothDirections) {
  std::unique_ptr<Timeline> timeline = Busy().Open();
  absl::StatusOr<TimelineStop> stop =
      timeline->Run(Direction::kForward, {}, Position(1'234));
  ASSERT_TRUE(stop.ok());
  EXPECT_EQ(stop->reason, Reason::kPosition);
  EXPECT_EQ(timeline->position(), Position(1'234));
  stop = timeline->Run(Direction::kBackward, {}, Position(1'000));
  EXPECT_EQ(stop->reason, Reason::kPosition);
  EXPECT_EQ(timeline->position(), Position(1'000));
  stop = timeline->Run(Direction::kForward, {});
  EXPECT_EQ(stop->reason, Reason::kEnd);
  EXPECT_EQ(timeline->position(), timeline->end());
  stop = timeline->Run(Direction::kBackward, {});
  EXPECT_EQ(stop->reason, Reason::kBegin);
  EXPECT_EQ(timeline->position(), Position(0));
}

TEST(TimelineRunTest, SeekingBeyondTheEndMovesNothing) {
  std::unique_ptr<Timeline> timeline = Busy().Open();
  ASSERT_TRUE(timeline->Seek(Position(77)).ok());
  EXPECT_EQ(timeline->Seek(timeline->end() + 1).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(timeline->position(), Position(77));
}

TEST(TimelineRunTest, LastWriteFindsTheStepAndStays) {
  std::unique_ptr<Timeline> timeline = Busy().Open();
  const Position end = timeline->end();
  ASSERT_TRUE(timeline->Seek(end).ok());
  const uint64_t stack =
      *RegisterNumber(timeline->machine().Registers(0), "rsp");
  const Watchpoint word = {.address = stack - 8, .length = 4, .physical = true};
  const absl::StatusOr<std::optional<StopHit>> last =
      timeline->LastWrite(word, end);
  ASSERT_TRUE(last.ok() && last->has_value());
  EXPECT_EQ(timeline->position(), end);
  const StopHit& hit = **last;
  EXPECT_TRUE(hit.is_write);
  // Behind the step the word holds what it holds at the end.
  const auto word_at = [&](Position position) {
    EXPECT_TRUE(timeline->Seek(position).ok());
    std::vector<uint8_t> bytes(4);
    EXPECT_TRUE(
        timeline->machine()
            .ReadPhysical(GuestPhysical(stack - 8), absl::MakeSpan(bytes))
            .ok());
    return bytes;
  };
  EXPECT_EQ(word_at(hit.position + 1), word_at(end));
  const absl::StatusOr<std::optional<StopHit>> before =
      timeline->LastWrite(word, hit.position);
  ASSERT_TRUE(before.ok() && before->has_value());
  EXPECT_LT((*before)->position, hit.position);
  // Nothing writes to a page that holds nothing.
  const absl::StatusOr<std::optional<StopHit>> never = timeline->LastWrite(
      {.address = kGuestMemory - 4096, .length = 4096, .physical = true}, end);
  ASSERT_TRUE(never.ok());
  EXPECT_FALSE(never->has_value());
}

TEST(TimelineRunTest, AnInterruptionLeavesAValidPositionAndCanBeGoneOnFrom) {
  std::unique_ptr<Timeline> timeline = Long().Open();
  StopConditions nothing;
  nothing.watchpoints.push_back(
      {.address = kGuestMemory - 8, .length = 8, .physical = true});
  // Before it begins: moves nothing, or little.
  timeline->RequestStop();
  absl::StatusOr<TimelineStop> stop =
      timeline->Run(Direction::kForward, nothing);
  ASSERT_TRUE(stop.ok()) << stop.status();
  EXPECT_EQ(stop->reason, Reason::kInterrupted);
  // While it goes on.
  for (const Direction direction :
       {Direction::kForward, Direction::kBackward}) {
    std::thread stopper([&timeline] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      timeline->RequestStop();
    });
    stop = timeline->Run(direction, nothing);
    stopper.join();
    ASSERT_TRUE(stop.ok()) << stop.status();
    EXPECT_EQ(FirstDifference(Long().DigestAt(timeline->position()),
                              timeline->machine().ComputeDigest(),
                              timeline->machine().memory_bytes()),
              "");
    do {
      stop = timeline->Run(direction, nothing);
      ASSERT_TRUE(stop.ok()) << stop.status();
    } while (stop->reason == Reason::kInterrupted);
    EXPECT_EQ(timeline->position(), direction == Direction::kForward
                                        ? timeline->end()
                                        : timeline->begin());
  }
}

TEST(TimelineRunTest, ASmallBudgetIsKeptAndChangesNothing) {
  std::unique_ptr<Timeline> timeline =
      Long().Open({.checkpoint_memory = 1 << 20});
  std::unique_ptr<Timeline> reference = Long().Open();
  std::mt19937_64 random(5);
  for (int i = 0; i < 30; ++i) {
    const Position position(random() % (Long().end() + 1));
    ASSERT_TRUE(timeline->Seek(position).ok());
    ASSERT_TRUE(reference->Seek(position).ok());
    EXPECT_EQ(Looks(*timeline), Looks(*reference));
    EXPECT_LE(timeline->statistics().bytes, uint64_t{1} << 20);
  }
}

TEST(TimelineRunTest, StepsBackNeedFewReplayedSteps) {
  std::unique_ptr<Timeline> timeline = Long().Open();
  ASSERT_TRUE(timeline->Seek(Position(Long().end() * 3 / 4)).ok());
  const uint64_t before = timeline->statistics().replayed_steps;
  constexpr int kSteps = 10'000;
  for (int i = 0; i < kSteps; ++i) ASSERT_TRUE(timeline->Step(-1).ok());
  const uint64_t replayed = timeline->statistics().replayed_steps - before;
  EXPECT_LT(replayed, 300u * kSteps);
}

}  // namespace
}  // namespace librr
