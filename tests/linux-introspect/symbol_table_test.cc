// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/symbol_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace librr::linux_guest {
namespace {

using testing::HasSubstr;

constexpr const char* kMap = R"(0000000000000000 D fixed_percpu_data
000000000001fbc0 D current_task
ffffffff81000000 T _text
ffffffff81000000 T startup_64
ffffffff82a1aa40 D init_task
ffffffff81001000 t early_idt
ffffffffc0000000 t ours	[ours]
not a line
ffffffff81002000 TT two
)";

TEST(SystemMap, IsASymbolTable) {
  const auto table = ParseSystemMap(kMap);
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->symbols().size(), 6u);
  EXPECT_EQ(table->Find("init_task"), 0xffffffff82a1aa40);
  EXPECT_EQ(table->Find("ours"), std::nullopt);
  EXPECT_EQ(table->Find("two"), std::nullopt);
  // In order, whatever the file's is.
  EXPECT_EQ(table->name(table->symbols()[2]), "_text");
  EXPECT_EQ(table->name(table->symbols()[4]), "early_idt");
  EXPECT_EQ(table->symbols()[4].type, 't');
}

TEST(SystemMap, MovesWhatIsInTheImage) {
  auto table = ParseSystemMap(kMap);
  ASSERT_TRUE(table.ok()) << table.status();
  table->Slide(0x1200000);
  EXPECT_EQ(table->Find("_text"), 0xffffffff82200000);
  EXPECT_EQ(table->Find("current_task"), 0x1fbc0u);
}

TEST(SystemMap, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "\n\n", "nothing at all", "0000000000000000 T _text\n",
        "c0100000 T _text\n", "ffffffff8100000g T _text\n"}) {
    EXPECT_THAT(ParseSystemMap(text).status().message(),
                HasSubstr("System.map"))
        << text;
  }
}

TEST(SystemMap, MayBeDamaged) {
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string text = kMap;
    for (int changes = 0; changes < 3; ++changes) {
      text[random() % text.size()] = static_cast<char>(random());
    }
    text.resize(random() % text.size());
    (void)ParseSystemMap(text);
  }
}

}  // namespace
}  // namespace librr::linux_guest
