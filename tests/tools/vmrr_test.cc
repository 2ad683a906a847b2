// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The program as a person sees it, on the small guests of tests/guests.
#include <pty.h>
#include <sys/stat.h>
#include <termios.h>

#include <algorithm>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tools/vmrr_process.h"

namespace librr::tools {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

std::string Guest(const std::string& name) {
  return std::string(GUESTS_FOLDER) + "/" + name + ".elf";
}

std::string Trace(const std::string& name) {
  return testing::TempDir() + "/" + name + ".vmrr";
}

// Records a guest; returns what the program said.
Outcome Record(const std::string& guest, const std::string& trace,
               std::vector<std::string> more = {},
               const std::string& input = "") {
  std::vector<std::string> arguments = {
      "record", "-o", trace, "--kernel", Guest(guest), "--memory", "16M"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunProgram(arguments, input);
}

std::string Info(const std::string& trace) {
  return RunProgram({"info", "--json", trace}).out;
}

TEST(VmrrTest, RecordsAndVerifiesAGuest) {
  const Outcome recorded = Record("hello", Trace("hello"));
  EXPECT_EQ(recorded.code, 0) << recorded.err;
  EXPECT_EQ(recorded.out, "hello from a bare machine\n");
  EXPECT_THAT(recorded.err, HasSubstr("\"console=ttyS0\""));
  EXPECT_THAT(recorded.err, HasSubstr("the guest exited with code"));
  EXPECT_THAT(recorded.err, HasSubstr("next: vmrr verify "));
  const Outcome verified = RunProgram({"verify", Trace("hello")});
  EXPECT_EQ(verified.code, 0) << verified.err;
  EXPECT_THAT(verified.err, HasSubstr("exact"));
  EXPECT_EQ(verified.out, "");
}

TEST(VmrrTest, EveryEndIsNamed) {
  for (const auto& [guest, reason] :
       std::vector<std::pair<std::string, std::string>>{
           {"hello", "exit"},
           {"halt", "halt"},
           {"idle", "idle"},
           {"triple", "triple_fault"},
           {"faultloop", "limit"}}) {
    const std::string trace = Trace("end_" + guest);
    ASSERT_EQ(Record(guest, trace, {"--max-position", "200000"}).code, 0);
    EXPECT_THAT(Info(trace), HasSubstr("\"end_reason\": \"" + reason + "\""));
    EXPECT_EQ(RunProgram({"verify", trace}).code, 0) << guest;
  }
}

TEST(VmrrTest, EveryBudgetVerifies) {
  ASSERT_EQ(Record("timer", Trace("budgets")).code, 0);
  for (const char* budget : {"1", "7", "1000", "10000000"}) {
    EXPECT_EQ(RunProgram({"verify", Trace("budgets"), "--budget", budget}).code,
              0)
        << budget;
  }
}

TEST(VmrrTest, WhatIsTypedIsRecordedAndNeedsNoScriptLater) {
  const std::string script = testing::TempDir() + "/echo.input";
  WriteAll(script, "expect quit\nwait 0.25\ntype ab\nexpect b\ntype q\n");
  const std::string trace = Trace("typed");
  const Outcome recorded = Record("echo", trace, {"--input", script});
  EXPECT_EQ(recorded.code, 0) << recorded.err;
  EXPECT_THAT(recorded.out, HasSubstr("abq"));
  unlink(script.c_str());
  EXPECT_EQ(RunProgram({"verify", trace}).code, 0);
  const Outcome again = RunProgram({"replay", "--console", trace});
  EXPECT_EQ(again.out, recorded.out);
  EXPECT_EQ(RunProgram({"console", trace}).out, recorded.out);
  EXPECT_THAT(RunProgram({"events", trace}).out,
              AllOf(HasSubstr("input     console \"ab\""),
                    HasSubstr("input     seed "), HasSubstr(" digest ")));
}

TEST(VmrrTest, StandardInputIsTypedToo) {
  const Outcome run =
      RunProgram({"run", "-k", Guest("echo"), "-m", "16M"}, "hello q");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("hello q"));
  EXPECT_THAT(run.err, HasSubstr("to record it: vmrr record -o run.vmrr -k "));
}

// Reads from the terminal until `text` came; false at its end.
bool ReadUntil(int terminal, const std::string& text, std::string* seen) {
  char buffer[256];
  while (seen->find(text) == std::string::npos) {
    const ssize_t count = read(terminal, buffer, sizeof(buffer));
    if (count <= 0) return false;
    seen->append(buffer, static_cast<size_t>(count));
  }
  return true;
}

TEST(VmrrTest, OnATerminalEveryKeyGoesToTheGuestButOne) {
  const std::string trace = Trace("terminal");
  const std::string kernel = Guest("echo");
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) {
    execl(VMRR_PROGRAM, VMRR_PROGRAM, "record", "-o", trace.c_str(), "-k",
          kernel.c_str(), "-m", "16M", nullptr);
    _exit(127);
  }
  std::string seen;
  ASSERT_TRUE(ReadUntil(terminal, "q to quit", &seen)) << seen;
  EXPECT_THAT(seen, HasSubstr("^] stops"));
  const std::string keys = "ab\x03";
  ASSERT_EQ(write(terminal, keys.data(), keys.size()), 3);
  ASSERT_TRUE(ReadUntil(terminal, keys, &seen)) << seen;
  termios mode{};
  ASSERT_EQ(tcgetattr(terminal, &mode), 0);
  EXPECT_EQ(mode.c_lflag & (ICANON | ECHO | ISIG), 0u);
  ASSERT_EQ(write(terminal, "\x1d", 1), 1);
  ASSERT_TRUE(ReadUntil(terminal, "next: vmrr verify", &seen)) << seen;
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ASSERT_EQ(tcgetattr(terminal, &mode), 0);
  EXPECT_NE(mode.c_lflag & ICANON, 0u) << "restored";
  close(terminal);
  EXPECT_EQ(RunProgram({"verify", trace}).code, 0);
  EXPECT_THAT(RunProgram({"events", trace}).out, HasSubstr("\\x03"));
}

TEST(VmrrTest, ExitStatusIsTheGuests) {
  EXPECT_EQ(RunProgram({"run", "-k", Guest("hello"), "--exit-status"}).code,
            RunProgram({"run", "-k", Guest("hello")}).code);
  EXPECT_EQ(RunProgram({"run", "-k", Guest("triple"), "--exit-status"}).code,
            1);
}

TEST(VmrrTest, TraceIsTheOwnersOnly) {
  ASSERT_EQ(Record("hello", Trace("mode")).code, 0);
  struct stat status {};
  ASSERT_EQ(stat(Trace("mode").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(VmrrTest, InterruptClosesTheTraceCleanly) {
  VmrrProcess recording({"record", "-o", Trace("stopped"), "-k",
                         Guest("faultloop"), "-m", "16M"});
  while (recording.output().empty()) usleep(1000);
  recording.Signal(SIGINT);
  const Outcome outcome = recording.Wait();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(Info(Trace("stopped")),
              AllOf(HasSubstr("\"complete\": true"),
                    HasSubstr("\"end_reason\": \"stopped\"")));
  EXPECT_EQ(RunProgram({"verify", Trace("stopped")}).code, 0);
}

TEST(VmrrTest, SecondWriterIsRefused) {
  const std::string trace = Trace("locked");
  VmrrProcess recording(
      {"record", "-o", trace, "-k", Guest("faultloop"), "-m", "16M"});
  while (recording.output().empty()) usleep(1000);
  const Outcome second = Record("hello", trace);
  EXPECT_EQ(second.code, 4);
  EXPECT_THAT(second.err, HasSubstr(trace + ": is being written"));
  recording.Signal(SIGTERM);
  EXPECT_EQ(recording.Wait().code, 0);
  EXPECT_EQ(RunProgram({"info", trace}).code, 0);
}

TEST(VmrrTest, KilledRecordingReplaysItsGoodPart) {
  const std::string trace = Trace("killed");
  unlink(trace.c_str());  // of an earlier run
  VmrrProcess recording(
      {"record", "-o", trace, "-k", Guest("faultloop"), "-m", "16M"});
  // Until something is there that can be lost.
  const auto is_empty = [&trace] {
    const std::string info = Info(trace);
    return info.empty() || info.find("\"end_position\": 0,") != info.npos;
  };
  for (int i = 0; i < 600 && is_empty(); ++i) usleep(100'000);
  recording.Signal(SIGKILL);
  recording.Wait();
  EXPECT_THAT(Info(trace), AllOf(HasSubstr("\"complete\": false"),
                                 HasSubstr("\"end_reason\": \"truncated\"")));
  EXPECT_THAT(Info(trace), Not(HasSubstr("\"end_position\": 0,")));
  const Outcome replayed = RunProgram({"replay", trace});
  EXPECT_EQ(replayed.code, 0) << replayed.err;
}

TEST(VmrrTest, RegistersAndMemoryAreThoseOfAnyWayThere) {
  ASSERT_EQ(Record("long64", Trace("look"), {"--max-position", "100000"}).code,
            0);
  for (const char* position : {"0", "1", "4321", "end"}) {
    const Outcome regs =
        RunProgram({"regs", Trace("look"), "--at", position, "--json"});
    EXPECT_EQ(regs.code, 0) << regs.err;
    EXPECT_THAT(regs.out,
                AllOf(HasSubstr("\"rip\": "), HasSubstr("\"k_gs_base\""),
                      HasSubstr("\"xmm15\": \"0x")));
    for (const char* budget : {"1", "7"}) {
      EXPECT_EQ(RunProgram({"regs", Trace("look"), "--at", position, "--json",
                            "--budget", budget})
                    .out,
                regs.out);
      EXPECT_EQ(RunProgram({"mem", Trace("look"), "--at", position, "-p",
                            "0x100000", "4096", "--budget", budget})
                    .out,
                RunProgram({"mem", Trace("look"), "--at", position, "-p",
                            "0x100000", "4096"})
                    .out);
    }
  }
}

TEST(VmrrTest, MemoryIsDumpedAndWritten) {
  ASSERT_EQ(Record("hello", Trace("mem")).code, 0);
  const Outcome shown =
      RunProgram({"mem", Trace("mem"), "--at", "end", "rip", "20"});
  EXPECT_THAT(shown.out, MatchesRegex("[0-9a-f]{16}  ([0-9a-f]{2}  ?)+.*\n"
                                      "[0-9a-f]{16} .*\n"));
  const std::string file = testing::TempDir() + "/mem.bin";
  EXPECT_EQ(RunProgram({"mem", Trace("mem"), "--at", "5", "--physical",
                        "0x100000", "4096", "-o", file})
                .code,
            0);
  EXPECT_EQ(ReadAll(file).size(), 4096u);
}

TEST(VmrrTest, WhatIsNotThereIsNotFound) {
  ASSERT_EQ(Record("hello", Trace("absent")).code, 0);
  const Outcome beyond = RunProgram(
      {"mem", Trace("absent"), "--at", "5", "-p", "0xfffffffffffffff0", "64"});
  EXPECT_EQ(beyond.code, 1);
  EXPECT_THAT(beyond.err, HasSubstr("there is no memory"));
  const Outcome huge = RunProgram(
      {"mem", Trace("absent"), "--at", "5", "0", "0xffffffffffffffff"});
  EXPECT_EQ(huge.code, 2);
}

TEST(VmrrTest, InstructionsAreShown) {
  ASSERT_EQ(Record("hello", Trace("disasm")).code, 0);
  const Outcome two =
      RunProgram({"disasm", Trace("disasm"), "--at", "5", "-n", "2"});
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(std::count(two.out.begin(), two.out.end(), '\n'), 2);
  EXPECT_THAT(two.out, StartsWith("0x00000000001"));
}

// Where a symbol of a guest is, by `nm`.
std::string AddressOf(const std::string& symbol, const std::string& guest) {
  const std::string command = "nm " + Guest(guest);
  std::FILE* const pipe = popen(command.c_str(), "r");
  char address[64], kind = 0, name[256];
  std::string found;
  while (std::fscanf(pipe, "%63s %c %255s", address, &kind, name) == 3) {
    if (name == symbol) found = std::string("0x") + address;
  }
  pclose(pipe);
  return found;
}

TEST(VmrrTest, LastWriteNamesTheStepAndTheInstruction) {
  ASSERT_EQ(Record("timer", Trace("writes")).code, 0);
  const std::string ticks = AddressOf("ticks", "timer");
  const Outcome last = RunProgram({"lastwrite", Trace("writes"), ticks, "4"});
  EXPECT_EQ(last.code, 0) << last.err;
  EXPECT_THAT(last.out, MatchesRegex(" +[0-9]+  0x0+[0-9a-f]+  09000000 -> "
                                     "0a000000  0x[0-9a-f]+: inc .*\n"));
  const std::string position = std::to_string(std::stoull(last.out));
  EXPECT_THAT(last.err,
              HasSubstr("vmrr gdb " + Trace("writes") + " --at " + position));
  // The step is there, and is the one that writes.
  EXPECT_THAT(
      RunProgram({"disasm", Trace("writes"), "--at", position, "-n", "1"}).out,
      HasSubstr("inc"));
  const Outcome earlier = RunProgram({"lastwrite", Trace("writes"), ticks, "4",
                                      "--before", position, "--physical"});
  EXPECT_THAT(earlier.out, HasSubstr("08000000 -> 09000000"));
  EXPECT_LT(std::stoull(earlier.out), std::stoull(position));
}

TEST(VmrrTest, AllWritesAreListedInOrder) {
  ASSERT_EQ(Record("timer", Trace("list")).code, 0);
  const std::string ticks = AddressOf("ticks", "timer");
  const Outcome all =
      RunProgram({"lastwrite", Trace("list"), ticks, "4", "--all"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 10);
  EXPECT_THAT(all.out, HasSubstr("00000000 -> 01000000"));
  EXPECT_LT(all.out.find("00000000 -> "), all.out.find("09000000 -> "));
  EXPECT_THAT(
      RunProgram({"lastwrite", Trace("list"), ticks, "4", "--json"}).out,
      AllOf(StartsWith("{\"address\": "), HasSubstr("\"cause\": \"cpu\""),
            HasSubstr("\"old\": \"09000000\", \"new\": \"0a000000\""),
            HasSubstr("\"instruction\": \"0x")));
}

TEST(VmrrTest, LastWriteSaysWhatItCannotFind) {
  ASSERT_EQ(Record("timer", Trace("unwritten")).code, 0);
  const std::string trace = Trace("unwritten");
  const Outcome never = RunProgram({"lastwrite", trace, "0x800000", "--json"});
  EXPECT_EQ(never.code, 1);
  EXPECT_THAT(never.out, HasSubstr("\"writes\": []"));
  EXPECT_THAT(never.err, HasSubstr("nothing has written to 0x800000 before"));
  EXPECT_EQ(RunProgram({"lastwrite", trace, "rsp", "0"}).code, 2);
  EXPECT_EQ(RunProgram({"lastwrite", trace, "here"}).code, 2);
  EXPECT_EQ(RunProgram({"lastwrite", trace}).code, 2);
  EXPECT_EQ(RunProgram({"lastwrite", trace, "rsp", "--before", "1000"}).code, 2)
      << "past the end";
}

TEST(VmrrTest, ConsoleLinesCanBeginWithTheirPlace) {
  ASSERT_EQ(Record("hello", Trace("lines")).code, 0);
  EXPECT_THAT(RunProgram({"console", "--timestamps", Trace("lines")}).out,
              MatchesRegex(" +[0-9]+ +0\\.[0-9]{9} hello from .*\n"));
}

TEST(VmrrTest, FactsComeAsJson) {
  ASSERT_EQ(Record("hello", Trace("json")).code, 0);
  const std::string info = Info(Trace("json"));
  for (const char* key : {"format_version",
                          "machine_model",
                          "features",
                          "complete",
                          "cpus",
                          "memory_bytes",
                          "end_position",
                          "end_time_ns",
                          "end_reason",
                          "exit_code",
                          "event_count",
                          "digest_count",
                          "checkpoint_count",
                          "bytes",
                          "total",
                          "image",
                          "inputs",
                          "outputs",
                          "digests",
                          "checkpoints",
                          "index"}) {
    EXPECT_THAT(info, HasSubstr("\"" + std::string(key) + "\": "));
  }
  EXPECT_THAT(RunProgram({"verify", "--json", Trace("json")}).out,
              AllOf(StartsWith("{\"exact\": true"), EndsWith("]}\n")));
  EXPECT_THAT(RunProgram({"stats", "--json", Trace("json")}).out,
              StartsWith("{\"steps\": "));
}

TEST(VmrrTest, OriginalsAndFolderDoNotMatterLater) {
  const std::string kernel = testing::TempDir() + "/moved.elf";
  WriteAll(kernel, ReadAll(Guest("hello")));
  const std::string trace = Trace("moved");
  ASSERT_EQ(RunProgram({"record", "-o", trace, "-k", kernel}).code, 0);
  unlink(kernel.c_str());
  EXPECT_EQ(RunProgram({"verify", trace}).code, 0);
}

TEST(VmrrTest, ChangedTraceIsNotExact) {
  ASSERT_EQ(Record("hello", Trace("bad")).code, 0);
  std::string bytes = ReadAll(Trace("bad"));
  for (size_t at = 16; at < bytes.size(); at += bytes.size() / 13) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x20);
    WriteAll(Trace("bad"), changed);
    const Outcome verified = RunProgram({"verify", Trace("bad")});
    EXPECT_THAT(verified.code, testing::AnyOf(0, 1, 3)) << at;
    EXPECT_LT(verified.err.size(), 4000u);
  }
}

TEST(VmrrTest, WrongUseEndsWithTwo) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {},
           {"recrod"},
           {"record"},
           {"record", "-o", Trace("wrong")},
           {"record", "-o", Trace("wrong"), "-k", Guest("hello"), "--memory",
            "1"},
           {"record", "-o", Trace("wrong"), "-k", Guest("hello"), "--idle",
            "never"},
           {"record", "-o", Trace("wrong"), "-k", Guest("hello"),
            "--digest-every", "0"},
           {"run", "-k", "/nonexistent/vmlinuz"},
           {"run", "-k", Guest("hello"), "--kernle", "x"},
           {"info"},
           {"info", "/nonexistent/t.vmrr"}}) {
    const Outcome outcome = RunProgram(arguments);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_THAT(RunProgram({"recrod"}).err, HasSubstr("did you mean record"));
}

TEST(VmrrTest, BadInputEndsWithThreeAndOneLine) {
  const std::string junk = testing::TempDir() + "/junk";
  WriteAll(junk, "this is neither a kernel nor a trace");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{
           {"info", junk},
           {"verify", junk},
           {"run", "-k", junk, "-a", ""},
           {"run", "-k", Guest("hello"), "-a", "", "--input", junk}}) {
    const Outcome outcome = RunProgram(arguments);
    EXPECT_EQ(outcome.code, 3) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1)
        << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr(junk));
  }
}

TEST(VmrrTest, PositionBeyondTheEndIsRefused) {
  ASSERT_EQ(Record("hello", Trace("beyond")).code, 0);
  const Outcome outcome =
      RunProgram({"regs", Trace("beyond"), "--at", "99999999999"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("beyond the end"));
  EXPECT_EQ(RunProgram({"regs", Trace("beyond")}).code, 2) << "no --at";
}

TEST(VmrrTest, FailedRecordingKeepsTheOldTrace) {
  ASSERT_EQ(Record("hello", Trace("kept")).code, 0);
  const std::string before = ReadAll(Trace("kept"));
  const std::string junk = testing::TempDir() + "/junk";
  WriteAll(junk, "not a kernel");
  EXPECT_EQ(RunProgram({"record", "-o", Trace("kept"), "-k", junk}).code, 3);
  EXPECT_EQ(ReadAll(Trace("kept")), before);
}

TEST(VmrrTest, HelpTeaches) {
  EXPECT_THAT(RunProgram({"--help"}).out, HasSubstr("vmrr verify boot.vmrr"));
  EXPECT_EQ(RunProgram({"record", "--help"}).code, 0);
  EXPECT_EQ(RunProgram({"record", "--help"}).out,
            RunProgram({"help", "record"}).out);
  EXPECT_THAT(RunProgram({"complete", "rec"}).out, HasSubstr("record\n"));
  EXPECT_THAT(RunProgram({"complete", "record", "--m"}).out,
              HasSubstr("--max-position\n"));
}

}  // namespace
}  // namespace librr::tools
