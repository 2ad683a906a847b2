// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/acpi_pm.h"

#include "machines/pc/devices/exit_port.h"
#include "machines/pc/devices/reset_control.h"
#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class AcpiPmTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  FakeLine sci_;
  int power_offs_ = 0;
  AcpiPm pm_{clock_.scheduler, sci_, [this] { ++power_offs_; }};
};

TEST_F(AcpiPmTest, IsAlwaysInAcpiMode) {
  EXPECT_EQ(pm_.ReadPort(0x604, 2), 1u);
  pm_.WritePort(0x604, 2, 0);
  EXPECT_EQ(pm_.ReadPort(0x604, 2), 1u);
  pm_.WritePort(0xb2, 1, 0xa0);
  EXPECT_EQ(pm_.ReadPort(0x604, 2), 1u);
}

TEST_F(AcpiPmTest, OnlyS5PowersOff) {
  pm_.WritePort(0x604, 2, 5 << 10);  // no SLP_EN
  pm_.WritePort(0x604, 2, 1 << 13 | 3 << 10);
  EXPECT_EQ(power_offs_, 0);
  pm_.WritePort(0x604, 2, 1 << 13 | 5 << 10 | 1);
  EXPECT_EQ(power_offs_, 1);
  EXPECT_EQ(pm_.ReadPort(0x604, 2), 5u << 10 | 1u) << "SLP_EN reads as zero";
}

TEST_F(AcpiPmTest, TheTimerRunsAtItsRate) {
  EXPECT_EQ(pm_.ReadPort(0x608, 4), 0u);
  clock_.Advance(kSecond);
  EXPECT_EQ(pm_.ReadPort(0x608, 4), 3'579'545u);
  EXPECT_EQ(pm_.ReadPort(0x609, 1), 3'579'545u >> 8 & 0xff);
  clock_.Advance(1200 * kSecond);
  EXPECT_EQ(pm_.ReadPort(0x608, 4), static_cast<uint32_t>(3'579'545ull * 1201));
}

TEST_F(AcpiPmTest, TheTimersHighestBitRaisesStatusAndSci) {
  clock_.Advance(599 * kSecond);
  EXPECT_EQ(pm_.ReadPort(0x600, 2), 0u);
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
  pm_.WritePort(0x602, 2, 1);
  clock_.Advance(kSecond);
  EXPECT_EQ(pm_.ReadPort(0x600, 4), 0x00010001u);
  EXPECT_TRUE(sci_.high);
  pm_.WritePort(0x600, 2, 1);
  EXPECT_EQ(pm_.ReadPort(0x600, 2), 0u);
  EXPECT_FALSE(sci_.high);
  pm_.WritePort(0x602, 2, 0);
  clock_.Advance(601 * kSecond);
  EXPECT_EQ(pm_.ReadPort(0x600, 2), 1u) << "polled";
  EXPECT_FALSE(sci_.high);
}

TEST_F(AcpiPmTest, UndefinedBitsStayClear) {
  pm_.WritePort(0x600, 4, 0xffffffff);
  EXPECT_EQ(pm_.ReadPort(0x600, 4), 0x07210000u);
  pm_.WritePort(0x60c, 4, 0xffffffff);
  EXPECT_EQ(pm_.ReadPort(0x60c, 4), 0xffff0000u);
  EXPECT_EQ(pm_.ReadPort(0x606, 2), 0u);
}

TEST_F(AcpiPmTest, StateRoundTrips) {
  pm_.WritePort(0x602, 2, 0x321);
  pm_.WritePort(0x604, 2, 5 << 10);
  clock_.Advance(700 * kSecond);
  FakeClock clock2;
  FakeLine sci2;
  AcpiPm copy(clock2.scheduler, sci2, [] {});
  CopyState(pm_, clock_, copy, clock2);
  EXPECT_EQ(pm_.ReadPort(0x600, 4), copy.ReadPort(0x600, 4));
}

class ResetControlTest : public ::testing::Test {
 protected:
  int resets_ = 0;
  ResetControl reset_{[this] { ++resets_; }};
};

TEST_F(ResetControlTest, TheResetRegisterResetsOnARisingEdge) {
  reset_.WritePort(0xcf9, 1, 0x02);
  EXPECT_EQ(reset_.ReadPort(0xcf9, 1), 0x02u);
  EXPECT_EQ(resets_, 0);
  reset_.WritePort(0xcf9, 1, 0x06);
  EXPECT_EQ(resets_, 1);
  reset_.WritePort(0xcf9, 1, 0x06);
  EXPECT_EQ(resets_, 1);
}

TEST_F(ResetControlTest, PciConfigurationAccessesDoNotReset) {
  reset_.WritePort(0xcf8, 4, 0x80000600);
  reset_.WritePort(0xcfb, 1, 0x01);
  EXPECT_EQ(resets_, 0);
  EXPECT_EQ(reset_.ReadPort(0xcf8, 4), 0xffffffffu);
}

TEST_F(ResetControlTest, Port92ResetsAndRemembersA20) {
  EXPECT_EQ(reset_.ReadPort(0x92, 1), 0x02u);
  reset_.WritePort(0x92, 1, 0x00);
  EXPECT_EQ(reset_.ReadPort(0x92, 1), 0x00u);
  reset_.WritePort(0x92, 1, 0x01);
  EXPECT_EQ(resets_, 1);
}

TEST_F(ResetControlTest, TheKeyboardControllerOnlyResets) {
  EXPECT_EQ(reset_.ReadPort(0x64, 1) & 0xff, 0xffu);
  EXPECT_EQ(reset_.ReadPort(0x60, 1) & 0xff, 0xffu);
  reset_.WritePort(0x64, 1, 0xaa);
  reset_.WritePort(0x60, 1, 0xfe);
  EXPECT_EQ(resets_, 0);
  reset_.WritePort(0x64, 1, 0xfe);
  EXPECT_EQ(resets_, 1);
}

TEST_F(ResetControlTest, StateRoundTrips) {
  reset_.WritePort(0xcf9, 1, 0x0a);
  reset_.WritePort(0x92, 1, 0x00);
  FakeClock clock, clock2;
  ResetControl copy([] {});
  CopyState(reset_, clock, copy, clock2);
  EXPECT_EQ(copy.ReadPort(0xcf9, 1), 0x0au);
  EXPECT_EQ(copy.ReadPort(0x92, 1), 0x00u);
}

TEST(ExitPortTest, HandsOverTheLowByte) {
  int value = -1;
  ExitPort port([&](uint8_t byte) { value = byte; });
  EXPECT_EQ(port.ReadPort(0xf4, 1), 0u);
  port.WritePort(0xf5, 1, 9);
  EXPECT_EQ(value, -1);
  port.WritePort(0xf4, 4, 0x12345607);
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace librr::pc
