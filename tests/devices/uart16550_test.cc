// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/uart16550.h"

#include <string>
#include <string_view>

#include "tests/devices/device_fixture.h"

namespace librr::pc {
namespace {

// 115200 baud, ten bits.
constexpr uint64_t kCharacterNs = 86'805;

class UartTest : public ::testing::Test {
 protected:
  uint8_t In(int reg) {
    return static_cast<uint8_t>(
        uart_.ReadPort(static_cast<uint16_t>(0x3f8 + reg), 1));
  }
  void Out(int reg, uint8_t value) {
    uart_.WritePort(static_cast<uint16_t>(0x3f8 + reg), 1, value);
  }
  void Push(std::string_view text) {
    const std::string copy(text);
    uart_.PushInput(
        {reinterpret_cast<const uint8_t*>(copy.data()), copy.size()});
  }
  // Reads as long as the line status says that there is data.
  std::string ReadAll() {
    std::string out;
    while (In(5) & 1) out.push_back(static_cast<char>(In(0)));
    return out;
  }
  std::string ReadSlowly(int characters) {
    std::string out;
    for (int i = 0; i < characters; ++i) {
      clock_.Advance(kCharacterNs);
      out += ReadAll();
    }
    return out;
  }

  FakeClock clock_;
  FakeLine line_;
  std::string sent_;
  Uart16550 uart_{clock_.scheduler, line_,
                  [this](absl::Span<const uint8_t> bytes) {
                    sent_.append(bytes.begin(), bytes.end());
                  }};
};

TEST_F(UartTest, TransmitsAtOnceAndIsAlwaysEmpty) {
  Out(0, 'h');
  Out(0, 'i');
  EXPECT_EQ(sent_, "hi");
  EXPECT_EQ(In(5) & 0x60, 0x60);
}

TEST_F(UartTest, LinuxDetectsA16550A) {
  // drivers/tty/serial/8250/8250_port.c, autoconfig (Linux 6.1).
  Out(1, 0);
  EXPECT_EQ(In(1) & 0x0f, 0);
  Out(1, 0x0f);
  EXPECT_EQ(In(1) & 0x0f, 0x0f);
  Out(1, 0xff);
  EXPECT_EQ(In(1), 0x0f) << "no XScale unit enable bit";
  Out(1, 0);
  Out(4, 0x10 | 0x0a);
  EXPECT_EQ(In(6) & 0xf0, 0x90) << "loopback: OUT2 to DCD, RTS to CTS";
  Out(4, 0);
  Out(3, 0xbf);
  Out(2, 0);
  Out(3, 0);
  Out(2, 1);
  EXPECT_EQ(In(2) >> 6, 3) << "FIFOs enabled";
  Out(3, 0xbf);
  EXPECT_NE(In(2), 0) << "no EFR";
  Out(3, 0);
  Out(2, 0x21);
  EXPECT_EQ(In(2) & 0x20, 0) << "no 64-byte FIFO";
  Out(7, 0x5a);
  EXPECT_EQ(In(7), 0x5a);
}

TEST_F(UartTest, TheThrEmptyInterruptIsRaisedByEnablingAndClearedByReading) {
  Out(1, 2);
  EXPECT_TRUE(line_.high);
  EXPECT_EQ(In(2) & 0x0f, 2);
  EXPECT_FALSE(line_.high);
  EXPECT_EQ(In(2) & 0x0f, 1);
  Out(1, 0);
  Out(1, 2);
  EXPECT_EQ(In(2) & 0x0f, 2) << "raised again, as Linux's THRE test demands";
  Out(0, 'x');
  EXPECT_TRUE(line_.high) << "the byte has left: empty again";
  EXPECT_EQ(In(2) & 0x0f, 2);
  EXPECT_EQ(line_.rising_edges, 3);
}

TEST_F(UartTest, DivisorLatchesHideDataAndInterruptEnable) {
  Out(3, 0x80);
  Out(0, 0x34);
  Out(1, 0x12);
  EXPECT_EQ(In(0), 0x34);
  EXPECT_EQ(In(1), 0x12);
  Out(3, 0x03);
  EXPECT_EQ(In(1), 0);
  EXPECT_EQ(sent_, "");
}

TEST_F(UartTest, ModemInputsAreOnAndChangesInterrupt) {
  EXPECT_EQ(In(6), 0xb0);
  Out(1, 8);
  Out(4, 0x10);  // loopback: all modem outputs off
  EXPECT_TRUE(line_.high);
  EXPECT_EQ(In(2) & 0x0f, 0);
  EXPECT_EQ(In(6), 0x0b) << "CTS, DSR and DCD fell";
  EXPECT_FALSE(line_.high);
  Out(4, 0x14);  // ring on
  EXPECT_EQ(In(6), 0x40) << "the leading edge does not count";
  Out(4, 0x10);
  EXPECT_EQ(In(6), 0x04);
}

TEST_F(UartTest, LoopbackReturnsBytesAndSendsNothing) {
  Out(2, 1);
  Out(4, 0x10);
  Out(1, 1);
  Out(0, 'a');
  Out(0, 'b');
  EXPECT_EQ(In(2) & 0x0f, 4);
  EXPECT_EQ(ReadAll(), "ab");
  EXPECT_EQ(sent_, "");
  for (int i = 0; i < 17; ++i) Out(0, 'c');
  EXPECT_EQ(In(5) & 3, 3) << "overrun";
  EXPECT_EQ(In(5) & 3, 1) << "cleared by reading";
}

TEST_F(UartTest, InputWaitsUntilTheDriverListens) {
  Push("hello");
  clock_.Advance(1'000'000'000);
  EXPECT_EQ(In(5) & 1, 0);
  Out(1, 1);
  EXPECT_FALSE(line_.high) << "the first byte takes a character time";
  clock_.Advance(kCharacterNs);
  EXPECT_TRUE(line_.high);
  EXPECT_EQ(In(2) & 0x0f, 4);
  EXPECT_EQ(In(0), 'h');
  EXPECT_FALSE(line_.high);
  EXPECT_EQ(ReadSlowly(10), "ello");
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever);
}

TEST_F(UartTest, ADriverThatPollsIsListening) {
  Push("hello");
  // What only transmits looks at the status between its writes.
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(In(5) & 1, 0);
    EXPECT_EQ(In(5) & 1, 0);
    Out(0, '.');
    clock_.Advance(kCharacterNs);
  }
  for (int i = 0; i < 16; ++i) EXPECT_EQ(In(5) & 1, 0);
  EXPECT_EQ(ReadSlowly(5), "hello");
  EXPECT_FALSE(line_.high);
}

TEST_F(UartTest, BytesArriveOnePerCharacterTimeAtTheProgrammedRate) {
  Out(3, 0x80);
  Out(0, 12);  // 9600 baud
  Out(3, 3);
  Out(2, 1);
  Out(1, 1);
  Push("abc");
  clock_.Advance(1'041'665);
  EXPECT_EQ(In(5) & 1, 0);
  clock_.Advance(1);
  EXPECT_EQ(ReadAll(), "a");
  clock_.Advance(1'041'665);
  EXPECT_EQ(ReadAll(), "");
  clock_.Advance(1);
  EXPECT_EQ(ReadAll(), "b");
}

TEST_F(UartTest, NothingIsLostWhenTheDriverDoesNotRead) {
  Out(2, 1);
  Out(1, 1);
  std::string text(100, '?');
  for (int i = 0; i < 100; ++i) text[i] = static_cast<char>(i);
  Push(text);
  clock_.Advance(1'000'000'000);
  EXPECT_EQ(In(5) & 3, 1) << "no overrun";
  EXPECT_EQ(clock_.scheduler.next_deadline_ns(), Timer::kNever)
      << "a full FIFO needs no timer";
  std::string got = ReadAll();
  EXPECT_EQ(got.size(), 16u);
  got += ReadSlowly(100);
  EXPECT_EQ(got, text);
}

TEST_F(UartTest, FifoResetsPutUnreadBytesBack) {
  Out(2, 1);
  Out(1, 1);
  Push("abcdefgh");
  clock_.Advance(3 * kCharacterNs);
  EXPECT_EQ(In(0), 'a');
  Out(2, 3);  // reset the receiver
  EXPECT_EQ(In(5) & 1, 0);
  clock_.Advance(2 * kCharacterNs);
  Out(2, 0);  // disable the FIFOs
  EXPECT_EQ(In(5) & 1, 0);
  EXPECT_EQ(ReadSlowly(20), "bcdefgh");
}

TEST_F(UartTest, LoopbackLeavesWaitingInputAlone) {
  Out(2, 1);
  Out(1, 1);
  Push("xy");
  clock_.Advance(kCharacterNs);
  Out(4, 0x10);
  Out(0, 'L');
  Out(2, 3);  // discards only what was looped
  clock_.Advance(10 * kCharacterNs);
  EXPECT_EQ(In(5) & 1, 0);
  Out(4, 0);
  EXPECT_EQ(ReadSlowly(5), "xy");
}

TEST_F(UartTest, BriefDeafnessDoesNotHoldUpInput) {
  Out(2, 1);
  Out(1, 1);
  Push("ab");
  // A console that prints masks interrupts again and again.
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(kCharacterNs / 10);
    Out(1, 0);
    Out(1, 1);
  }
  EXPECT_EQ(ReadAll(), "ab");
}

TEST_F(UartTest, TheQueueIsBounded) {
  EXPECT_EQ(uart_.InputRoom(), 4096u);
  Push(std::string(4096, 'q'));
  EXPECT_EQ(uart_.InputRoom(), 0u);
  Out(2, 1);
  Out(1, 1);
  clock_.Advance(20 * kCharacterNs);
  EXPECT_EQ(uart_.InputRoom(), 16u);
  Push(std::string(16, 'r'));
  Out(2, 3);
  EXPECT_EQ(uart_.InputRoom(), 0u) << "bytes that were put back exceed it";
}

TEST_F(UartTest, StateRoundTripsInTheMiddleOfReception) {
  Out(2, 1);
  Out(1, 3);
  Out(7, 0x77);
  Push("round trip");
  clock_.Advance(4 * kCharacterNs + 100);

  FakeClock clock2;
  FakeLine line2;
  Uart16550 copy(clock2.scheduler, line2, [](auto) {});
  CopyState(uart_, clock_, copy, clock2);
  clock_.Advance(3 * kCharacterNs);
  clock2.Advance(3 * kCharacterNs);
  EXPECT_EQ(In(0), copy.ReadPort(0x3f8, 1));
  EXPECT_EQ(DigestOf(uart_, clock_.scheduler),
            DigestOf(copy, clock2.scheduler));
}

}  // namespace
}  // namespace librr::pc
