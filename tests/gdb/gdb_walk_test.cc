// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb walks along a recording: breakpoints and steps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/gdb/walked_recording.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class GdbWalk : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
  }
  std::string Gdb(const std::string& script, Position at = Position(0)) {
    return WalkedSession(at).Gdb(script);
  }
};

TEST_F(GdbWalk, BreakpointsStopInUserAndKernelCode) {
  const std::string output = Gdb(R"(
break Square
break Spoil
echo <user>\n
continue
bt
p $cs & 3
echo <kernel>\n
delete 1
continue
p $cs & 3
bt
echo <temporary>\n
tbreak SecondProgram
continue
info breakpoints
echo <end>\n
continue
)");
  const std::string user = SectionOf(output, "user");
  EXPECT_THAT(user, HasSubstr("Breakpoint 1, Square (x=1)"));
  EXPECT_THAT(user, ContainsRegex("#1 .* SumOfSquares \\(n=10\\)"));
  EXPECT_THAT(user, ContainsRegex("#2 .* FirstProgram \\(\\)"));
  EXPECT_THAT(ValuesIn(user), ElementsAre("3"));
  const std::string kernel = SectionOf(output, "kernel");
  EXPECT_THAT(kernel, HasSubstr("Breakpoint 2, Spoil (address="));
  EXPECT_THAT(kernel, ContainsRegex("#1 .* HandleKernelEvent \\(frame="));
  EXPECT_THAT(ValuesIn(kernel), ElementsAre("0"));
  const std::string temporary = SectionOf(output, "temporary");
  EXPECT_THAT(temporary, HasSubstr("Temporary breakpoint 3, SecondProgram ()"));
  EXPECT_THAT(temporary, HasSubstr("breakpoint already hit 1 time"));
  EXPECT_THAT(temporary, Not(HasSubstr("Breakpoint 3,")));
  EXPECT_THAT(SectionOf(output, "end"),
              HasSubstr("the recording ends here (exit)"));
}

TEST_F(GdbWalk, StepsThroughFunctions) {
  const std::string output = Gdb("break " + LineAt("sum") + R"(
continue
echo <step>\n
step
step
step
bt 2
info locals
echo <finish>\n
finish
echo <next>\n
next
echo <advance>\n
advance Spin
info args
echo <display>\n
display x
next
next
undisplay 1
echo <registers>\n
info registers rip eflags cs
x/i $pc
x/2xg $sp
echo <until>\n
delete
tbreak )" + LineAt("loop") + R"(
monitor seek begin
continue
continue
next
until
p sum
)");
  const std::string step = SectionOf(output, "step");
  EXPECT_THAT(step, HasSubstr("SumOfSquares (n=10)"));
  EXPECT_THAT(step, HasSubstr("// at: loop"));
  EXPECT_THAT(step, HasSubstr("i = 1"));
  const std::string finish = SectionOf(output, "finish");
  EXPECT_THAT(finish, HasSubstr("Run till exit from #0  SumOfSquares (n=10)"));
  EXPECT_THAT(finish, HasSubstr("Value returned is $1 = 385"));
  EXPECT_THAT(SectionOf(output, "next"), HasSubstr("// at: spin"));
  EXPECT_THAT(SectionOf(output, "advance"), HasSubstr("n = 300"));
  const std::string display = SectionOf(output, "display");
  EXPECT_THAT(display, HasSubstr("1: x = 1\n"));
  EXPECT_THAT(display, HasSubstr("for (int i = 0; i < n; ++i)"));
  const std::string registers = SectionOf(output, "registers");
  EXPECT_THAT(registers, ContainsRegex("rip .*<Spin.[0-9]+>"));
  EXPECT_THAT(registers, ContainsRegex("cs +0x33 "));
  EXPECT_THAT(registers, ContainsRegex("=> 0x[0-9a-f]+ <Spin.[0-9]+>:"));
  EXPECT_THAT(SectionOf(output, "until"), HasSubstr("  return sum;"));
  EXPECT_THAT(ValuesIn(SectionOf(output, "until")), ElementsAre("385"));
}

TEST_F(GdbWalk, StepsIntoAFunctionAndBackOut) {
  const std::string output = Gdb("break " + LineAt("sum") + R"(
continue
echo <step>\n
monitor position
step
step
reverse-step
reverse-step
monitor position
echo <function>\n
tbreak Square
continue
next
reverse-finish
break Square
x/i $pc
echo <continue>\n
continue
p x
continue
p x
reverse-continue
p x
reverse-continue
reverse-continue
monitor position
)");
  const std::string step = SectionOf(output, "step");
  const size_t first = step.find("position ");
  ASSERT_NE(first, step.npos);
  EXPECT_EQ(step.substr(first, step.find('\n', first) - first),
            step.substr(step.rfind("position "),
                        step.find('\n', step.rfind("position ")) -
                            step.rfind("position ")));
  const std::string function = SectionOf(output, "function");
  EXPECT_THAT(function, HasSubstr("Run back to call of #0"));
  EXPECT_THAT(function, ContainsRegex("=> .*call .*<Square>"));
  const std::string go = SectionOf(output, "continue");
  EXPECT_THAT(ValuesIn(go), ElementsAre("1", "2", "1"));
  EXPECT_THAT(go, HasSubstr("// at: sum"));
}

TEST_F(GdbWalk, NextOverAFirstTouchStoreGoesBothWays) {
  const std::string output = Gdb("break " + LineAt("touch") + R"(
continue
echo <forward>\n
monitor position
p faults
next
p faults
p heap[0]
echo <backward>\n
reverse-next
monitor position
p faults
echo <again>\n
next
next
next
p faults
reverse-next
reverse-next
p faults
)");
  EXPECT_THAT(SectionOf(output, "forward"), HasSubstr("// at: touch again"));
  EXPECT_THAT(ValuesIn(SectionOf(output, "forward")),
              ElementsAre("0", "1", "1"));
  const std::string forward = SectionOf(output, "forward");
  const std::string position =
      forward.substr(0, forward.find('\n'));  // "time ..., position N"
  EXPECT_THAT(position, HasSubstr("position"));
  EXPECT_THAT(SectionOf(output, "backward"), HasSubstr(position));
  EXPECT_THAT(ValuesIn(SectionOf(output, "backward")), ElementsAre("0"));
  EXPECT_THAT(SectionOf(output, "again"), HasSubstr("// at: store"));
  EXPECT_THAT(ValuesIn(SectionOf(output, "again")), ElementsAre("2", "1"));
}

TEST_F(GdbWalk, StepOfTheFaultingStoreExecutesIt) {
  const std::string output = Gdb("break " + LineAt("touch") + R"(
continue
stepi
echo <context>\n
p $_exitcode
x/i $pc
stepi
x/i $pc
p faults
reverse-stepi
x/i $pc
reverse-stepi
stepi
echo <all>\n
monitor step all
x/i $pc
stepi
p $cs & 3
p faults
reverse-stepi
p $cs & 3
x/i $pc
)");
  const std::string context = SectionOf(output, "context");
  EXPECT_THAT(context, ContainsRegex("movq +.0x1,\\(%rax\\)(.|\n)*"
                                     "FirstProgram(.|\n)*"
                                     "movq +.0x1,\\(%rax\\)"));
  EXPECT_THAT(ValuesIn(context), ElementsAre("void", "1"));
  const std::string all = SectionOf(output, "all");
  EXPECT_THAT(ValuesIn(all), ElementsAre("0", "0", "3"));
  EXPECT_THAT(all, ContainsRegex("movq +.0x1,\\(%rax\\)(.|\n)*"
                                 "movq +.0x1,\\(%rax\\)"));
}

// The position of a timer interrupt's delivery, in the middle of `Spin`.
Position SomeTick() {
  const std::unique_ptr<Timeline> timeline = Walked().Open();
  StopConditions ticks;
  ticks.catchpoints.push_back({.kind = Catchpoint::Kind::kInterrupt});
  const absl::StatusOr<std::vector<StopHit>> hits =
      timeline->FindHits(ticks, Position(0), timeline->end(), 1000);
  EXPECT_TRUE(hits.ok());
  EXPECT_GT(hits->size(), 5u);
  return hits->at(5).position;
}

TEST_F(GdbWalk, StepsOverATimerTickAreMirroredBackwards) {
  std::string script = "echo <forward>\\n\np ticks\np $pc\n";
  constexpr int kSteps = 6;
  for (int i = 0; i < kSteps; ++i) script += "stepi\np $pc\n";
  script += "p ticks\necho <backward>\\n\np $pc\n";
  for (int i = 0; i < kSteps; ++i) script += "reverse-stepi\np $pc\n";
  script += "p ticks\nmonitor position\n";
  const Position start(SomeTick().value() - 3);
  const std::string output = Gdb(script, start);
  std::vector<std::string> forward = ValuesIn(SectionOf(output, "forward"));
  std::vector<std::string> backward = ValuesIn(SectionOf(output, "backward"));
  ASSERT_EQ(forward.size(), kSteps + 3u) << output;
  ASSERT_EQ(backward.size(), kSteps + 2u) << output;
  EXPECT_EQ(std::stoi(forward.front()) + 1, std::stoi(forward.back()));
  EXPECT_EQ(forward.front(), backward.back());
  forward.pop_back();
  forward.erase(forward.begin());
  backward.pop_back();
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(forward, backward);
  for (const std::string& place : forward)
    EXPECT_THAT(place, HasSubstr("Spin"));
  EXPECT_THAT(output,
              HasSubstr("position " + std::to_string(start.value()) + "\n"));
}

TEST_F(GdbWalk, NextOverTimerTicksGoesBothWays) {
  const std::string output = Gdb("break " + LineAt("spin") + R"(
continue
delete
echo <forward>\n
p ticks
next
p ticks > 5
echo <backward>\n
reverse-next
p ticks
)");
  EXPECT_THAT(SectionOf(output, "forward"), HasSubstr("// at: add"));
  EXPECT_THAT(SectionOf(output, "backward"), HasSubstr("// at: spin"));
  const std::vector<std::string> forward =
      ValuesIn(SectionOf(output, "forward"));
  ASSERT_EQ(forward.size(), 2u);
  EXPECT_EQ(forward[1], "1");
  EXPECT_THAT(ValuesIn(SectionOf(output, "backward")), ElementsAre(forward[0]));
}

TEST_F(GdbWalk, NextOverASystemCallGoesBothWays) {
  const std::string output = Gdb("break " + LineAt("ask") + R"(
continue
step
echo <forward>\n
next
p heap[2]
echo <backward>\n
reverse-next
p heap[2]
p $cs & 3
)");
  EXPECT_THAT(ValuesIn(SectionOf(output, "forward")), ElementsAre("2989"));
  EXPECT_THAT(SectionOf(output, "backward"), HasSubstr("// at: call"));
  EXPECT_THAT(ValuesIn(SectionOf(output, "backward")), ElementsAre("4", "3"));
}

TEST_F(GdbWalk, StopAtStopsSomeThousandStepsBefore) {
  // Break in a function, ask where that is, go again from the start and stop
  // before it.
  const std::string output = Gdb(R"(
break Spoil
continue
python place = int(gdb.execute("monitor position", to_string=True).split()[-1])
delete
monitor seek begin
continue
python gdb.execute("monitor stopat %d" % (place - 2000))
continue
echo <there>\n
python here = int(gdb.execute("monitor position", to_string=True).split()[-1])
python print("steps left:", place - here)
bt 1
echo <on>\n
monitor stopat +1500
continue
python print(place - int(gdb.execute("monitor position", to_string=True).split()[-1]))
echo <back>\n
monitor stopat -1000
reverse-continue
python print(place - int(gdb.execute("monitor position", to_string=True).split()[-1]))
echo <ends>\n
monitor stopat 999999999
continue
monitor stopat -999999999
reverse-continue
monitor position
)");
  EXPECT_THAT(SectionOf(output, "there"), HasSubstr("steps left: 2000\n"));
  EXPECT_THAT(SectionOf(output, "there"), HasSubstr("Spin"));
  EXPECT_THAT(SectionOf(output, "on"), HasSubstr("\n500\n"));
  EXPECT_THAT(SectionOf(output, "back"), HasSubstr("\n1500\n"));
  const std::string ends = SectionOf(output, "ends");
  EXPECT_THAT(ends, HasSubstr("is past the end of the recording"));
  EXPECT_THAT(ends, HasSubstr("position 0\n"));
}

TEST_F(GdbWalk, DetachedRecordingWaitsWhereItWas) {
  WalkedSession session;
  const std::string first = session.Gdb(R"(
break Square
continue
continue
stepi
monitor position
detach
)");
  const std::string second = session.Gdb(R"(
monitor position
p x
reverse-stepi
x/i $pc
)");
  const size_t at = first.find("time ");
  ASSERT_NE(at, first.npos) << first;
  EXPECT_THAT(second, HasSubstr(first.substr(at, first.find('\n', at) - at)));
  EXPECT_THAT(ValuesIn(second), ElementsAre("2"));
}

TEST_F(GdbWalk, MovesMadeByContinueLeaveGdbsViewRight) {
  const std::string output = Gdb(R"(
break Spoil
continue
delete
monitor seek begin
continue
echo <begin>\n
p $pc == (unsigned long)&_start
p ticks
monitor seek end
continue
echo <end>\n
p ticks > 5
monitor seek 12345678901
monitor seek nowhere
)");
  EXPECT_THAT(ValuesIn(SectionOf(output, "begin")), ElementsAre("1", "0"));
  const std::string end = SectionOf(output, "end");
  EXPECT_THAT(ValuesIn(end), ElementsAre("1"));
  EXPECT_THAT(end, HasSubstr("is past the end of the recording"));
  EXPECT_THAT(end, HasSubstr("neither a position nor a mark"));
}

}  // namespace
}  // namespace librr
