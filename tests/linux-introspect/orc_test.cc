// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/orc.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/linux-introspect/orc_builder.h"

namespace librr::linux_guest {
namespace {

constexpr int kBp = 4;
constexpr int kSp = 5;
constexpr int kSpIndirect = 9;

class OrcLayouts : public testing::TestWithParam<OrcBuilder::Layout> {
 protected:
  static OrcBuilder Kernel() {
    OrcBuilder builder(GetParam());
    builder.Add(0x00, {.type = 'e'});
    builder.Add(0x10, {.sp_offset = 8, .sp_reg = kSp, .type = 'c'});
    builder.Add(0x11, {.sp_offset = 16,
                       .bp_offset = -16,
                       .sp_reg = kSp,
                       .bp_reg = 1,
                       .type = 'c'});
    builder.Add(0x14, {.sp_offset = 16,
                       .bp_offset = -16,
                       .sp_reg = kBp,
                       .bp_reg = 1,
                       .type = 'c'});
    builder.Add(0x20, {.type = 'u'});
    builder.Add(0x30, {.sp_reg = kSp, .type = 'r'});
    builder.Add(0x40, {.sp_offset = 8, .sp_reg = kSp, .type = 'p'});
    builder.Add(0x50, {.sp_offset = 8, .sp_reg = kSpIndirect, .type = 'c'});
    return builder;
  }
};

TEST_P(OrcLayouts, AreTold) {
  const OrcBuilder builder = Kernel();
  const auto rows =
      ParseOrc(builder.Ips(), OrcBuilder::kIps, builder.Entries());
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 8u);
  const auto type = [&](size_t i) { return (*rows)[i].type; };
  EXPECT_EQ(type(0), OrcType::kEndOfStack);
  EXPECT_EQ(type(1), OrcType::kCall);
  EXPECT_EQ(type(4), OrcType::kUndefined);
  EXPECT_EQ(type(5), OrcType::kRegs);
  EXPECT_EQ(type(6), OrcType::kRegsPartial);
  EXPECT_EQ((*rows)[3], (OrcRow{.address = OrcBuilder::kText + 0x14,
                                .sp_offset = 16,
                                .bp_offset = -16,
                                .sp_base = OrcBase::kBp,
                                .bp_base = OrcBase::kPreviousSp,
                                .type = OrcType::kCall}));
  EXPECT_EQ((*rows)[7].sp_base, OrcBase::kSpIndirect);
}

TEST_P(OrcLayouts, SurviveAnything) {
  const OrcBuilder builder = Kernel();
  std::mt19937_64 random(6);
  for (int i = 0; i < 2000; ++i) {
    std::string ips = builder.Ips().substr(0, random() % 40);
    std::string entries = builder.Entries().substr(0, random() % 60);
    if (!ips.empty()) ips[random() % ips.size()] ^= static_cast<char>(random());
    if (!entries.empty()) {
      entries[random() % entries.size()] ^= static_cast<char>(random());
    }
    const auto rows = ParseOrc(ips, OrcBuilder::kIps, entries);
    if (!rows.ok()) continue;
    for (size_t row = 1; row < rows->size(); ++row) {
      EXPECT_LT((*rows)[row - 1].address, (*rows)[row].address);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, OrcLayouts,
                         testing::Values(OrcBuilder::Layout::kV4_14,
                                         OrcBuilder::Layout::kV6_3,
                                         OrcBuilder::Layout::kV6_4));

TEST(Orc, RowsThatDoNotAscendAreRefused) {
  OrcBuilder builder(OrcBuilder::Layout::kV4_14);
  builder.Add(0x20, {.sp_offset = 8, .sp_reg = kSp});
  builder.Add(0x10, {.sp_offset = 8, .sp_reg = kSp});
  EXPECT_FALSE(
      ParseOrc(builder.Ips(), OrcBuilder::kIps, builder.Entries()).ok());
}

TEST(Orc, OfTwoRowsForOnePlaceTheOneThatSaysSomethingCounts) {
  OrcBuilder builder(OrcBuilder::Layout::kV6_4);
  builder.Add(0x10, {.type = 'u'});
  builder.Add(0x10, {.sp_offset = 8, .sp_reg = kSp});
  builder.Add(0x20, {.sp_offset = 8, .sp_reg = kSp});
  builder.Add(0x20, {.type = 'u'});
  const auto rows =
      ParseOrc(builder.Ips(), OrcBuilder::kIps, builder.Entries());
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].type, OrcType::kCall);
  EXPECT_EQ((*rows)[1].type, OrcType::kCall);
}

TEST(Orc, FewerEntriesThanPlacesAreRefused) {
  EXPECT_FALSE(ParseOrc("12345678", 0, "123456").ok());
  EXPECT_FALSE(ParseOrc("", 0, "").ok());
}

}  // namespace
}  // namespace librr::linux_guest
