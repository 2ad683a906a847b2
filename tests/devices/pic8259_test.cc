// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/pic8259.h"

#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

class PicTest : public ::testing::Test {
 protected:
  PicTest() { Init(0x01, 0x01); }

  void Out(uint16_t port, uint8_t value) { pic_.WritePort(port, 1, value); }
  uint8_t In(uint16_t port) {
    return static_cast<uint8_t>(pic_.ReadPort(port, 1));
  }
  // As Linux does: vectors 0x30 and 0x38, all unmasked.
  void Init(uint8_t master_icw4, uint8_t slave_icw4) {
    Out(0x20, 0x11);
    Out(0x21, 0x30);
    Out(0x21, 0x04);
    Out(0x21, master_icw4);
    Out(0xa0, 0x11);
    Out(0xa1, 0x38);
    Out(0xa1, 0x02);
    Out(0xa1, slave_icw4);
  }
  void Raise(int irq) { pic_.line(irq).SetLevel(true); }
  void Lower(int irq) { pic_.line(irq).SetLevel(false); }
  void Pulse(int irq) {
    Lower(irq);
    Raise(irq);
  }

  bool intr_ = false;
  Pic8259 pic_{[this](bool high) { intr_ = high; }};
};

TEST_F(PicTest, AnEdgeInterruptsOnce) {
  Raise(4);
  EXPECT_TRUE(intr_);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x34);
  EXPECT_FALSE(intr_);
  Out(0x20, 0x20);
  EXPECT_FALSE(intr_) << "still high, but no new edge";
  Pulse(4);
  EXPECT_TRUE(intr_);
}

TEST_F(PicTest, ALevelInterruptsAsLongAsItLasts) {
  Out(0x4d0, 0x20);
  Raise(5);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x35);
  Out(0x20, 0x20);
  EXPECT_TRUE(intr_);
  Lower(5);
  EXPECT_FALSE(intr_);
}

TEST_F(PicTest, ElcrBitsOfSystemInterruptsStayClear) {
  Out(0x4d0, 0xff);
  Out(0x4d1, 0xff);
  EXPECT_EQ(In(0x4d0), 0xf8);
  EXPECT_EQ(In(0x4d1), 0xde);
  EXPECT_EQ(pic_.ReadPort(0x4d0, 2), 0xdef8u);
}

TEST_F(PicTest, LowerNumbersGoFirstAndNest) {
  Raise(6);
  Raise(3);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x33);
  EXPECT_FALSE(intr_) << "6 waits for 3";
  Raise(1);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x31);
  Out(0x20, 0x0b);
  EXPECT_EQ(In(0x20), 0x0a) << "ISR";
  Out(0x20, 0x20);
  EXPECT_EQ(In(0x20), 0x08) << "the highest is ended first";
  Out(0x20, 0x20);
  EXPECT_TRUE(intr_);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x36);
}

TEST_F(PicTest, TheSlaveCascades) {
  Raise(8);
  EXPECT_TRUE(intr_);
  Out(0x20, 0x0a);
  EXPECT_EQ(In(0x20), 0x04) << "IRR of the master";
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x38);
  Raise(9);
  EXPECT_FALSE(intr_);
  Out(0xa0, 0x20);
  EXPECT_FALSE(intr_) << "the master still serves input 2";
  Out(0x20, 0x20);
  EXPECT_TRUE(intr_);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x39);
}

TEST_F(PicTest, SpecialFullyNestedModeLetsTheSlaveInterruptItself) {
  Init(0x11, 0x01);
  Raise(12);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x3c);
  Raise(9);
  EXPECT_TRUE(intr_);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x39);
  Raise(4);
  EXPECT_FALSE(intr_) << "lower inputs of the master still wait";
}

TEST_F(PicTest, MasksHideRequests) {
  Out(0x21, 0x10);
  EXPECT_EQ(In(0x21), 0x10);
  Raise(4);
  EXPECT_FALSE(intr_);
  EXPECT_EQ(In(0x20), 0x10) << "IRR shows it";
  Out(0x21, 0);
  EXPECT_TRUE(intr_);
}

TEST_F(PicTest, AVanishedRequestIsSpurious) {
  Raise(4);
  Lower(4);
  EXPECT_FALSE(intr_);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x37);
  Out(0x20, 0x0b);
  EXPECT_EQ(In(0x20), 0) << "nothing is in service";
}

TEST_F(PicTest, ARequestThatTheSlaveMasksIsSpuriousAtTheMaster) {
  Raise(10);
  EXPECT_TRUE(intr_);
  Out(0xa1, 0x04);  // between INTR and INTA
  EXPECT_FALSE(intr_) << "the cascade falls with the slave's request";
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x37);
  Out(0xa0, 0x0b);
  EXPECT_EQ(In(0xa0), 0);
  Out(0xa1, 0);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x3a) << "and comes back";
}

TEST_F(PicTest, SpecificAndRotatingEoi) {
  Raise(3);
  pic_.AcknowledgeInterrupt();
  Raise(1);
  pic_.AcknowledgeInterrupt();
  Out(0x20, 0x63);  // specific EOI of 3
  Out(0x20, 0x0b);
  EXPECT_EQ(In(0x20), 0x02);
  Out(0x20, 0xa0);  // rotate on non-specific EOI: 1 becomes the lowest
  EXPECT_EQ(In(0x20), 0);
  Pulse(1);
  Pulse(4);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x34);
  Out(0x20, 0x20);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x31);
  Out(0x20, 0xe1);  // rotate on specific EOI
  EXPECT_EQ(In(0x20), 0);
}

TEST_F(PicTest, SetPriorityCommand) {
  Out(0x20, 0xc5);  // 5 lowest, 6 highest
  Raise(0);
  Raise(6);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x36);
}

TEST_F(PicTest, AutomaticEoiWithRotation) {
  Init(0x03, 0x01);
  Raise(3);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x33);
  Out(0x20, 0x0b);
  EXPECT_EQ(In(0x20), 0);
  Out(0x20, 0x80);  // rotate in automatic EOI mode
  Pulse(3);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x33);
  Pulse(3);
  Pulse(5);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x35);
}

TEST_F(PicTest, SpecialMaskModeLetsLowerLevelsThrough) {
  Raise(2 + 1);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x33);
  Raise(6);
  EXPECT_FALSE(intr_);
  Out(0x21, 0x08);  // mask what is in service
  EXPECT_FALSE(intr_);
  Out(0x20, 0x68);  // special mask mode on
  EXPECT_TRUE(intr_);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x36);
  Out(0x20, 0x20);  // ends 6, not the masked 3
  Out(0x20, 0x0b);
  EXPECT_EQ(In(0x20), 0x08);
  Out(0x20, 0x20);
  EXPECT_EQ(In(0x20), 0x08);
  Out(0x20, 0x48);
  Out(0x20, 0x20);
  EXPECT_EQ(In(0x20), 0);
}

TEST_F(PicTest, PollingAcknowledges) {
  Raise(4);
  Out(0x20, 0x0c);
  EXPECT_EQ(In(0x20), 0x84);
  EXPECT_FALSE(intr_);
  Out(0x20, 0x0b);
  EXPECT_EQ(In(0x20), 0x10);
  Out(0x20, 0x0c);
  EXPECT_EQ(In(0x20) & 0x80, 0);
}

TEST_F(PicTest, InitialisationForgetsEdgesAndMasks) {
  Raise(4);
  Out(0x21, 0xff);
  Out(0x20, 0x11);
  EXPECT_FALSE(intr_);
  EXPECT_EQ(In(0x20), 0) << "the line must fall and rise again";
  Out(0x21, 0x20);
  Out(0x21, 0x04);
  Out(0x21, 0x01);
  EXPECT_EQ(In(0x21), 0);
  Pulse(4);
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), 0x24);
}

TEST_F(PicTest, LinuxProbeOfTheMaskRegisterWorks) {
  // arch/x86/kernel/i8259.c, probe_8259A (Linux 6.1).
  const uint8_t probe = ~(1 << 2);
  Out(0xa1, 0xff);
  Out(0x21, probe);
  EXPECT_EQ(In(0x21), probe);
}

TEST_F(PicTest, StateRoundTripsWithInterruptsInService) {
  Out(0x4d1, 0x02);
  Raise(9);
  pic_.AcknowledgeInterrupt();
  Raise(4);
  Raise(1);
  Out(0x20, 0x0c);

  FakeClock clock, clock2;
  bool intr2 = false;
  Pic8259 copy([&](bool high) { intr2 = high; });
  CopyState(pic_, clock, copy, clock2);
  EXPECT_TRUE(copy.intr());
  EXPECT_EQ(In(0x20), copy.ReadPort(0x20, 1));
  EXPECT_EQ(pic_.AcknowledgeInterrupt(), copy.AcknowledgeInterrupt());
  EXPECT_EQ(DigestOf(pic_, clock.scheduler), DigestOf(copy, clock2.scheduler));
}

}  // namespace
}  // namespace librr::pc
