// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_handlers.h"

namespace librr {
namespace {

Reply NoSuchThread(ThreadId id) {
  return Reply::Error(ErrorCode::kThread,
                      id.thread > 0
                          ? absl::StrCat("there is no thread ", id.thread)
                          : absl::StrCat("there is no process ", id.process));
}

}  // namespace

Reply HandleThreadSelection(StubSession& session, ThreadSelection selection) {
  const ThreadId id = selection.id;
  // Registers stay those of the thread that stopped last, if it is meant too.
  const std::optional<int> thread =
      id.thread > 0 ? session.inferiors().FindThread(id)
      : id.process > 0
          ? session.inferiors().AnyThread(id.process, session.vcpu())
          : session.vcpu();
  if (!thread.has_value()) return NoSuchThread(id);
  if (selection.operation == 'c') {
    session.set_resume_vcpu(id.thread > 0 ? *thread : kSelectedThread);
  }
  const bool shows = selection.operation == 'g' || id.thread <= 0;
  if (shows && *thread != session.vcpu()) session.SelectVcpu(*thread);
  return Reply::Ok();
}

Reply HandleThreadAlive(StubSession& session, ThreadId id) {
  return session.inferiors().FindThread(id).has_value() ? Reply::Ok()
                                                        : NoSuchThread(id);
}

Reply HandleCurrentThread(StubSession& session, NoArguments) {
  return Reply::Text("QC" + session.inferiors().ThreadText(session.vcpu()));
}

Reply HandleFirstThreads(StubSession& session, NoArguments) {
  std::string list = "m";
  for (const TargetThread& thread : session.target().Threads()) {
    if (session.inferiors().Of(thread) == Inferiors::kNone) continue;
    if (list.size() > 1) list += ",";
    list += session.inferiors().ThreadText(thread.number);
  }
  return Reply::Text(list.size() > 1 ? std::move(list) : "l");
}

Reply HandleMoreThreads(StubSession&, NoArguments) { return Reply::Text("l"); }

Reply HandleThreadExtraInfo(StubSession& session, ThreadId id) {
  const std::optional<int> thread = session.inferiors().FindThread(id);
  for (const TargetThread& it : session.target().Threads()) {
    if (it.number == thread) {
      return Reply::Text(HexText(
          absl::StrCat(it.name, it.details.empty() ? "" : ", ", it.details)));
    }
  }
  return NoSuchThread(id);
}

}  // namespace librr
