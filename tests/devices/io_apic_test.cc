// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/io_apic.h"

#include <vector>

#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

struct FakeReceiver final : public ApicReceiver {
  bool accepts = true;
  std::vector<ApicMessage> messages;
  bool IsAddressed(uint32_t, bool) const override { return true; }
  bool AcceptsInterrupts() const override { return accepts; }
  void Deliver(const ApicMessage& message) override {
    messages.push_back(message);
  }
};

class IoApicTest : public ::testing::Test {
 protected:
  IoApicTest() { bus_.Attach(&receiver_); }
  uint32_t Read(uint8_t reg) {
    io_apic_.WriteMmio(0, 4, reg);
    return static_cast<uint32_t>(io_apic_.ReadMmio(0x10, 4));
  }
  void Write(uint8_t reg, uint32_t value) {
    io_apic_.WriteMmio(0, 4, reg);
    io_apic_.WriteMmio(0x10, 4, value);
  }
  void Program(int input, uint32_t low, uint32_t high = 0) {
    Write(static_cast<uint8_t>(0x11 + 2 * input), high);
    Write(static_cast<uint8_t>(0x10 + 2 * input), low);
  }
  uint32_t Entry(int input) {
    return Read(static_cast<uint8_t>(0x10 + 2 * input));
  }

  ApicBus bus_;
  FakeReceiver receiver_;
  IoApic io_apic_{bus_};
};

TEST_F(IoApicTest, IdentifiesItself) {
  EXPECT_EQ(Read(1), 0x00170020u);
  Write(0, 0xffffffff);
  EXPECT_EQ(Read(0), 0x0f000000u);
  EXPECT_EQ(Read(2), 0x0f000000u);
  for (int input = 0; input < 24; ++input) EXPECT_EQ(Entry(input), 0x10000u);
  EXPECT_EQ(Read(0x40), 0u);
  EXPECT_EQ(Read(0xff), 0u);
}

TEST_F(IoApicTest, EdgesAreSentOnceAndLostWhileMasked) {
  Program(4, 0x34, 0x01000000);
  io_apic_.line(4).SetLevel(true);
  ASSERT_EQ(receiver_.messages.size(), 1u);
  EXPECT_EQ(receiver_.messages[0].vector, 0x34);
  EXPECT_EQ(receiver_.messages[0].destination, 1u);
  EXPECT_FALSE(receiver_.messages[0].level_triggered);
  io_apic_.line(4).SetLevel(true);
  EXPECT_EQ(receiver_.messages.size(), 1u);
  io_apic_.line(4).SetLevel(false);
  Program(4, 0x10034);
  io_apic_.line(4).SetLevel(true);
  Program(4, 0x34);
  EXPECT_EQ(receiver_.messages.size(), 1u);
}

TEST_F(IoApicTest, LevelsWaitForTheirEnd) {
  Program(9, 0x8000 | 0x49);
  io_apic_.line(9).SetLevel(true);
  ASSERT_EQ(receiver_.messages.size(), 1u);
  EXPECT_TRUE(receiver_.messages[0].level_triggered);
  EXPECT_EQ(Entry(9), 0xc049u) << "remote IRR";
  io_apic_.line(9).SetLevel(false);
  io_apic_.line(9).SetLevel(true);
  EXPECT_EQ(receiver_.messages.size(), 1u);
  bus_.BroadcastEndOfInterrupt(0x49);
  EXPECT_EQ(receiver_.messages.size(), 2u) << "still asserted";
  io_apic_.line(9).SetLevel(false);
  io_apic_.WriteMmio(0x40, 4, 0x49);  // the EOI register
  EXPECT_EQ(Entry(9), 0x8049u);
  EXPECT_EQ(receiver_.messages.size(), 2u);
}

TEST_F(IoApicTest, UnmaskingAnAssertedLevelSendsIt) {
  Program(9, 0x18049);
  io_apic_.line(9).SetLevel(true);
  EXPECT_TRUE(receiver_.messages.empty());
  Program(9, 0x8049);
  EXPECT_EQ(receiver_.messages.size(), 1u);
}

TEST_F(IoApicTest, SwitchingToEdgeEndsTheService) {
  Program(9, 0x8049);
  io_apic_.line(9).SetLevel(true);
  io_apic_.line(9).SetLevel(false);
  Program(9, 0x10049);
  EXPECT_EQ(Entry(9), 0x10049u);
}

TEST_F(IoApicTest, AMessageThatNobodyTakesIsNotInService) {
  receiver_.accepts = false;
  Program(9, 0x8049);
  io_apic_.line(9).SetLevel(true);
  EXPECT_EQ(Entry(9), 0x8049u);
}

TEST_F(IoApicTest, OtherDeliveryModesAndBroadcast) {
  Program(2, 0x400, 0xff000000);  // NMI
  Program(3, 0x8700);             // ExtINT is an edge, whatever it says
  Program(5, 0x300);              // reserved
  for (const int input : {2, 3, 5}) io_apic_.line(input).SetLevel(true);
  ASSERT_EQ(receiver_.messages.size(), 2u);
  EXPECT_EQ(receiver_.messages[0].delivery, ApicDelivery::kNmi);
  EXPECT_EQ(receiver_.messages[0].destination, kApicBroadcast);
  EXPECT_EQ(receiver_.messages[1].delivery, ApicDelivery::kExtInt);
  EXPECT_EQ(Entry(3), 0x8700u);
}

TEST_F(IoApicTest, ReadOnlyBitsStay) {
  Program(7, 0xffffffff, 0xffffffff);
  EXPECT_EQ(Entry(7), 0x1afffu);
  EXPECT_EQ(Read(0x11 + 14), 0xff000000u);
}

TEST_F(IoApicTest, OddAccessesAreHarmless) {
  io_apic_.WriteMmio(0, 1, 1);
  EXPECT_EQ(io_apic_.ReadMmio(0, 4), 1u);
  EXPECT_EQ(io_apic_.ReadMmio(0x12, 1), 0x17u);
  EXPECT_EQ(io_apic_.ReadMmio(0x1f, 8), 0u);
  EXPECT_EQ(io_apic_.ReadMmio(0xff8, 8), 0u);
  io_apic_.WriteMmio(0x11, 8, ~0ull);
  io_apic_.WriteMmio(0x10, 1, 0xff);
}

TEST_F(IoApicTest, StateRoundTripsWithALevelInService) {
  Program(9, 0x8049);
  io_apic_.line(9).SetLevel(true);
  Program(4, 0x34);
  Read(1);

  FakeClock clock, clock2;
  ApicBus bus2;
  FakeReceiver receiver2;
  bus2.Attach(&receiver2);
  IoApic copy(bus2);
  CopyState(io_apic_, clock, copy, clock2);
  bus2.BroadcastEndOfInterrupt(0x49);
  EXPECT_EQ(receiver2.messages.size(), 1u);
  copy.line(4).SetLevel(true);
  EXPECT_EQ(receiver2.messages.size(), 2u);
}

}  // namespace
}  // namespace librr::pc
