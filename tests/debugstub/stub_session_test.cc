// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/stub_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/debugstub/session_fixture.h"

namespace librr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string Little64(uint64_t value) {
  uint8_t bytes[8];
  std::memcpy(bytes, &value, 8);
  return HexBytes(bytes);
}

std::string At(uint64_t address) { return HexNumber(address); }

class StubSessionTest : public testing::Test, public SessionFixture {
 protected:
  StubSessionTest() {
    Ask("qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+");
  }
  std::string Pc() { return Ask("p" + HexNumber(session.description().pc)); }
  uint64_t Work() const { return target.Symbol("work"); }
  uint64_t Counter() const { return target.Symbol("counter"); }
};

TEST_F(StubSessionTest, CapabilitiesComeFromTheTable) {
  const std::string answer = Ask("qSupported");
  for (const char* capability :
       {"PacketSize=4000", "QStartNoAckMode+", "vContSupported+",
        "ReverseStep+", "ReverseContinue+", "swbreak+", "hwbreak+",
        "qXfer:features:read+", "qXfer:memory-map:read+",
        "qXfer:threads:read+"}) {
    EXPECT_THAT(answer, HasSubstr(capability));
  }
}

TEST_F(StubSessionTest, UnknownPacketsGetTheEmptyReply) {
  for (const char* packet :
       {"vMustReplyEmpty", "qTStatus", "qCRC:0,1", "R00", "!", "vRun;",
        "qSymbol::", "Qbtrace:bts", "", "\x01"}) {
    EXPECT_EQ(Ask(packet), "") << packet;
  }
}

TEST_F(StubSessionTest, ImpossibleArgumentsGetAnErrorAndALine) {
  EXPECT_EQ(Ask("mzz,1"), "E01");
  EXPECT_THAT(log, ElementsAre(HasSubstr("'m' has impossible arguments")));
}

TEST_F(StubSessionTest, MemoryIsReadAsFarAsItIsMapped) {
  EXPECT_EQ(Ask("m" + At(Counter()) + ",8"), Little64(100));
  const uint64_t end = kFakeMapping + kFakeMemory;
  EXPECT_EQ(Ask("m" + At(end - 2) + ",10"), "0000");
  EXPECT_EQ(Ask("m" + At(end) + ",10"), "E02");
  EXPECT_EQ(Ask("m" + At(Counter()) + ",0"), "");
}

TEST_F(StubSessionTest, PhysicalModeReadsPhysicalAddresses) {
  EXPECT_EQ(Ask("qqemu.PhyMemMode"), "0");
  EXPECT_EQ(Ask("Qqemu.PhyMemMode:1"), "OK");
  EXPECT_EQ(Ask("qqemu.PhyMemMode"), "1");
  EXPECT_EQ(Ask("m" + At(Counter() - kFakeMapping) + ",8"), Little64(100));
  EXPECT_EQ(Ask("m" + At(kFakeMemory - 1) + ",4"), "00");
  EXPECT_EQ(Ask("m" + At(kFakeMemory) + ",4"), "E02");
  EXPECT_EQ(Ask("Qqemu.PhyMemMode:2"), "E01");
}

TEST_F(StubSessionTest, WritesAreRefusedInThePastWithAReason) {
  EXPECT_EQ(Ask("X" + At(Counter()) + ",0:"), "OK");
  EXPECT_EQ(Ask("M" + At(Counter()) + ",1:00"), "E03");
  EXPECT_THAT(log, ElementsAre(HasSubstr("past of a recording")));
  // gdb takes no text here; it comes as soon as it does.
  EXPECT_EQ(console, "");
  EXPECT_THAT(Monitor("position"), HasSubstr("past of a recording"));
  EXPECT_THAT(Monitor("position"), Not(HasSubstr("past")));
  EXPECT_THAT(Ask("P0=0000000000000000"), HasSubstr("E.rax was not written"));
  EXPECT_THAT(Ask("G" + Little64(0)), HasSubstr("E.registers were not"));
}

TEST(StubSession, WritesReachATargetThatTakesThem) {
  FakeOptions options;
  options.writable = true;
  SessionFixture fixture(options);
  const uint64_t counter = fixture.target.Symbol("counter");
  EXPECT_EQ(fixture.Ask("M" + At(counter) + ",2:3412"), "OK");
  EXPECT_EQ(fixture.Ask("m" + At(counter) + ",2"), "3412");
  EXPECT_EQ(fixture.Ask("P0=" + Little64(7)), "OK");
  EXPECT_EQ(fixture.Ask("p0"), Little64(7));
}

TEST_F(StubSessionTest, RegistersComeInTheOrderOfTheDescription) {
  const std::string all = Ask("g");
  std::string one_by_one;
  for (size_t i = 0; i < session.description().registers.size(); ++i) {
    one_by_one += Ask("p" + HexNumber(i));
  }
  EXPECT_EQ(all, one_by_one);
  EXPECT_EQ(session.description().registers[16].name, "rip");
  EXPECT_EQ(Ask("p10"), Little64(target.Symbol("_start")));
  EXPECT_EQ(Ask("pfff"), "E01");
}

TEST_F(StubSessionTest, RegistersThatTheTargetLacksAreUnavailable) {
  const auto& registers = session.description().registers;
  for (size_t i = 0; i < registers.size(); ++i) {
    if (registers[i].name == "orig_rax") {
      EXPECT_EQ(Ask("p" + HexNumber(i)), std::string(16, 'x'));
    }
    EXPECT_NE(registers[i].name, "cr8") << "described without being there";
  }
}

TEST_F(StubSessionTest, DescriptionComesInParts) {
  std::string joined;
  for (char more = 'm'; more == 'm';) {
    const std::string part = Ask(
        "qXfer:features:read:target.xml:" + HexNumber(joined.size()) + ",100");
    more = part[0];
    joined += part.substr(1);
  }
  EXPECT_EQ(joined, session.description().xml);
  EXPECT_THAT(joined, HasSubstr("i386:x86-64"));
  EXPECT_EQ(Ask("qXfer:features:read:other.xml:0,100"), "E01");
  EXPECT_EQ(Ask("qXfer:features:read:target.xml:ffffff,100"), "E01");
}

TEST(StubSession, I386HasItsOwnRegisters) {
  SessionFixture fixture({}, DebugArchitecture::kI386);
  const auto& registers = fixture.session.description().registers;
  EXPECT_EQ(registers[0].name, "eax");
  EXPECT_EQ(registers[8].name, "eip");
  EXPECT_EQ(fixture.Ask("p8").size(), 8u);
  EXPECT_THAT(fixture.session.description().xml,
              HasSubstr("<architecture>i386</architecture>"));
}

TEST(StubSession, I386IsRefusedIn64BitCode) {
  FakeTarget target;
  EXPECT_THAT(StubSession::RefusalReason(target, DebugArchitecture::kI386),
              HasSubstr("64-bit code"));
  EXPECT_EQ(StubSession::RefusalReason(target, DebugArchitecture::kAmd64), "");
}

TEST_F(StubSessionTest, EachVcpuIsAThread) {
  EXPECT_EQ(Ask("qfThreadInfo"), "m1,2");
  EXPECT_EQ(Ask("qsThreadInfo"), "l");
  EXPECT_EQ(Ask("qC"), "QC1");
  EXPECT_EQ(Ask("T2"), "OK");
  EXPECT_EQ(Ask("T3"), "E04");
  EXPECT_EQ(Ask("qThreadExtraInfo,2"), HexText("vCPU 1"));
  EXPECT_THAT(Ask("qXfer:threads:read::0,1000"),
              HasSubstr("<thread id=\"2\" core=\"1\""));
}

TEST_F(StubSessionTest, SelectedThreadOwnsRegisters) {
  EXPECT_EQ(Ask("Hg2"), "OK");
  EXPECT_EQ(Pc(), Little64(target.Symbol("second")));
  EXPECT_EQ(Ask("Hg1"), "OK");
  EXPECT_EQ(Pc(), Little64(target.Symbol("_start")));
  EXPECT_EQ(Ask("Hg9"), "E04");
}

TEST_F(StubSessionTest, StepOfOneVcpuRunsTheTurnsOfTheOther) {
  // vCPU 1's turn comes after three steps of vCPU 0.
  EXPECT_THAT(Ask("vCont;s:2"), HasSubstr("thread:2;"));
  EXPECT_EQ(target.position(), Position(4));
  EXPECT_THAT(Ask("vCont;s:1"), HasSubstr("thread:1;"));
  EXPECT_EQ(target.position(), Position(7));
}

TEST_F(StubSessionTest, StopReplyCarriesPcSpAndFp) {
  const std::string reply = Ask("vCont;s:1");
  EXPECT_THAT(reply, StartsWith("T05"));
  EXPECT_THAT(reply, HasSubstr("10:" + Pc() + ";"));
  EXPECT_THAT(reply, HasSubstr("7:" + Ask("p7") + ";"));
  EXPECT_THAT(reply, HasSubstr("6:" + Ask("p6") + ";"));
  EXPECT_EQ(Ask("?"), reply);
}

TEST_F(StubSessionTest, RangeStepEndsOutsideOfTheRange) {
  const uint64_t main = target.Symbol("main");
  Ask("vCont;s:1");
  EXPECT_EQ(target.Rip(0), main);
  Ask("vCont;r" + At(main) + "," + At(main + 11) + ":1");
  EXPECT_EQ(target.Rip(0), main + 11);
}

TEST_F(StubSessionTest, BackwardStepUndoesAForwardStep) {
  Ask("vCont;s:1");
  Ask("vCont;s:1");
  const std::string before = Ask("g");
  Ask("vCont;s:1");
  EXPECT_THAT(Ask("bs"), StartsWith("T05"));
  EXPECT_EQ(Ask("g"), before);
}

TEST_F(StubSessionTest, EndsOfTheHistoryAreSaid) {
  EXPECT_THAT(Ask("bs"), HasSubstr("replaylog:begin;"));
  EXPECT_THAT(Ask("bc"), HasSubstr("replaylog:begin;"));
  EXPECT_THAT(Ask("vCont;c"), HasSubstr("replaylog:end;"));
  EXPECT_THAT(Ask("vCont;s:1"), HasSubstr("replaylog:end;"));
  // It goes on from there.
  EXPECT_THAT(Ask("bs"), Not(HasSubstr("replaylog")));
}

TEST_F(StubSessionTest, BreakpointStopsInBothDirections) {
  EXPECT_EQ(Ask("Z0," + At(Work()) + ",1"), "OK");
  EXPECT_THAT(Ask("vCont;c"), HasSubstr("thread:1;swbreak:;"));
  EXPECT_EQ(target.Rip(0), Work());
  const Position first = target.position();
  EXPECT_THAT(Ask("vCont;c"), HasSubstr("swbreak:;"));
  EXPECT_GT(target.position(), first);
  EXPECT_THAT(Ask("bc"), HasSubstr("swbreak:;"));
  EXPECT_EQ(target.position(), first);
  EXPECT_EQ(Ask("z0," + At(Work()) + ",1"), "OK");
  EXPECT_THAT(Ask("vCont;c"), HasSubstr("replaylog:end;"));
}

TEST_F(StubSessionTest, BreakpointOfAnotherVcpuStopsAStep) {
  Ask("Z0," + At(target.Symbol("second")) + ",1");
  // The third step of vCPU 0 ends its turn: vCPU 1 is at the breakpoint next.
  Ask("vCont;s:1;c");
  Ask("vCont;s:1;c");
  EXPECT_THAT(Ask("vCont;s:1;c"), HasSubstr("thread:2;swbreak:;"));
}

TEST_F(StubSessionTest, ReasonsAreSaidOnlyToClientsThatKnowThem) {
  Ask("qSupported:xmlRegisters=i386");
  Ask("Z0," + At(Work()) + ",1");
  EXPECT_THAT(Ask("vCont;c"), Not(HasSubstr("swbreak")));
}

TEST_F(StubSessionTest, WatchpointsSayWhatWasAccessed) {
  EXPECT_EQ(Ask("Z2," + At(Counter()) + ",8"), "OK");
  EXPECT_THAT(Ask("vCont;c"), HasSubstr("watch:" + At(Counter()) + ";"));
  // Forwards behind the store, backwards before it.
  EXPECT_EQ(target.Rip(0), Work() + 21);
  EXPECT_THAT(Ask("bc"), HasSubstr("watch:" + At(Counter()) + ";"));
  EXPECT_EQ(target.Rip(0), Work() + 14);
  Ask("z2," + At(Counter()) + ",8");
  Ask("Z3," + At(Counter()) + ",8");
  EXPECT_THAT(Ask("bc"), HasSubstr("rwatch:"));
  Ask("z3," + At(Counter()) + ",8");
  Ask("Z4," + At(Counter()) + ",8");
  EXPECT_THAT(Ask("vCont;c"), HasSubstr("awatch:"));
}

TEST_F(StubSessionTest, WatchOnNothingIsRefused) {
  EXPECT_EQ(Ask("Z2,1000,0"), "E01");
  EXPECT_EQ(Ask("Z2,1000,ffffffffffffffff"), "E01");
}

TEST_F(StubSessionTest, WatchpointOnUnmappedMemoryIsTakenWithAWarning) {
  EXPECT_EQ(Ask("Z2,1000,8"), "OK");
  Ask("vCont;c");
  EXPECT_THAT(console, HasSubstr("nothing is mapped at 0x1000"));
}

TEST(StubSession, UserAddressBelongsToTheSpaceInWhichItWasSetFirst) {
  FakeOptions options;
  options.user_mode = true;
  SessionFixture fixture(options);
  const std::string point = "0," + At(fixture.target.Symbol("work")) + ",1";
  fixture.Ask("Z" + point);
  fixture.Ask("vCont;c");
  const auto scope = [&] {
    return fixture.target.last_request()
        .conditions.breakpoints.at(0)
        .address_space;
  };
  EXPECT_EQ(scope(), AddressSpace(0x1000));
  // gdb takes it out and sets it again at each stop.
  fixture.Ask("z" + point);
  fixture.Ask("Z" + point);
  fixture.Ask("vCont;c");
  EXPECT_EQ(scope(), AddressSpace(0x1000));
  fixture.Ask("z" + point);
  EXPECT_EQ(fixture.Monitor("scope any"), "scope any\n");
  fixture.Ask("Z" + point);
  fixture.Ask("bc");
  EXPECT_EQ(scope(), std::nullopt);
}

TEST_F(StubSessionTest, KernelCodeSetsForAllAddressSpaces) {
  Ask("Z0," + At(Work()) + ",1");
  Ask("vCont;c");
  EXPECT_EQ(target.last_request().conditions.breakpoints.at(0).address_space,
            std::nullopt);
}

TEST_F(StubSessionTest, ArmedMoveTakesThePlaceOfTheNextResume) {
  EXPECT_THAT(Monitor("seek 20"), HasSubstr("position 20"));
  EXPECT_EQ(target.position(), Position(0));
  // No signal: gdb must not go on from there by itself.
  EXPECT_THAT(Ask("vCont;s:1"), StartsWith("T00"));
  EXPECT_EQ(target.position(), Position(20));
  Monitor("seek -5");
  EXPECT_THAT(Ask("bc"), StartsWith("T00"));
  EXPECT_EQ(target.position(), Position(15));
  EXPECT_THAT(Ask("bs"), StartsWith("T05"));
}

TEST_F(StubSessionTest, ArmedStopStopsInItsDirectionOnly) {
  Monitor("stopat 20");
  EXPECT_THAT(Ask("vCont;c"), StartsWith("T00"));
  EXPECT_EQ(target.position(), Position(20));
  EXPECT_THAT(console, HasSubstr("stopped at position 20"));
  Monitor("stopat -7");
  EXPECT_THAT(Ask("bc"), StartsWith("T00"));
  EXPECT_EQ(target.position(), Position(13));
  EXPECT_THAT(Ask("bc"), HasSubstr("replaylog:begin"));
}

TEST_F(StubSessionTest, StepOffABreakpointDoesNotPassAnArmedStop) {
  // gdb's `continue` begins with a step when there is a breakpoint at the PC.
  Monitor("stopat +1");
  EXPECT_THAT(Ask("vCont;s:1"), StartsWith("T00"));
  EXPECT_EQ(target.position(), Position(1));
}

TEST_F(StubSessionTest, DetachAndKillEndTheConversation) {
  EXPECT_EQ(Ask("D"), "OK");
  EXPECT_TRUE(session.finished());
  SessionFixture other;
  EXPECT_EQ(other.Ask("k"), "(nothing)");
  EXPECT_TRUE(other.session.finished());
}

TEST_F(StubSessionTest, NoAckModeIsAcknowledged) {
  EXPECT_FALSE(session.no_ack());
  EXPECT_EQ(Ask("QStartNoAckMode"), "OK");
  EXPECT_TRUE(session.no_ack());
}

TEST_F(StubSessionTest, TargetIsBusyOnlyWhileItMoves) {
  Ask("vCont;c");
  Ask("bc");
  Monitor("seek 5");
  Ask("vCont;c");
  EXPECT_EQ(busy, 0);
}

TEST_F(StubSessionTest, RandomPacketsDoNoHarm) {
  std::mt19937 random(3);
  const std::string names[] = {
      "m",     "M",      "X",  "g",  "p",
      "P",     "G",      "H",  "T",  "Z",
      "z",     "vCont;", "bc", "bs", "qXfer:features:read:",
      "qRcmd,"};
  const std::string alphabet = "0123456789abcdef,:;-=scrt";
  for (int i = 0; i < 20'000; ++i) {
    std::string packet = names[random() % std::size(names)];
    for (size_t n = random() % 12; n > 0; --n) {
      packet += alphabet[random() % alphabet.size()];
    }
    Ask(packet);
  }
}

FakeOptions WithProcesses() {
  FakeOptions options;
  options.processes = true;
  return options;
}

TEST(StubSessionProcesses, AreInferiorsThatTakeTheirThreadsWithThem) {
  SessionFixture fixture(WithProcesses());
  EXPECT_THAT(fixture.Ask("qSupported:multiprocess+"),
              HasSubstr(";multiprocess+"));
  EXPECT_EQ(fixture.Ask("!"), "OK");
  EXPECT_EQ(fixture.Ask("qC"), "QCp400000.1");
  EXPECT_EQ(fixture.Ask("qfThreadInfo"), "mp400000.1,p400000.2");
  EXPECT_THAT(fixture.Ask("vAttach;2"), HasSubstr("thread:p2.2;"));
  EXPECT_EQ(fixture.Ask("vAttach;2"), "E04") << "it is attached already";
  EXPECT_EQ(fixture.Ask("vAttach;3"), "E04") << "there is no such process";
  EXPECT_EQ(fixture.Ask("qfThreadInfo"), "mp400000.1,p2.2");
  EXPECT_THAT(fixture.Ask("qXfer:threads:read::0,1000"),
              HasSubstr("<thread id=\"p2.2\""));
  EXPECT_EQ(fixture.Ask("Tp2.2"), "OK");
  EXPECT_EQ(fixture.Ask("Tp400000.2"), "E04");
  EXPECT_EQ(fixture.Ask("Hgp400000.-1"), "OK");
  EXPECT_EQ(fixture.Ask("qC"), "QCp400000.1");
  EXPECT_EQ(fixture.Ask("Hgp7.-1"), "E04");
  EXPECT_THAT(fixture.Ask("vCont;s:p2.2;c:p2.-1"), HasSubstr("thread:p2.2;"));
  EXPECT_EQ(fixture.Ask("vCont;s:p400000.2"), "E04");
  EXPECT_EQ(fixture.Ask("D;2"), "OK");
  EXPECT_EQ(fixture.Ask("D;2"), "E01");
  EXPECT_EQ(fixture.Ask("qC"), "QCp400000.2");
  EXPECT_EQ(fixture.Ask("D;400000"), "OK");
  EXPECT_FALSE(fixture.session.finished()) << "it may attach to others";
  EXPECT_EQ(fixture.Ask("qfThreadInfo"), "l");
  EXPECT_THAT(fixture.Ask("vAttach;1"), HasSubstr("thread:p1.1;"));
}

TEST(StubSessionProcesses, HaveStopPointsOfTheirOwn) {
  SessionFixture fixture(WithProcesses());
  fixture.Ask("qSupported:multiprocess+");
  fixture.Ask("vAttach;2");
  const std::string point = "0," + At(fixture.target.Symbol("work")) + ",1";
  fixture.Ask("Z" + point);
  fixture.Ask("Hgp400000.-1");
  fixture.Ask("Z" + point);
  const auto owners = [&] {
    fixture.Ask("vCont;c");
    return fixture.target.last_request().owners;
  };
  EXPECT_EQ(owners().size(), 1u);
  EXPECT_EQ(owners().begin()->second, 2u);
  EXPECT_EQ(fixture.target.last_request().conditions.breakpoints.size(), 2u);
  EXPECT_EQ(fixture.Ask("vKill;2"), "OK");
  EXPECT_TRUE(owners().empty());
  EXPECT_EQ(fixture.target.last_request().conditions.breakpoints.size(), 1u);
  EXPECT_EQ(fixture.Ask("D;400000"), "OK");
  EXPECT_TRUE(fixture.session.finished());
}

TEST(StubSessionProcesses, AreNotThereForClientsThatDoNotKnowThem) {
  SessionFixture fixture(WithProcesses());
  EXPECT_THAT(fixture.Ask("qSupported"), Not(HasSubstr("multiprocess")));
  EXPECT_EQ(fixture.Ask("qC"), "QC1");
  EXPECT_EQ(fixture.Ask("!"), "");
  EXPECT_EQ(fixture.Ask("vAttach;2"), "");
  EXPECT_EQ(fixture.Ask("qfThreadInfo"), "m1,2");
  EXPECT_EQ(fixture.Ask("D"), "OK");
  EXPECT_TRUE(fixture.session.finished());
}

}  // namespace
}  // namespace librr
