// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/btf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/linux-introspect/btf_builder.h"

namespace librr::linux_guest {
namespace {

using testing::HasSubstr;

Btf ParseOrDie(const BtfBuilder& builder) {
  absl::StatusOr<Btf> btf = Btf::Parse(builder.Bytes());
  EXPECT_TRUE(btf.ok()) << btf.status();
  return btf.ok() ? *std::move(btf) : Btf();
}

TEST(Btf, MembersHaveOffsetsAndSizes) {
  BtfBuilder builder;
  const uint32_t word = builder.Int("int", 4);
  const uint32_t pointer = builder.Pointer(word);
  builder.Struct("task", 16, {{"pid", word, 0}, {"mm", pointer, 64}});
  const Btf btf = ParseOrDie(builder);
  const auto pid = btf.FindMember("task", "pid");
  const auto mm = btf.FindMember("task", "mm");
  ASSERT_TRUE(pid.ok() && mm.ok());
  EXPECT_EQ(pid->bit_offset, 0u);
  EXPECT_EQ(btf.Size(pid->type), 4u);
  EXPECT_EQ(mm->bit_offset, 64u);
  EXPECT_EQ(btf.Size(mm->type), 8u);
  EXPECT_EQ(btf.Target(mm->type), word);
  EXPECT_EQ(btf.Size(*btf.FindAggregate("task")), 16u);
}

TEST(Btf, PathsGoIntoMembersAndAnonymousOnesAreSeenThrough) {
  BtfBuilder builder;
  const uint32_t word = builder.Int("int", 4);
  const uint32_t inner = builder.Struct("inner", 8, {{"x", word, 32}});
  const uint32_t hidden =
      builder.Union("", 8, {{"a", word, 0}, {"b", inner, 0}});
  builder.Struct("outer", 24, {{"first", word, 0}, {"", hidden, 128}});
  const Btf btf = ParseOrDie(builder);
  EXPECT_EQ(btf.FindMember("outer", "a")->bit_offset, 128u);
  EXPECT_EQ(btf.FindMember("outer", "b.x")->bit_offset, 160u);
}

TEST(Btf, BitFieldsHaveTheirWidth) {
  BtfBuilder builder;
  const uint32_t byte = builder.Int("char", 1);
  builder.Struct("info", 2, {{"flags", byte, 8, 5}, {"level", byte, 13, 3}});
  const Btf btf = ParseOrDie(builder);
  const auto level = btf.FindMember("info", "level");
  ASSERT_TRUE(level.ok());
  EXPECT_EQ(level->bit_offset, 13u);
  EXPECT_EQ(level->bits, 3u);
}

TEST(Btf, SizesGoThroughTypedefsQualifiersAndArrays) {
  BtfBuilder builder;
  const uint32_t byte = builder.Int("char", 1);
  const uint32_t index = builder.Int("unsigned", 4);
  const uint32_t name = builder.Array(builder.Const(byte), index, 16);
  const uint32_t alias = builder.Typedef("name_t", name);
  const uint32_t table = builder.Array(alias, index, 3);
  const Btf btf = ParseOrDie(builder);
  EXPECT_EQ(btf.Size(alias), 16u);
  EXPECT_EQ(btf.Size(table), 48u);
  EXPECT_EQ(btf.ElementCount(alias), 16u);
}

TEST(Btf, EnumeratorsHaveValues) {
  BtfBuilder builder;
  builder.Enum("state", {{"LIVE", 0}, {"GONE", 0xffffffff}});
  const Btf btf = ParseOrDie(builder);
  EXPECT_EQ(btf.FindEnumerator("GONE"), -1);
  EXPECT_EQ(btf.FindEnumerator("NONE"), std::nullopt);
}

TEST(Btf, WhatIsMissingIsNamed) {
  BtfBuilder builder;
  builder.Struct("task", 4, {});
  const Btf btf = ParseOrDie(builder);
  EXPECT_THAT(btf.FindMember("task", "mm").status().message(),
              HasSubstr("task has no member mm"));
  EXPECT_THAT(btf.FindMember("nothing", "mm").status().message(),
              HasSubstr("no struct nothing"));
}

TEST(Btf, CyclesEnd) {
  BtfBuilder builder;
  // A typedef of itself, an array of itself, a struct with itself inside.
  builder.Typedef("loop", 1);
  builder.Array(2, 1, 2);
  builder.Struct("self", 8, {{"", 3, 0}});
  const Btf btf = ParseOrDie(builder);
  EXPECT_EQ(btf.Resolve(1), 0u);
  EXPECT_EQ(btf.Size(1), 0u);
  EXPECT_EQ(btf.Size(2), 0u);
  EXPECT_FALSE(btf.FindMember("self", "x").ok());
}

TEST(Btf, DamageIsRefused) {
  EXPECT_FALSE(Btf::Parse("").ok());
  EXPECT_FALSE(Btf::Parse(std::string(24, '\0')).ok());
  BtfBuilder cut;
  cut.Raw(0);
  EXPECT_THAT(Btf::Parse(cut.Bytes()).status().message(), HasSubstr("cut off"));
  BtfBuilder unknown;
  for (const uint32_t word : {0u, 31u << 24, 0u}) unknown.Raw(word);
  EXPECT_THAT(Btf::Parse(unknown.Bytes()).status().message(),
              HasSubstr("unknown kind 31"));
}

TEST(Btf, FlippedBitsDoNoHarm) {
  BtfBuilder builder;
  const uint32_t word = builder.Int("int", 4);
  const uint32_t hidden = builder.Union("", 8, {{"a", word, 0}});
  builder.Struct("task", 24, {{"pid", word, 0}, {"", hidden, 128}});
  const std::string good = builder.Bytes();
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (int flips = 1 + random() % 3; flips > 0; --flips)
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    const absl::StatusOr<Btf> btf = Btf::Parse(bad);
    if (!btf.ok()) continue;
    (void)btf->FindMember("task", "a");
    for (Btf::Id id = 0; id <= btf->type_count(); ++id) (void)btf->Size(id);
  }
}

}  // namespace
}  // namespace librr::linux_guest
