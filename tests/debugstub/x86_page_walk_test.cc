// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/x86_page_walk.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "tests/debugstub/fake_target.h"

namespace librr {
namespace {

// Page tables of any kind, written into the fake target's RAM.
class PageWalkTest : public testing::Test {
 protected:
  PageWalkTest() : target_(Writable()) {}

  static FakeOptions Writable() {
    FakeOptions options;
    options.writable = true;
    options.max_steps = 1;
    return options;
  }
  void Put(uint64_t at, uint64_t entry, size_t size) {
    std::vector<uint8_t> bytes(size);
    std::memcpy(bytes.data(), &entry, size);
    ASSERT_TRUE(target_.WritePhysical(GuestPhysical(at), bytes).ok());
  }
  PageWalk Walk(uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer,
                uint64_t linear) {
    std::vector<RegisterValue> registers;
    const auto add = [&](const char* name, uint64_t value) {
      std::vector<uint8_t> bytes(8);
      std::memcpy(bytes.data(), &value, 8);
      registers.push_back({name, bytes});
    };
    add("cr0", cr0);
    add("cr3", cr3);
    add("cr4", cr4);
    add("efer", efer);
    return WalkPages(target_, registers, linear);
  }

  static constexpr uint64_t kPaging = 0x80000001;
  FakeTarget target_;
};

TEST_F(PageWalkTest, WithoutPagingAddressesArePhysical) {
  const PageWalk walk = Walk(1, 0, 0, 0, 0x12345678);
  EXPECT_EQ(walk.physical, GuestPhysical(0x12345678));
  EXPECT_TRUE(walk.steps.empty());
}

TEST_F(PageWalkTest, LegacyPagingHasFourByteEntriesAnd4MiBPages) {
  Put(0x20000 + 4 * 1, 0x21000 | 7, 4);
  Put(0x21000 + 4 * 2, 0x5000 | 5, 4);
  Put(0x20000 + 4 * 3, 0x00c02000 | 0x83, 4);  // 4 MiB; bits 32 and up: 1
  const PageWalk small = Walk(kPaging, 0x20000, 0x10, 0, 0x00402abc);
  EXPECT_EQ(small.physical, GuestPhysical(0x5abc));
  EXPECT_FALSE(small.writable);
  EXPECT_TRUE(small.user);
  const PageWalk large = Walk(kPaging, 0x20000, 0x10, 0, 0x00c01234);
  EXPECT_EQ(large.physical, GuestPhysical(0x100c01234));
  EXPECT_EQ(large.page_bytes, 4u << 20);
  // Without PSE the bit means nothing.
  EXPECT_FALSE(Walk(kPaging, 0x20000, 0, 0, 0x00c01234).physical.has_value());
}

TEST_F(PageWalkTest, PaePagingHasThreeLevels) {
  Put(0x20020, 0x21001, 8);
  Put(0x21000, 0x22003, 8);
  Put(0x22000, 0x8000000000005003, 8);
  const PageWalk walk = Walk(kPaging, 0x20020, 0x20, 0, 0xabc);
  EXPECT_EQ(walk.physical, GuestPhysical(0x5abc));
  EXPECT_EQ(walk.steps.size(), 3u);
  EXPECT_TRUE(walk.writable) << "a PDPT entry has no such bit";
  EXPECT_FALSE(walk.executable);
}

TEST_F(PageWalkTest, LongModeHasLargePagesOfTwoSizes) {
  Put(0x20000, 0x21007, 8);
  Put(0x21000, 0x22007, 8);
  Put(0x21008, 0x40000087, 8);
  Put(0x22000, 0x200087, 8);
  const PageWalk two = Walk(kPaging, 0x20000, 0x20, 0x500, 0x1234);
  EXPECT_EQ(two.physical, GuestPhysical(0x201234));
  const PageWalk one = Walk(kPaging, 0x20000, 0x20, 0x500, 0x40001234);
  EXPECT_EQ(one.physical, GuestPhysical(0x40001234));
  EXPECT_EQ(one.page_bytes, 1u << 30);
}

TEST_F(PageWalkTest, TableOutsideOfRamIsSaid) {
  const PageWalk walk = Walk(kPaging, 0x7f0000000000, 0x20, 0x500, 0);
  EXPECT_FALSE(walk.physical.has_value());
  EXPECT_NE(walk.failure.find("not in RAM"), std::string::npos);
}

}  // namespace
}  // namespace librr
