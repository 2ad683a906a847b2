// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Monitor commands about the guest's Linux.
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "debugstub/monitor_handlers.h"
#include "debugstub/target_memory.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "librr/linux_report.h"

namespace librr {
namespace {

// Where a task is in the kernel; empty in user code.
absl::StatusOr<std::vector<LinuxFrame>> StackOf(DebugTarget& target,
                                                LinuxGuest& guest,
                                                const LinuxTask& task) {
  for (int vcpu = 0; vcpu < target.vcpu_count(); ++vcpu) {
    const auto current = guest.CurrentTask(vcpu);
    if (!current.ok() || current->address != task.address) continue;
    // The thread that shows the registers of a vCPU is its current task.
    for (const TargetThread& thread : target.Threads()) {
      if (thread.core != vcpu) continue;
      const auto registers = target.Registers(thread.number);
      const auto number = [&](const char* name) {
        return RegisterNumber(registers, name).value_or(0);
      };
      LinuxRegisters state;
      state.rip = number("rip");
      state.general[4] = number("rsp");
      state.general[5] = number("rbp");
      state.cs = static_cast<uint16_t>(number("cs"));
      return guest.KernelStack(state);
    }
  }
  LIBRR_ASSIGN_OR_RETURN(const LinuxRegisters saved,
                         guest.KernelRegisters(task));
  return guest.KernelStack(saved);
}

std::string NameOf(const LinuxTask& task) {
  return absl::StrCat(task.pid, " ", task.comm);
}

}  // namespace

absl::StatusOr<uint32_t> PidArgument(const std::string& text) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t pid, NumberArgument(text, "a pid"));
  if (pid < kMaxLinuxPid) return static_cast<uint32_t>(pid);
  return absl::NotFoundError(
      absl::StrCat("there is no process ", pid, " here"));
}

absl::StatusOr<std::string> MonitorPs(StubSession& session,
                                      const MonitorArguments& arguments) {
  const bool threads = !arguments.words.empty();
  if (threads && arguments.words[0] != "-T") {
    return absl::InvalidArgumentError("usage: monitor ps [-T]");
  }
  if (session.linux_view() == StubSession::LinuxView::kTyped) {
    LIBRR_ASSIGN_OR_RETURN(const auto tasks,
                           ReadLinuxTasks(TargetMemory(&session.target()),
                                          session.linux_offsets()));
    return TaskReport(tasks, threads);
  }
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto tasks, guest->Tasks());
  return TaskReport(tasks, threads);
}

absl::StatusOr<std::string> MonitorDmesg(StubSession& session,
                                         const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto log, guest->Log());
  absl::Span<const LinuxLogRecord> shown = log;
  if (!arguments.words.empty()) {
    LIBRR_ASSIGN_OR_RETURN(const uint64_t count,
                           NumberArgument(arguments.words[0], "a number"));
    if (count < shown.size()) shown.remove_prefix(shown.size() - count);
  }
  return LogReport(shown);
}

absl::StatusOr<std::string> MonitorModules(StubSession& session,
                                           const MonitorArguments&) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto modules, guest->Modules());
  if (modules.empty()) return "no modules are loaded\n";
  return ModuleReport(modules);
}

absl::StatusOr<std::string> MonitorMaps(StubSession& session,
                                        const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const uint32_t pid, PidArgument(arguments.words[0]));
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto maps, guest->Maps(pid));
  if (maps.empty()) return "this task has no user memory\n";
  return MapReport(maps);
}

absl::StatusOr<std::string> MonitorUniqueStacks(StubSession& session,
                                                const MonitorArguments&) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto tasks, guest->Tasks());
  std::map<std::string, std::vector<std::string>> owners;
  for (const LinuxTask& task : tasks) {
    const auto frames = StackOf(session.target(), *guest, task);
    std::string text;
    if (!frames.ok()) {
      text = absl::StrCat("  ", frames.status().message(), "\n");
    } else if (frames->empty()) {
      text = "  in user code\n";
    } else {
      for (const LinuxFrame& frame : *frames) {
        absl::StrAppend(&text, "  ", frame.name, "\n");
      }
    }
    owners[text].push_back(NameOf(task));
  }
  // The most frequent first.
  std::vector<std::pair<size_t, std::string>> order;
  for (const auto& [text, names] : owners)
    order.push_back({names.size(), text});
  std::stable_sort(
      order.begin(), order.end(),
      [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string all;
  for (const auto& [count, text] : order) {
    absl::StrAppend(&all, count, count == 1 ? " task: " : " tasks: ",
                    absl::StrJoin(owners[text], ", "), "\n", text);
  }
  return all;
}

absl::StatusOr<std::string> MonitorSystemCall(
    StubSession& session, const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto tasks, guest->Tasks());
  std::optional<uint64_t> pid;
  if (!arguments.words.empty()) {
    LIBRR_ASSIGN_OR_RETURN(pid, NumberArgument(arguments.words[0], "a pid"));
  }
  std::string text;
  for (const LinuxTask& task : tasks) {
    if (pid.has_value() ? task.pid != *pid : task.mm.value() == 0) continue;
    const auto frames = StackOf(session.target(), *guest, task);
    const auto call = guest->SystemCall(task);
    absl::StrAppend(&text, NameOf(task), ": ");
    if (!call.ok()) {
      absl::StrAppend(&text, call.status().message(), "\n");
    } else if ((frames.ok() && frames->empty()) || call->number < 0) {
      text += "in no system call\n";
    } else {
      absl::StrAppendFormat(
          &text, "%s (%d) 0x%x 0x%x 0x%x 0x%x 0x%x 0x%x\n",
          call->name.empty() ? "unknown" : call->name, call->number,
          call->arguments[0], call->arguments[1], call->arguments[2],
          call->arguments[3], call->arguments[4], call->arguments[5]);
    }
  }
  if (!text.empty()) return text;
  return absl::NotFoundError(pid.has_value()
                                 ? absl::StrCat("there is no task ", *pid)
                                 : "there is no process yet");
}

absl::StatusOr<std::string> MonitorRegisters(
    StubSession& session, const MonitorArguments& arguments) {
  const std::string& which = arguments.words[0];
  if (which != "user" && which != "kernel") {
    return absl::InvalidArgumentError("usage: monitor registers user|kernel");
  }
  session.target().ShowKernelRegisters(which == "kernel");
  session.ForgetState();
  return absl::StrCat(
      "processes that do not execute show the registers of their ",
      which == "kernel" ? "kernel stack" : "user code",
      "; gdb asks for them again when you select a thread after `flushregs`\n");
}

}  // namespace librr
