// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/debug_stub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "tests/debugstub/fake_target.h"
#include "tests/debugstub/packet_client.h"
#include "tests/debugstub/served_target.h"

namespace librr {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

FakeOptions Slow() {
  FakeOptions options;
  options.begin = "spin";
  options.max_steps = 500'000;
  options.step_microseconds = 100;
  return options;
}

TEST(DebugStub, ServesOnAPortOfTheLoopbackInterface) {
  FakeTarget target;
  ServedTarget served(&target);
  EXPECT_THAT(served.address(), StartsWith("localhost:"));
  PacketClient client(served.address());
  EXPECT_THAT(client.Ask("qSupported"), HasSubstr("PacketSize"));
  EXPECT_EQ(client.Ask("QStartNoAckMode"), "OK");
  EXPECT_EQ(client.Ask("qC"), "QC1");
}

TEST(DebugStub, SocketOfAPathIsPrivateAndGoesAway) {
  FakeTarget target;
  const std::string path = testing::TempDir() + "librr_stub_socket";
  unlink(path.c_str());
  struct stat status {};
  {
    ServedTarget served(&target, {.address = path});
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    PacketClient client(path);
    EXPECT_EQ(client.Ask("qC"), "QC1");
  }
  EXPECT_NE(stat(path.c_str(), &status), 0);
}

TEST(DebugStub, TakenPortsAndPathsAreSaid) {
  FakeTarget target;
  ServedTarget served(&target);
  const std::string port = served.address().substr(10);
  const auto second = DebugStub::Listen(&target, {.address = port});
  EXPECT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("port " + port + " is taken"));
  for (const char* bad : {"", "gdb", "70000", "-1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        DebugStub::Listen(&target, {.address = bad}).status()))
        << bad;
  }
  EXPECT_FALSE(DebugStub::Listen(&target, {.address = "/no/such/s"}).ok());
}

TEST(DebugStub, DamagedPacketIsAskedForAgain) {
  FakeTarget target;
  ServedTarget served(&target);
  PacketClient client(served.address());
  client.Send("$qC#00");
  EXPECT_EQ(client.Ask("qC"), "QC1");
  client.Send("-");
  EXPECT_EQ(client.Receive(), "QC1") << "a reply is sent again";
}

TEST(DebugStub, SecondClientIsToldThatItIsOneTooMany) {
  FakeTarget target;
  ServedTarget served(&target);
  PacketClient first(served.address());
  ASSERT_EQ(first.Ask("qC"), "QC1");
  PacketClient second(served.address());
  EXPECT_THAT(second.Ask("qSupported"), HasSubstr("E.another debugger"));
  EXPECT_EQ(second.Receive(), "(closed)");
  EXPECT_EQ(first.Ask("qC"), "QC1");
}

TEST(DebugStub, ClientThatComesBackFindsTheTargetWhereItWas) {
  FakeTarget target;
  ServedTarget served(&target);
  std::string registers;
  {
    PacketClient client(served.address());
    client.Ask("vCont;s:1");
    client.Ask("vCont;s:1");
    registers = client.Ask("g");
    EXPECT_EQ(client.Ask("D"), "OK");
  }
  for (int i = 0; i < 3; ++i) {
    // The stub may take a moment to notice that the one before is gone.
    std::string answer;
    for (int attempt = 0; attempt < 100; ++attempt) {
      PacketClient client(served.address());
      answer = client.Ask("g");
      if (answer == registers) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(answer, registers);
  }
}

TEST(DebugStub, HangingUpInMidPacketHurtsNobody) {
  FakeTarget target;
  ServedTarget served(&target);
  for (int i = 0; i < 20; ++i) {
    PacketClient client(served.address());
    client.Send("$m110000,");
  }
  std::string answer;
  for (int attempt = 0; attempt < 100 && answer != "QC1"; ++attempt) {
    PacketClient client(served.address());
    answer = client.Ask("qC");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(answer, "QC1");
}

class Interruption : public testing::TestWithParam<const char*> {};

TEST_P(Interruption, IsAnsweredWithinATenthOfASecond) {
  FakeTarget target(Slow());
  ASSERT_TRUE(target.Seek(Position(250'000)).ok());
  ServedTarget served(&target);
  PacketClient client(served.address());
  ASSERT_EQ(client.Ask("QStartNoAckMode"), "OK");
  // The quickest counts, as the host may do something else in between. Each is
  // one interruption: the next run is not cut short.
  double quickest = 1e9;
  for (int i = 0; i < 3; ++i) {
    client.Send(EncodePacket(GetParam()));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const auto begin = std::chrono::steady_clock::now();
    client.Send("\x03");
    EXPECT_THAT(client.Receive(), StartsWith("T02"));
    quickest = std::min(quickest, MillisecondsSince(begin));
  }
  EXPECT_LT(quickest, 100);
}

INSTANTIATE_TEST_SUITE_P(BothDirections, Interruption,
                         testing::Values("vCont;c", "bc"));

TEST(DebugStub, InterruptionInOnePieceWithThePacketCounts) {
  FakeTarget target(Slow());
  ServedTarget served(&target);
  PacketClient client(served.address());
  client.Send(EncodePacket("vCont;c") + "\x03");
  EXPECT_THAT(client.Receive(), StartsWith("T02"));
}

TEST(DebugStub, InterruptionOfATargetAtRestIsIgnored) {
  FakeTarget target;
  ServedTarget served(&target);
  PacketClient client(served.address());
  client.Send("\x03");
  EXPECT_EQ(client.Ask("qC"), "QC1");
  EXPECT_THAT(client.Ask("vCont;s:1"), StartsWith("T05"));
}

TEST(DebugStub, BusyTargetStopsWhenItsClientIsGone) {
  FakeTarget target(Slow());
  ServedTarget served(&target);
  {
    PacketClient client(served.address());
    client.Send(EncodePacket("vCont;c"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::string answer;
  for (int attempt = 0; attempt < 100 && answer != "QC1"; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    PacketClient client(served.address());
    answer = client.Ask("qC");
  }
  EXPECT_EQ(answer, "QC1");
}

TEST(DebugStub, StoppingInterruptsABusyTarget) {
  FakeTarget target(Slow());
  const auto begin = std::chrono::steady_clock::now();
  {
    ServedTarget served(&target);
    PacketClient client(served.address());
    client.Send(EncodePacket("vCont;c"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_LT(MillisecondsSince(begin), 5000);
}

TEST(DebugStub, I386IsRefusedWithTheReasonWhileTheCpuIsIn64BitCode) {
  FakeTarget target;
  ServedTarget served(&target, {.address = "0", .i386_address = "0"});
  {
    PacketClient client(served.address(DebugArchitecture::kI386));
    EXPECT_THAT(client.Ask("qSupported"), HasSubstr("64-bit code"));
  }
  EXPECT_THAT(served.log(), Contains(HasSubstr("64-bit code")));
  PacketClient client(served.address());
  EXPECT_EQ(client.Ask("qC"), "QC1");
}

}  // namespace
}  // namespace librr
