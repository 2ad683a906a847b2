// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/page_store.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace librr {
namespace {

std::vector<uint8_t> Page(uint32_t number) {
  std::vector<uint8_t> bytes(kPageBytes);
  for (size_t i = 0; i < 4; ++i) bytes[1000 + i] = number >> (8 * i);
  return bytes;
}

TEST(PageStoreTest, EqualContentsAreKeptOnce) {
  PageStore store;
  const PageRef a = store.Add(Page(1).data());
  const PageRef b = store.Add(Page(1).data());
  const PageRef c = store.Add(Page(2).data());
  EXPECT_EQ(a, b);
  EXPECT_FALSE(a == c);
  EXPECT_EQ(store.page_count(), 2u);
  EXPECT_EQ(std::vector<uint8_t>(a.bytes(), a.bytes() + kPageBytes), Page(1));
}

TEST(PageStoreTest, ThePageOfZerosTakesNoMemory) {
  PageStore store;
  const PageRef zero = store.Add(Page(0).data());
  EXPECT_FALSE(zero);
  EXPECT_EQ(zero, PageRef());
  EXPECT_EQ(store.bytes(), 0u);
  EXPECT_EQ(std::vector<uint8_t>(zero.bytes(), zero.bytes() + kPageBytes),
            Page(0));
}

TEST(PageStoreTest, TheLastReferenceFreesAPage) {
  PageStore store;
  PageRef a = store.Add(Page(1).data());
  PageRef b = a;
  a = PageRef();
  EXPECT_EQ(store.page_count(), 1u);
  b = store.Add(Page(2).data());
  EXPECT_EQ(store.page_count(), 1u);
  b = PageRef();
  EXPECT_EQ(store.page_count(), 0u);
}

TEST(PageStoreTest, ThreadsShareAStore) {
  PageStore store;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&store] {
      for (uint32_t i = 0; i < 20'000; ++i) {
        const PageRef page = store.Add(Page(1 + i % 7).data());
        const PageRef copy = page;
        EXPECT_EQ(copy.bytes()[1000], 1 + i % 7);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.page_count(), 0u);
}

}  // namespace
}  // namespace librr
