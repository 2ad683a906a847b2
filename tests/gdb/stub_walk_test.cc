// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the stub does with a real recording, packet by packet: random walks and
// reads, interruptions, clients that misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "librr/timeline_target.h"
#include "tests/debugstub/packet_client.h"
#include "tests/debugstub/served_target.h"
#include "tests/debugstub/session_client.h"
#include "tests/gdb/walked_recording.h"

namespace librr {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A session over the walked recording, without gdb.
class Walk {
 public:
  Walk() : timeline_(Walked().Open()), target_(timeline_.get()) {
    client_.emplace(&target_);
  }
  std::string Ask(const std::string& packet) { return client_->Ask(packet); }
  std::string Monitor(const std::string& command) {
    return client_->Monitor(command);
  }
  Timeline& timeline() { return *timeline_; }
  uint64_t position() const { return timeline_->position().value(); }
  Digest digest() const { return timeline_->machine().ComputeDigest(); }

 private:
  std::unique_ptr<Timeline> timeline_;
  TimelineTarget target_;
  std::optional<SessionClient> client_;
};

// One random operation; what was answered.
std::string RandomOperation(Walk* walk, std::mt19937_64* random) {
  const auto below = [random](uint64_t bound) { return (*random)() % bound; };
  const uint64_t end = Walked().end();
  switch (below(8)) {
    case 0:
      return walk->Ask("vCont;s:1");
    case 1:
      return walk->Ask("bs");
    case 2:
      walk->Monitor(absl::StrFormat("seek %d", below(end + end / 20)));
      return walk->Ask("vCont;c");
    case 3:
      walk->Monitor(absl::StrFormat("stopat +%d", below(20'000)));
      return walk->Ask("vCont;c");
    case 4:
      walk->Monitor(absl::StrFormat("stopat -%d", below(20'000)));
      return walk->Ask("bc");
    case 5:
      walk->Monitor(below(2) == 0 ? "step all" : "step context");
      return walk->Ask(below(2) == 0 ? "vCont;s:1" : "bs");
    case 6:
      return walk->Ask("vCont;c");
    default:
      return walk->Ask("bc");
  }
}

// Breakpoints and watchpoints for the random walk, at what the guest does.
void SetPoints(Walk* walk) {
  for (const char* symbol : {"MapHeapPage", "Tick", "Spoil"}) {
    EXPECT_EQ(walk->Ask(absl::StrFormat("Z1,%x,1", WalkedSymbol(symbol))),
              "OK");
  }
  EXPECT_EQ(walk->Ask(absl::StrFormat("Z2,%x,8", WalkedSymbol("faults"))),
            "OK");
}

TEST(StubWalk, AThousandRandomOperationsEndInTheDigestsOfPlainReplays) {
  struct Stop {
    uint64_t position;
    std::string reply;
    uint64_t digest;
    bool operator==(const Stop&) const = default;
  };
  std::vector<std::vector<Stop>> rounds;
  for (int round = 0; round < 2; ++round) {
    Walk walk;
    SetPoints(&walk);
    std::mt19937_64 random(2026);
    std::vector<Stop>& stops = rounds.emplace_back();
    for (int i = 0; i < 1'000; ++i) {
      const std::string reply = RandomOperation(&walk, &random);
      ASSERT_THAT(reply, StartsWith("T")) << "operation " << i;
      stops.push_back({walk.position(), reply, walk.digest().Summary()});
    }
  }
  EXPECT_TRUE(rounds[0] == rounds[1]) << "the same walk stopped elsewhere";
  std::map<uint64_t, uint64_t> seen;
  for (const Stop& stop : rounds[0]) {
    const auto [it, added] = seen.try_emplace(stop.position, stop.digest);
    EXPECT_EQ(it->second, stop.digest) << "position " << stop.position;
  }
  EXPECT_GT(seen.size(), 300u);
  // A replay that only goes forward comes by all of them.
  auto replayer = Replayer::Create(&Walked().trace(), Walked().Factory(), {});
  ASSERT_TRUE(replayer.ok());
  for (const auto& [position, digest] : seen) {
    ASSERT_TRUE((*replayer)->SeekTo(Position(position)).ok());
    EXPECT_EQ((*replayer)->machine().ComputeDigest().Summary(), digest)
        << "position " << position;
  }
}

TEST(StubWalk, SeekingEqualsRunningThere) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20; ++i) {
    const uint64_t to = 1 + random() % Walked().end();
    Walk seeking;
    seeking.Monitor(absl::StrFormat("seek %d", to));
    seeking.Ask("vCont;c");
    Walk running;
    running.Monitor(absl::StrFormat("stopat %d", to));
    running.Ask("vCont;c");
    EXPECT_EQ(seeking.position(), to);
    EXPECT_EQ(running.position(), to);
    EXPECT_EQ(seeking.Ask("g"), running.Ask("g"));
    EXPECT_EQ(seeking.digest().Summary(), running.digest().Summary());
  }
}

// Addresses of RAM, of devices, of nothing, and at their borders.
uint64_t RandomAddress(std::mt19937_64* random) {
  constexpr uint64_t kPlaces[] = {
      0,                   // RAM
      0xa0000,             // the legacy hole: video memory and firmware
      0xfec00000,          // I/O APIC
      0xfee00000,          // local APIC
      0xfed00000,          // where PCs have more timers
      kGuestMemory,        // the end of RAM
      0x5000000000,        // the programs' heap
      0xffff888000000000,  // the direct map
      0xffff888000000000 + kGuestMemory,
      0xffffffffffffff00,  // the last bytes
      0x7fffffffff00,      // the end of the lower half
  };
  const uint64_t place = kPlaces[(*random)() % std::size(kPlaces)];
  const uint64_t reach = place == 0 ? kGuestMemory : 0x2000;
  return place + (*random)() % reach;
}

TEST(StubWalk, AHundredThousandReadsLeaveTheDigest) {
  Walk walk;
  walk.Monitor(absl::StrFormat("seek %d", Walked().end() / 2));
  walk.Ask("vCont;c");
  const uint64_t position = walk.position();
  const Digest before = walk.digest();
  const std::string registers = walk.Ask("g");
  std::mt19937_64 random(77);
  uint64_t answered = 0, refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (i % 1'000 == 0) {
      walk.Ask(absl::StrFormat("Qqemu.PhyMemMode:%d", i / 1'000 % 2));
    }
    std::string reply;
    const uint64_t address = RandomAddress(&random);
    switch (random() % 8) {
      case 0:
        reply = walk.Ask(absl::StrFormat("p%x", random() % 60));
        break;
      case 1:
        reply = walk.Monitor(absl::StrFormat("try pagewalk 0x%x", address));
        break;
      case 2:
        reply = walk.Monitor(absl::StrFormat("try xp 0x%x 16", address));
        break;
      default:
        reply = walk.Ask(absl::StrFormat("m%x,%x", address, 1 + random() % 64));
        (reply[0] == 'E' ? refused : answered) += 1;
    }
    EXPECT_NE(reply, "") << i;
  }
  EXPECT_GT(answered, 10'000u);
  EXPECT_GT(refused, 10'000u);
  EXPECT_EQ(walk.position(), position);
  EXPECT_EQ(FirstDifference(before, walk.digest(), kGuestMemory), "");
  EXPECT_EQ(walk.Ask("g"), registers);
  // What comes is what was recorded: all digests on the way are compared.
  walk.Ask("Qqemu.PhyMemMode:0");
  EXPECT_THAT(walk.Ask("vCont;c"), HasSubstr("replaylog:end"));
  EXPECT_EQ(walk.position(), Walked().end());
}

// Seconds of work for this host and build: long enough to be
// interrupted in.
const GuestRecording& Endless() {
  static const auto* recording = [] {
    constexpr uint64_t kSample = 500'000;
    const auto begin = std::chrono::steady_clock::now();
    GuestRecording("faultloop", "stub_sample", {}, Position(kSample));
    const auto steps =
        static_cast<uint64_t>(kSample * 6'000 / MillisecondsSince(begin));
    return new GuestRecording("faultloop", "stub_endless", {}, Position(steps));
  }();
  return *recording;
}

double ProcessorMilliseconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e3 +
         static_cast<double>(used.tv_nsec) / 1e6;
}

// Interrupts what a packet has begun; how long the answer took.
double Interrupt(PacketClient* client, const std::string& packet) {
  client->Send(EncodePacket(packet));
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  const double used = ProcessorMilliseconds();
  const auto begin = std::chrono::steady_clock::now();
  client->Send("\x03");
  std::string reply;
  do {
    reply = client->Receive();  // text comes first
  } while (reply[0] == 'O');
  const double taken = MillisecondsSince(begin);
  EXPECT_LT(ProcessorMilliseconds() - used, 100) << packet;
  EXPECT_THAT(reply, StartsWith("T02")) << packet;
  return taken;
}

TEST(StubWalk, InterruptionsAreAnsweredWithinATenthOfASecond) {
  const std::unique_ptr<Timeline> timeline = Endless().Open();
  TimelineTarget target(timeline.get());
  ServedTarget served(&target);
  PacketClient client(served.address());
  ASSERT_EQ(client.Ask("QStartNoAckMode"), "OK");
  ASSERT_EQ(client.Ask("Z2,800000,8"), "OK");
  const auto go_to = [&client](const std::string& where) {
    EXPECT_THAT(client.Ask("qRcmd," + HexText("seek " + where)),
                StartsWith("O"));
    EXPECT_EQ(client.Receive(), "OK");
    std::string reply = client.Ask("vCont;c");
    while (reply[0] == 'O') reply = client.Receive();
  };
  // What the process itself uses has its limit each time; for how long the host
  // runs others meanwhile it cannot be blamed, so one in five has to be in
  // time.
  constexpr int kTries = 5;
  double quickest = 1e9;
  for (int i = 0; i < kTries; ++i) {
    go_to("begin");
    quickest = std::min(quickest, Interrupt(&client, "vCont;c"));
    EXPECT_GT(timeline->position(), Position(0));
  }
  EXPECT_LT(quickest, 100) << "forwards";
  // All is searched for a write that never was; what has been searched is not
  // searched again.
  go_to("end");
  Position before = timeline->end();
  quickest = 1e9;
  for (int i = 0; i < kTries; ++i) {
    quickest = std::min(quickest, Interrupt(&client, "bc"));
    EXPECT_LE(timeline->position(), before);
    before = timeline->position();
  }
  EXPECT_LT(quickest, 100) << "backwards";
  EXPECT_THAT(client.Ask("?"), StartsWith("T02"));
}

// The stub may take a moment to notice that the client before is gone.
std::unique_ptr<PacketClient> AttachTo(const WalkedSession& session) {
  for (int attempt = 0; attempt < 500; ++attempt) {
    auto client = std::make_unique<PacketClient>(session.address());
    if (client->Ask("qC") == "QC1") return client;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << "no client is served any more";
  return nullptr;
}

TEST(StubWalk, ClientsThatHangUpLoseNothing) {
  WalkedSession session(Position(12'345));
  std::string registers = AttachTo(session)->Ask("g");
  for (const char* last_words : {"$m100000,", "$", "$vCont;c#", "$vCont;s:1"}) {
    AttachTo(session)->Send(last_words);
    EXPECT_EQ(AttachTo(session)->Ask("g"), registers) << last_words;
  }
  // In the middle of a run, which ends then.
  AttachTo(session)->Send(EncodePacket("vCont;c"));
  EXPECT_THAT(AttachTo(session)->Ask("?"), StartsWith("T"));
}

TEST(StubWalk, SecondClientIsToldAndTheFirstGoesOn) {
  WalkedSession session(Position(12'345));
  const std::unique_ptr<PacketClient> first = AttachTo(session);
  PacketClient second(session.address());
  EXPECT_THAT(second.Ask("qSupported"), HasSubstr("another debugger"));
  EXPECT_THAT(first->Ask("vCont;s:1"), StartsWith("T05"));
}

}  // namespace
}  // namespace librr
