// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_report.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace librr {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

std::string Printable(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    const bool is_control =
        (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
    if (is_control) {
      absl::StrAppendFormat(&escaped, "\\x%02x", c);
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace

std::string TaskReport(absl::Span<const LinuxTask> tasks, bool threads) {
  std::string text =
      absl::StrFormat("%7s %7s%s %6s S CPU     START COMMAND\n", "PID", "PPID",
                      threads ? "    TGID" : "", "UID");
  for (const LinuxTask& task : tasks) {
    if (task.pid == 0 || (!threads && task.pid != task.tgid)) continue;
    absl::StrAppendFormat(
        &text, "%7d %7d%s %6d %c %3d %9.3f %s\n", task.pid, task.ppid,
        threads ? absl::StrFormat(" %7d", task.tgid) : "", task.uid, task.state,
        task.cpu, static_cast<double>(task.start_ns) * 1e-9,
        Printable(task.cmdline.empty() ? absl::StrCat("[", task.comm, "]")
                                       : task.cmdline));
  }
  return text;
}

std::string LogReport(absl::Span<const LinuxLogRecord> log) {
  std::string text;
  for (const LinuxLogRecord& record : log) {
    const std::vector<std::string> lines = absl::StrSplit(record.text, '\n');
    for (const std::string& line : lines) {
      absl::StrAppendFormat(&text, "[%5d.%06d] %s\n",
                            record.time_ns / 1'000'000'000,
                            record.time_ns / 1000 % 1'000'000, Printable(line));
    }
  }
  return text;
}

std::string ModuleReport(absl::Span<const LinuxModule> modules) {
  std::string text;
  for (const LinuxModule& module : modules) {
    absl::StrAppendFormat(&text, "%-24s %9d %s 0x%016x\n",
                          Printable(module.name), module.size, module.state,
                          module.base.value());
  }
  return text;
}

std::string MapPermissions(const LinuxMapping& mapping) {
  return {mapping.readable ? 'r' : '-', mapping.writable ? 'w' : '-',
          mapping.executable ? 'x' : '-', mapping.shared ? 's' : 'p'};
}

std::string MapReport(absl::Span<const LinuxMapping> maps) {
  constexpr int kNameColumn = 73;
  std::string text;
  for (const LinuxMapping& mapping : maps) {
    const std::string line = absl::StrFormat(
        "%08x-%08x %s %08x %02x:%02x %d ", mapping.begin.value(),
        mapping.end.value(), MapPermissions(mapping), mapping.offset,
        mapping.device_major, mapping.device_minor, mapping.inode);
    if (mapping.name.empty()) {
      absl::StrAppend(&text, line, "\n");
    } else {
      absl::StrAppendFormat(&text, "%-*s%s\n", kNameColumn, line,
                            Printable(mapping.name));
    }
  }
  return text;
}

std::string OpenFileAccess(const LinuxOpenFile& file) {
  constexpr uint64_t kAppend = 02000;  // O_APPEND of x86
  return absl::StrCat(file.readable ? "r" : "", file.writable ? "w" : "",
                      (file.flags & kAppend) != 0 ? "a" : "");
}

std::string OpenFileReport(absl::Span<const LinuxOpenFile> files) {
  const bool with_pid = std::any_of(
      files.begin(), files.end(),
      [&](const LinuxOpenFile& file) { return file.pid != files[0].pid; });
  const auto pid = [&](const std::string& text) {
    return with_pid ? absl::StrFormat("%7s ", text) : "";
  };
  std::string text =
      absl::StrFormat("%s%5s TYPE ACCESS   POSITION  DEVICE      INODE NAME\n",
                      pid("PID"), "FD");
  for (const LinuxOpenFile& file : files) {
    absl::StrAppendFormat(
        &text, "%s%5d    %c %-6s %10d %7s %10d %s\n",
        pid(absl::StrCat(file.pid)), file.fd, file.type, OpenFileAccess(file),
        file.position,
        absl::StrFormat("%02x:%02x", file.device_major, file.device_minor),
        file.inode, Printable(file.name));
  }
  return text;
}

std::string MountReport(absl::Span<const LinuxMount> mounts) {
  std::string text;
  for (const LinuxMount& mount : mounts) {
    absl::StrAppend(&text, Printable(mount.source), " ", Printable(mount.path),
                    " ", Printable(mount.type), " ", mount.options, " 0 0\n");
  }
  return text;
}

std::string SocketReport(absl::Span<const LinuxSocket> sockets) {
  std::string text = absl::StrFormat(
      "%7s %5s %-7s %-9s %-8s %-12s %6s %6s %10s LOCAL -> REMOTE\n", "PID",
      "FD", "FAMILY", "TYPE", "PROTOCOL", "STATE", "RX", "TX", "INODE");
  for (const LinuxSocket& socket : sockets) {
    std::string remote = Printable(socket.remote);
    if (socket.peer_inode != 0) {
      absl::StrAppend(&remote, remote.empty() ? "" : " ", "inode ",
                      socket.peer_inode);
    }
    absl::StrAppendFormat(
        &text, "%7d %5d %-7s %-9s %-8s %-12s %6d %6d %10d %s%s\n", socket.pid,
        socket.fd, socket.family, socket.type, socket.protocol, socket.state,
        socket.rx_queue, socket.tx_queue, socket.inode, Printable(socket.local),
        remote.empty() ? "" : absl::StrCat(" -> ", remote));
  }
  return text;
}

std::string SlabReport(absl::Span<const LinuxSlabCache> caches) {
  constexpr uint64_t kKibibyte = 1024, kPage = 4096;
  std::string text =
      absl::StrFormat("%-26s %9s %9s %8s %8s %8s %5s %9s\n", "NAME", "ACTIVE",
                      "OBJECTS", "SIZE", "SLABS", "PER SLAB", "PAGES", "KIB");
  for (const LinuxSlabCache& cache : caches) {
    absl::StrAppendFormat(
        &text, "%-26s %9d %9d %8d %8d %8d %5d %9d\n", Printable(cache.name),
        cache.active_objects, cache.objects, cache.size, cache.slabs,
        cache.objects_per_slab, cache.pages_per_slab,
        cache.slabs * cache.pages_per_slab * (kPage / kKibibyte));
  }
  return text;
}

std::string RunQueueReport(absl::Span<const LinuxRunQueue> queues) {
  std::string text;
  for (const LinuxRunQueue& queue : queues) {
    absl::StrAppendFormat(
        &text,
        "CPU %d: %d to run, executes %s[%d], %d switches, clock %d.%09d\n",
        queue.cpu, queue.running, Printable(queue.current_comm),
        queue.current_pid, queue.switches, queue.clock_ns / kSecond,
        queue.clock_ns % kSecond);
    for (const LinuxQueuedTask& task : queue.tasks) {
      absl::StrAppendFormat(&text, "  %7d %-8s priority %3d %s%s\n", task.pid,
                            task.policy, task.priority, Printable(task.comm),
                            task.policy == "fair"
                                ? absl::StrFormat(", vruntime %d.%09d",
                                                  task.vruntime_ns / kSecond,
                                                  task.vruntime_ns % kSecond)
                                : "");
    }
  }
  return text;
}

std::string PerCpuText(const LinuxPerCpuVariable& variable,
                       const LinuxPerCpuVariable::Value& value) {
  using Kind = LinuxPerCpuVariable::Kind;
  constexpr size_t kMaxShown = 64;
  const std::string& bytes = value.bytes;
  if (variable.kind != Kind::kOther && bytes.size() <= 8) {
    uint64_t number = 0;
    for (size_t i = bytes.size(); i-- > 0;) {
      number = number << 8 | static_cast<uint8_t>(bytes[i]);
    }
    if (variable.kind == Kind::kPointer) {
      return absl::StrFormat("0x%x", number);
    }
    if (variable.kind == Kind::kUnsigned || bytes.empty()) {
      return absl::StrCat(number);
    }
    const size_t unused = 64 - 8 * bytes.size();
    return absl::StrCat(static_cast<int64_t>(number << unused) >>
                        static_cast<int>(unused));
  }
  std::string text;
  for (size_t i = 0; i < std::min(bytes.size(), kMaxShown); ++i) {
    absl::StrAppendFormat(&text, "%s%02x", i == 0 ? "" : " ",
                          static_cast<uint8_t>(bytes[i]));
  }
  return bytes.size() > kMaxShown
             ? absl::StrFormat("%s ... (%d bytes)", text, bytes.size())
             : text;
}

std::string PerCpuReport(const LinuxPerCpuVariable& variable) {
  std::string text = absl::StrCat(
      variable.name, ": ",
      variable.type.empty() ? "of unknown type" : Printable(variable.type),
      "\n");
  for (const LinuxPerCpuVariable::Value& value : variable.values) {
    absl::StrAppendFormat(&text, "CPU %d at 0x%016x: %s\n", value.cpu,
                          value.address.value(), PerCpuText(variable, value));
  }
  return text;
}

std::string SystemReport(const LinuxSystem& system) {
  return absl::StrFormat(
      "uname: %s %s %s %s %s\ndomain: %s\nuptime: %d.%09d\n"
      "time: %d.%09d\nload: %.2f %.2f %.2f\nCPUs: %d online, %d possible\n"
      "tainted: %d\nboot arguments: %s\n",
      Printable(system.sysname), Printable(system.nodename),
      Printable(system.release), Printable(system.version),
      Printable(system.machine), Printable(system.domainname),
      system.uptime_ns / kSecond, system.uptime_ns % kSecond,
      system.realtime_ns / kSecond, system.realtime_ns % kSecond,
      system.load[0], system.load[1], system.load[2], system.cpus_online,
      system.cpus_possible, system.tainted, Printable(system.boot_arguments));
}

}  // namespace librr
