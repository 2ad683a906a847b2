// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb debugs a process of a stock Debian guest, backwards, while other
// processes execute the same program at the same addresses: as `vmrr gdb` does
// it, with nothing typed about the guest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "tests/gdb/three_racers.h"
#include "tests/tools/linux_recording.h"
#include "tests/tools/vmrr_process.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using tools::LinuxRecording;
using tools::Outcome;
using tools::ReadAll;
using tools::RunProgram;
using tools::WriteAll;

// Each `echo` begins a section. `failed` is the process that has found its list
// corrupted: the one with the function Fail on its stack.
constexpr const char* kScript = R"(set pagination off
set width 0
add-symbol-file PROGRAM
python
def all_tasks():
    return gdb.selected_inferior().threads()
def racers():
    return [t for t in all_tasks() if t.name == "racy_list"]
def pid():
    return gdb.selected_thread().ptid[1]
def run(command, times, enough=100):
    seen = set()
    for i in range(times):
        gdb.execute(command, to_string=True)
        seen.add(pid())
        if len(seen) >= enough: break
    return sorted(seen)
end
seek console:is corrupted
echo <threads>\n
info threads
echo <processes>\n
monitor ps
monitor uniqstack
monitor syscall
python
for t in racers():
    t.switch()
    frame = gdb.newest_frame()
    while frame is not None and frame.name() != "Fail": frame = frame.older()
    if frame is not None:
        failed = pid()
        break
print("racers %d failed %d" % (len(racers()), failed))
waiting = [t.ptid[1] for t in racers() if t.ptid[1] != failed]
end
echo <stack>\n
bt
echo <found>\n
break Fail
reverse-continue
python print("it is %s" % (pid() == failed))
echo <write>\n
watch -location job->value
reverse-continue
python print("it is %s" % (pid() == failed))
bt
delete
echo <scope>\n
break PutBack
python print("backwards: %s" % (run("reverse-continue", 12) == [failed]))
python print("only it: %s" % (run("continue", 11) == [failed]))
delete
monitor scope any
break PutBack
python print("all: %d" % len(run("reverse-continue", 3000, enough=2)))
delete
monitor scope current
echo <steps>\n
python
for me in waiting:
    gdb.execute("seek console:is corrupted", to_string=True)
    [t for t in racers() if t.ptid[1] == me][0].switch()
    before = gdb.parse_and_eval("$pc")
    gdb.execute("stepi", to_string=True)
    print("forth: %s %s" % (pid() == me, gdb.parse_and_eval("$pc") != before))
    gdb.execute("reverse-stepi", to_string=True)
    print("back: %s %s" % (pid() == me, gdb.parse_and_eval("$pc") == before))
    gdb.execute("next", to_string=True)
    print("line: %s" % (pid() == me))
end
echo <idle>\n
python
for t in all_tasks():
    if t.name == "kthreadd":
        t.switch()
        gdb.execute("bt")
end
)";

std::string Section(const std::string& output, const std::string& name) {
  const std::string tag = "<" + name + ">\n";
  const size_t found = output.find(tag);
  if (found == output.npos) return "(no section " + name + " in)\n" + output;
  const size_t begin = found + tag.size();
  return output.substr(begin, output.find("\n<", begin) - begin + 1);
}

class GdbProcess : public testing::TestWithParam<const char*> {};

TEST_P(GdbProcess, IsDebuggedBackwardsAmongOthersOfTheSameProgram) {
  if (access("/usr/bin/gdb", X_OK) != 0) GTEST_SKIP() << "there is no gdb";
  if (!LinuxRecording::IsPossible()) GTEST_SKIP() << LinuxRecording::kMissing;
  const LinuxRecording recording("process", kThreeRacers,
                                 {.append = GetParam()});
  ASSERT_TRUE(recording.ok());
  const std::string script =
      std::regex_replace(std::string(kScript), std::regex("PROGRAM"),
                         GUESTS_FOLDER "/programs/racy_list");
  const std::string script_file = recording.folder() + "/script";
  WriteAll(script_file, script);
  const Outcome walked = RunProgram(
      {"gdb", recording.trace(), "--", "-nx", "-batch", "-x", script_file});
  const std::string& out = walked.out;
  EXPECT_EQ(walked.code, 0) << walked.err << out;

  const std::string threads = Section(out, "threads");
  EXPECT_THAT(threads, ContainsRegex("Thread 1 \"init\" \\(S, CPU 0\\)"));
  EXPECT_THAT(threads, ContainsRegex("\"swapper/0\" \\(R, CPU 0\\)"));
  EXPECT_THAT(threads, ContainsRegex("\"kthreadd\" \\(S, CPU 0\\)"));
  const std::string processes = Section(out, "processes");
  // gdb prints what `monitor` says on its standard error.
  EXPECT_THAT(walked.err, ContainsRegex("\n +1 +0 +0 S +0 .*/init\n"));
  EXPECT_THAT(processes, HasSubstr("racers 3 failed "));
  EXPECT_THAT(walked.err, ContainsRegex("\n1 init: wait4 \\(61\\) 0x"));
  EXPECT_THAT(walked.err,
              ContainsRegex("\n[0-9]+ racy_list: write \\(1\\) 0x1"));
  EXPECT_THAT(walked.err, ContainsRegex("\n1 task: 2 kthreadd\n  __schedule.*\n"
                                        "  schedule.*\n  kthreadd\\+0x.*\n"));

  // From the console's driver through the kernel, libc, and the program.
  const std::string stack = Section(out, "stack");
  EXPECT_THAT(stack, HasSubstr(" vfs_write ()"));
  EXPECT_THAT(stack, HasSubstr(" entry_SYSCALL_64_after_hwframe ()"));
  EXPECT_THAT(stack, HasSubstr(" _IO_new_file_write ()"));
  EXPECT_THAT(stack, HasSubstr(" printf ()"));
  EXPECT_THAT(stack, HasSubstr(" Fail (job="));
  EXPECT_THAT(stack, HasSubstr(" main () at "));

  EXPECT_THAT(Section(out, "found"), HasSubstr("hit Breakpoint 1, Fail (job="));
  EXPECT_THAT(Section(out, "found"), HasSubstr("it is True"));
  const std::string write = Section(out, "write");
  EXPECT_THAT(write, HasSubstr("hit Hardware watchpoint 2"));
  EXPECT_THAT(write, HasSubstr("// the corrupting write"));
  EXPECT_THAT(write, HasSubstr("it is True"));
  EXPECT_THAT(write, ContainsRegex("#0 .*OnTimer \\(signal="));
  EXPECT_THAT(write, ContainsRegex("#[0-9] .* main \\(\\) at "));

  const std::string scope = Section(out, "scope");
  EXPECT_THAT(scope, HasSubstr("only it: True"));
  EXPECT_THAT(scope, HasSubstr("backwards: True"));
  EXPECT_THAT(scope, HasSubstr("all: 2"));
  for (const char* line :
       {"forth: True True\n", "back: True True\n", "line: True\n"}) {
    EXPECT_THAT(Section(out, "steps"), HasSubstr(line));
  }
  EXPECT_EQ(Section(out, "steps").find("False"), std::string::npos)
      << Section(out, "steps");
  EXPECT_THAT(Section(out, "idle"), HasSubstr(" kthreadd ()"));
}

INSTANTIATE_TEST_SUITE_P(Kernels, GdbProcess,
                         testing::Values("console=ttyS0",
                                         "console=ttyS0 pti=on"),
                         [](const auto& info) {
                           return std::string(info.index == 0 ? "AsItComes"
                                                              : "WithPti");
                         });

}  // namespace
}  // namespace librr
