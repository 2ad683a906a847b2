// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_handlers.h"

namespace librr {
namespace {

Reply NoSuchThread(int thread) {
  return Reply::Error(ErrorCode::kThread,
                      absl::StrCat("there is no thread ", thread));
}

}  // namespace

Reply HandleThreadSelection(StubSession& session, ThreadSelection selection) {
  if (selection.thread == kAnyThread || selection.thread == kAllThreads) {
    // Registers stay those of the thread that stopped last.
    if (selection.operation == 'c') session.set_resume_vcpu(kSelectedThread);
    return Reply::Ok();
  }
  if (!session.IsThread(selection.thread)) {
    return NoSuchThread(selection.thread);
  }
  const int vcpu = selection.thread - 1;
  if (selection.operation == 'c') {
    session.set_resume_vcpu(vcpu);
  } else if (vcpu != session.vcpu()) {
    session.SelectVcpu(vcpu);
  }
  return Reply::Ok();
}

Reply HandleThreadAlive(StubSession& session, int thread) {
  return session.IsThread(thread) ? Reply::Ok() : NoSuchThread(thread);
}

Reply HandleCurrentThread(StubSession& session, NoArguments) {
  return Reply::Text(
      absl::StrCat("QC", HexNumber(StubSession::ThreadOf(session.vcpu()))));
}

Reply HandleFirstThreads(StubSession& session, NoArguments) {
  std::string list = "m";
  for (const TargetThread& thread : session.target().Threads()) {
    if (list.size() > 1) list += ",";
    list += HexNumber(StubSession::ThreadOf(thread.number));
  }
  return Reply::Text(std::move(list));
}

Reply HandleMoreThreads(StubSession&, NoArguments) { return Reply::Text("l"); }

Reply HandleThreadExtraInfo(StubSession& session, int thread) {
  for (const TargetThread& it : session.target().Threads()) {
    if (StubSession::ThreadOf(it.number) == thread) {
      return Reply::Text(HexText(
          absl::StrCat(it.name, it.details.empty() ? "" : ", ", it.details)));
    }
  }
  return NoSuchThread(thread);
}

}  // namespace librr
