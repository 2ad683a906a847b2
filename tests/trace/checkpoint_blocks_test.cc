// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints in a trace, as the reader sees them.
#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "librr-core/base/coding.h"
#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

using Pages = std::vector<StoredPageRef>;

TEST(CheckpointCodecTest, PageMapsComeBackAsTheyWere) {
  for (const Pages& pages :
       {Pages{}, Pages{{0, 0}}, Pages{{4095, 7}},
        Pages{{0, 9}, {1, 10}, {2, 3}},
        Pages{{5, 0xfffffff0}, {6, 1}, {100, 2}, {101, 3}}}) {
    const auto back = DecodePageMap(EncodePageMap(pages), uint64_t{1} << 32);
    ASSERT_TRUE(back.has_value());
    EXPECT_TRUE(std::equal(pages.begin(), pages.end(), back->begin(),
                           back->end(), [](const auto& a, const auto& b) {
                             return a.page == b.page && a.id == b.id;
                           }));
  }
}

TEST(CheckpointCodecTest, ImpossiblePageMapsAreRefused) {
  const auto runs = [](std::vector<uint64_t> numbers) {
    std::string out;
    for (const uint64_t number : numbers) PutVarint(out, number);
    return out;
  };
  constexpr uint64_t kHuge = ~uint64_t{0};
  EXPECT_TRUE(DecodePageMap(runs({4095, 1, 0}), 10).has_value());
  for (const std::string& bytes :
       {runs({0, 0, 0}), runs({4096, 1, 0}), runs({0, 4097, 0}),
        runs({kHuge, 2, 0}), runs({1, kHuge, 0}), runs({0, 1, kHuge}),
        runs({0, 1, 20}), runs({0, 11, 0}), runs({0, 1}), runs({0, 1, 1})}) {
    EXPECT_FALSE(DecodePageMap(bytes, 10).has_value());
  }
}

TEST(CheckpointBlocksTest, AreReadBack) {
  const auto reader = MustOpen(SmallTraceWithCheckpoints());
  EXPECT_TRUE(reader->info().complete);
  EXPECT_EQ(reader->info().checkpoint_count, 2u);
  ASSERT_EQ(reader->checkpoints().size(), 2u);
  const StoredCheckpoint& second = reader->checkpoints()[1];
  EXPECT_EQ(second.position, Position(1000));
  EXPECT_EQ(second.time, VirtualTime(1500));
  EXPECT_EQ(second.event_count, 5u);
  const auto state = reader->ReadCheckpoint(second);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->state, "state");
  EXPECT_EQ(state->digest, *SmallDigest(1));
  ASSERT_EQ(state->maps.size(), 4u);
  EXPECT_FALSE(state->maps[3].has_value());
  const auto pages = reader->ReadPageMap(*state->maps[1]);
  ASSERT_TRUE(pages.ok()) << pages.status();
  ASSERT_EQ(pages->size(), 3u);
  EXPECT_EQ((*pages)[2].page, 7u);
  EXPECT_EQ((*pages)[2].id, 2u);
  std::vector<uint8_t> lasts;
  EXPECT_TRUE(reader
                  ->ReadPages({0, 1, 2, 3},
                              [&lasts](uint32_t, const uint8_t* bytes) {
                                lasts.push_back(bytes[kPageSize - 1]);
                              })
                  .ok());
  EXPECT_EQ(lasts, (std::vector<uint8_t>{'p', 0, 'p', 1}));
  EXPECT_FALSE(reader->ReadPages({4}, [](uint32_t, const uint8_t*) {}).ok());
  EXPECT_FALSE(reader->ReadPageMap(2).ok());
}

// Damage of any byte of a trace with checkpoints: opened by the index, and by
// a scan.
TEST(CheckpointBlocksTest, DamageCostsNoMoreThanIsDamaged) {
  const std::string bytes = SmallTraceWithCheckpoints();
  const std::vector<Event> events = AllEvents(*MustOpen(bytes));
  size_t index = kPreludeSize;
  while (true) {
    const auto header = DecodeBlockHeader(
        std::string_view(bytes).substr(index, kBlockHeaderSize));
    ASSERT_TRUE(header.ok());
    if (header->type == BlockType::kIndex) break;
    index += header->total_size();
  }
  int passed_over = 0;
  for (const bool indexed : {true, false}) {
    const std::string whole = indexed ? bytes : bytes.substr(0, index);
    for (size_t at = kPreludeSize; at < whole.size(); ++at) {
      SCOPED_TRACE(at);
      std::string damaged = whole;
      damaged[at] ^= 0x20;
      const auto reader = TraceReader::OpenBytes(damaged);
      if (!reader.ok()) continue;
      EventCursor cursor = (*reader)->Events();
      absl::Status status;
      const std::vector<Event> read = ReadEvents(cursor, status);
      EXPECT_TRUE(IsPrefix(read, events));
      for (const StoredCheckpoint& checkpoint : (*reader)->checkpoints()) {
        EXPECT_TRUE(checkpoint.position == Position(120) ||
                    checkpoint.position == Position(1000));
        const auto state = (*reader)->ReadCheckpoint(checkpoint);
        if (!state.ok()) continue;
        EXPECT_EQ(state->state, "state");
      }
      if (!indexed && (*reader)->info().complete) ++passed_over;
    }
  }
  // Two bodies of pages: 16 KiB.
  EXPECT_GT(passed_over, 16'000);
}

TEST(CheckpointBlocksTest, AFinishedTraceCanBeExtended) {
  const std::string path = testing::TempDir() + "/extended.vmrr";
  {
    const auto writer = TraceWriter::Create(path, SmallHeader(), {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append(MakeEvent(EventKind::kHeartbeat, 500)).ok());
    ASSERT_TRUE((*writer)->Finish(EndAt(600)).ok());
  }
  for (uint32_t number = 0; number < 2; ++number) {
    const auto writer = TraceWriter::Extend(path);
    ASSERT_TRUE(writer.ok()) << writer.status();
    EXPECT_EQ((*writer)->next_page_id(), 2 * number);
    EXPECT_EQ((*writer)->next_page_map_id(), number);
    ASSERT_TRUE(
        (*writer)
            ->AppendBlocks(SmallCheckpoint(500, 1, number, BlockWriter::kStore))
            .ok());
    // Whenever it ends here, nothing is lost.
    const auto between = TraceReader::Open(path);
    ASSERT_TRUE(between.ok());
    EXPECT_TRUE((*between)->info().complete);
    ASSERT_TRUE((*writer)->FinishIndex().ok());
    const auto reader = TraceReader::Open(path);
    ASSERT_TRUE(reader.ok());
    EXPECT_TRUE((*reader)->info().complete);
    EXPECT_EQ((*reader)->info().checkpoint_count, number + 1);
    EXPECT_GT((*reader)->info().bytes.index, 0u);
  }
  // Without anything to add, nothing changes.
  const auto writer = TraceWriter::Extend(path);
  ASSERT_TRUE(writer.ok() && (*writer)->FinishIndex().ok());
  EXPECT_GT((*TraceReader::Open(path))->info().bytes.index, 0u);
}

}  // namespace
}  // namespace librr::trace
