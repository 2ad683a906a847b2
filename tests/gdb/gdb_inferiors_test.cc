// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb attaches to processes of a guest by target extended-remote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/gdb/shared_guest.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

using GdbInferiors = SharedGuestTest;

TEST_F(GdbInferiors, AreTheMachineAndProcessesThatAreAttachedTo) {
  const std::string output =
      Serve("target extended-remote SOCKET\nset sysroot " + files() + R"(
monitor seek console:poweroff
continue
echo (gdb) <list>\n
info os processes
thread find sorted
python pids = sorted(t.ptid[1] for t in gdb.selected_inferior().threads() if t.name == "sorted")
echo (gdb) <attached>\n
add-inferior
inferior 2
python gdb.execute("attach %d" % pids[0])
info inferiors
info threads
bt
echo (gdb) <hit>\n
break CompareNumbers
reverse-continue
python print("it is %s" % (gdb.selected_inferior().pid == pids[0]))
bt
stepi
python print("stepped %s" % (gdb.selected_inferior().pid == pids[0]))
echo (gdb) <second>\n
add-inferior
inferior 3
python gdb.execute("attach %d" % pids[1])
python addresses = set()
python [(gdb.execute("inferior %d" % n, to_string=True), addresses.add(int(gdb.parse_and_eval("(long)&CompareNumbers")))) for n in (2, 3)]
python print("places %d" % len(addresses))
echo (gdb) <detached>\n
inferior 2
detach
inferior 3
info inferiors
echo (gdb) <machine>\n
inferior 1
python print("back: %s" % (pids[0] in [t.ptid[1] for t in gdb.selected_inferior().threads()]))
python gdb.execute("attach 4000000")
)");
  const std::string list = SectionOf(output, "list");
  EXPECT_THAT(list, ContainsRegex("1 +0 +/bin/sh /init|1 +0 +.*/init"));
  EXPECT_THAT(list, HasSubstr("[kthreadd]"));
  EXPECT_THAT(list, HasSubstr("sorted one"));
  EXPECT_THAT(list, HasSubstr("4194304"));
  const std::string attached = SectionOf(output, "attached");
  EXPECT_THAT(attached,
              ContainsRegex("\\* 2 +process [0-9]+ .*/shared/bin/sorted"));
  EXPECT_THAT(attached, ContainsRegex("1 +process 4194304"));
  EXPECT_THAT(attached, ContainsRegex("\\* 2.1 +Thread ([0-9]+).([0-9]+) "
                                      "\"sorted\" .*pause"));
  EXPECT_THAT(attached, ContainsRegex("#1 .* main \\(argc=2"));
  const std::string hit = SectionOf(output, "hit");
  EXPECT_THAT(hit, HasSubstr("hit Breakpoint 1"));
  EXPECT_THAT(hit, HasSubstr("it is True"));
  EXPECT_THAT(hit, HasSubstr("stepped True"));
  EXPECT_THAT(hit, ContainsRegex("qsort(.|\n)* main \\(argc=2"));
  EXPECT_THAT(SectionOf(output, "second"), HasSubstr("places 2"));
  const std::string detached = SectionOf(output, "detached");
  EXPECT_THAT(detached, ContainsRegex("2 +<null>"));
  EXPECT_THAT(detached, ContainsRegex("\\* 3 +process [0-9]+"));
  const std::string machine = SectionOf(output, "machine");
  EXPECT_THAT(output, Not(HasSubstr("internal-error"))) << output;
}

}  // namespace
}  // namespace librr
