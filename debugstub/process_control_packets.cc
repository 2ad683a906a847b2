// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Processes as gdb's inferiors.
#include "absl/strings/str_cat.h"
#include "debugstub/packet_handlers.h"
#include "debugstub/transfer_object.h"

namespace librr {
namespace {

std::string Column(const char* name, const std::string& value) {
  return absl::StrCat("<column name=\"", name, "\">", XmlText(value),
                      "</column>");
}

std::string Item(const std::string& pid, const std::string& user,
                 const std::string& command, const std::string& core) {
  return absl::StrCat("<item>", Column("pid", pid), Column("user", user),
                      Column("command", command), Column("cores", core),
                      "</item>");
}

constexpr const char* kTypes =
    "<?xml version=\"1.0\"?><osdata type=\"types\"><item>"
    "<column name=\"Type\">processes</column>"
    "<column name=\"Description\">Processes of the guest</column>"
    "<column name=\"Title\">Processes</column></item></osdata>";

}  // namespace

Reply HandleExtendedMode(StubSession& session, NoArguments) {
  if (!session.inferiors().used()) return Reply::Unknown();
  session.set_extended();
  return Reply::Ok();
}

Reply HandleAttach(StubSession& session, int process) {
  if (!session.inferiors().used()) return Reply::Unknown();
  if (session.Attach(process)) return Reply::Text(session.CurrentStop());
  return Reply::Error(
      ErrorCode::kThread,
      session.inferiors().Has(process)
          ? absl::StrCat("process ", process, " is an inferior already")
          : absl::StrCat("there is no process ", process,
                         " here; `info os processes` lists them"));
}

// The guest goes on as it did: its threads are the machine's again.
Reply HandleDetach(StubSession& session, const std::string& rest) {
  if (!session.inferiors().used() || rest.empty()) {
    session.Finish();
    return Reply::Ok();
  }
  const auto process = ParseProcess(std::string_view(rest).substr(1));
  if (rest[0] != ';' || !process.has_value() || !session.Detach(*process)) {
    return Reply::Error(ErrorCode::kArguments, "");
  }
  return Reply::Ok();
}

// A recording cannot be killed: the client leaves, and may come back.
Reply HandleKillProcess(StubSession& session, int process) {
  if (!session.inferiors().used()) {
    session.Finish();
    return Reply::Ok();
  }
  if (session.Detach(process)) return Reply::Ok();
  return Reply::Error(ErrorCode::kArguments, "");
}

// GDB manual, "22.2 Operating System Auxiliary Information".
Reply HandleReadOsData(StubSession& session, const TransferRange& range) {
  if (range.annex.empty()) return TransferPart(kTypes, range);
  if (range.annex != "processes")
    return Reply::Error(ErrorCode::kArguments, "");
  std::string list = "<?xml version=\"1.0\"?><osdata type=\"processes\">";
  if (session.inferiors().used()) {
    list +=
        Item(absl::StrCat(Inferiors::kMachine), "", "(the whole machine)", "");
  }
  const absl::StatusOr<LinuxGuest*> guest = session.target().Linux();
  if (guest.ok()) {
    const absl::StatusOr<std::vector<LinuxTask>> tasks = (*guest)->Tasks();
    if (!tasks.ok()) return Reply::Error(ErrorCode::kRefused, "");
    for (const LinuxTask& task : *tasks) {
      if (task.pid == 0 || task.pid != task.tgid) continue;
      list += Item(absl::StrCat(task.pid), absl::StrCat(task.uid),
                   task.cmdline.empty() ? absl::StrCat("[", task.comm, "]")
                                        : task.cmdline,
                   absl::StrCat(task.cpu));
    }
  }
  return TransferPart(list + "</osdata>", range);
}

}  // namespace librr
