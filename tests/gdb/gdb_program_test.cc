// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb finds where the program and the shared libraries of a guest's
// process are: position-independent, at other addresses in each process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gdb/shared_guest.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

using GdbProgram = SharedGuestTest;

constexpr const char* kPython = R"(python
def switch_to(name, nth=0):
    found = [t for t in gdb.selected_inferior().threads() if t.name == name]
    found[nth].switch()
    return found[nth].ptid[1]
end
)";

// Where `info sharedlibrary` and the program have been relocated to, in both
// processes, and a stack through the C library.
constexpr const char* kScript = R"(set sysroot FILES
file PROGRAM
target remote SOCKET
PYTHON
monitor seek console:poweroff
continue
echo (gdb) <one>\n
python one = switch_to("sorted")
file PROGRAM
info sharedlibrary
info auxv
bt
python first = int(gdb.parse_and_eval("(long)&numbers"))
print numbers[0] != 0
echo (gdb) <callback>\n
break CompareNumbers
reverse-continue
bt
print comparisons > 0
print *(unsigned long *)a < ~0ul
delete
echo (gdb) <two>\n
monitor seek console:poweroff
continue
thread find sorted
python two = switch_to("sorted", 1)
file PROGRAM
bt
python second = int(gdb.parse_and_eval("(long)&numbers"))
python print("processes differ: %s, addresses differ: %s" % (one != two, first != second))
)";

std::string Fill(std::string text, const std::string& word,
                 const std::string& value) {
  for (size_t at = text.find(word); at != text.npos; at = text.find(word, at)) {
    text.replace(at, word.size(), value);
    at += value.size();
  }
  return text;
}

TEST_F(GdbProgram, IsRelocatedInThePlainDebuggerToo) {
  std::string script = Fill(kScript, "PROGRAM", program());
  script = Fill(script, "FILES", files());
  script = Fill(script, "PYTHON\n", kPython);
  const std::string output = Serve(script);
  const std::string one = SectionOf(output, "one");
  for (const char* library :
       {"lib/libcompare.so", "libc.so.6", "ld-linux-x86-64.so.2"}) {
    EXPECT_THAT(one, ContainsRegex(std::string("0x[0-9a-f]+ +0x[0-9a-f]+ +Yes "
                                               ".*/shared/.*") +
                                   library));
  }
  EXPECT_THAT(one, ContainsRegex("AT_ENTRY .*0x[0-9a-f]+"));
  EXPECT_THAT(one, ContainsRegex("#0 .*pause \\((.|\n)*#1 .* main \\("));
  EXPECT_THAT(one, HasSubstr("= 1"));
  const std::string callback = SectionOf(output, "callback");
  EXPECT_THAT(callback, HasSubstr("hit Breakpoint 1"));
  EXPECT_THAT(callback,
              ContainsRegex("#0 .*CompareNumbers \\(a=.*(.|\n)*qsort(.|\n)* "
                            "Sort \\(seed=.*(.|\n)* main \\("));
  const std::string two = SectionOf(output, "two");
  EXPECT_THAT(two, HasSubstr("processes differ: True, addresses differ: True"));
  EXPECT_THAT(two, ContainsRegex(" main \\("));
  EXPECT_THAT(output, Not(HasSubstr("rror:"))) << output;
}

// Finds the two processes and goes to where both wait.
constexpr const char* kFindThem = R"(seek console:poweroff
thread find sorted
python pids = sorted(t.ptid[1] for t in gdb.selected_inferior().threads() if t.name == "sorted")
)";

TEST_F(GdbProgram, ComesFromAFolderWithTheGuestsFiles) {
  const std::string output = VmrrGdb(kFindThem + std::string(R"(
echo (gdb) <one>\n
python gdb.execute("process %d" % pids[0])
info sharedlibrary
bt
echo (gdb) <callback>\n
break CompareNumbers
reverse-continue
python print("still it: %s" % (gdb.selected_thread().ptid[1] == pids[0]))
info source
echo (gdb) <kernel>\n
info symbol schedule
echo (gdb) <two>\n
seek console:poweroff
process 2
process 4000000
python gdb.execute("process %d" % pids[1])
bt
reverse-continue
python print("now the other: %s" % (gdb.selected_thread().ptid[1] == pids[1]))
)"),
                                     {"--symbols", files()});
  const std::string one = SectionOf(output, "one");
  EXPECT_THAT(one, ContainsRegex("Yes .*/shared/lib/libcompare.so"));
  EXPECT_THAT(one, ContainsRegex("#1 .* main \\(argc=2"));
  const std::string callback = SectionOf(output, "callback");
  EXPECT_THAT(callback, HasSubstr("hit Breakpoint 1, CompareNumbers (a="));
  EXPECT_THAT(callback, HasSubstr("still it: True"));
  // Its symbols are not in the library's file.
  EXPECT_THAT(callback, HasSubstr("Current source file is "));
  EXPECT_THAT(callback, HasSubstr("compare.c"));
  EXPECT_THAT(SectionOf(output, "kernel"),
              HasSubstr("schedule in section .text"));
  const std::string two = SectionOf(output, "two");
  EXPECT_THAT(two, ContainsRegex(" main \\(argc=2"));
  EXPECT_THAT(two, HasSubstr("now the other: True"));
  EXPECT_THAT(output, HasSubstr("task 2 (kthreadd) has no user code"));
  EXPECT_THAT(output, HasSubstr("there is no task 4000000 here"));
}

TEST_F(GdbProgram, IsNamedWhereItsFileIsNotAtHand) {
  const std::string none =
      VmrrGdb(kFindThem +
              std::string("python gdb.execute(\"process %d\" % pids[0])\n"));
  EXPECT_THAT(none, HasSubstr("/bin/sorted: no folder with the guest's files "
                              "was given; start with vmrr gdb --symbols DIR"));
  const std::string other = VmrrGdb(
      kFindThem + std::string("python gdb.execute(\"process %d\" % pids[0])\n"),
      {"--symbols", folder()});
  EXPECT_THAT(other, ContainsRegex("has no /bin/sorted, which this process "
                                   "executes"));
}

}  // namespace
}  // namespace librr
