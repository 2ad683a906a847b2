// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Monitor commands about what the guest's Linux has open, mounted, allocated
// and queued.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "debugstub/monitor_handlers.h"
#include "librr-core/base/status_macros.h"
#include "librr/linux_guest.h"
#include "librr/linux_report.h"

namespace librr {
namespace {

// The only word, where there is one.
absl::StatusOr<std::optional<uint32_t>> PidOf(
    const MonitorArguments& arguments) {
  if (arguments.words.empty()) return std::optional<uint32_t>();
  LIBRR_ASSIGN_OR_RETURN(const uint32_t pid, PidArgument(arguments.words[0]));
  return std::optional<uint32_t>(pid);
}

}  // namespace

absl::StatusOr<std::string> MonitorFiles(StubSession& session,
                                         const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const auto pid, PidOf(arguments));
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto files, guest->OpenFiles(pid));
  if (files.empty()) return "no files are open\n";
  return OpenFileReport(files);
}

absl::StatusOr<std::string> MonitorSockets(StubSession& session,
                                           const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const auto pid, PidOf(arguments));
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto sockets, guest->Sockets(pid));
  if (sockets.empty()) return "no sockets are open\n";
  return SocketReport(sockets);
}

absl::StatusOr<std::string> MonitorMounts(StubSession& session,
                                          const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const auto pid, PidOf(arguments));
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto mounts, guest->Mounts(pid.value_or(1)));
  if (mounts.empty()) return "this task sees no mounts\n";
  return MountReport(mounts);
}

absl::StatusOr<std::string> MonitorSlabs(StubSession& session,
                                         const MonitorArguments&) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto caches, guest->SlabCaches());
  return SlabReport(caches);
}

absl::StatusOr<std::string> MonitorRunQueues(StubSession& session,
                                             const MonitorArguments&) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto queues, guest->RunQueues());
  return RunQueueReport(queues);
}

absl::StatusOr<std::string> MonitorPerCpu(StubSession& session,
                                          const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto variable,
                         guest->PerCpu(arguments.words[0]));
  return PerCpuReport(variable);
}

absl::StatusOr<std::string> MonitorSystem(StubSession& session,
                                          const MonitorArguments&) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, session.target().Linux());
  LIBRR_ASSIGN_OR_RETURN(const auto system, guest->System());
  return SystemReport(system);
}

}  // namespace librr
