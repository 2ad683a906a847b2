// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/checkpoint_set.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace librr {
namespace {

// Each holds one page of its own.
std::shared_ptr<const Checkpoint> At(PageStore* store, uint64_t position) {
  std::vector<uint8_t> bytes(kPageBytes);
  for (size_t i = 0; i < 8; ++i)
    bytes[i] = static_cast<uint8_t>((position + 1) >> (8 * i));
  const PageMap::Change change(3, store->Add(bytes.data()));
  return std::make_shared<const Checkpoint>(
      Checkpoint{Position(position), VirtualTime(position), "state",
                 PageMap(store).With({&change, 1})});
}

TEST(CheckpointSetTest, FindsTheNearestBefore) {
  PageStore store;
  CheckpointSet set(&store, 1 << 30);
  EXPECT_EQ(set.AtOrBefore(Position(5)), nullptr);
  for (const uint64_t position : {0, 100, 200})
    set.Add(At(&store, position), Position(0));
  EXPECT_EQ(set.AtOrBefore(Position(0))->position, Position(0));
  EXPECT_EQ(set.AtOrBefore(Position(199))->position, Position(100));
  EXPECT_EQ(set.AtOrBefore(Position(200))->position, Position(200));
  EXPECT_EQ(set.FirstAfter(Position(100)), Position(200));
  EXPECT_EQ(set.FirstAfter(Position(200)), Position::Max());
}

TEST(CheckpointSetTest, KeepsToItsBudgetAndThinsEvenlyFarFromTheCursor) {
  PageStore store;
  const uint64_t budget = 1 << 20;
  CheckpointSet set(&store, budget);
  constexpr uint64_t kSpacing = 1'000'000'000;
  for (uint64_t i = 0; i < 2'000; ++i) {
    set.Add(At(&store, i * kSpacing), Position(i * kSpacing));
    EXPECT_LE(set.bytes(), budget);
  }
  EXPECT_EQ(set.AtOrBefore(Position(1))->position, Position(0));
  EXPECT_GT(set.count(), 50u);
  uint64_t widest = 0;
  for (Position at; set.FirstAfter(at) != Position::Max();
       at = set.FirstAfter(at))
    widest = std::max(widest, set.FirstAfter(at) - at);
  EXPECT_LE(widest, 5 * 2'000 * kSpacing / set.count());
}

TEST(CheckpointSetTest, StaysDenseNearTheCursor) {
  PageStore store;
  CheckpointSet set(&store, 1 << 20);
  const Position cursor(50'000'000);
  for (uint64_t i = 0; i < 100; ++i) set.Add(At(&store, i * 1'000'000), cursor);
  for (uint64_t distance = 256; distance < 1'000'000; distance *= 4)
    set.Add(At(&store, cursor.value() - distance), cursor);
  for (uint64_t i = 100; i < 400; ++i)
    set.Add(At(&store, i * 1'000'000), cursor);
  EXPECT_EQ(set.AtOrBefore(cursor + 0)->position, cursor);
  EXPECT_EQ(set.AtOrBefore(Position(cursor.value() - 1))->position,
            Position(cursor.value() - 256));
}

}  // namespace
}  // namespace librr
