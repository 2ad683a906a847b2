// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Open files, sockets, mounts, slab caches, run queues and the rest of what a
// Debian kernel shows, against what the guest itself printed; on the cloud
// kernel, and on the generic one where scripts/guests has fetched it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "librr/linux_report.h"
#include "tests/linux-introspect/booted_guest.h"

namespace librr {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;

const std::string kGuests = GUESTS_FOLDER;

// The last mark is printed by a task of the deadline policy, while others want
// to run. The process in a folder of its own sees the mounts below it only.
constexpr const char* kTyping =
    R"(expect guest>
type stty -echo -onlcr; ifconfig lo up; mkdir /tmp/a /tmp/b; mount -t tmpfs -o noexec,nodev,noatime scratch /tmp/a; mkdir /tmp/a/in /tmp/a/proc; cp /bin/busybox /tmp/a/in; mount -o bind /tmp/a/in /tmp/b; mount -o remount,bind,ro /tmp/b; mount -t proc proc /tmp/a/proc; mount -o remount,exec /tmp/a; chroot /tmp/a /in/busybox sleep 999 &\n
expect guest>
type chrooted=$!; holder & holder=$!\n
expect holder: all is open
type \n
expect guest>
type cd /proc/$holder; echo '<''pids>'; echo $holder $chrooted; echo '<''links>'; ls -l fd | grep -e '->'; echo '<''fdinfo>'; grep . fdinfo/*; echo '<''init>'; ls -l /proc/1/fd | grep -e '->'; cd /; echo '<''mounts>'; cat /proc/self/mountinfo; echo '<''inner>'; cat /proc/$chrooted/mounts; for i in tcp tcp6 udp unix netlink; do echo "<""$i>"; cat /proc/net/$i; done; echo '<''slabs>'; cat /proc/slabinfo; echo '<''uname>'; uname -s; uname -n; uname -r; uname -v; uname -m; echo '<''system>'; cat /proc/cmdline /proc/uptime /proc/loadavg /proc/sys/kernel/tainted; date +%s; grep ctxt /proc/stat; grep LOC /proc/interrupts; echo '<''last>'; spinner '<''end>'\n
)";

std::vector<std::string> Words(const std::string& line) {
  return absl::StrSplit(line, ' ', absl::SkipWhitespace());
}

uint64_t Number(const std::string& text) {
  uint64_t number = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << text;
  return number;
}

uint64_t HexNumber(const std::string& text) {
  return std::stoull(text, nullptr, 16);
}

// One boot for all tests of a kernel.
class LinuxResources : public testing::TestWithParam<std::string> {
 protected:
  static void TearDownTestSuite() { guests_.clear(); }

  void SetUp() override {
    const std::string kernel = kGuests + "/" + GetParam();
    if (!std::filesystem::exists(kernel))
      GTEST_SKIP() << "no such guest: scripts/guests --generic fetches it";
    const auto [it, is_new] = guests_.try_emplace(GetParam());
    if (is_new) {
      it->second = BootGuest({.kernel = kernel,
                              .initrd = kGuests + "/initramfs.cpio.gz",
                              .typing = kTyping});
    }
    ASSERT_NE(it->second, nullptr);
    guest_ = it->second->guest.get();
    console_ = &it->second->console;
    const auto pids = Words(console_->Part("pids").at(0));
    holder_ = static_cast<uint32_t>(Number(pids.at(0)));
    chrooted_ = static_cast<uint32_t>(Number(pids.at(1)));
  }

  // "lrwx------ 1 0 0 64 Jan 1 00:00 3 -> /tmp/held" by descriptor.
  std::map<uint32_t, std::string> Links(const std::string& mark) const {
    std::map<uint32_t, std::string> links;
    for (const std::string& line : console_->Part(mark)) {
      const size_t arrow = line.find(" -> ");
      if (arrow == std::string::npos) continue;
      const auto words = Words(line.substr(0, arrow));
      links[static_cast<uint32_t>(Number(words.back()))] =
          words[0].substr(1, 2) + " " + line.substr(arrow + 4);
    }
    return links;
  }

  std::map<uint32_t, std::string> OurLinks(
      const std::vector<LinuxOpenFile>& files) const {
    std::map<uint32_t, std::string> links;
    for (const LinuxOpenFile& file : files) {
      links[file.fd] = absl::StrCat(file.readable ? "r" : "-",
                                    file.writable ? "w " : "- ", file.name);
    }
    return links;
  }

  const LinuxSocket* SocketOf(const std::vector<LinuxSocket>& sockets,
                              uint64_t inode) const {
    for (const LinuxSocket& socket : sockets) {
      if (socket.inode == inode) return &socket;
    }
    return nullptr;
  }

  LinuxGuest* guest_ = nullptr;
  const MarkedConsole* console_ = nullptr;
  uint32_t holder_ = 0, chrooted_ = 0;

 private:
  static inline std::map<std::string, std::unique_ptr<BootedGuest>> guests_;
};

TEST_P(LinuxResources, OpenFilesAreThoseOfProc) {
  const auto files = guest_->OpenFiles(holder_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_GE(files->size(), 25u);
  EXPECT_EQ(OurLinks(*files), Links("links"));
  const auto init = guest_->OpenFiles(1);
  ASSERT_TRUE(init.ok()) << init.status();
  EXPECT_EQ(OurLinks(*init), Links("init"));

  // "fdinfo/3:pos:	10", "fdinfo/3:flags:	02100002".
  std::map<uint32_t, uint64_t> positions, flags, inodes;
  for (const std::string& line : console_->Part("fdinfo")) {
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::ByAnyChar("/:\t"));
    if (parts.size() < 5) continue;
    const auto fd = static_cast<uint32_t>(Number(parts[1]));
    if (parts[2] == "pos") positions[fd] = Number(parts[4]);
    if (parts[2] == "flags") flags[fd] = std::stoull(parts[4], nullptr, 8);
    if (parts[2] == "ino") inodes[fd] = Number(parts[4]);
  }
  constexpr uint64_t kCloseOnExec = 02000000;
  EXPECT_EQ(positions.size(), files->size());
  for (const LinuxOpenFile& file : *files) {
    EXPECT_EQ(file.pid, holder_);
    EXPECT_EQ(file.position, positions[file.fd]) << file.fd;
    // proc(5) shows the descriptor's flag among those of the file.
    EXPECT_EQ(
        (file.flags & ~kCloseOnExec) | (file.closes_on_exec ? kCloseOnExec : 0),
        flags[file.fd])
        << file.fd << " " << file.name;
    EXPECT_EQ(file.inode, inodes[file.fd]) << file.name;
  }
  const auto letter = [&](const std::string& name) {
    for (const LinuxOpenFile& file : *files) {
      if (absl::StartsWith(file.name, name)) return file.type;
    }
    return ' ';
  };
  EXPECT_EQ(letter("/tmp/held"), '-');
  EXPECT_EQ(letter("/proc"), 'd');
  EXPECT_EQ(letter("/dev/null"), 'c');
  EXPECT_EQ(letter("pipe:"), 'p');
  EXPECT_EQ(letter("/tmp/fifo"), 'p');
  EXPECT_EQ(letter("socket:"), 's');
  EXPECT_EQ(letter("anon_inode:"), '?');
}

TEST_P(LinuxResources, AllProcessesHaveTheirFiles) {
  const auto all = guest_->OpenFiles(std::nullopt);
  ASSERT_TRUE(all.ok()) << all.status();
  std::set<uint32_t> pids;
  size_t of_holder = 0;
  for (const LinuxOpenFile& file : *all) {
    pids.insert(file.pid);
    if (file.pid == holder_) ++of_holder;
  }
  EXPECT_THAT(pids, IsSupersetOf({1u, holder_, chrooted_}));
  EXPECT_EQ(of_holder, guest_->OpenFiles(holder_)->size());
  // A thread of the kernel.
  EXPECT_EQ(guest_->OpenFiles(2)->size(), 0u);
  EXPECT_EQ(guest_->OpenFiles(4'000'000).status().code(),
            absl::StatusCode::kNotFound);
}

// "0100007F:1B59" or 32 digits for IPv6, in words of the host's order.
std::string Endpoint(const std::string& printed) {
  const std::vector<std::string> parts = absl::StrSplit(printed, ':');
  const uint64_t port = HexNumber(parts.at(1));
  if (parts[0].size() == 8) {
    const uint64_t address = HexNumber(parts[0]);
    return absl::StrFormat("%d.%d.%d.%d:%d", address & 255, address >> 8 & 255,
                           address >> 16 & 255, address >> 24, port);
  }
  return absl::StrFormat("[%s]:%d",
                         parts[0] == "00000000000000000000000001000000" ? "::1"
                         : parts[0] == "00000000000000000000000000000000"
                             ? "::"
                             : parts[0],
                         port);
}

TEST_P(LinuxResources, InternetSocketsAreThoseOfProc) {
  const auto sockets = guest_->Sockets(std::nullopt);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  const std::map<std::string, std::string> states = {
      {"01", "ESTABLISHED"}, {"07", "CLOSE"}, {"0A", "LISTEN"}};
  std::set<uint64_t> printed;
  for (const std::string mark : {"tcp", "tcp6", "udp"}) {
    for (const std::string& line : console_->Part(mark)) {
      // sl local remote st tx:rx tr:when retrnsmt uid timeout inode
      const auto words = Words(line);
      // One that waits to be accepted has none.
      if (words.size() < 10 || words[0] == "sl" || words[9] == "0") continue;
      const LinuxSocket* const socket = SocketOf(*sockets, Number(words[9]));
      ASSERT_NE(socket, nullptr) << line;
      printed.insert(socket->inode);
      EXPECT_EQ(socket->family, mark == "tcp6" ? "inet6" : "inet");
      EXPECT_EQ(socket->protocol, mark.substr(0, 3));
      EXPECT_EQ(socket->type, mark == "udp" ? "dgram" : "stream");
      EXPECT_EQ(socket->local, Endpoint(words[1])) << line;
      EXPECT_EQ(socket->remote, Endpoint(words[2])) << line;
      EXPECT_EQ(socket->state, states.at(words[3])) << line;
      EXPECT_EQ(
          absl::StrFormat("%08X:%08X", socket->tx_queue, socket->rx_queue),
          words[4])
          << line;
      EXPECT_EQ(socket->uid, Number(words[7]));
      EXPECT_EQ(socket->pid, holder_);
    }
  }
  // Listeners of both kinds, both ends of a connection, one that waits to be
  // accepted; two of UDP.
  EXPECT_EQ(printed.size(), 7u);
  for (const LinuxSocket& socket : *sockets) {
    if (!absl::StartsWith(socket.family, "inet")) continue;
    EXPECT_TRUE(printed.contains(socket.inode)) << socket.local;
  }
  const auto queued = [&](const std::string& local, const std::string& state) {
    for (const LinuxSocket& socket : *sockets) {
      if (socket.local == local && socket.state == state)
        return socket.rx_queue;
    }
    return UINT64_MAX;
  };
  EXPECT_EQ(queued("127.0.0.1:7001", "LISTEN"), 1u);
  EXPECT_EQ(queued("127.0.0.1:7001", "ESTABLISHED"), 4u);
  EXPECT_GT(queued("127.0.0.1:7003", "CLOSE"), 0u);
}

TEST_P(LinuxResources, UnixSocketsAreThoseOfProc) {
  const auto sockets = guest_->Sockets(holder_);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  const std::map<uint64_t, std::string> types = {
      {1, "stream"}, {2, "dgram"}, {5, "seqpacket"}};
  constexpr uint64_t kAccepts = 0x10000;
  size_t found = 0;
  for (const std::string& line : console_->Part("unix")) {
    // Num: RefCount Protocol Flags Type St Inode Path
    const auto words = Words(line);
    if (words.size() < 7 || words[0] == "Num") continue;
    const LinuxSocket* const socket = SocketOf(*sockets, Number(words[6]));
    // The kernel's own.
    if (socket == nullptr) continue;
    ++found;
    EXPECT_EQ(socket->family, "unix");
    EXPECT_EQ(socket->type, types.at(HexNumber(words[4])));
    EXPECT_EQ(socket->state, (HexNumber(words[3]) & kAccepts) != 0 ? "LISTEN"
                             : words[5] == "03"                    ? "CONNECTED"
                                                : "UNCONNECTED")
        << line;
    EXPECT_EQ(socket->local, words.size() > 7 ? words[7] : "") << line;
  }
  // A listener, both ends of its connection, an abstract one, a pair.
  EXPECT_EQ(found, 6u);
  // What is connected names its other end.
  size_t connected = 0;
  for (const LinuxSocket& socket : *sockets) {
    if (socket.peer_inode == 0) continue;
    const LinuxSocket* const peer = SocketOf(*sockets, socket.peer_inode);
    ASSERT_NE(peer, nullptr);
    EXPECT_EQ(peer->peer_inode, socket.inode);
    EXPECT_EQ(peer->local, socket.remote);
    ++connected;
  }
  EXPECT_EQ(connected, 4u);
}

TEST_P(LinuxResources, NetlinkSocketsAreThoseOfProc) {
  const auto sockets = guest_->Sockets(holder_);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode
  size_t found = 0;
  for (const std::string& line : console_->Part("netlink")) {
    const auto words = Words(line);
    if (words.size() < 10 || words[0] == "sk") continue;
    const LinuxSocket* const socket = SocketOf(*sockets, Number(words[9]));
    if (socket == nullptr) continue;
    ++found;
    EXPECT_EQ(socket->family, "netlink");
    EXPECT_EQ(socket->protocol, "route");
    EXPECT_EQ(words[1], "0");
    EXPECT_EQ(socket->local, words[2]);
  }
  EXPECT_EQ(found, 1u);
}

TEST_P(LinuxResources, MountsAreThoseOfProc) {
  const auto mounts = guest_->Mounts(1);
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  std::vector<std::string> ours, printed;
  for (const LinuxMount& mount : *mounts) {
    ours.push_back(absl::StrCat(mount.id, " ", mount.parent_id, " ",
                                mount.device_major, ":", mount.device_minor,
                                " ", mount.root, " ", mount.path, " - ",
                                mount.type, " ", mount.source));
  }
  std::map<std::string, std::set<std::string>> options;
  for (const std::string& line : console_->Part("mounts")) {
    // 21 1 0:4 / /proc rw,relatime - proc proc rw
    const auto words = Words(line);
    if (words.size() < 10) continue;
    printed.push_back(absl::StrCat(words[0], " ", words[1], " ", words[2], " ",
                                   words[3], " ", words[4], " - ", words[7],
                                   " ", words[8]));
    for (const auto option : absl::StrSplit(words[5], ',')) {
      options[words[4]].insert(std::string(option));
    }
  }
  EXPECT_EQ(ours, printed);
  EXPECT_GE(ours.size(), 8u);
  for (const LinuxMount& mount : *mounts) {
    const std::vector<std::string> listed = absl::StrSplit(mount.options, ',');
    EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()),
              options[mount.path])
        << mount.path;
  }
  EXPECT_THAT(MountReport(*mounts), HasSubstr("scratch /tmp/b tmpfs ro,nodev"));
}

TEST_P(LinuxResources, MountsAreSeenFromTheRootOfTheProcess) {
  const auto mounts = guest_->Mounts(chrooted_);
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  std::vector<std::string> ours, printed;
  for (const LinuxMount& mount : *mounts) {
    ours.push_back(
        absl::StrCat(mount.source, " ", mount.path, " ", mount.type));
  }
  for (const std::string& line : console_->Part("inner")) {
    const auto words = Words(line);
    if (words.size() < 3) continue;
    printed.push_back(absl::StrCat(words[0], " ", words[1], " ", words[2]));
  }
  EXPECT_EQ(ours, printed);
  EXPECT_THAT(ours, ElementsAre("scratch / tmpfs", "proc /proc proc"));
}

TEST_P(LinuxResources, SlabCachesAreThoseOfProc) {
  const auto caches = guest_->SlabCaches();
  ASSERT_TRUE(caches.ok()) << caches.status();
  std::vector<std::string> ours, printed;
  std::map<std::string, const LinuxSlabCache*> by_name;
  for (const LinuxSlabCache& cache : *caches) {
    ours.push_back(absl::StrCat(cache.name, " ", cache.size, " ",
                                cache.objects_per_slab, " ",
                                cache.pages_per_slab));
    by_name[cache.name] = &cache;
    EXPECT_LE(cache.active_objects, cache.objects) << cache.name;
    EXPECT_LE(cache.object_size, cache.size) << cache.name;
  }
  size_t equal = 0;
  for (const std::string& line : console_->Part("slabs")) {
    // name active objects size per-slab pages : tunables ... : slabdata
    // active slabs shared
    const auto words = Words(line);
    if (words.size() < 16 || words[0] == "#") continue;
    printed.push_back(
        absl::StrCat(words[0], " ", words[3], " ", words[4], " ", words[5]));
    const LinuxSlabCache* const cache = by_name[words[0]];
    if (cache == nullptr) continue;
    // What was printed before the last tasks began may have changed since.
    if (cache->active_objects == Number(words[1]) &&
        cache->objects == Number(words[2]) &&
        cache->slabs == Number(words[14])) {
      ++equal;
    }
  }
  EXPECT_EQ(ours, printed);
  EXPECT_GT(ours.size(), 80u);
  EXPECT_GT(equal, ours.size() / 2);
  std::cout << equal << " of " << ours.size()
            << " slab caches had not changed\n";
}

TEST_P(LinuxResources, RunQueueHasTheTasksThatWantToRun) {
  const auto queues = guest_->RunQueues();
  ASSERT_TRUE(queues.ok()) << queues.status();
  ASSERT_EQ(queues->size(), 1u);
  const LinuxRunQueue& queue = (*queues)[0];
  EXPECT_EQ(queue.cpu, 0u);
  EXPECT_EQ(queue.current_comm, "spin-deadline");
  EXPECT_EQ(queue.running, queue.tasks.size());
  std::map<std::string, std::string> found;
  std::set<uint32_t> queued;
  for (const LinuxQueuedTask& task : queue.tasks) {
    found[task.comm] = absl::StrCat(task.policy, " ", task.priority);
    queued.insert(task.pid);
  }
  EXPECT_EQ(found["spin-deadline"], "deadline -1");
  EXPECT_EQ(found["spin-fifo"], "realtime 89");
  EXPECT_EQ(found["spin-nice0"], "fair 120");
  EXPECT_EQ(found["spin-nice5"], "fair 125");
  // Who is in no queue sleeps.
  const auto tasks = guest_->Tasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  std::set<uint32_t> runnable;
  for (const LinuxTask& task : *tasks) {
    if (task.state == 'R' && task.pid != 0) runnable.insert(task.pid);
  }
  EXPECT_EQ(queued, runnable);
}

TEST_P(LinuxResources, PerCpuVariablesHaveTheirValues) {
  const auto switches = guest_->PerCpu("runqueues.nr_switches");
  ASSERT_TRUE(switches.ok()) << switches.status();
  EXPECT_EQ(switches->type, "u64");
  ASSERT_EQ(switches->values.size(), 1u);
  const auto queues = guest_->RunQueues();
  ASSERT_TRUE(queues.ok()) << queues.status();
  const std::string text = PerCpuText(*switches, switches->values[0]);
  EXPECT_EQ(text, absl::StrCat((*queues)[0].switches));

  uint64_t printed_switches = 0, printed_ticks = 0;
  for (const std::string& line : console_->Part("system")) {
    const auto words = Words(line);
    if (words.size() < 2) continue;
    if (words[0] == "ctxt") printed_switches = Number(words[1]);
    if (words[0] == "LOC:") printed_ticks = Number(words[1]);
  }
  EXPECT_GE(Number(text), printed_switches);
  EXPECT_LT(Number(text), printed_switches + 1000);

  const auto ticks = guest_->PerCpu("irq_stat.apic_timer_irqs");
  ASSERT_TRUE(ticks.ok()) << ticks.status();
  const uint64_t count = Number(PerCpuText(*ticks, ticks->values[0]));
  EXPECT_GE(count, printed_ticks);
  EXPECT_LT(count, printed_ticks + 1000);

  const auto current = guest_->PerCpu("current_task");
  ASSERT_TRUE(current.ok()) << current.status();
  EXPECT_EQ(current->type, "struct task_struct *");
  EXPECT_EQ(PerCpuText(*current, current->values[0]),
            absl::StrFormat("0x%x", guest_->CurrentTask(0)->address.value()));

  const auto whole = guest_->PerCpu("runqueues");
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->type, "struct rq");
  EXPECT_GT(whole->values[0].bytes.size(), 1000u);
  EXPECT_EQ(whole->values[0].address, (*queues)[0].address);
  for (const char* name : {"init_task", "no_such_thing", "runqueues.nothing",
                           "runqueues.", ".", ""}) {
    EXPECT_EQ(guest_->PerCpu(name).status().code(), absl::StatusCode::kNotFound)
        << name;
  }
}

TEST_P(LinuxResources, SystemIsWhatUnamePrints) {
  const auto system = guest_->System();
  ASSERT_TRUE(system.ok()) << system.status();
  EXPECT_THAT(console_->Part("uname"),
              ElementsAre(system->sysname, system->nodename, system->release,
                          system->version, system->machine));
  const auto lines = console_->Part("system");
  ASSERT_GE(lines.size(), 5u);
  EXPECT_EQ(system->boot_arguments, lines[0]);
  const auto uptime = Words(lines[1]);
  const double seconds = static_cast<double>(system->uptime_ns) * 1e-9;
  EXPECT_GE(seconds, std::stod(uptime[0]) - 0.01);
  EXPECT_LT(seconds, std::stod(uptime[0]) + 2);
  const auto load = Words(lines[2]);
  for (int i = 0; i < 3; ++i) {
    EXPECT_NEAR(system->load[i], std::stod(load[i]), 0.4) << i;
  }
  EXPECT_EQ(absl::StrCat(system->tainted), lines[3]);
  EXPECT_GE(system->realtime_ns / 1'000'000'000 + 1, Number(lines[4]));
  EXPECT_LE(system->realtime_ns / 1'000'000'000, Number(lines[4]) + 2);
  EXPECT_EQ(system->cpus_online, 1u);
  EXPECT_GE(system->cpus_possible, 1u);
}

INSTANTIATE_TEST_SUITE_P(Kernels, LinuxResources,
                         testing::Values("vmlinuz", "vmlinuz-generic"),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param == "vmlinuz" ? "Cloud" : "Generic";
                         });

}  // namespace
}  // namespace librr
