// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/packet_handlers.h"

namespace librr {
namespace {

// The longest range that can be watched: a page table's worth of memory.
constexpr uint64_t kMaxWatchLength = uint64_t{1} << 30;

}  // namespace

Reply HandleStopReason(StubSession& session, NoArguments) {
  return Reply::Text(session.CurrentStop());
}

Reply HandleResumeQuery(StubSession&, NoArguments) {
  // gdb takes the packet only if all four of c, C, s and S are there.
  return Reply::Text("vCont;c;C;s;S;t;r");
}

Reply HandleResume(StubSession& session,
                   const std::vector<ResumeAction>& actions) {
  ResumeRequest request;
  bool goes_on = false;
  // Leftmost first: the first action that names a thread is meant for it. All
  // vCPUs of a recording move together; so the one that steps decides when to
  // stop, and `t` for the others means nothing.
  for (const ResumeAction& action : actions) {
    const std::optional<int> thread = session.inferiors().FindThread(action.id);
    if (action.id.thread > 0 && !thread.has_value()) {
      return Reply::Error(ErrorCode::kThread, "there is no such thread");
    }
    if (action.kind == ResumeAction::Kind::kStop) continue;
    goes_on = true;
    if (action.kind == ResumeAction::Kind::kContinue) continue;
    if (request.step_vcpu >= 0) continue;
    request.step_vcpu = thread.value_or(session.resume_vcpu());
    if (action.kind == ResumeAction::Kind::kRangeStep) {
      request.step_range.emplace(action.range_begin, action.range_end);
    }
  }
  if (!goes_on) return Reply::Text(session.CurrentStop());
  return session.Resume(std::move(request));
}

Reply HandleContinue(StubSession& session, NoArguments) {
  return session.Resume({});
}

Reply HandleStep(StubSession& session, NoArguments) {
  ResumeRequest request;
  request.step_vcpu = session.resume_vcpu();
  return session.Resume(std::move(request));
}

Reply HandleReverseContinue(StubSession& session, NoArguments) {
  ResumeRequest request;
  request.direction = Direction::kBackward;
  return session.Resume(std::move(request));
}

Reply HandleReverseStep(StubSession& session, NoArguments) {
  ResumeRequest request;
  request.direction = Direction::kBackward;
  request.step_vcpu = session.resume_vcpu();
  return session.Resume(std::move(request));
}

Reply HandleInsert(StubSession& session, const StopPointPacket& point) {
  const bool watches = point.type >= StopPointPacket::Type::kWriteWatch;
  if (watches && (point.length == 0 || point.length > kMaxWatchLength)) {
    return Reply::Error(ErrorCode::kArguments,
                        "a watchpoint has 1 byte to 1 GiB");
  }
  if (!session.Insert(point)) {
    return Reply::Error(ErrorCode::kRefused,
                        "there are too many breakpoints and watchpoints");
  }
  return Reply::Ok();
}

Reply HandleRemove(StubSession& session, const StopPointPacket& point) {
  session.Remove(point);
  return Reply::Ok();
}

}  // namespace librr
