// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// gdb shows the tasks of a stock Debian guest by the typed line alone, as by
// the kernel's own types, and moves a process with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/gdb/three_racers.h"
#include "tests/tools/linux_recording.h"
#include "tests/tools/vmrr_process.h"

namespace librr {
namespace {

using ::testing::HasSubstr;
using tools::LinuxRecording;
using tools::Outcome;
using tools::RunProgram;
using tools::WriteAll;

constexpr const char* kScript = R"(set pagination off
set width 0
add-symbol-file PROGRAM
python
def tasks():
    gdb.execute("maintenance flush register-cache", to_string=True)
    gdb.execute("info threads", to_string=True)
    found = {}
    for t in gdb.selected_inferior().threads():
        t.switch()
        found[t.ptid[1]] = (t.name, str(gdb.parse_and_eval("$pc")),
                            str(gdb.parse_and_eval("$sp")))
    return found
def racers():
    return [t for t in gdb.selected_inferior().threads() if t.name == "racy_list"]
def pid():
    return gdb.selected_thread().ptid[1]
end
seek console:is corrupted
python by_types = tasks()
monitor linuxoffsets LINE
monitor ps
python
by_offsets = tasks()
same = [p for p in by_types if by_offsets.get(p) == by_types[p]]
print("tasks %d shown %d same %d" % (len(by_types), len(by_offsets), len(same)))
for p in by_types:
    if p not in same: print("not the same: %s %s" % (by_types[p], by_offsets.get(p)))
for t in racers():
    t.switch()
    frame = gdb.newest_frame()
    while frame is not None and frame.name() != "Fail": frame = frame.older()
    if frame is None: continue
    failed = pid()
    print("failed in %s" % gdb.selected_thread().name)
    break
gdb.execute("break Fail")
gdb.execute("reverse-continue")
print("it is %s" % (pid() == failed))
gdb.execute("delete")
gdb.execute("seek console:is corrupted", to_string=True)
for t in racers():
    if t.ptid[1] == failed: continue
    t.switch()
    me = pid()
    before = gdb.parse_and_eval("$pc")
    gdb.execute("stepi", to_string=True)
    print("forth: %s %s" % (pid() == me, gdb.parse_and_eval("$pc") != before))
    gdb.execute("reverse-stepi", to_string=True)
    print("back: %s %s" % (pid() == me, gdb.parse_and_eval("$pc") == before))
end
monitor linuxoffsets auto
python print("again %d" % len(tasks()))
)";

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(TypedOffsets, ShowTasksInGdb) {
  if (access("/usr/bin/gdb", X_OK) != 0) GTEST_SKIP() << "there is no gdb";
  if (!LinuxRecording::IsPossible()) GTEST_SKIP() << LinuxRecording::kMissing;
  const LinuxRecording recording("typed_offsets", kThreeRacers);
  ASSERT_TRUE(recording.ok());
  const std::string trace = recording.trace();
  const Outcome offsets = RunProgram({"offsets", trace, "--at", "end"});
  ASSERT_EQ(offsets.code, 0) << offsets.err;
  const std::string line = offsets.out.substr(0, offsets.out.find('\n'));
  const Outcome ps =
      RunProgram({"ps", trace, "--at", "end", "--offsets", line});
  EXPECT_EQ(ps.code, 0) << ps.err;
  EXPECT_THAT(ps.out, HasSubstr("racy_list"));
  EXPECT_THAT(ps.err, HasSubstr("typed by a person"));
  const Outcome dmesg =
      RunProgram({"dmesg", trace, "--at", "end", "--offsets", line});
  EXPECT_NE(dmesg.code, 0);
  EXPECT_THAT(dmesg.err, HasSubstr("needs the kernel's own types"));
  const std::string script_file = recording.folder() + "/script";
  WriteAll(script_file, Replaced(Replaced(kScript, "PROGRAM",
                                          GUESTS_FOLDER "/programs/racy_list"),
                                 "LINE", line));
  const Outcome walked =
      RunProgram({"gdb", trace, "--", "-batch", "-x", script_file});
  // gdb prints what `monitor` says on its standard error.
  EXPECT_THAT(walked.err, HasSubstr("proved: the guest has")) << walked.out;
  EXPECT_THAT(walked.out, testing::Not(HasSubstr("not the same")));
  EXPECT_THAT(walked.out, HasSubstr("failed in racy_list")) << walked.err;
  EXPECT_THAT(walked.out, HasSubstr("it is True"));
  EXPECT_THAT(walked.out, HasSubstr("forth: True True"));
  EXPECT_THAT(walked.out, HasSubstr("back: True True"));
  EXPECT_THAT(walked.out, HasSubstr("again "));
}

}  // namespace
}  // namespace librr
