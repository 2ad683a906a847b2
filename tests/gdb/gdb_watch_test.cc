// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb watches memory along a recording.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gdb/walked_recording.h"

namespace librr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class GdbWatch : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
  }
  // In the first program, before it touches its heap.
  std::string GdbInProgram(const std::string& script) {
    return WalkedSession().Gdb("break " + LineAt("touch") +
                               "\ncontinue\ndelete\n" + script);
  }
};

std::string Change(const std::string& from, const std::string& to) {
  return "Old value = " + from + "\nNew value = " + to + "\n";
}

constexpr char kFourChanges[] = R"(
watch *(unsigned long *)0x5000000010
echo <1>\n
continue
x/i $pc
echo <2>\n
continue
x/i $pc
echo <3>\n
continue
p $cs & 3
echo <4>\n
continue
echo <5>\n
reverse-continue
x/i $pc
p $cs & 3
echo <6>\n
reverse-continue
x/i $pc
echo <7>\n
reverse-continue
x/i $pc
echo <8>\n
reverse-continue
monitor position
)";

TEST_F(GdbWatch, WritesThroughTheDirectMapAreCaughtBothWays) {
  const std::string output = GdbInProgram(kFourChanges);
  // Forwards gdb stops behind the write.
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr("New value = 3\n"));
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr("// at: sum"));
  EXPECT_THAT(SectionOf(output, "2"), HasSubstr(Change("3", "4")));
  EXPECT_THAT(SectionOf(output, "3"), HasSubstr(Change("4", "2989")));
  EXPECT_THAT(SectionOf(output, "3"), HasSubstr("Spoil (address="));
  EXPECT_THAT(ValuesIn(SectionOf(output, "3")), ElementsAre("0"));
  // The other program's word of that address is another.
  EXPECT_THAT(SectionOf(output, "4"),
              HasSubstr("the recording ends here (exit)"));
  // Backwards before it.
  EXPECT_THAT(SectionOf(output, "5"), HasSubstr(Change("2989", "4")));
  EXPECT_THAT(SectionOf(output, "5"), HasSubstr("// at: spoil"));
  EXPECT_THAT(SectionOf(output, "5"), HasSubstr("movq   $0xbad,(%rax)"));
  EXPECT_THAT(SectionOf(output, "6"), HasSubstr(Change("4", "3")));
  EXPECT_THAT(SectionOf(output, "6"), HasSubstr("// at: add"));
  EXPECT_THAT(SectionOf(output, "7"), HasSubstr(Change("3", "0")));
  EXPECT_THAT(SectionOf(output, "7"), HasSubstr("// at: store"));
  EXPECT_THAT(SectionOf(output, "8"), HasSubstr("position 0\n"));
}

TEST_F(GdbWatch, ScopeAnyWatchesEveryAddressSpace) {
  const std::string output = GdbInProgram(R"(
monitor scope any
break SecondProgram
watch *(unsigned long *)0x5000000010
continue
continue
continue
echo <second>\n
continue
echo <other>\n
continue
)");
  EXPECT_THAT(SectionOf(output, "second"), HasSubstr("SecondProgram ()"));
  EXPECT_THAT(SectionOf(output, "other"), HasSubstr("New value = 7\n"));
}

TEST_F(GdbWatch, ReadsAreCaughtBothWays) {
  const std::string output = GdbInProgram(R"(
rwatch *(unsigned long *)0x5000000010
continue
echo <1>\n
where 1
continue
echo <2>\n
where 1
echo <3>\n
continue
echo <4>\n
reverse-continue
echo <5>\n
reverse-continue
echo <6>\n
reverse-continue
)");
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr("FirstProgram"));
  EXPECT_THAT(SectionOf(output, "3"), HasSubstr("the recording ends here"));
  EXPECT_THAT(SectionOf(output, "4"), HasSubstr("// at: read"));
  EXPECT_THAT(SectionOf(output, "4"), HasSubstr("Value = 2989"));
  EXPECT_THAT(SectionOf(output, "5"), HasSubstr("// at: add"));
  EXPECT_THAT(SectionOf(output, "5"), HasSubstr("Value = 3"));
  EXPECT_THAT(SectionOf(output, "6"), HasSubstr("No more reverse-execution"));
}

TEST_F(GdbWatch, AccessesAreCaughtBothWays) {
  const std::string output = GdbInProgram(R"(
awatch *(unsigned long *)0x5000000010
echo <1>\n
continue
echo <2>\n
continue
echo <3>\n
continue
echo <4>\n
continue
echo <5>\n
continue
echo <6>\n
continue
echo <7>\n
reverse-continue
echo <8>\n
reverse-continue
echo <9>\n
reverse-continue
)");
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr("alue = 3\n"));
  EXPECT_THAT(SectionOf(output, "2"), HasSubstr("Value = 3\n"));
  EXPECT_THAT(SectionOf(output, "3"), HasSubstr(Change("3", "4")));
  EXPECT_THAT(SectionOf(output, "4"), HasSubstr(Change("4", "2989")));
  EXPECT_THAT(SectionOf(output, "4"), HasSubstr("Spoil"));
  EXPECT_THAT(SectionOf(output, "5"), HasSubstr("Value = 2989"));
  EXPECT_THAT(SectionOf(output, "6"), HasSubstr("the recording ends here"));
  EXPECT_THAT(SectionOf(output, "7"), HasSubstr("// at: read"));
  EXPECT_THAT(SectionOf(output, "8"), HasSubstr("// at: spoil"));
  EXPECT_THAT(SectionOf(output, "9"), HasSubstr("// at: add"));
}

TEST_F(GdbWatch, KernelVariablesAreWatchedLikeOthers) {
  const std::string output =
      WalkedSession(Walked().trace().info().end.position).Gdb(R"(
p ticks
watch ticks
echo <1>\n
reverse-continue
bt
echo <2>\n
reverse-continue
echo <3>\n
continue
)");
  const std::vector<std::string> last = ValuesIn(output);
  ASSERT_FALSE(last.empty()) << output;
  const int ticks = std::stoi(last[0]);
  const auto change = [](int from, int to) {
    return Change(std::to_string(from), std::to_string(to));
  };
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr(change(ticks, ticks - 1)));
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr("Tick ()"));
  EXPECT_THAT(SectionOf(output, "2"), HasSubstr(change(ticks - 1, ticks - 2)));
  EXPECT_THAT(SectionOf(output, "3"), HasSubstr(change(ticks - 2, ticks - 1)));
}

TEST_F(GdbWatch, WatchOnNothingSaysSoAndStopsAtTheEnd) {
  const std::string output = GdbInProgram(R"(
p *(long *)0x6000000000
watch *(long *)0x6000000000
echo <forward>\n
continue
echo <backward>\n
reverse-continue
monitor position
x/i 0x6000000000
)");
  EXPECT_THAT(output, HasSubstr("Cannot access memory at address"));
  EXPECT_THAT(SectionOf(output, "forward"),
              HasSubstr("nothing is mapped at 0x6000000000 here"));
  EXPECT_THAT(SectionOf(output, "forward"), HasSubstr("the recording ends"));
  EXPECT_THAT(SectionOf(output, "backward"), HasSubstr("position 0\n"));
}

TEST_F(GdbWatch, LastWriteNamesTheWriteAndWhatWasThere) {
  const std::string output = GdbInProgram(R"(
monitor scope any
break SecondProgram
continue
echo <mine>\n
monitor lastwrite 0x5000000010
delete
tbreak )" + LineAt("last") + R"(
reverse-continue
echo <spoilt>\n
monitor lastwrite 0x5000000010 8
monitor lastwrite $sp
monitor lastwrite 0x5000000800
)");
  EXPECT_THAT(SectionOf(output, "mine"),
              HasSubstr("nothing has written to 0x5000000010 before"));
  const std::string spoilt = SectionOf(output, "spoilt");
  EXPECT_THAT(spoilt, HasSubstr("0x5000000010: 04 00 00 00 00 00 00 00 -> "
                                "ad 0b 00 00 00 00 00 00, written by vCPU 0"));
  EXPECT_THAT(spoilt, Not(HasSubstr("is not an address")));
}

}  // namespace
}  // namespace librr
