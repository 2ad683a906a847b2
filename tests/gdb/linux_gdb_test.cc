// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb inside a stock Debian kernel and a program that it runs: a
// recording in which racy_list.c fails twice, first because another process
// writes to its memory, then by its own fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/debugstub/gdb_process.h"
#include "tests/gdb/gdb_output.h"
#include "tests/tools/linux_recording.h"
#include "tests/tools/vmrr_process.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using tools::LinuxRecording;
using tools::Outcome;
using tools::RunProgram;

const std::string kProgram = GUESTS_FOLDER "/programs/racy_list";
const std::string kSource = SOURCE_FOLDER;

constexpr int kSeeds = 8;
constexpr const char* kSpoilt = "0x4141414141414141 instead of";

// The value of one of the jobs that the program uses all the time, in words of
// 8 bytes, as `dd` counts.
uint64_t SpoiltWord() {
  constexpr uint64_t kSpoiltJob = 50;
  constexpr uint64_t kJobBytes = 16;
  const uint64_t jobs = AddressIn(kProgram, "jobs");
  return (jobs + kSpoiltJob * kJobBytes + 8) / 8;
}

// One recording for all tests.
class LinuxGdb : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!HasGuest()) return;
    const std::string typing =
        "expect librr guest ready\nexpect guest>\n"
        "type racy_list & usleep 10000; printf AAAAAAAA | "
        "dd of=/proc/$!/mem bs=8 count=1 conv=notrunc seek=" +
        std::to_string(SpoiltWord()) +
        "\\n\nexpect is corrupted\ntype \\n\nexpect guest>\n"
        "type racy_list\\n\nexpect is corrupted\nexpect guest>\n"
        "type poweroff -f\\n\n";
    // The program may corrupt itself before `dd` does, as it does later.
    for (int seed = 1; seed <= kSeeds; ++seed) {
      recording_.reset();
      recording_ = std::make_unique<LinuxRecording>(
          "linux_gdb", typing, tools::RecordedLinux{.seed = seed});
      ASSERT_TRUE(recording_->ok());
      if (recording_->console().find(kSpoilt) != std::string::npos) return;
    }
    FAIL() << "spoilt by itself, with each seed";
  }
  static void TearDownTestSuite() { recording_.reset(); }
  void SetUp() override {
    if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
    if (!HasGuest()) GTEST_SKIP() << "scripts/guests has not run";
  }

  // What gdb prints of a script, each line of which is executed whatever
  // became of the one before.
  static std::string Gdb(const std::string& script) {
    std::vector<std::string> words = {"gdb", trace(), "--", "-nx", "-batch"};
    words.insert(words.end(), {"-ex", "set width 0", "-ex", "cd " + kSource});
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line);) {
      words.insert(words.end(), {"-ex", line});
    }
    const Outcome outcome = RunProgram(words);
    return outcome.out + "(gdb) <errors>\n" + outcome.err;
  }

  // The same, with the program's symbols.
  static std::string GdbInProgram(const std::string& script) {
    return Gdb("add-symbol-file " + kProgram + "\n" + script);
  }

  static bool HasGuest() {
    return LinuxRecording::IsPossible() && std::filesystem::exists(kProgram);
  }
  static std::string trace() { return recording_->trace(); }

  static inline std::unique_ptr<LinuxRecording> recording_;
};

TEST_F(LinuxGdb, DemoFindsTheGuiltyFunctionAndLine) {
  const std::string script = kSource + "/scripts/demo_corruption.gdb";
  const std::string output = Gdb("source " + script);
  std::ifstream source(kSource + "/tests/guests/racy_list.c");
  int guilty = 1;
  for (std::string line; std::getline(source, line); ++guilty) {
    if (line.find("the corrupting write") != line.npos) break;
  }
  EXPECT_THAT(output, HasSubstr("Breakpoint 1, Fail (job=0x"));
  EXPECT_THAT(output, HasSubstr("#0  OnTimer (signal=14) at "));
  EXPECT_THAT(output, ContainsRegex("#2 .*(Work|main|Take|PutBack) \\("))
      << "what the signal interrupted";
  EXPECT_THAT(output, HasSubstr("guilty: OnTimer, tests/guests/racy_list.c:" +
                                std::to_string(guilty)));
}

TEST_F(LinuxGdb, WriteOfAnotherProcessThroughTheDirectMapIsCaught) {
  const std::string output = GdbInProgram(R"(break Fail
reverse-continue
reverse-continue
echo (gdb) <found>\n
p/x job->value
watch -location job->value
reverse-continue
echo (gdb) <spoilt>\n
p $cs & 3
p/x *(long *)$rsi == 0x4141414141414141 || $rax == 0x4141414141414141
bt
x/i $pc
stepi
echo (gdb) <before>\n
reverse-continue
)");
  EXPECT_THAT(ValuesIn(SectionOf(output, "found")),
              ElementsAre("0x4141414141414141"));
  const std::string spoilt = SectionOf(output, "spoilt");
  EXPECT_THAT(ValuesIn(spoilt), ElementsAre("0", "0x1"));
  EXPECT_THAT(spoilt, HasSubstr("in mem_rw ()"));
  EXPECT_THAT(spoilt, HasSubstr("in vfs_write ()"));
  EXPECT_THAT(spoilt, HasSubstr("in entry_SYSCALL_64_after_hwframe ()"));
  // Before that, the program itself wrote there.
  EXPECT_THAT(SectionOf(output, "before"), HasSubstr("in main () at "));
}

TEST_F(LinuxGdb, WalksThroughAProgramAndTheKernelBelowIt) {
  const std::string output = GdbInProgram(R"(echo (gdb) <start>\n
seek console:racy_list & usleep
tbreak main
continue
p $cs & 3
next
step
bt
finish
reverse-step
reverse-finish
position
echo (gdb) <kernel>\n
tbreak do_setitimer
continue
p $cs & 3
bt
finish
reverse-finish
echo (gdb) <work>\n
tbreak Work
continue
bt
echo (gdb) <handler>\n
tbreak OnTimer
continue
bt
finish
)");
  const std::string start = SectionOf(output, "start");
  EXPECT_THAT(start, HasSubstr("Temporary breakpoint 1, main () at "));
  EXPECT_THAT(start, ContainsRegex("#0 .*Take \\(\\)(.|\n)*#1 .*main \\(\\)"));
  EXPECT_THAT(start, HasSubstr("(struct Job *) 0x4"));
  const std::string kernel = SectionOf(output, "kernel");
  EXPECT_THAT(kernel, HasSubstr("in do_setitimer ()"));
  EXPECT_THAT(ValuesIn(kernel), ElementsAre("0"));
  EXPECT_THAT(kernel, ContainsRegex("in __x64_sys_setitimer \\(\\)(.|\n)*"
                                    "in entry_SYSCALL_64_after_hwframe "
                                    "\\(\\)(.|\n)*setitimer \\(\\)(.|\n)*"
                                    "main \\(\\) at "))
      << "one stack from the kernel to the program's main";
  EXPECT_THAT(SectionOf(output, "work"), HasSubstr("Work (number="));
  const std::string handler = SectionOf(output, "handler");
  EXPECT_THAT(handler, ContainsRegex("#0 .*OnTimer \\(signal=14\\)(.|\n)*"
                                     "#1 .*__restore_rt(.|\n)*main \\(\\)"));
  EXPECT_THAT(handler, HasSubstr("<signal handler called>"));
  EXPECT_THAT(output, Not(HasSubstr("rror:"))) << output;
}

TEST_F(LinuxGdb, StepsOverATickOfTheTimerAreMirroredBackwards) {
  const std::string output = GdbInProgram(R"(seek console:racy_list & usleep
tbreak Work
continue
tbreak asm_sysvec_apic_timer_interrupt
continue
seek -12
echo (gdb) <there>\n
python there = [gdb.parse_and_eval("$pc")]; [(gdb.execute("stepi", to_string=True), there.append(gdb.parse_and_eval("$pc"))) for i in range(30)]
python gdb.execute("position", to_string=True); far = int(gdb.parse_and_eval("$position"))
python back = [gdb.parse_and_eval("$pc")]; [(gdb.execute("reverse-stepi", to_string=True), back.append(gdb.parse_and_eval("$pc"))) for i in range(30)]
python gdb.execute("position", to_string=True); print("steps:", far - int(gdb.parse_and_eval("$position")))
python print("mirrored:", there == back[::-1], "user:", all(int(x) < 2**47 for x in there))
)");
  const std::string there = SectionOf(output, "there");
  EXPECT_THAT(there, HasSubstr("mirrored: True user: True")) << output;
  // The kernel's own, and the signal handler's, are not among the thirty.
  const size_t steps = there.find("steps: ");
  ASSERT_NE(steps, there.npos);
  EXPECT_GT(std::stoi(there.substr(steps + 7)), 500) << there;
}

TEST_F(LinuxGdb, StepsOutOfASignalHandlerEndInTheCodeThatItInterrupted) {
  const std::string output = GdbInProgram(R"(seek console:racy_list & usleep
tbreak Work
continue
tbreak OnTimer
continue
python interrupted = gdb.newest_frame().older().older().pc()
finish
echo (gdb) <by instruction>\n
stepi
x/i $pc
stepi
python print("back: %s" % (gdb.parse_and_eval("(long)$pc") == interrupted))
p $cs & 3
reverse-stepi
python print("before: %s" % gdb.newest_frame().name())
tbreak OnTimer
continue
echo (gdb) <by line>\n
next 20
bt 1
)");
  const std::string stepped = SectionOf(output, "by instruction");
  EXPECT_THAT(stepped, HasSubstr("syscall"));
  EXPECT_THAT(stepped, HasSubstr("back: True"));
  EXPECT_THAT(ValuesIn(stepped), ElementsAre("3"));
  // The handler is no part of the program's own past.
  EXPECT_THAT(stepped, ContainsRegex("before: (Work|main|Take|PutBack)\n"));
  EXPECT_THAT(SectionOf(output, "by line"),
              ContainsRegex("#0 .*(Work|main|Take|PutBack) \\("));
  EXPECT_THAT(output, Not(HasSubstr("does not go on within reach"))) << output;
}

TEST_F(LinuxGdb, ControlCStopsInBothDirections) {
  const std::string output = GdbInProgram(R"(seek begin
echo (gdb) <forward>\n
shell (sleep 0.5; kill -INT $PPID) &
continue
position
echo (gdb) <backward>\n
seek end
watch *(long *)0x10
shell (sleep 0.5; kill -INT $PPID) &
reverse-continue
position
delete
stepi
)");
  EXPECT_THAT(SectionOf(output, "forward"), HasSubstr("signal SIGINT"));
  EXPECT_THAT(SectionOf(output, "forward"), Not(ContainsRegex("position 0\n")));
  EXPECT_THAT(SectionOf(output, "backward"), HasSubstr("signal SIGINT"));
  EXPECT_THAT(SectionOf(output, "backward"),
              Not(ContainsRegex("position 0\n")));
}

}  // namespace
}  // namespace librr
