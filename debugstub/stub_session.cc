// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/stub_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"
#include "debugstub/packet_table.h"
#include "librr-core/base/abseil_view.h"
#include "librr/inspection.h"

namespace librr {
namespace {

// gdb's numbers for signals.
constexpr int kNoSignal = 0;
constexpr int kSigInt = 2;
constexpr int kSigTrap = 5;

// User addresses of both widths are below this (the lower canonical half).
constexpr uint64_t kUserEnd = uint64_t{1} << 47;

constexpr size_t kMaxPoints = 10'000;

// Bytes of text in a packet of console output, as two digits each.
constexpr size_t kMaxPrint = 0x1000;

bool IsBreakpoint(StopPointPacket::Type type) {
  return type == StopPointPacket::Type::kSoftwareBreak ||
         type == StopPointPacket::Type::kHardwareBreak;
}

WatchKind KindOf(StopPointPacket::Type type) {
  switch (type) {
    case StopPointPacket::Type::kReadWatch:
      return WatchKind::kRead;
    case StopPointPacket::Type::kAccessWatch:
      return WatchKind::kAccess;
    default:
      return WatchKind::kWrite;
  }
}

}  // namespace

StubSession::StubSession(DebugTarget* target, DebugArchitecture architecture,
                         ClientChannel* channel)
    : target_(target),
      architecture_(architecture),
      channel_(channel),
      description_(DescribeTarget(architecture,
                                  target->Registers(target->ThreadHere(0)))),
      inferiors_(target),
      vcpu_(target->ThreadHere(0)) {}

std::string StubSession::RefusalReason(const DebugTarget& target,
                                       DebugArchitecture architecture) {
  if (architecture == DebugArchitecture::kI386 &&
      CodeBits(target.Registers(target.ThreadHere(0))) == 64) {
    return "the CPU is in 64-bit code here; this port speaks i386, use the "
           "amd64 port";
  }
  return "";
}

void StubSession::HandlePacket(std::string_view payload) {
  const Reply reply = DispatchPacket(*this, payload);
  if (!reply.message().empty()) {
    channel_->Log(reply.message());
    Note(reply.message());
  }
  if (reply.has_payload()) channel_->SendPacket(reply.payload());
}

void StubSession::SelectVcpu(int vcpu) {
  vcpu_ = vcpu;
  ForgetState();
}

void StubSession::ShowThread(int thread) {
  SelectVcpu(inferiors_.Of(thread) != Inferiors::kNone ? thread : vcpu_);
  if (inferiors_.Of(vcpu_) != Inferiors::kNone) return;
  for (const TargetThread& other : target_->Threads()) {
    if (inferiors_.Of(other) != Inferiors::kNone) {
      return SelectVcpu(other.number);
    }
  }
}

bool StubSession::Attach(int inferior) {
  if (!inferiors_.Attach(inferior)) return false;
  const bool is_process = inferior != Inferiors::kMachine;
  SelectVcpu(is_process ? inferior - 1 : target_->ThreadHere(vcpu_));
  last_stop_ = StopReplyFor(kNoSignal, "");
  return true;
}

int StubSession::program_process() const {
  const auto found = program_processes_.find(inferiors_.Of(vcpu_));
  return found == program_processes_.end() ? -1 : found->second;
}

void StubSession::set_program_process(int process) {
  program_processes_[inferiors_.Of(vcpu_)] = process;
}

bool StubSession::Detach(int inferior) {
  if (!inferiors_.Detach(inferior)) return false;
  std::erase_if(points_, [inferior](const auto& point) {
    return point.first.first == inferior;
  });
  program_processes_.erase(inferior);
  if (inferiors_.empty() && !extended_) Finish();
  ShowThread(vcpu_);
  return true;
}

const std::vector<RegisterValue>& StubSession::registers() {
  if (!registers_.has_value()) registers_ = target_->Registers(vcpu_);
  return *registers_;
}

size_t StubSession::ReadMemory(uint64_t address, absl::Span<uint8_t> out) {
  if (!physical_) {
    return target_->ReadVirtual(vcpu_, GuestVirtual(address), out);
  }
  const uint64_t end = target_->memory_bytes();
  if (address >= end) return 0;
  const size_t size = std::min<uint64_t>(out.size(), end - address);
  return target_->ReadPhysical(GuestPhysical(address), out.first(size)).ok()
             ? size
             : 0;
}

// ---- stop points ----

bool StubSession::IsMapped(uint64_t address) {
  uint8_t byte = 0;
  return ReadMemory(address, absl::MakeSpan(&byte, 1)) == 1;
}

StopScope StubSession::ScopeFor(const StopPointPacket& point) {
  if (physical_) return {};
  const bool is_user = point.address < kUserEnd;
  const int inferior = inferiors_.Of(vcpu_);
  if (inferior != Inferiors::kMachine && inferior != Inferiors::kNone) {
    StopScope scope = target_->ProcessScopeOf(vcpu_);
    if (!is_user) scope.address_space.reset();
    return scope;
  }
  if (!scope_is_current_ || !is_user) return {};
  return target_->ScopeOf(vcpu_);
}

bool StubSession::Insert(const StopPointPacket& point) {
  const auto key = KeyOf(point);
  if (points_.size() >= kMaxPoints && !points_.contains(key)) {
    ForgetRemovedPoints();
    if (points_.size() >= kMaxPoints) return false;
  }
  InsertedPoint& entry = points_[key];
  // gdb takes its stop points out at each stop and sets them again when it
  // resumes, perhaps in another address space: the first time counts.
  if (entry.id == 0) {
    entry.id = next_point_id_++;
    entry.physical = physical_;
    entry.scope = ScopeFor(point);
    if (!IsBreakpoint(point.type) && !IsMapped(point.address)) {
      Note(absl::StrCat("nothing is mapped at 0x", HexNumber(point.address),
                        " here; the watchpoint means what will be, or was"));
    }
  }
  entry.inserted = true;
  return true;
}

void StubSession::Remove(const StopPointPacket& point) {
  const auto found = points_.find(KeyOf(point));
  if (found != points_.end()) found->second.inserted = false;
}

void StubSession::ForgetRemovedPoints() {
  for (auto it = points_.begin(); it != points_.end();) {
    it = it->second.inserted ? std::next(it) : points_.erase(it);
  }
}

void StubSession::set_scope_is_current(bool value) {
  scope_is_current_ = value;
  // What is set from now on, or set again, belongs to the new scope.
  ForgetRemovedPoints();
}

void StubSession::FillConditions(ResumeRequest* request) const {
  for (const auto& [key, entry] : points_) {
    if (!entry.inserted) continue;
    const StopPointPacket& point = key.second;
    if (entry.scope.process.has_value()) {
      request->owners[entry.id] = *entry.scope.process;
    }
    if (IsBreakpoint(point.type)) {
      request->conditions.breakpoints.push_back(
          {.id = entry.id,
           .address = point.address,
           .physical = entry.physical,
           .address_space = entry.scope.address_space});
    } else {
      request->conditions.watchpoints.push_back(
          {.id = entry.id,
           .kind = KindOf(point.type),
           .address = point.address,
           .length = point.length,
           .physical = entry.physical,
           .address_space = entry.scope.address_space});
    }
  }
}

// ---- moving ----

Reply StubSession::Stopped(std::string reply) {
  last_stop_ = reply;
  notes_ += target_->TakeNotes();
  FlushNotes();
  return Reply::Text(std::move(reply));
}

std::string StubSession::CurrentStop() {
  if (last_stop_.empty()) last_stop_ = StopReplyFor(kSigTrap, "");
  return last_stop_;
}

Reply StubSession::MakeArmedMove() {
  const ArmedMove move = *std::exchange(armed_move_, std::nullopt);
  channel_->BeginBusy();
  const absl::StatusOr<Position> to = move.find();
  const absl::Status status = to.ok() ? target_->Seek(*to) : to.status();
  channel_->EndBusy();
  ShowThread(target_->ThreadHere(vcpu_));
  // No signal: gdb ends whatever it was doing when it resumed, be it the step
  // off a breakpoint with which `continue` begins.
  int signal = move.by_step ? kSigTrap : kNoSignal;
  move_error_ = std::string(status.message());
  if (absl::IsCancelled(status)) {
    move_error_ = "interrupted";
    if (to.ok()) absl::StrAppend(&move_error_, " on the way to ", to->value());
    absl::StrAppend(&move_error_, "; this is position ",
                    target_->position().value());
    signal = kSigInt;
  }
  // One who moves by a step asks.
  if (!status.ok() && !move.by_step) Note(move_error_);
  return Stopped(StopReplyFor(signal, ""));
}

Reply StubSession::Resume(ResumeRequest request) {
  FlushNotes();
  if (armed_move_.has_value()) return MakeArmedMove();
  const Position here = target_->position();
  const bool forward = request.direction == Direction::kForward;
  if (armed_stop_.has_value() &&
      (forward ? *armed_stop_ > here : *armed_stop_ < here)) {
    request.bound = armed_stop_;
  }
  if (request.step_vcpu < 0) ForgetRemovedPoints();
  request.step_in_context = step_in_context_;
  FillConditions(&request);
  channel_->BeginBusy();
  const absl::StatusOr<TargetStop> stop = target_->Resume(request);
  channel_->EndBusy();
  ForgetState();
  if (!stop.ok()) {
    channel_->Log(std::string(stop.status().message()));
    Note(std::string(stop.status().message()));
    return Stopped(StopReplyFor(
        absl::IsCancelled(stop.status()) ? kSigInt : kNoSignal, ""));
  }
  ShowThread(stop->vcpu);
  if (!stop->note.empty()) Note(stop->note);
  if (armed_stop_.has_value() && target_->position() == *armed_stop_) {
    armed_stop_.reset();
    Note(absl::StrCat("stopped at position ", target_->position().value()));
    if (stop->reason != TargetStop::Reason::kCondition) {
      return Stopped(StopReplyFor(kNoSignal, ""));
    }
  }
  return Stopped(StopReply(*stop));
}

std::string StubSession::StopReply(const TargetStop& stop) {
  switch (stop.reason) {
    case TargetStop::Reason::kStep:
      return StopReplyFor(kSigTrap, "");
    case TargetStop::Reason::kPosition:
      return StopReplyFor(kNoSignal, "");
    case TargetStop::Reason::kBegin:
      return StopReplyFor(kSigTrap, "replaylog:begin;");
    case TargetStop::Reason::kEnd:
      return StopReplyFor(kSigTrap, "replaylog:end;");
    case TargetStop::Reason::kInterrupted:
      return StopReplyFor(kSigInt, "");
    case TargetStop::Reason::kCondition:
      break;
  }
  // A stop has one reason in the protocol. Of a watchpoint and a breakpoint the
  // former is said: gdb finds the latter by the address at which it stands.
  const StopHit* chosen = nullptr;
  for (const StopHit& hit : stop.hits) {
    if (chosen == nullptr || hit.kind == StopHit::Kind::kWatchpoint) {
      chosen = &hit;
      if (hit.kind == StopHit::Kind::kWatchpoint) break;
    }
  }
  return StopReplyFor(kSigTrap, chosen == nullptr ? "" : HitReason(*chosen));
}

std::string StubSession::HitReason(const StopHit& hit) {
  const auto point = std::find_if(
      points_.begin(), points_.end(),
      [&](const auto& entry) { return entry.second.id == hit.id; });
  if (point == points_.end()) return "";
  const StopPointPacket::Type type = point->first.second.type;
  switch (type) {
    case StopPointPacket::Type::kSoftwareBreak:
      return sends_swbreak_ ? "swbreak:;" : "";
    case StopPointPacket::Type::kHardwareBreak:
      return sends_hwbreak_ ? "hwbreak:;" : "";
    default:
      break;
  }
  if (hit.cause == StopHit::Cause::kDevice) {
    Note("the watched memory was accessed by a device");
  } else if (hit.cause == StopHit::Cause::kPageWalker) {
    Note("the watched memory was written by the CPU's page walker");
  }
  const char* name = type == StopPointPacket::Type::kReadWatch     ? "rwatch:"
                     : type == StopPointPacket::Type::kAccessWatch ? "awatch:"
                                                                   : "watch:";
  return absl::StrCat(name, HexNumber(hit.address), ";");
}

std::string StubSession::StopReplyFor(int signal, const std::string& reason) {
  if (inferiors_.Of(vcpu_) == Inferiors::kNone) {
    // Nothing that the client has exists here.
    const int gone = inferiors_.TakeGone();
    return absl::StrCat("W00", gone == Inferiors::kNone ? "" : ";process:",
                        gone == Inferiors::kNone ? "" : HexNumber(gone));
  }
  const uint8_t number[] = {static_cast<uint8_t>(signal)};
  std::string reply = absl::StrCat("T", HexBytes(number));
  // The registers that gdb asks for at every stop, to save it a question.
  for (const size_t index :
       {description_.pc, description_.sp, description_.fp}) {
    absl::StrAppend(&reply, HexNumber(index), ":",
                    RegisterText(description_.registers[index], registers()),
                    ";");
  }
  absl::StrAppend(&reply, "thread:", inferiors_.ThreadText(vcpu_), ";", reason);
  return reply;
}

// ---- talking to the person ----

void StubSession::Note(const std::string& line) {
  absl::StrAppend(&notes_, line, "\n");
}

void StubSession::FlushNotes() {
  if (notes_.empty()) return;
  Print(std::exchange(notes_, ""));
}

void StubSession::Print(std::string_view text) {
  for (size_t i = 0; i < text.size(); i += kMaxPrint) {
    channel_->SendPacket(absl::StrCat("O", HexText(text.substr(i, kMaxPrint))));
  }
}

}  // namespace librr
