// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Symbols and call chains of a stock Debian kernel, with KASLR and without a
// vmlinux, against what the kernel itself says.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "librr/linux_symbols.h"
#include "librr/machine_memory.h"
#include "librr/pc_machine.h"
#include "librr/timeline.h"
#include "librr/trace.h"
#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_image.h"
#include "tests/tools/linux_recording.h"
#include "tests/tools/vmrr_process.h"
#include "tools/trace_argument.h"

namespace librr {
namespace {

using linux_guest::Kallsyms;
using linux_guest::KernelImage;
using tools::LinuxRecording;
using tools::Outcome;
using tools::ReadAll;
using tools::RunProgram;
using tools::WriteAll;

// Core symbols are those without a module in brackets.
constexpr const char* kTyping = R"(expect librr guest ready
expect guest>
type grep -v -F '[' /proc/kallsyms > /tmp/k; wc -l < /tmp/k; sha256sum < /tmp/k\n
expect guest>
type awk 'NR%400==1' /tmp/k\n
expect guest>
type workload exec 30; find / -xdev | sort | sha256sum\n
expect guest>
type poweroff -f\n
)";

std::string RunShell(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof(buffer), pipe)) {
    output.append(buffer, size);
  }
  pclose(pipe);
  return output;
}

// One recording for all tests.
class LinuxGuestSymbols : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (LinuxRecording::IsPossible())
      recording_ = std::make_unique<LinuxRecording>("symbols", kTyping);
  }
  static void TearDownTestSuite() { recording_.reset(); }
  void SetUp() override {
    if (recording_ == nullptr) GTEST_SKIP() << LinuxRecording::kMissing;
    ASSERT_TRUE(recording_->ok());
  }

  static const std::string& folder() { return recording_->folder(); }
  static const std::string& console() { return recording_->console(); }
  static std::string trace() { return recording_->trace(); }

  static inline std::unique_ptr<LinuxRecording> recording_;
};

TEST_F(LinuxGuestSymbols, AreWhatTheGuestsOwnKallsymsFileHas) {
  const auto reader = tools::OpenTraceArgument(trace());
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto timeline =
      Timeline::Open(reader->get(), tools::FactoryFor(**reader), {});
  ASSERT_TRUE(timeline.ok()) << timeline.status();
  ASSERT_TRUE((*timeline)->Seek((*timeline)->end()).ok());
  const MachineMemory memory(&(*timeline)->machine());

  const auto image = KernelImage::Find(memory);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_NE(console().find(image->banner()), std::string::npos);
  const auto symbols = Kallsyms::Find(*image);
  ASSERT_TRUE(symbols.ok()) << symbols.status();

  std::string ours;
  for (const Kallsyms::Symbol& symbol : symbols->symbols()) {
    ours += absl::StrFormat("%016x %c %s\n", symbol.address, symbol.type,
                            std::string(symbols->name(symbol)));
  }
  const size_t count = symbols->symbols().size();
  EXPECT_NE(console().find("\n" + std::to_string(count) + "\n"),
            std::string::npos)
      << count;
  WriteAll(folder() + "/kallsyms", ours);
  const std::string hash = RunShell("sha256sum < " + folder() + "/kallsyms");
  EXPECT_NE(console().find(hash), std::string::npos) << hash;

  std::istringstream lines(console());
  const std::regex sample("[0-9a-f]{16} [A-Za-z] \\S+");
  size_t samples = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, sample)) continue;
    ++samples;
    EXPECT_NE(ours.find(line + "\n"), std::string::npos) << line;
  }
  EXPECT_GE(samples, count / 400);
  std::cout << count << " symbols, " << samples << " samples, kernel at 0x"
            << std::hex << image->text() << ", physical 0x" << image->physical()
            << std::dec << "\n";
  // With KASLR the kernel is not where it was linked to be.
  EXPECT_NE(image->text(), 0xffffffff81000000);

  const auto begin = std::chrono::steady_clock::now();
  const auto file = ReadLinuxSymbols(memory);
  const auto end = std::chrono::steady_clock::now();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->symbol_count, count);
  EXPECT_GT(file->unwind_rows, 10'000u);
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - begin);
  std::cout << "ReadLinuxSymbols: " << milliseconds.count() << " ms, "
            << file->elf.size() << " bytes, " << file->unwind_rows
            << " unwind rows\n";
}

TEST_F(LinuxGuestSymbols, NameCodeInGdbWithNothingTyped) {
  const Outcome outcome =
      RunProgram({"gdb", trace(), "--", "-nx", "-batch", "-ex",
                  "break schedule", "-ex", "reverse-continue", "-ex",
                  "info symbol $pc", "-ex", "x/i $pc", "-ex", "bt"});
  EXPECT_EQ(outcome.code, 0);
  const std::string& out = outcome.out;
  EXPECT_NE(out.find("Breakpoint 1 at 0xffffffff"), std::string::npos) << out;
  EXPECT_NE(out.find("schedule in section .text"), std::string::npos) << out;
  EXPECT_NE(out.find(" <schedule>:"), std::string::npos) << out;
  EXPECT_TRUE(
      std::regex_search(out, std::regex("#0 .* in schedule \\(\\)\n#1")))
      << out;
}

// Goes to 50 random positions in kernel code, prints `bt` at each, and checks
// that each frame's caller has just called (an interrupted one has not).
constexpr const char* kWalkStacks = R"(
import gdb
import random
import re

KERNEL = 0xffffffff80000000
OUTERMOST = re.compile(r"ret_from_fork|entry_SYSCALL|entry_INT80|asm_|secondary_startup"
                       r"|start_kernel|x86_64_start|cpu_startup_entry")

def has_called(address):
    code = bytes(gdb.selected_inferior().read_memory(address - 7, 7))
    return code[2] == 0xe8 or any(
        code[7 - n] == 0xff and (code[8 - n] >> 3) & 7 == 2 for n in range(2, 8))

def is_whole(text):
    names = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\S*) \(", text, re.M)
    if len(names) != text.count("#") or "Backtrace stopped" in text:
        return False
    # The user's code, below the kernel's entry, has no name.
    if names[-1] == "??":
        names.pop()
    return bool(names) and "??" not in names and bool(OUTERMOST.match(names[-1]))

gdb.execute("position", to_string=True)
end = int(gdb.parse_and_eval("$position"))
random.seed(4)
seen = whole = calls = wrong = 0
for position in sorted((random.randrange(end) for _ in range(150)), reverse=True):
    gdb.execute("seek %d" % position, to_string=True)
    frame = gdb.newest_frame()
    if frame.pc() < KERNEL:
        continue
    seen += 1
    text = gdb.execute("bt", to_string=True)
    if is_whole(text):
        whole += 1
    else:
        print("NOT WHOLE at", position, "\n" + text)
    while True:
        caller = frame.older()
        # The first code of all was come to by a far return, and what of the
        # kernel's init code is gone is not code any more.
        if (caller is None or caller.pc() < KERNEL or caller.name() in (
                "secondary_startup_64_no_verify", "start_kernel", "arch_call_rest_init")):
            break
        if frame.type() != gdb.SIGTRAMP_FRAME:
            calls += 1
            if not has_called(caller.pc()):
                wrong += 1
                print("NO CALL before", hex(caller.pc()), "at", position, "\n" + text)
        frame = caller
    if seen == 50:
        break
print("STACKS seen=%d whole=%d calls=%d wrong=%d" % (seen, whole, calls, wrong))
)";

TEST_F(LinuxGuestSymbols, CallChainsReachTheKernelsEntries) {
  const std::string script = folder() + "/stacks.py";
  WriteAll(script, kWalkStacks);
  const Outcome outcome =
      RunProgram({"gdb", trace(), "--", "-nx", "-batch", "-x", script});
  std::smatch match;
  ASSERT_TRUE(std::regex_search(
      outcome.out, match,
      std::regex("STACKS seen=(\\d+) whole=(\\d+) calls=(\\d+) wrong=(\\d+)")))
      << outcome.out << outcome.err;
  std::cout << match.str() << "\n";
  EXPECT_EQ(std::stoi(match[1]), 50);
  // 95 in a hundred.
  EXPECT_GE(std::stoi(match[2]) * 100, std::stoi(match[1]) * 95) << outcome.out;
  EXPECT_GT(std::stoi(match[3]), 100);
  EXPECT_EQ(std::stoi(match[4]), 0) << outcome.out;
}

// Numbers behind a key, in the order in which they are printed.
std::vector<uint64_t> NumbersOf(const std::string& json,
                                const std::string& key) {
  std::vector<uint64_t> numbers;
  const std::string tag = "\"" + key + "\":";
  for (size_t at = json.find(tag); at != std::string::npos;
       at = json.find(tag, at + 1)) {
    numbers.push_back(
        std::strtoull(json.c_str() + at + tag.size(), nullptr, 0));
  }
  return numbers;
}

size_t CountOf(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

TEST_F(LinuxGuestSymbols, TimelineHasEveryForkAndLeavesNoGap) {
  const Outcome plain = RunProgram({"timeline", trace(), "--json"});
  ASSERT_EQ(plain.code, 0) << plain.err;
  // "workload exec 30" makes as many processes, and each executes a program.
  EXPECT_GE(CountOf(plain.out, "\"kind\": \"fork\""), 80u);
  EXPECT_GE(CountOf(plain.out, "\"kind\": \"exit\""), 32u);
  EXPECT_GE(CountOf(plain.out, "\"kind\": \"exec\""), 32u);
  EXPECT_GE(CountOf(plain.out, "\"detail\": \"workload\""), 1u);
  // There is one CPU: a task begins where the one before it ends.
  const std::vector<uint64_t> begins = NumbersOf(plain.out, "begin");
  const std::vector<uint64_t> ends = NumbersOf(plain.out, "end");
  ASSERT_EQ(begins.size(), ends.size());
  ASSERT_GT(begins.size(), 200u);
  for (size_t i = 1; i < begins.size(); ++i) EXPECT_EQ(begins[i], ends[i - 1]);

  // What is counted per slice is what the kernel has counted in the end.
  const std::vector<uint64_t> pids = NumbersOf(plain.out, "pid");
  const std::vector<uint64_t> faults = NumbersOf(plain.out, "faults");
  ASSERT_EQ(faults.size(), begins.size());
  std::map<uint64_t, uint64_t> counted;
  for (size_t i = 0; i < faults.size(); ++i) counted[pids[i]] += faults[i];
  const Outcome ps = RunProgram({"ps", trace(), "--at", "end", "--json"});
  ASSERT_EQ(ps.code, 0) << ps.err;
  const std::vector<uint64_t> alive = NumbersOf(ps.out, "pid");
  const std::vector<uint64_t> minor = NumbersOf(ps.out, "minor_faults");
  const std::vector<uint64_t> major = NumbersOf(ps.out, "major_faults");
  uint64_t all = 0;
  for (size_t i = 0; i < alive.size(); ++i) {
    EXPECT_EQ(counted[alive[i]], minor[i] + major[i]) << alive[i];
    all += minor[i];
  }
  EXPECT_GT(all, 50u);

  const std::string file = folder() + "/perfetto.json";
  const Outcome written = RunProgram({"timeline", trace(), "--perfetto", file});
  ASSERT_EQ(written.code, 0) << written.err;
  const std::string events = ReadAll(file);
  EXPECT_EQ(CountOf(events, "\"ph\":\"X\""), begins.size());
  EXPECT_EQ(
      RunShell("python3 -m json.tool " + file + " > /dev/null && echo ok"),
      "ok\n");
}

TEST_F(LinuxGuestSymbols, EachViewIsTextAndJson) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> views = {
      {{"files", trace(), "1"}, "/dev/console"},
      {{"sockets", trace()}, "LOCAL -> REMOTE"},
      {{"mounts", trace()}, "proc /proc proc rw,relatime 0 0"},
      {{"slabs", trace()}, "task_struct "},
      {{"runqueues", trace()}, "CPU 0: "},
      {{"percpu", trace(), "runqueues.nr_running"},
       ": unsigned int\nCPU 0 at "},
      {{"system", trace()}, "uname: Linux librr "}};
  for (const auto& [words, text] : views) {
    std::vector<std::string> typed = words;
    typed.insert(typed.end(), {"--at", "end"});
    const Outcome plain = RunProgram(typed);
    EXPECT_EQ(plain.code, 0) << plain.err;
    EXPECT_NE(plain.out.find(text), std::string::npos) << plain.out;
    typed.push_back("--json");
    const Outcome json = RunProgram(typed);
    EXPECT_EQ(json.code, 0) << json.err;
    const std::string file = folder() + "/view.json";
    WriteAll(file, json.out);
    EXPECT_EQ(
        RunShell("python3 -m json.tool " + file + " > /dev/null && echo ok"),
        "ok\n")
        << json.out;
  }
}

TEST_F(LinuxGuestSymbols, GdbHasTheViewsAsCommands) {
  const std::string script = folder() + "/views.gdb";
  WriteAll(script,
           "ps\nfiles 1\nmounts\nsockets\nslabs\nrunqueues\n"
           "percpu runqueues.nr_running\nsystem\nmaps 1\nmodules\n"
           "monitor try files 99999999\npercpu nothing\n");
  const Outcome outcome =
      RunProgram({"gdb", trace(), "--", "-nx", "-batch", "-x", script});
  for (const char* text :
       {"[kthreadd]", "/dev/console", "proc /proc proc", "no sockets are open",
        "task_struct ", "CPU 0: ", ": unsigned int", "uname: Linux librr ",
        "[stack]", "no modules are loaded"}) {
    EXPECT_NE(outcome.out.find(text), std::string::npos) << text << "\n"
                                                         << outcome.out;
  }
  // gdb prints what `monitor` does there.
  for (const char* text :
       {"has no symbol nothing", "there is no process 99999999 here"}) {
    EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
  }
}

TEST_F(LinuxGuestSymbols, WhatIsNotThereIsAnAnswerWithAdvice) {
  EXPECT_EQ(RunProgram({"files", trace(), "4000000", "--at", "end"}).code, 1);
  EXPECT_EQ(RunProgram({"percpu", trace(), "nothing", "--at", "end"}).code, 1);
  EXPECT_EQ(RunProgram({"files", trace(), "x", "--at", "end"}).code, 2);
  EXPECT_EQ(RunProgram({"percpu", trace(), "--at", "end"}).code, 2);
  for (const char* command : {"ps", "dmesg", "modules", "files", "sockets",
                              "mounts", "slabs", "runqueues", "system"}) {
    const Outcome early = RunProgram({command, trace(), "--at", "1000"});
    EXPECT_EQ(early.code, 1) << early.err;
    EXPECT_NE(early.err.find("at position 1000: "), std::string::npos);
    EXPECT_NE(early.err.find("name a later position"), std::string::npos);
  }
  EXPECT_EQ(RunProgram({"maps", trace(), "4000000", "--at", "end"}).code, 1);
  EXPECT_EQ(RunProgram({"timeline", trace(), "--to", "1000"}).code, 1);
  const Outcome wrong =
      RunProgram({"timeline", trace(), "--from", "2000", "--to", "1000"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("--from: position 2000"), std::string::npos);
}

}  // namespace
}  // namespace librr
