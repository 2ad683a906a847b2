// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Tasks, maps and log of a stock Debian kernel, seen from outside, against what
// the guest itself printed at that moment; with and without page-table
// isolation.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "librr/machine_memory.h"
#include "tests/linux-introspect/booted_guest.h"

namespace librr {
namespace {

const std::string kGuests = GUESTS_FOLDER;

// Each part is between its mark and the next. The last mark comes when the
// shell waits for `sleep 9`, and what printed is gone.
constexpr const char* kTyping =
    R"(expect guest>
type workload exec 5; stty -echo -onlcr; (sleep 2; echo '<''end>'; sleep 9) &\n
expect guest>
type echo '<''stat>'; grep . /proc/[0-9]*/stat; echo '<''status>'; grep Uid /proc/[0-9]*/status; echo '<''maps>'; cat /proc/1/maps; echo '<''own>'; cat /proc/$$/maps; echo '<''call>'; cat /proc/1/syscall; echo '<''stacks>'; grep . /proc/[0-9]*/stack; echo '<''dmesg>'; dmesg; echo '<''last>'; sleep 9\n
)";

// One boot for all tests of a command line.
class LinuxView : public testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() { guests_.clear(); }

  void SetUp() override {
    if (!std::filesystem::exists(kGuests + "/vmlinuz"))
      GTEST_SKIP() << "no Linux guest: scripts/guests makes it";
    const auto [it, is_new] = guests_.try_emplace(GetParam());
    if (is_new) {
      it->second = BootGuest({.kernel = kGuests + "/vmlinuz",
                              .initrd = kGuests + "/initramfs.cpio.gz",
                              .append = GetParam(),
                              .typing = kTyping});
    }
    ASSERT_NE(it->second, nullptr);
    guest_ = it->second->guest.get();
    memory_ = it->second->memory.get();
    console_ = &it->second->console;
  }

  LinuxGuest* guest_ = nullptr;
  const MachineMemory* memory_ = nullptr;
  const MarkedConsole* console_ = nullptr;

 private:
  static inline std::map<std::string, std::unique_ptr<BootedGuest>> guests_;
};

std::string MapsLine(const LinuxMapping& mapping) {
  const std::string line = absl::StrFormat(
      "%08x-%08x %c%c%c%c %08x %02x:%02x %d ", mapping.begin.value(),
      mapping.end.value(), mapping.readable ? 'r' : '-',
      mapping.writable ? 'w' : '-', mapping.executable ? 'x' : '-',
      mapping.shared ? 's' : 'p', mapping.offset, mapping.device_major,
      mapping.device_minor, mapping.inode);
  return mapping.name.empty() ? line
                              : absl::StrFormat("%-73s%s", line, mapping.name);
}

std::vector<std::string> MapsLines(const std::vector<LinuxMapping>& maps) {
  std::vector<std::string> lines;
  for (const LinuxMapping& mapping : maps) lines.push_back(MapsLine(mapping));
  return lines;
}

TEST_P(LinuxView, TasksAreThoseOfProc) {
  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  std::map<uint32_t, LinuxTask> ours;
  for (const LinuxTask& task : *tasks) ours[task.pid] = task;
  ASSERT_EQ(ours.count(0), 1u);
  ours.erase(0);
  std::set<uint32_t> printed;
  for (const std::string& line : console_->Part("stat")) {
    // "/proc/7/stat:7 (kworker/0:0) I 2 ...": numbers as in proc(5).
    const size_t colon = line.find("/stat:"), open = line.find('('),
                 close = line.rfind(')');
    ASSERT_NE(close, std::string::npos) << line;
    const std::string comm = line.substr(open + 1, close - open - 1);
    const uint32_t pid =
        static_cast<uint32_t>(std::stoul(line.substr(colon + 6)));
    const std::vector<std::string> rest =
        absl::StrSplit(line.substr(close + 2), ' ');
    printed.insert(pid);
    // Ended by now.
    if (comm == "grep" || comm == "sleep") continue;
    ASSERT_EQ(ours.count(pid), 1u) << line;
    const LinuxTask& task = ours[pid];
    EXPECT_EQ(task.tgid, pid);
    // proc(5) adds what a worker does to its name.
    EXPECT_EQ(comm.substr(0, task.comm.size()), task.comm) << line;
    EXPECT_EQ(std::to_string(task.ppid), rest[1]) << line;
    EXPECT_EQ(std::to_string(task.start_ns / 10'000'000), rest[19]) << line;
    EXPECT_EQ(std::to_string(task.cpu), rest[36]) << line;
    // One of the shells runs.
    if (comm != "sh") {
      // These wake up by themselves between the printing and this moment.
      const bool is_restless = task.comm.starts_with("rcu_") ||
                               task.comm.starts_with("kworker") ||
                               task.comm.starts_with("ksoftirqd");
      if (!is_restless || task.state != 'R') {
        EXPECT_EQ(std::string(1, task.state), rest[0]) << line;
      }
    }
  }
  EXPECT_GT(printed.size(), 20u);
  std::erase_if(ours,
                [&](const auto& task) { return printed.contains(task.first); });
  ASSERT_EQ(ours.size(), 1u);
  EXPECT_EQ(ours.begin()->second.comm, "sleep");
  EXPECT_EQ(ours.begin()->second.cmdline, "sleep 9");
  EXPECT_EQ(ours.begin()->second.state, 'S');
}

TEST_P(LinuxView, UsersAreThoseOfProc) {
  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  for (const std::string& line : console_->Part("status")) {
    unsigned pid = 0, uid = 0, effective = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "/proc/%u/status:Uid: %u %u", &pid,
                          &uid, &effective),
              3)
        << line;
    for (const LinuxTask& task : *tasks) {
      if (task.pid != pid) continue;
      EXPECT_EQ(task.uid, uid) << line;
    }
  }
}

TEST_P(LinuxView, MapsAreThoseOfProc) {
  const auto maps = guest_->Maps(1);
  ASSERT_TRUE(maps.ok()) << maps.status();
  EXPECT_EQ(MapsLines(*maps), console_->Part("maps"));

  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  const auto shell = std::find_if(
      tasks->begin(), tasks->end(),
      [](const LinuxTask& task) { return task.cmdline == "sh -i"; });
  ASSERT_NE(shell, tasks->end());
  const auto own = guest_->Maps(shell->pid);
  ASSERT_TRUE(own.ok()) << own.status();
  EXPECT_EQ(MapsLines(*own), console_->Part("own"));
}

TEST_P(LinuxView, KernelThreadsHaveNoMaps) {
  const auto maps = guest_->Maps(2);
  ASSERT_TRUE(maps.ok()) << maps.status();
  EXPECT_TRUE(maps->empty());
  EXPECT_EQ(guest_->Maps(4'000'000).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_P(LinuxView, LogIsWhatDmesgPrints) {
  const auto log = guest_->Log();
  ASSERT_TRUE(log.ok()) << log.status();
  std::vector<std::string> lines;
  for (const LinuxLogRecord& record : *log) {
    const std::vector<std::string> parts = absl::StrSplit(record.text, '\n');
    for (const std::string& part : parts) {
      lines.push_back(absl::StrFormat("[%5d.%06d] %s",
                                      record.time_ns / 1'000'000'000,
                                      record.time_ns / 1000 % 1'000'000, part));
    }
    EXPECT_LE(record.level, 7u);
  }
  EXPECT_EQ(lines, console_->Part("dmesg"));
}

// As by someone who types them, in both forms.
TEST_P(LinuxView, OffsetsShowTheSameTasks) {
  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  const auto found = FindLinuxOffsets(*memory_);
  ASSERT_TRUE(found.ok()) << found.status();
  for (const std::string& typed : {found->Line(), found->Named()}) {
    const auto offsets = LinuxOffsets::Parse(typed);
    ASSERT_TRUE(offsets.ok()) << offsets.status();
    std::vector<std::string> left_out;
    const auto shown = ReadLinuxTasks(*memory_, *offsets, &left_out);
    ASSERT_TRUE(shown.ok()) << shown.status();
    EXPECT_TRUE(left_out.empty()) << left_out[0];
    ASSERT_EQ(shown->size(), tasks->size());
    for (size_t i = 0; i < tasks->size(); ++i) {
      const LinuxTask &is = (*shown)[i], &should = (*tasks)[i];
      EXPECT_EQ(is.address, should.address);
      EXPECT_EQ(is.pid, should.pid);
      EXPECT_EQ(is.tgid, should.tgid);
      EXPECT_EQ(is.comm, should.comm);
      EXPECT_EQ(is.mm, should.mm);
      if (offsets->Has(LinuxOffsets::Field::kRealParent)) {
        EXPECT_EQ(is.ppid, should.ppid);
      }
    }
  }
}

TEST_P(LinuxView, SystemCallIsThatOfProc) {
  // The number, six arguments, stack pointer and instruction pointer.
  const std::vector<std::string> words =
      absl::StrSplit(console_->Part("call").at(0), ' ');
  ASSERT_EQ(words.size(), 9u);
  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  const auto init =
      std::find_if(tasks->begin(), tasks->end(),
                   [](const LinuxTask& task) { return task.pid == 1; });
  ASSERT_NE(init, tasks->end());
  const auto call = guest_->SystemCall(*init);
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(absl::StrCat(call->number), words[0]);
  EXPECT_EQ(call->name, "wait4");
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(absl::StrFormat("0x%x", call->arguments[i]), words[1 + i]) << i;
  }
  const auto registers = guest_->UserRegisters(*init);
  ASSERT_TRUE(registers.ok()) << registers.status();
  EXPECT_EQ(absl::StrFormat("0x%x", registers->general[4]), words[7]);
  EXPECT_EQ(absl::StrFormat("0x%x", registers->rip), words[8]);
}

TEST_P(LinuxView, KernelStacksAreThoseOfProc) {
  // "/proc/2/stack:[<0>] kthreadd+0x2bc/0x300". The kernel leaves out the
  // functions of the scheduler itself.
  const std::regex pattern("/proc/([0-9]+)/stack:\\[<0>\\] (.*)/0x[0-9a-f]+");
  std::map<std::string, std::vector<std::string>> printed;
  for (const std::string& line : console_->Part("stacks")) {
    std::smatch match;
    if (std::regex_match(line, match, pattern))
      printed[match[1]].push_back(match[2]);
  }
  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  // Those that have not been woken since.
  const std::set<std::string> sleepers = {
      "init",  "kthreadd", "kdevtmpfs", "kauditd", "khungtaskd", "oom_reaper",
      "ksmd",  "kswapd0",  "writeback", "kblockd", "rcu_gp",     "rcu_par_gp",
      "netns", "mld",      "kthrotld",  "nvme-wq", "kstrp"};
  size_t compared = 0;
  for (const LinuxTask& task : *tasks) {
    if (!sleepers.contains(task.comm)) continue;
    const auto registers = guest_->KernelRegisters(task);
    ASSERT_TRUE(registers.ok()) << registers.status();
    const auto frames = guest_->KernelStack(*registers);
    ASSERT_TRUE(frames.ok()) << frames.status();
    std::vector<std::string> ours;
    for (const LinuxFrame& frame : *frames) {
      const std::string function = frame.name.substr(0, frame.name.find('+'));
      if (ours.empty() && (function == "__schedule" || function == "schedule" ||
                           function == "schedule_timeout")) {
        continue;
      }
      ours.push_back(frame.name);
    }
    EXPECT_EQ(ours, printed[absl::StrCat(task.pid)]) << task.comm;
    ++compared;
  }
  EXPECT_GE(compared, 14u);
}

TEST_P(LinuxView, NobodyExecutesButTheIdleTask) {
  const auto current = guest_->CurrentTask(0);
  ASSERT_TRUE(current.ok()) << current.status();
  EXPECT_EQ(current->state, 'R');
  EXPECT_FALSE(guest_->CurrentTask(100'000).ok());
}

TEST_P(LinuxView, ModulesAreRead) {
  // The guest's initial RAM disk has none.
  const auto modules = guest_->Modules();
  ASSERT_TRUE(modules.ok()) << modules.status();
  EXPECT_TRUE(modules->empty());
}

INSTANTIATE_TEST_SUITE_P(CommandLines, LinuxView, testing::Values("", "pti=on"),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param.empty() ? "AsItComes"
                                                     : "PageTableIsolation";
                         });

}  // namespace
}  // namespace librr
