// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_split.h"
#include "debugstub/monitor_table.h"
#include "debugstub/packet_handlers.h"
#include "debugstub/packet_table.h"

namespace librr {

Reply HandleSupported(StubSession& session, const std::string& features) {
  bool swbreak = false;
  bool hwbreak = false;
  bool multiprocess = false;
  for (const absl::string_view feature :
       absl::StrSplit(features, absl::ByAnyChar(":;"))) {
    swbreak |= feature == "swbreak+";
    hwbreak |= feature == "hwbreak+";
    multiprocess |= feature == "multiprocess+";
  }
  session.set_reasons(swbreak, hwbreak);
  multiprocess &= session.target().has_processes();
  session.inferiors().SetUsed(multiprocess);
  return Reply::Text(Capabilities() + (multiprocess ? ";multiprocess+" : ""));
}

Reply HandleNoAckMode(StubSession& session, NoArguments) {
  session.set_no_ack();
  return Reply::Ok();
}

// The machine was there before the client: at its end gdb detaches from it.
Reply HandleAttached(StubSession&, const std::string&) {
  return Reply::Text("1");
}

// A recording cannot be killed: the client leaves, and may come back.
Reply HandleKill(StubSession& session, NoArguments) {
  session.Finish();
  return Reply::None();
}

Reply HandlePhysicalModeSupported(StubSession&, NoArguments) {
  return Reply::Text("PhyMemMode");
}

Reply HandlePhysicalModeQuery(StubSession& session, NoArguments) {
  return Reply::Text(session.physical() ? "1" : "0");
}

Reply HandleSetPhysicalMode(StubSession& session, bool physical) {
  session.set_physical(physical);
  return Reply::Ok();
}

Reply HandleMonitor(StubSession& session, const std::string& command) {
  session.FlushNotes();
  session.channel().BeginBusy();
  const absl::StatusOr<std::string> text = RunMonitorCommand(session, command);
  session.channel().EndBusy();
  if (text.ok()) {
    session.Print(*text);
    return Reply::Ok();
  }
  session.Print(std::string(text.status().message()) + "\n");
  // Scripts stop at an error; a person has read the line above.
  return Reply::Error(ErrorCode::kArguments, "");
}

}  // namespace librr
