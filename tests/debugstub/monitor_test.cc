// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "debugstub/monitor_table.h"
#include "librr-core/base/abseil_view.h"
#include "tests/debugstub/session_fixture.h"

namespace librr {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class MonitorTest : public testing::Test, public SessionFixture {
 protected:
  std::string Go(const std::string& where) {
    const std::string text = Monitor("seek " + where);
    Ask("vCont;c");
    return text;
  }
  std::string Address(const std::string& symbol) {
    return absl::StrCat("0x", HexNumber(target.Symbol(symbol)));
  }
};

TEST_F(MonitorTest, HelpListsEveryCommandAndExplainsEach) {
  const std::string list = Monitor("help");
  for (const MonitorRow& row : MonitorRows()) {
    EXPECT_THAT(list, HasSubstr(std::string(row.name)));
    EXPECT_THAT(Monitor("help " + std::string(row.name)),
                HasSubstr(absl::StrCat("monitor ", AbseilView(row.name))));
  }
}

TEST_F(MonitorTest, UnknownCommandFailsAndPointsAtHelp) {
  EXPECT_THAT(Monitor("sek 5"), HasSubstr("'sek'"));
  EXPECT_EQ(sent.back(), "E01");
  EXPECT_EQ(Monitor(""), Monitor("help"));
}

TEST_F(MonitorTest, TryTurnsErrorsIntoText) {
  EXPECT_THAT(Monitor("try seek nowhere"), HasSubstr("error: 'nowhere' is"));
  EXPECT_EQ(sent.back(), "OK");
  EXPECT_EQ(Monitor("try  position"), Monitor("position"));
  EXPECT_THAT(Monitor("try try position"), HasSubstr("there is no command"));
}

TEST_F(MonitorTest, WrongNumberOfWordsShowsTheUsage) {
  EXPECT_THAT(Monitor("xp 5"), HasSubstr("usage: monitor xp ADDR LEN"));
  EXPECT_THAT(Monitor("position 5"), HasSubstr("usage: monitor position"));
}

TEST_F(MonitorTest, PositionIsTheLastWord) {
  Go("1234567");
  EXPECT_THAT(Monitor("position"),
              EndsWith(absl::StrCat(" position ", target.end().value(), "\n")));
  Go("12");
  EXPECT_EQ(Monitor("position"), "time 0.000012000 s, position 12\n");
}

TEST_F(MonitorTest, SeekTakesPositionsEndsMarksAndTimes) {
  Go("20");
  EXPECT_EQ(Monitor("mark here"), "mark here is position 20\n");
  Go("+0x10");
  EXPECT_EQ(target.position(), Position(36));
  Go("-6");
  EXPECT_EQ(target.position(), Position(30));
  Go("here");
  EXPECT_EQ(target.position(), Position(20));
  Go("end");
  EXPECT_EQ(target.position(), target.end());
  Go("begin");
  EXPECT_EQ(target.position(), Position(0));
  Go("time:0.000007");
  EXPECT_EQ(target.position(), Position(7));
  EXPECT_THAT(Monitor("marks"), HasSubstr("here 20\n"));
}

TEST_F(MonitorTest, SeekPastTheEndsSaysSoAndGoesToTheEnd) {
  EXPECT_THAT(Go("99999999"), HasSubstr("past the end"));
  EXPECT_EQ(target.position(), target.end());
  EXPECT_EQ(Go("-99999999"), "the next `continue` goes to position 0\n");
  EXPECT_EQ(target.position(), Position(0));
  EXPECT_THAT(Go("+18446744073709551615"), HasSubstr("past the end"));
}

TEST_F(MonitorTest, SeekToNowhereFailsAndArmsNothing) {
  EXPECT_THAT(Monitor("seek nowhere"), HasSubstr("neither a position nor"));
  EXPECT_EQ(sent.back(), "E01");
  EXPECT_THAT(Monitor("seek time:x"), HasSubstr("is no time"));
  EXPECT_THAT(Monitor("seek console:abc"), HasSubstr("no search"));
  EXPECT_THAT(Ask("vCont;s:1"), HasSubstr("T05"));
  EXPECT_EQ(target.position(), Position(1));
}

TEST_F(MonitorTest, StopAtNamesTheDirection) {
  Go("20");
  EXPECT_EQ(Monitor("stopat 30"), "continue will stop at position 30\n");
  EXPECT_EQ(Monitor("stopat -5"),
            "reverse-continue will stop at position 15\n");
  EXPECT_EQ(Monitor("stopat"), "armed: position 15\n");
  EXPECT_EQ(Monitor("stopat 20"), "this is position 20\n");
  EXPECT_EQ(Monitor("stopat"), "no stop is armed\n");
  EXPECT_THAT(Monitor("stopat 99999999"), HasSubstr("past the end"));
  EXPECT_EQ(Monitor("stopat off"), "no stop is armed\n");
  EXPECT_THAT(Monitor("stopat x"), HasSubstr("is no position"));
}

TEST_F(MonitorTest, MarksMustNotLookLikePositions) {
  for (const char* name : {"12", "+1", "end", "begin"}) {
    EXPECT_THAT(Monitor(absl::StrCat("mark ", name)),
                HasSubstr("a mark's name"));
  }
  EXPECT_EQ(Monitor("marks"), "there are no marks\n");
}

TEST_F(MonitorTest, LastWriteFindsTheStepBeforeWhichItWasWritten) {
  Go("end");
  const std::string text = Monitor("lastwrite " + Address("counter"));
  EXPECT_THAT(text, HasSubstr("68 00 00 00 00 00 00 00 -> 69 00"));
  EXPECT_THAT(text, HasSubstr("written by vCPU 0, position "));
  Go(text.substr(text.rfind(' ') + 1, text.size() - text.rfind(' ') - 2));
  EXPECT_EQ(target.Rip(0), target.Symbol("work") + 14);
  Go("begin");
  EXPECT_THAT(Monitor("lastwrite " + Address("counter") + " 1"),
              HasSubstr("nothing has written"));
  EXPECT_THAT(Monitor("lastwrite counter"), HasSubstr("is not an address"));
  EXPECT_THAT(Monitor("lastwrite 0x1000 0"), HasSubstr("1 byte to 1 GiB"));
}

TEST_F(MonitorTest, ModeAndTranslationAreShown) {
  EXPECT_EQ(Monitor("mode"),
            "vCPU 0: 64-bit mode, CPL 0, 4-level paging; next instruction at "
            "linear address 0x110000\n");
  EXPECT_EQ(Monitor("translate 0x110123"),
            "0x110123 is physical 0x10123, 4 KiB page, user, rwx\n");
  EXPECT_THAT(Monitor("translate 0x10"), HasSubstr("is not mapped: the PT"));
  EXPECT_THAT(Monitor("translate 0x800000000000"), HasSubstr("not canonical"));
  const std::string walk = Monitor("pagewalk 0x110123");
  EXPECT_THAT(walk, HasSubstr("PML4 entry at 0x1000: 0x0000000000002007 "
                              "present write user"));
  EXPECT_THAT(walk, HasSubstr("PT   entry at 0x4880"));
}

TEST_F(MonitorTest, PhysicalMemoryIsDumped) {
  EXPECT_THAT(Monitor("xp 0x10000 6"),
              HasSubstr("0000000000010000  e8 01 00 00 00 f4"));
  EXPECT_THAT(Monitor("xp 0x80000 1"), HasSubstr("beyond RAM"));
  EXPECT_THAT(Monitor("xp 0 999999999"), HasSubstr("64 KiB"));
}

TEST_F(MonitorTest, SettingsAreShownAndReachTheTarget) {
  EXPECT_EQ(Monitor("step"), "step context\n");
  EXPECT_EQ(Monitor("step all"), "step all\n");
  Ask("vCont;s:1");
  EXPECT_FALSE(target.last_request().step_in_context);
  EXPECT_EQ(Monitor("scope"), "scope current\n");
  EXPECT_THAT(Monitor("scope nobody"), HasSubstr("usage"));
}

// The line that VMware's manual has for a kernel 2.6.20.
constexpr const char* kOffsets =
    "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,0x28,0x2000,0xc4,0xec,0x10";

TEST_F(MonitorTest, OffsetsMayBeTypedBeforeThereIsALinux) {
  EXPECT_THAT(Monitor("linuxoffsets"), HasSubstr("auto: "));
  EXPECT_THAT(Monitor(absl::StrCat("linuxoffsets ", kOffsets)),
              HasSubstr("kept, and not proved yet: no task \"swapper\""));
  EXPECT_EQ(sent.back(), "OK");
  EXPECT_THAT(Monitor("linuxoffsets"),
              AllOf(HasSubstr("typed:\n"), HasSubstr(kOffsets),
                    HasSubstr("version=0x20614,mm=0x80,tasks=0x68")));
  EXPECT_THAT(Monitor("ps"), HasSubstr("no task \"swapper\""));
  EXPECT_EQ(Monitor("linuxoffsets off"), "off: threads are vCPUs\n");
  EXPECT_THAT(Monitor("linuxoffsets"), HasSubstr("off: "));
  EXPECT_THAT(Monitor("linuxoffsets auto"), HasSubstr("auto: "));
}

TEST_F(MonitorTest, OffsetsAreTakenInEachForm) {
  EXPECT_THAT(Monitor("linuxoffsets -l 0x20614,0x80,0,0x68,0x194,0xa4, \\ "
                      "0x1b0,0x24,0x18,0x28,0x2000,0xc4,0xec,0x10"),
              HasSubstr("kept"));
  EXPECT_THAT(Monitor("linuxoffsets"),
              HasSubstr(absl::StrCat("-l ", kOffsets)));
  EXPECT_THAT(Monitor("linuxoffsets mm=80 tasks=68,comm=194,pid=a4 pgd=24"),
              HasSubstr("kept"));
  EXPECT_THAT(Monitor("linuxoffsets"),
              HasSubstr("mm=0x80,tasks=0x68,comm=0x194,pid=0xa4,pgd=0x24"));
}

TEST_F(MonitorTest, WrongOffsetsAreSaidAndChangeNothing) {
  EXPECT_THAT(Monitor("linuxoffsets 1,2,3"), HasSubstr("it must have 14"));
  EXPECT_EQ(sent.back(), "E01");
  EXPECT_THAT(Monitor("linuxoffsets on"), HasSubstr("it must have 14"));
  EXPECT_THAT(Monitor("linuxoffsets mm=zz"), HasSubstr("hexadecimal"));
  EXPECT_THAT(Monitor("linuxoffsets"), HasSubstr("auto: "));
}

TEST_F(MonitorTest, InfoNamesTheRange) {
  EXPECT_THAT(Monitor("info"),
              HasSubstr(absl::StrCat("positions 0 to ", target.end().value())));
  EXPECT_THAT(Monitor("events"), HasSubstr("no log of events"));
}

}  // namespace
}  // namespace librr
