// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Monitor commands about the guest's Linux.
#include "absl/strings/str_cat.h"
#include "debugstub/monitor_handlers.h"
#include "debugstub/target_memory.h"
#include "librr-core/base/status_macros.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "librr/linux_report.h"

namespace librr {

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
  constexpr uint64_t kMaxPid = 1 << 22;
  LIBRR_ASSIGN_OR_RETURN(const uint64_t pid,
                         NumberArgument(arguments.words[0], "a pid"));
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  if (pid > kMaxPid) {
    return absl::NotFoundError(
        absl::StrCat("there is no process ", pid, " here"));
  }
  LIBRR_ASSIGN_OR_RETURN(const auto maps,
                         guest->Maps(static_cast<uint32_t>(pid)));
  if (maps.empty()) return "this task has no user memory\n";
  return MapReport(maps);
}

}  // namespace librr
