// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_report.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace librr {
namespace {

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

}  // namespace librr
