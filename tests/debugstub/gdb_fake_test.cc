// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb against the fake target.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/debugstub/fake_target.h"
#include "tests/debugstub/gdb_process.h"
#include "tests/debugstub/served_target.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class GdbOnFake : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
  }
  std::string Gdb(const std::string& script, const FakeOptions& options = {}) {
    FakeTarget target(options);
    ServedTarget served(&target);
    return RunGdb(served.address(), LIBRR_FAKE_PROGRAM, script);
  }
};

TEST_F(GdbOnFake, ConnectsAndShowsThreadsAndRegisters) {
  const std::string output = Gdb(R"(
info threads
info registers rip cr0 efer fs_base eflags
p/x $xmm0.uint128
p $st0
p $gs_base
thread 2
p $gs_base
p/x $pc
)");
  EXPECT_THAT(output, HasSubstr("\"vCPU 0\""));
  EXPECT_THAT(output, HasSubstr("\"vCPU 1\""));
  EXPECT_THAT(output, HasSubstr("_start"));
  EXPECT_THAT(output, ContainsRegex("cr0 .*\\[ PE PG \\]"));
  EXPECT_THAT(output, ContainsRegex("efer .*\\[ LME LMA \\]"));
  EXPECT_THAT(output, ContainsRegex("eflags .*\\[ *\\]"));
  EXPECT_THAT(output, HasSubstr("0x11111111111111111111111111111111"));
  EXPECT_THAT(output, HasSubstr("= 1\n"));
  EXPECT_THAT(output, HasSubstr("= 4096\n"));
  EXPECT_THAT(output, HasSubstr("= 4097\n"));
  EXPECT_THAT(output, Not(HasSubstr("warning:")));
}

TEST_F(GdbOnFake, BreaksStepsAndFinishes) {
  const std::string output = Gdb(R"(
break main
continue
next
next
step
next
next
step
step
bt
finish
p (long)counter
p $rcx
until
p $rcx
tbreak work
continue
info breakpoints
display/i $pc
stepi
)");
  EXPECT_THAT(output, HasSubstr("Breakpoint 1, main ()"));
  EXPECT_THAT(output, HasSubstr("#0  work ()"));
  EXPECT_THAT(output, ContainsRegex("#1  0x[0-9a-f]+ in main \\(\\)"));
  EXPECT_THAT(output, HasSubstr("Run till exit from #0"));
  EXPECT_THAT(output, HasSubstr("= 102\n"));
  EXPECT_THAT(output, HasSubstr("Temporary breakpoint 2, work ()"));
  EXPECT_THAT(output, HasSubstr("1: x/i $pc"));
}

TEST_F(GdbOnFake, NextStepsOverACallInBothDirections) {
  const std::string output = Gdb(R"(
break main
continue
next
next
next
next
x/i $pc
p (long)counter
reverse-next
x/i $pc
p (long)counter
reverse-next
reverse-next
reverse-next
p $pc == (long) main
)");
  EXPECT_THAT(output, ContainsRegex("main.*:\\s*dec +%rcx(.|\n)*= 101\n"));
  EXPECT_THAT(output, ContainsRegex("main.*:\\s*call (.|\n)*= 100\n"));
  EXPECT_THAT(output, HasSubstr("= 1\n"));
}

TEST_F(GdbOnFake, GoesBackwardsByStepsFunctionsAndBreakpoints) {
  const std::string output = Gdb(R"(
break work
continue
continue
p (long)counter
reverse-stepi
x/i $pc
stepi
p $pc == (long) work
stepi
stepi
reverse-finish
x/i $pc
reverse-continue
p (long)counter
reverse-continue
reverse-step
)");
  EXPECT_THAT(output, HasSubstr("= 101\n"));
  EXPECT_THAT(output, ContainsRegex("=> 0x[0-9a-f]+ <main.*>:\\s*call"));
  EXPECT_THAT(output, HasSubstr("Run back to call of #0"));
  EXPECT_THAT(output, HasSubstr("= 100\n"));
  EXPECT_THAT(output, HasSubstr("No more reverse-execution history."));
}

TEST_F(GdbOnFake, EndOfTheHistoryDoesNotKillTheSession) {
  const std::string output = Gdb(R"(
continue
p (long)result
reverse-stepi
continue
p $pc == 0x110006
)");
  EXPECT_THAT(output, ContainsRegex("No more reverse-execution history(.|\n)*"
                                    "= 77\n(.|\n)*"
                                    "No more reverse-execution history"));
  EXPECT_THAT(output, Not(HasSubstr("exited")));
}

TEST_F(GdbOnFake, WatchesWritesReadsAndAccessesInBothDirections) {
  const std::string output = Gdb(R"(
watch *(long *)&counter
continue
continue
reverse-continue
reverse-continue
x/i $pc
delete
rwatch *(long *)&counter
continue
delete
awatch *(long *)&counter
continue
reverse-continue
)");
  EXPECT_THAT(output, ContainsRegex("Hardware watchpoint 1: .*counter\n\n"
                                    "Old value = 100\nNew value = 101\n"));
  EXPECT_THAT(output, ContainsRegex("Old value = 101\nNew value = 102\n"));
  EXPECT_THAT(output, ContainsRegex("Old value = 102\nNew value = 101\n"));
  EXPECT_THAT(output, ContainsRegex("Old value = 101\nNew value = 100\n"));
  EXPECT_THAT(output, ContainsRegex("=> 0x[0-9a-f]+ <work.14>:\\s*mov +%rax,"));
  EXPECT_THAT(output, ContainsRegex("Hardware read watchpoint 2: .*counter\n\n"
                                    "Value = 101\n"));
  EXPECT_THAT(output, HasSubstr("Hardware access (read/write) watchpoint 3"));
}

TEST_F(GdbOnFake, ArmedMovesHappenWithContinueAndCachesAreRight) {
  const std::string output = Gdb(R"(
break work
continue
p (long)counter
monitor position
monitor seek end
continue
p (long)counter
p (long)result
monitor position
monitor seek 0
continue
p $pc == (long) _start
p (long)counter
monitor seek nowhere
monitor stopat +7
continue
monitor position
)");
  EXPECT_THAT(output, HasSubstr("= 100\n"));
  EXPECT_THAT(output, HasSubstr("= 105\n"));
  EXPECT_THAT(output, HasSubstr("= 77\n"));
  EXPECT_THAT(output, HasSubstr("neither a position nor a mark"));
  EXPECT_THAT(output, ContainsRegex("= 1\n(.|\n)*position 7\n"));
}

TEST_F(GdbOnFake, SeekAtABreakpointGoesWhereItShould) {
  // `continue` steps off a breakpoint first; the move must survive that.
  const std::string output = Gdb(R"(
break work
continue
continue
monitor seek 2
continue
monitor position
stepi
monitor position
break *$pc
monitor seek end
continue
monitor position
)");
  EXPECT_THAT(output, HasSubstr("position 2\n"));
  EXPECT_THAT(output, HasSubstr("position 3\n"));
  FakeTarget target;
  EXPECT_THAT(output, HasSubstr("position " +
                                std::to_string(target.end().value()) + "\n"));
}

TEST_F(GdbOnFake, WritesAreRefused) {
  const std::string output = Gdb(R"(
set var *(int *)&counter = 5
set var $rax = 5
monitor position
p (long)counter
)");
  EXPECT_THAT(output, HasSubstr("Cannot access memory at address"));
  EXPECT_THAT(output, HasSubstr("E.rax was not written: this is the past"));
  EXPECT_THAT(output, HasSubstr("memory at 0x118000 was not written: this is"));
  EXPECT_THAT(output, HasSubstr("= 100\n"));
}

TEST_F(GdbOnFake, DetachesAndComesBack) {
  FakeTarget target;
  ServedTarget served(&target);
  const std::string first = RunGdb(served.address(), LIBRR_FAKE_PROGRAM, R"(
break work
continue
stepi
monitor position
detach
)");
  const std::string second = RunGdb(served.address(), LIBRR_FAKE_PROGRAM, R"(
monitor position
x/i $pc
continue
)");
  const size_t at = first.rfind("position ");
  ASSERT_NE(at, std::string::npos);
  const std::string position = first.substr(at, first.find('\n', at) - at + 1);
  EXPECT_THAT(second, HasSubstr(position));
  EXPECT_THAT(second, ContainsRegex("<work.1>"));
  EXPECT_THAT(second, HasSubstr("No more reverse-execution"));
}

TEST_F(GdbOnFake, SecondGdbIsToldWhy) {
  FakeTarget target;
  ServedTarget served(&target);
  const std::string output =
      RunGdb(served.address(), LIBRR_FAKE_PROGRAM,
             "shell timeout 20 /usr/bin/gdb -nx -q -batch -ex 'target remote " +
                 served.address() + "' 2>&1\nmonitor position\n");
  EXPECT_THAT(output, HasSubstr("another debugger is attached"));
  EXPECT_THAT(output, HasSubstr("position 0\n"));
}

TEST_F(GdbOnFake, ControlCStopsInBothDirections) {
  FakeOptions options;
  options.begin = "spin";
  options.max_steps = 400'000;
  options.step_microseconds = 100;
  const std::string output = Gdb(R"(
monitor seek 200000
continue
shell (sleep 2; kill -INT $PPID) &
continue
monitor position
shell (sleep 2; kill -INT $PPID) &
reverse-continue
monitor position
)",
                                 options);
  EXPECT_THAT(output, ContainsRegex("SIGINT(.|\n)*SIGINT"));
}

TEST_F(GdbOnFake, PhysicalMemoryModeIsThatOfQemu) {
  const std::string output = Gdb(R"(
maintenance packet Qqemu.PhyMemMode:1
maintenance flush dcache
x/2xb 0x10000
maintenance packet Qqemu.PhyMemMode:0
)");
  EXPECT_THAT(output, HasSubstr("0xe8\t0x01"));
}

}  // namespace
}  // namespace librr
