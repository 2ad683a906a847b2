// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// `vmrr gdb` and `vmrr serve` as a person types them: the commands that they
// add to the real gdb, and what is said when something is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/debugstub/packet_client.h"
#include "tests/gdb/walked_recording.h"
#include "tests/tools/vmrr_process.h"

namespace librr {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using tools::Outcome;
using tools::ReadAll;
using tools::RunProgram;
using tools::VmrrProcess;
using tools::WriteAll;

class VmrrGdb : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
  }
  // Each command is executed, whatever became of the one before; "<N>" is
  // printed before the Nth, from 1 on.
  Outcome Gdb(const std::vector<std::string>& commands,
              std::vector<std::string> options = {},
              const std::string& trace = Walked().path()) {
    std::vector<std::string> words = {"gdb", trace, "--symbols",
                                      LIBRR_WALKED_SYMBOLS};
    words.insert(words.end(), options.begin(), options.end());
    for (const char* word : {"--", "-nx", "-batch", "-ex", "set width 0"}) {
      words.push_back(word);
    }
    for (size_t i = 0; i < commands.size(); ++i) {
      words.insert(words.end(),
                   {"-ex", "echo (gdb) <" + std::to_string(i + 1) + ">\\n",
                    "-ex", commands[i]});
    }
    Outcome outcome = RunProgram(words);
    // Errors, and what the stub says on the way.
    outcome.out += "(gdb) <errors>\n" + outcome.err;
    return outcome;
  }
  static uint64_t PositionIn(const std::string& text) {
    const size_t at = text.rfind("position ");
    EXPECT_NE(at, text.npos) << text;
    return at == text.npos ? 0 : std::stoull(text.substr(at + 9));
  }
  // As `vmrr regs` has it.
  static uint64_t RegisterAt(uint64_t position, const std::string& name) {
    const Outcome regs = RunProgram(
        {"regs", Walked().path(), "--at", std::to_string(position), "--json"});
    const std::string key = "\"" + name + "\": ";
    const size_t at = regs.out.find(key);
    EXPECT_NE(at, regs.out.npos) << regs.out << regs.err;
    return std::stoull(regs.out.substr(at + key.size()));
  }
};

TEST_F(VmrrGdb, BeginsAtTheEndAndLeavesWithoutAQuestion) {
  const Outcome outcome = Gdb({"position", "info threads"});
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_EQ(PositionIn(SectionOf(outcome.out, "1")), Walked().end());
  EXPECT_THAT(outcome.out, HasSubstr("The past cannot be changed"));
  EXPECT_THAT(outcome.out, HasSubstr("vCPU 0"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("warning")));
}

TEST_F(VmrrGdb, SeekNeedsNothingElseTypedToBeRight) {
  // Where two functions are, that a call chain leads to.
  const Outcome found =
      Gdb({"break Square", "continue", "continue", "continue", "position",
           "break Spoil", "delete 1", "continue", "position"},
          {"--at", "0"});
  const uint64_t square = PositionIn(SectionOf(found.out, "5"));
  const uint64_t spoil = PositionIn(SectionOf(found.out, "9"));
  ASSERT_LT(square, spoil) << found.out;

  std::vector<std::string> commands;
  const std::vector<uint64_t> positions = {square, spoil,      square + 1,
                                           0,      spoil - 50, square};
  for (const uint64_t position : positions) {
    const std::string number = std::to_string(position);
    for (const std::string& command :
         {"seek " + number, std::string("p/d (unsigned long)$pc"),
          std::string("p/d (unsigned long)$sp"), std::string("x/i $pc"),
          std::string("bt"), std::string("p $position"),
          std::string("position")}) {
      commands.push_back(command);
    }
  }
  const std::string output = Gdb(commands).out;
  for (size_t i = 0; i < positions.size(); ++i) {
    const auto section = [&](size_t command) {
      return SectionOf(output, std::to_string(i * 7 + command));
    };
    const uint64_t rip = RegisterAt(positions[i], "rip");
    EXPECT_THAT(ValuesIn(section(2)), ElementsAre(std::to_string(rip)));
    EXPECT_THAT(ValuesIn(section(3)),
                ElementsAre(std::to_string(RegisterAt(positions[i], "rsp"))));
    char pointed[32];
    std::snprintf(pointed, sizeof(pointed), "=> 0x%llx ",
                  static_cast<unsigned long long>(rip));
    EXPECT_THAT(section(4), HasSubstr(pointed));
    EXPECT_EQ(PositionIn(section(7)), positions[i]);
    if (positions[i] == square) {
      EXPECT_THAT(section(1), HasSubstr("Square (x=3) at "));
      EXPECT_THAT(section(5),
                  ContainsRegex("#0 .*Square \\(x=3\\)(.|\n)*"
                                "#1 .*SumOfSquares \\(n=10\\)(.|\n)*"
                                "#2 .*FirstProgram \\(\\)"));
    }
    if (positions[i] == spoil) {
      EXPECT_THAT(section(5), ContainsRegex("#0 .*Spoil \\(address="));
      EXPECT_THAT(section(5), HasSubstr("HandleKernelEvent (frame="));
    }
  }
}

TEST_F(VmrrGdb, SeekTakesSignsEndsMarksTimesAndText) {
  const Outcome outcome = Gdb(
      {"seek 5000", "seek +250", "position", "seek -1250", "position",
       "mark here", "seek end", "position", "seek here", "position",
       "seek time:0.0001", "position", "seek console:first done", "position",
       "seek $position - 7", "position", "marks", "seek begin", "position"});
  const std::string& output = outcome.out;
  const auto at = [&](const char* section) {
    return PositionIn(SectionOf(output, section));
  };
  EXPECT_EQ(at("3"), 5250u);
  EXPECT_EQ(at("5"), 4000u);
  EXPECT_EQ(at("8"), Walked().end());
  EXPECT_EQ(at("10"), 4000u);
  EXPECT_THAT(SectionOf(output, "12"), HasSubstr("time 0.000100"));
  EXPECT_GT(at("14"), at("12"));
  EXPECT_EQ(at("16"), at("14") - 7);
  EXPECT_THAT(SectionOf(output, "17"), HasSubstr("here 4000\n"));
  EXPECT_EQ(at("19"), 0u);
}

TEST_F(VmrrGdb, PositionsPastBothEndsMeanTheEnds) {
  const Outcome outcome =
      Gdb({"seek 99999999999", "position", "seek -99999999999", "position",
           "seek +99999999999", "position", "stopat -1000", "reverse-continue",
           "position", "stopat +999999999", "continue", "position",
           "stopat -999999999", "reverse-continue", "position", "stopat +77",
           "continue", "position"});
  const std::string& output = outcome.out;
  const auto at = [&](const char* section) {
    return PositionIn(SectionOf(output, section));
  };
  EXPECT_THAT(SectionOf(output, "1"), HasSubstr("is past the end"));
  EXPECT_EQ(at("2"), Walked().end());
  EXPECT_EQ(at("4"), 0u);
  EXPECT_EQ(at("6"), Walked().end());
  EXPECT_EQ(at("9"), Walked().end() - 1000);
  EXPECT_THAT(SectionOf(output, "10"), HasSubstr("is past the end"));
  EXPECT_EQ(at("12"), Walked().end());
  EXPECT_EQ(at("15"), 0u);
  EXPECT_EQ(at("18"), 77u);
}

TEST_F(VmrrGdb, LastWriteGoesToTheWrite) {
  const Outcome outcome =
      Gdb({"lastwrite faults", "x/i $pc", "p faults", "bt", "stepi", "p faults",
           "break " + LineAt("last"), "seek begin", "continue",
           "lastwrite heap[2]", "position", "info source",
           "lastwrite *(long*)0x6000000000", "position"});
  const std::string& output = outcome.out;
  EXPECT_THAT(output, HasSubstr("written by vCPU 0"));
  EXPECT_THAT(SectionOf(output, "4"), HasSubstr("MapHeapPage (address="));
  const std::vector<std::string> before = ValuesIn(SectionOf(output, "3"));
  const std::vector<std::string> after = ValuesIn(SectionOf(output, "6"));
  ASSERT_EQ(before.size(), 1u) << output;
  ASSERT_EQ(after.size(), 1u) << output;
  EXPECT_EQ(std::stoi(before[0]) + 1, std::stoi(after[0]));
  EXPECT_THAT(SectionOf(output, "10"), HasSubstr("// at: spoil"));
  EXPECT_THAT(output, HasSubstr("nothing has written to 0x6000000000"));
  EXPECT_EQ(PositionIn(SectionOf(output, "14")),
            PositionIn(SectionOf(output, "11")))
      << "one that finds nothing stays";
}

TEST_F(VmrrGdb, MistakesInGdbAreSaidWhereThePersonIs) {
  const Outcome outcome = Gdb(
      {"seek", "seek nowhere", "stopat soon", "lastwrite", "mark", "scope all",
       "x/8xb 0x6000000000", "set var ticks = 5", "set var $rax = 5",
       "monitor lastwrite 0x5000000000 0", "monitor frobnicate", "position"});
  const std::string& output = outcome.out;
  for (const char* text :
       {"where to? seek N", "'nowhere' is neither a position nor a mark",
        "'soon' is no position", "of what? lastwrite EXPRESSION",
        "usage: monitor mark NAME", "usage: monitor scope",
        "Cannot access memory at address 0x6000000000",
        "Writing to memory is not allowed",
        "Writing to registers is not allowed", "the length is 1 byte to 1 GiB",
        "there is no command 'frobnicate'"}) {
    EXPECT_THAT(output, HasSubstr(text));
  }
  EXPECT_EQ(PositionIn(SectionOf(output, "12")), Walked().end());
}

TEST_F(VmrrGdb, DamagedAndForeignTracesAreNamed) {
  const std::string path = testing::TempDir() + "/librr_damaged.vmrr";
  const std::string whole = ReadAll(Walked().path());
  const auto refused = [&](const std::string& bytes, const char* text) {
    WriteAll(path, bytes);
    for (const char* command : {"gdb", "serve"}) {
      const Outcome outcome = RunProgram({command, path});
      EXPECT_EQ(outcome.code, 3) << outcome.err;
      EXPECT_THAT(outcome.err, HasSubstr(path + ": " + text));
      EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
    }
  };
  refused("", "is not a trace");
  refused(ReadAll(LIBRR_WALKED_SYMBOLS), "is not a trace");
  std::string damaged = whole;
  damaged[whole.size() / 2] ^= 1;  // in the kernel's image
  refused(damaged, "damaged at offset");

  // What comes before the damage can be walked.
  WriteAll(path, whole.substr(0, whole.size() - 180));
  const Outcome outcome = Gdb({"position", "seek 1000", "position"}, {}, path);
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.err, ContainsRegex("damaged at offset [0-9]+: .*; what "
                                         "is good ends at position [0-9]+"));
  EXPECT_EQ(PositionIn(SectionOf(outcome.out, "3")), 1000u);
  unlink(path.c_str());
}

TEST_F(VmrrGdb, WrongUseIsRefusedBeforeGdbStarts) {
  const std::string trace = Walked().path();
  EXPECT_EQ(RunProgram({"gdb", trace, "--at", "99999999999"}).code, 2);
  EXPECT_EQ(RunProgram({"gdb", trace, "--at", "soon"}).code, 2);
  EXPECT_EQ(RunProgram({"gdb", trace, "--symbols", "/nonexistent"}).code, 2);
  EXPECT_EQ(RunProgram({"gdb", "/nonexistent/t.vmrr"}).code, 2);
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  const Outcome outcome = RunProgram({"gdb", trace});
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("cannot start gdb"));
  EXPECT_THAT(outcome.err, HasSubstr("vmrr serve"));
}

// Until a program that serves has made its socket.
void WaitForSocket(const std::string& path) {
  struct stat status {};
  for (int i = 0; i < 1'000 && stat(path.c_str(), &status) != 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

TEST(VmrrServe, TakenSocketsAndPortsAreSaid) {
  const std::string path = testing::TempDir() + "/librr_served_socket";
  const std::string trace = Walked().path();
  unlink(path.c_str());
  VmrrProcess first({"serve", trace, "--gdb", path});
  WaitForSocket(path);
  const Outcome second = RunProgram({"serve", trace, "--gdb", path});
  EXPECT_EQ(second.code, 4);
  EXPECT_THAT(second.err, HasSubstr(path + " exists"));
  {
    PacketClient client(path);
    EXPECT_EQ(client.Ask("qC"), "QC1");
    client.Send("$m1000");
  }
  first.Signal(SIGINT);
  const Outcome outcome = first.Wait();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("target remote " + path));
  struct stat status {};
  EXPECT_NE(stat(path.c_str(), &status), 0) << "the socket is still there";
  EXPECT_EQ(RunProgram({"serve", trace, "--gdb", "port"}).code, 2);
  EXPECT_EQ(RunProgram({"serve", trace, "--gdb", "/no/such/folder/s"}).code, 4);
}

}  // namespace
}  // namespace librr
