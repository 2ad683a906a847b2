// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/checkpoint/page_map.h"

#include <map>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace librr {
namespace {

PageRef Content(PageStore* store, uint32_t number) {
  std::vector<uint8_t> bytes(kPageBytes);
  for (size_t i = 0; i < 4; ++i) bytes[i] = number >> (8 * i);
  return store->Add(bytes.data());
}

TEST(PageMapTest, VersionsKeepTheirContents) {
  PageStore store;
  {
    std::mt19937 random(1);
    std::vector<PageMap> maps = {PageMap(&store)};
    std::vector<std::map<uint64_t, uint32_t>> models = {{}};
    const auto draw_page = [&random]() -> uint64_t {
      return random() % 3 == 0 ? random() % PageMap::kMaxPages : random() % 300;
    };
    for (int version = 1; version < 60; ++version) {
      const size_t base = random() % maps.size();
      std::map<uint64_t, uint32_t> model = models[base];
      std::map<uint64_t, uint32_t> drawn;
      for (unsigned i = random() % 40; i > 0; --i)
        drawn[draw_page()] = random() % 50;
      std::vector<PageMap::Change> changes;
      for (const auto& [page, number] : drawn) {
        changes.emplace_back(page, Content(&store, number));
        model[page] = number;
      }
      maps.push_back(maps[base].With(changes));
      models.push_back(std::move(model));
    }
    for (size_t i = 0; i < maps.size(); ++i) {
      for (const auto& [page, number] : models[i])
        EXPECT_EQ(maps[i].Get(page), Content(&store, number));
    }
    // Differences are exactly those of the models.
    for (size_t i = 0; i < maps.size(); ++i) {
      const size_t j = random() % maps.size();
      std::set<uint64_t> expected;
      for (const auto* model : {&models[i], &models[j]}) {
        for (const auto& entry : *model) {
          const uint64_t page = entry.first;
          const auto value = [&](size_t version) {
            const auto it = models[version].find(page);
            return it == models[version].end() ? 0 : it->second;
          };
          if (value(i) != value(j)) expected.insert(page);
        }
      }
      std::set<uint64_t> found;
      PageMap::ForEachDifference(maps[i], maps[j],
                                 [&](uint64_t page, const PageRef& content) {
                                   EXPECT_EQ(content, maps[j].Get(page));
                                   EXPECT_TRUE(found.insert(page).second);
                                 });
      EXPECT_EQ(found, expected);
    }
  }
  EXPECT_EQ(store.bytes(), 0u);
}

TEST(PageMapTest, UnknownPagesAreZero) {
  PageStore store;
  EXPECT_FALSE(PageMap(&store).Get(12'345));
}

}  // namespace
}  // namespace librr
