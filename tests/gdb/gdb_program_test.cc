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

}  // namespace
}  // namespace librr
