// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/monitor_handlers.h"
#include "debugstub/packet_handlers.h"
#include "debugstub/transfer_object.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// What `read` says of a thread's process.
template <typename Read>
absl::StatusOr<std::string> Ask(const DebugTarget& target, int thread,
                                const Read& read) {
  LIBRR_ASSIGN_OR_RETURN(LinuxGuest* const guest, target.Linux());
  LIBRR_ASSIGN_OR_RETURN(const LinuxTask task, target.TaskOf(thread));
  return read(*guest, task);
}

// Of the process that the client names, or the thread's. Where there is no
// process, gdb does without.
template <typename Read>
Reply OfProcess(StubSession& session, int thread, const TransferRange& range,
                const Read& read) {
  if (!range.annex.empty()) {
    const auto process = ParseProcess(range.annex);
    if (!process.has_value() || *process == 0 ||
        *process >= Inferiors::kMachine) {
      return Reply::Error(ErrorCode::kArguments, "");
    }
    thread = *process - 1;
  }
  const absl::StatusOr<std::string> object =
      Ask(session.target(), thread, read);
  if (!object.ok()) return Reply::Error(ErrorCode::kRefused, "");
  return TransferPart(*object, range);
}

absl::StatusOr<std::string> Executable(LinuxGuest& guest,
                                       const LinuxTask& task) {
  return guest.Executable(task);
}

std::string Attribute(const char* name, uint64_t value) {
  return absl::StrCat(" ", name, "=\"0x", HexNumber(value), "\"");
}

}  // namespace

absl::StatusOr<std::string> MonitorExecutable(
    StubSession& session, const MonitorArguments& arguments) {
  int thread = session.vcpu();
  if (!arguments.words.empty()) {
    LIBRR_ASSIGN_OR_RETURN(const uint32_t pid, PidArgument(arguments.words[0]));
    thread = static_cast<int>(pid) - 1;
  }
  LIBRR_ASSIGN_OR_RETURN(const std::string path,
                         Ask(session.target(), thread, Executable));
  // The guest has chosen the name.
  return absl::CHexEscape(path) + "\n";
}

Reply HandleReadAuxv(StubSession& session, const TransferRange& range) {
  if (const auto task = session.target().TaskOf(session.vcpu()); task.ok()) {
    session.set_program_process(static_cast<int>(task->tgid) - 1);
  }
  return OfProcess(session, session.vcpu(), range,
                   [](LinuxGuest& guest, const LinuxTask& task) {
                     return guest.Auxv(task);
                   });
}

Reply HandleReadExecutable(StubSession& session, const TransferRange& range) {
  return OfProcess(session, session.vcpu(), range, Executable);
}

// GDB manual, "E.13 Library List Format for SVR4 Targets".
Reply HandleReadLibraries(StubSession& session, const TransferRange& range) {
  const int process = session.program_process();
  if (process >= 0 && !session.target().HasThread(process)) {
    // Before it began, or after its end.
    return TransferPart("<library-list-svr4 version=\"1.0\"/>", range);
  }
  return OfProcess(
      session, process >= 0 ? process : session.vcpu(), range,
      [](LinuxGuest& guest,
         const LinuxTask& task) -> absl::StatusOr<std::string> {
        LIBRR_ASSIGN_OR_RETURN(const LinuxSharedObjects shared,
                               guest.SharedObjects(task));
        std::string list = "<library-list-svr4 version=\"1.0\"";
        if (shared.program_link_map.value() != 0) {
          list += Attribute("main-lm", shared.program_link_map.value());
        }
        list += ">";
        for (const LinuxSharedObjects::Object& object : shared.objects) {
          absl::StrAppend(&list, "<library name=\"", XmlText(object.path), "\"",
                          Attribute("lm", object.link_map.value()),
                          // gdb 13 wants it; others know no such attribute.
                          Attribute("lmid", shared.debug_data.value()),
                          Attribute("l_addr", object.displacement),
                          Attribute("l_ld", object.dynamic.value()), "/>");
        }
        return list + "</library-list-svr4>";
      });
}

}  // namespace librr
