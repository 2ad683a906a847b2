// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints in traces: written while recording or by an indexer, restored in
// another machine, damaged.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "librr-core/base/posix_file.h"
#include "librr-core/trace/block_header.h"
#include "librr-core/trace/trace_format.h"
#include "librr/inspection.h"
#include "librr/replayer.h"
#include "librr/trace_indexer.h"
#include "tests/timeline/timeline_recording.h"

namespace librr {
namespace {

constexpr uint64_t kEvery = 300'000;
constexpr uint64_t kMaxFile = uint64_t{256} << 20;

const GuestRecording& Echo() {
  static const auto* recording = new GuestRecording("echo", "stored_echo",
                                                    {{5'000'000, "a"},
                                                     {5'002'000, "bc"},
                                                     {9'000'001, "def"},
                                                     {20'000'000, "q"}},
                                                    std::nullopt, 100);
  return *recording;
}

const GuestRecording& Long() {
  static const auto* recording =
      new GuestRecording("long64", "stored_long", {}, std::nullopt, kEvery);
  return *recording;
}

std::string BytesOf(const GuestRecording& recording) {
  const absl::StatusOr<std::string> bytes =
      ReadFileToString(recording.path(), kMaxFile);
  EXPECT_TRUE(bytes.ok());
  return bytes.value_or("");
}

std::unique_ptr<Timeline> OpenTimeline(const GuestRecording& recording,
                                       const TraceReader& trace) {
  auto timeline = Timeline::Open(&trace, recording.Factory(), {});
  EXPECT_TRUE(timeline.ok()) << timeline.status();
  return *std::move(timeline);
}

void ExpectRightAt(const GuestRecording& recording, Timeline& timeline,
                   Position position) {
  const absl::Status status = timeline.Seek(position);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(timeline.position(), position);
  EXPECT_EQ(FirstDifference(recording.DigestAt(position),
                            timeline.machine().ComputeDigest(),
                            timeline.machine().memory_bytes()),
            "")
      << position.value();
}

// Where the blocks of checkpoints are, in the file.
struct Part {
  size_t offset;
  trace::BlockHeader header;
};
std::vector<Part> CheckpointParts(const std::string& bytes) {
  std::vector<Part> parts;
  for (size_t offset = trace::kPreludeSize; offset < bytes.size();) {
    const auto header = trace::DecodeBlockHeader(
        std::string_view(bytes).substr(offset, trace::kBlockHeaderSize));
    if (!header.ok()) break;
    if (trace::IsCheckpointPart(header->type))
      parts.push_back({offset, *header});
    offset += header->total_size();
  }
  return parts;
}

class StoredCheckpointTest
    : public testing::TestWithParam<const GuestRecording& (*)()> {
 protected:
  const GuestRecording& recording() { return GetParam()(); }
};

TEST_P(StoredCheckpointTest, ANewMachineGoesOnFromEachToTheSameDigests) {
  const TraceReader& trace = recording().trace();
  const std::vector<StoredCheckpoint>& all = trace.checkpoints();
  ASSERT_GE(all.size(), 4u);
  EXPECT_EQ(trace.info().checkpoint_count, all.size());
  EXPECT_GT(trace.info().bytes.checkpoints, 0u);
  EXPECT_EQ(trace.info().features, std::vector<std::string>{"checkpoints"});
  const size_t step = std::max<size_t>(1, all.size() / 8);
  for (size_t i = 0; i < all.size(); i += step) {
    SCOPED_TRACE(all[i].position.value());
    std::unique_ptr<Timeline> timeline = OpenTimeline(recording(), trace);
    const Position end = timeline->end();
    ExpectRightAt(recording(), *timeline, all[i].position);
    ExpectRightAt(recording(), *timeline, std::min(all[i].position + 77, end));
    ExpectRightAt(recording(), *timeline, end);
    EXPECT_EQ(timeline->statistics().discarded, 0u);
  }
}

TEST_P(StoredCheckpointTest, CutTracesKeepThoseThatWereWritten) {
  const std::string bytes = BytesOf(recording());
  size_t useful = 0;
  for (const Part& part : CheckpointParts(bytes)) {
    if (part.header.type != trace::BlockType::kCheckpoint) continue;
    // As after kill -9: the end is missing, what was written counts.
    const auto cut = TraceReader::OpenBytes(
        bytes.substr(0, part.offset + part.header.total_size() + 5));
    ASSERT_TRUE(cut.ok()) << cut.status();
    EXPECT_FALSE((*cut)->info().complete);
    for (const StoredCheckpoint& checkpoint : (*cut)->checkpoints())
      EXPECT_LE(checkpoint.position, (*cut)->info().end.position);
    useful = std::max(useful, (*cut)->checkpoints().size());
    std::unique_ptr<Timeline> timeline = OpenTimeline(recording(), **cut);
    ExpectRightAt(recording(), *timeline,
                  Position(timeline->end().value() - 1));
    // The rest of an idle time at the end is lost with what was cut off: the
    // whole recording is no measure there.
    const auto replayer =
        Replayer::Create(cut->get(), recording().Factory(), {});
    ASSERT_TRUE(replayer.ok()) << replayer.status();
    ASSERT_TRUE((*replayer)->SeekTo(timeline->end()).ok());
    ASSERT_TRUE(timeline->Seek(timeline->end()).ok());
    EXPECT_EQ(FirstDifference((*replayer)->machine().ComputeDigest(),
                              timeline->machine().ComputeDigest(),
                              timeline->machine().memory_bytes()),
              "")
        << timeline->end().value();
  }
  EXPECT_GT(useful, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Guests, StoredCheckpointTest, testing::Values(&Echo, &Long),
    [](const testing::TestParamInfo<const GuestRecording& (*)()>& info) {
      return std::string(info.index == 0 ? "echo" : "long64");
    });

TEST(StoredCheckpointRunTest, OpeningAtTheEndReplaysLittle) {
  std::unique_ptr<Timeline> timeline = OpenTimeline(Long(), Long().trace());
  ASSERT_TRUE(timeline->Seek(timeline->end()).ok());
  EXPECT_LE(timeline->statistics().replayed_steps, 2'000'000u + kEvery);
}

TEST(StoredCheckpointRunTest, BackwardSearchesBeginAtThem) {
  const TraceReader& trace = Long().trace();
  StopConditions conditions;
  std::unique_ptr<Timeline> timeline = OpenTimeline(Long(), trace);
  ASSERT_TRUE(timeline->Seek(timeline->end()).ok());
  const uint64_t stack =
      *RegisterNumber(timeline->machine().Registers(0), "rsp");
  conditions.watchpoints.push_back({.id = 1,
                                    .kind = WatchKind::kAnyWrite,
                                    .address = stack - 16,
                                    .length = 16,
                                    .physical = true});
  std::unique_ptr<Timeline> reference = Long().Open({.jobs = 1});
  ASSERT_TRUE(reference->Run(Direction::kForward, {}).ok());
  const auto expected =
      reference->FindHits(conditions, Position(0), reference->end(), 1000);
  const auto found =
      timeline->FindHits(conditions, Position(0), timeline->end(), 1000);
  ASSERT_TRUE(expected.ok() && found.ok());
  EXPECT_EQ(*found, *expected);
}

TEST(DamagedCheckpointTest, CostsTheCheckpointAndNeverGivesAWrongState) {
  const std::string bytes = BytesOf(Long());
  const std::vector<Part> parts = CheckpointParts(bytes);
  ASSERT_GE(parts.size(), 12u);
  const Digest right = Long().DigestAt(Position(Long().end()));
  std::mt19937_64 random(3);
  uint64_t discarded = 0;
  for (int i = 0; i < 60; ++i) {
    SCOPED_TRACE(i);
    const Part& part = parts[random() % parts.size()];
    std::string damaged = bytes;
    const size_t body = trace::kBlockHeaderSize + part.header.head_size;
    // Bodies; the end of the file with the index, so that it is scanned, too.
    damaged[part.offset + body + random() % part.header.stored_size] ^= 0x10;
    if (i % 2 == 1) damaged.resize(damaged.size() - 1);
    const auto trace = TraceReader::OpenBytes(damaged);
    ASSERT_TRUE(trace.ok()) << trace.status();
    EXPECT_EQ((*trace)->info().end.position, Position(Long().end()));
    EXPECT_EQ((*trace)->info().checkpoint_count,
              Long().trace().info().checkpoint_count);
    std::unique_ptr<Timeline> timeline = OpenTimeline(Long(), **trace);
    ASSERT_TRUE(timeline->Seek(timeline->end()).ok());
    EXPECT_EQ(timeline->machine().ComputeDigest(), right);
    discarded += timeline->statistics().discarded;
  }
  EXPECT_GT(discarded, 0u);
}

std::string CopyOfPlainTrace(const std::string& name) {
  // One without checkpoints.
  PcConfig config = GuestConfig("long64");
  const std::string path = TracePath(name);
  std::unique_ptr<Machine> machine = *CreatePcMachine(config);
  TimedKeys inputs({});
  RecorderOptions options;
  options.run.seed = kSeed;
  options.checkpoint_memory = 0;
  auto recorder =
      Recorder::Create(path, DescribePc(config), machine.get(), options);
  EXPECT_TRUE(recorder.ok() && (*recorder)->Record(&inputs, nullptr).ok());
  return path;
}

TEST(TraceIndexerTest, AddsCheckpointsOnceAndTouchesNothingElse) {
  const std::string path = CopyOfPlainTrace("indexed");
  const std::string before = *ReadFileToString(path, kMaxFile);
  {
    auto indexer = TraceIndexer::Open(path);
    ASSERT_TRUE(indexer.ok()) << indexer.status();
    EXPECT_EQ((*indexer)->trace().info().checkpoint_count, 0u);
    EXPECT_FALSE((*indexer)->is_needed());  // it is short
    // Another one would have to wait.
    EXPECT_EQ(TraceIndexer::Open(path).status().code(),
              absl::StatusCode::kFailedPrecondition);
    const absl::StatusOr<IndexResult> added =
        (*indexer)->Run(Long().Factory(), {.checkpoint_every = kEvery});
    ASSERT_TRUE(added.ok()) << added.status();
    EXPECT_GT(added->checkpoints, 0u);
    EXPECT_GT(added->bytes, 0u);
  }
  const auto trace = TraceReader::Open(path);
  ASSERT_TRUE(trace.ok());
  EXPECT_TRUE((*trace)->info().complete);
  EXPECT_GT((*trace)->info().checkpoint_count, 0u);
  const std::string after = *ReadFileToString(path, kMaxFile);
  const size_t same = before.size() - before.size() / 4;
  EXPECT_EQ(after.substr(0, same), before.substr(0, same));
  std::unique_ptr<Timeline> timeline = OpenTimeline(Long(), **trace);
  ExpectRightAt(Long(), *timeline, timeline->end());
  EXPECT_LT(timeline->statistics().replayed_steps, 2'000'000u + kEvery);
  auto again = TraceIndexer::Open(path);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE((*again)->is_needed());
}

}  // namespace
}  // namespace librr
