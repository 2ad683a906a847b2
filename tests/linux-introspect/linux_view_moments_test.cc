// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A Debian guest looked at in 200 moments of a boot with work, between any two
// instructions: what is shown is right, or there is a reason why it is not yet
// there. Nonsense would be a task that cannot be, or a line of the log that
// was never written.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "librr/input_script.h"
#include "librr/linux_guest.h"
#include "librr/live_run.h"
#include "librr/machine_memory.h"
#include "librr/pc_machine.h"

namespace librr {
namespace {

const std::string kGuests = GUESTS_FOLDER;

constexpr const char* kTyping = R"(expect guest>
type workload exec 40; workload fork 20; find / -xdev | wc -l; poweroff -f\n
)";

std::string ReadFileBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

double MillisecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool IsText(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' || c == '\t' || c == '\n';
  });
}

// Looks at the machine whenever the run rests.
class Looker final : public RunLog {
 public:
  static constexpr size_t kMoments = 200;

  absl::Status OnInput(const Input&, Position, VirtualTime) override {
    return absl::OkStatus();
  }
  absl::Status OnOutput(OutputKind, absl::Span<const uint8_t>, Position,
                        VirtualTime) override {
    has_printed_ = true;
    return absl::OkStatus();
  }
  absl::Status OnEnd(Machine&, const EndRecord&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<Position> OnRest(Machine& machine) override {
    if (machine.position() >= next_ && moments_ < kMoments) {
      Look(machine);
      ++moments_;
      // How long a kernel unpacks itself depends on how it is compressed.
      next_ = machine.position() + 1 +
              random_() % (has_printed_ ? 11'000'000 : 300'000'000);
    }
    return moments_ < kMoments ? next_ : Position::Max();
  }

  size_t moments() const { return moments_; }
  size_t without_kernel() const { return without_kernel_; }
  size_t without_tasks() const { return without_tasks_; }
  size_t most_tasks() const { return most_tasks_; }
  // How often each further view could be read.
  const std::map<std::string, size_t>& seen() const { return seen_; }
  double find_ms() const { return Median(find_ms_); }
  double tasks_ms() const { return Median(tasks_ms_); }

 private:
  void Look(Machine& machine) {
    MachineMemory memory(&machine);
    const auto begin = std::chrono::steady_clock::now();
    auto guest = LinuxGuest::Find(&memory);
    if (!guest.ok()) {
      // Only until it is there.
      EXPECT_EQ(guest.status().code(), absl::StatusCode::kNotFound)
          << guest.status();
      EXPECT_FALSE(found_) << machine.position().value() << ": "
                           << guest.status();
      ++without_kernel_;
      return;
    }
    find_ms_.push_back(MillisecondsSince(begin));
    found_ = true;
    LookAtTasks(machine, **guest);
    LookAtLog(machine, **guest);
    LookAtResources(machine, **guest);
    const auto maps = (*guest)->Maps(1);
    if (!maps.ok()) return;
    for (const LinuxMapping& mapping : *maps) {
      EXPECT_LT(mapping.begin, mapping.end);
      EXPECT_TRUE(IsText(mapping.name)) << mapping.name;
    }
  }

  void LookAtTasks(const Machine& machine, LinuxGuest& guest) {
    const auto begin = std::chrono::steady_clock::now();
    const auto tasks = guest.Tasks();
    tasks_ms_.push_back(MillisecondsSince(begin));
    if (!tasks.ok()) {
      EXPECT_FALSE(seen_tasks_)
          << machine.position().value() << ": " << tasks.status();
      ++without_tasks_;
      return;
    }
    seen_tasks_ = true;
    most_tasks_ = std::max(most_tasks_, tasks->size());
    std::set<uint32_t> pids;
    for (const LinuxTask& task : *tasks) {
      EXPECT_TRUE(pids.insert(task.pid).second) << task.pid;
      EXPECT_TRUE(IsText(task.comm)) << task.comm;
      EXPECT_FALSE(task.comm.empty());
      EXPECT_NE(task.state, '?');
      EXPECT_EQ(task.cpu, 0u);
      EXPECT_EQ(task.uid, 0u);
    }
    for (const LinuxTask& task : *tasks) {
      EXPECT_TRUE(pids.contains(task.ppid)) << task.pid << " " << task.ppid;
    }
  }

  // The log only grows, and what was in it stays.
  void LookAtLog(const Machine& machine, LinuxGuest& guest) {
    const auto log = guest.Log();
    if (!log.ok()) {
      EXPECT_TRUE(log_.empty())
          << machine.position().value() << ": " << log.status();
      return;
    }
    for (const LinuxLogRecord& record : *log) {
      EXPECT_TRUE(IsText(record.text)) << record.text;
      const auto [it, is_new] = log_.try_emplace(record.sequence, record.text);
      EXPECT_EQ(it->second, record.text);
    }
    EXPECT_EQ(log->size(), log_.size());
  }

  // What has been seen once stays visible.
  void Check(const Machine& machine, const char* view,
             const absl::Status& status) {
    if (status.ok()) {
      ++seen_[view];
      return;
    }
    EXPECT_EQ(seen_[view], 0u)
        << machine.position().value() << ": " << view << ": " << status;
  }

  void LookAtResources(const Machine& machine, LinuxGuest& guest) {
    const auto files = guest.OpenFiles(std::nullopt);
    Check(machine, "files", files.status());
    if (files.ok()) {
      for (const LinuxOpenFile& file : *files) {
        EXPECT_TRUE(IsText(file.name)) << file.name;
        EXPECT_FALSE(file.name.empty());
        EXPECT_LT(file.fd, 1024u);
      }
    }
    Check(machine, "sockets", guest.Sockets(std::nullopt).status());
    const auto mounts = guest.Mounts(1);
    Check(machine, "mounts", mounts.status());
    if (mounts.ok()) {
      for (const LinuxMount& mount : *mounts) {
        EXPECT_TRUE(mount.path.starts_with("/")) << mount.path;
        EXPECT_TRUE(IsText(mount.source + mount.type)) << mount.source;
        EXPECT_FALSE(mount.type.empty());
      }
    }
    const auto caches = guest.SlabCaches();
    Check(machine, "slabs", caches.status());
    if (caches.ok()) {
      for (const LinuxSlabCache& cache : *caches) {
        EXPECT_TRUE(IsText(cache.name)) << cache.name;
        EXPECT_LE(cache.active_objects, cache.objects);
        EXPECT_LE(cache.objects, cache.slabs * 65535);
        EXPECT_LT(cache.slabs, 100'000u);
      }
    }
    const auto queues = guest.RunQueues();
    Check(machine, "runqueues", queues.status());
    if (queues.ok()) {
      for (const LinuxRunQueue& queue : *queues) {
        // A task is in its list a few instructions before or after it counts.
        EXPECT_LE(queue.tasks.size(), queue.running + 1);
        EXPECT_GE(queue.tasks.size() + 1, queue.running);
        for (const LinuxQueuedTask& task : queue.tasks) {
          EXPECT_TRUE(IsText(task.comm)) << task.comm;
        }
      }
    }
    const auto system = guest.System();
    Check(machine, "system", system.status());
    if (system.ok()) {
      EXPECT_EQ(system->sysname, "Linux");
      EXPECT_GE(system->uptime_ns, uptime_ns_);
      uptime_ns_ = system->uptime_ns;
    }
  }

  std::mt19937 random_{1};
  Position next_;
  bool has_printed_ = false;
  size_t moments_ = 0, without_kernel_ = 0, without_tasks_ = 0, most_tasks_ = 0;
  bool found_ = false, seen_tasks_ = false;
  std::vector<double> find_ms_, tasks_ms_;
  std::map<uint64_t, std::string> log_;
  std::map<std::string, size_t> seen_;
  uint64_t uptime_ns_ = 0;
};

TEST(LinuxViewMoments, ShowsWhatIsThereOrSaysWhyNot) {
  PcConfig config;
  config.kernel = ReadFileBytes(kGuests + "/vmlinuz");
  config.initrd = ReadFileBytes(kGuests + "/initramfs.cpio.gz");
  config.command_line = "console=ttyS0";
  if (config.kernel.empty())
    GTEST_SKIP() << "no Linux guest: scripts/guests makes it";
  auto machine = CreatePcMachine(config);
  ASSERT_TRUE(machine.ok()) << machine.status();
  auto typing = ParseInputScript("typing", kTyping);
  ASSERT_TRUE(typing.ok()) << typing.status();
  Looker looker;
  LiveRun run(machine->get(), typing->get(), nullptr, &looker,
              {.seed = 2, .idle = IdlePolicy::kSkip});
  const auto end = run.Run();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->reason, EndReason::kPowerOff);
  EXPECT_EQ(looker.moments(), Looker::kMoments);
  EXPECT_LT(looker.without_kernel(), looker.moments() / 2);
  EXPECT_GT(looker.most_tasks(), 30u);
  std::cout << looker.moments() << " moments, " << looker.without_kernel()
            << " before there was a kernel, " << looker.without_tasks()
            << " before it had tasks; at most " << looker.most_tasks()
            << " tasks; median to find the kernel " << looker.find_ms()
            << " ms, to list tasks " << looker.tasks_ms() << " ms\n";
  for (const auto& [view, times] : looker.seen()) {
    EXPECT_GT(times, looker.moments() / 3) << view;
    std::cout << view << " at " << times << " moments\n";
  }
}

// Stops when the guest says that all are there.
class UntilReady final : public OutputSink {
 public:
  void OnOutput(OutputKind, absl::Span<const uint8_t> bytes, Position,
                VirtualTime) override {
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (run != nullptr && text_.find("\nall there") != std::string::npos)
      run->RequestStop();
  }
  LiveRun* run = nullptr;

 private:
  std::string text_;
};

TEST(LinuxViewMoments, ListsAThousandTasks) {
  PcConfig config;
  config.kernel = ReadFileBytes(kGuests + "/vmlinuz");
  config.initrd = ReadFileBytes(kGuests + "/initramfs.cpio.gz");
  config.command_line = "console=ttyS0";
  if (config.kernel.empty())
    GTEST_SKIP() << "no Linux guest: scripts/guests makes it";
  auto machine = CreatePcMachine(config);
  ASSERT_TRUE(machine.ok()) << machine.status();
  auto typing = ParseInputScript("typing", R"(expect guest>
type for i in $(seq 1000); do sleep 99999 & done > /dev/null; sleep 1; echo all there\n
)");
  ASSERT_TRUE(typing.ok()) << typing.status();
  UntilReady console;
  LiveRun run(machine->get(), typing->get(), &console, nullptr,
              {.seed = 2,
               .idle = IdlePolicy::kSkip,
               .max_position = Position(30'000'000'000)});
  console.run = &run;
  ASSERT_TRUE(run.Run().ok());
  MachineMemory memory(machine->get());
  auto guest = LinuxGuest::Find(&memory);
  ASSERT_TRUE(guest.ok()) << guest.status();
  std::vector<double> milliseconds;
  for (int i = 0; i < 9; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto tasks = (*guest)->Tasks();
    milliseconds.push_back(MillisecondsSince(begin));
    ASSERT_TRUE(tasks.ok()) << tasks.status();
    EXPECT_EQ(std::count_if(tasks->begin(), tasks->end(),
                            [](const LinuxTask& task) {
                              return task.cmdline == "sleep 99999";
                            }),
              1000);
  }
  std::cout << "median to list a thousand tasks: " << Median(milliseconds)
            << " ms\n";
}

}  // namespace
}  // namespace librr
