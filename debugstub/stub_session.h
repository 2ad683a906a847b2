// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// One client's conversation with a target: what its packets have set, and the
// way from a packet's content to its replies. Knows nothing of sockets.
//
//   StubSession session(&target, DebugArchitecture::kAmd64, &channel);
//   session.HandlePacket("m1000,8");   // calls channel.SendPacket("...")
//
// Belongs to the target's thread.
#ifndef LIBRR_DEBUGSTUB_STUB_SESSION_H_
#define LIBRR_DEBUGSTUB_STUB_SESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "debugstub/inferiors.h"
#include "debugstub/packet_arguments.h"
#include "debugstub/reply.h"
#include "debugstub/target_description.h"
#include "librr/debug_stub.h"
#include "librr/debug_target.h"
#include "librr/linux_offsets.h"

namespace librr {

// The way back to the client.
class ClientChannel {
 public:
  virtual ~ClientChannel() = default;
  virtual void SendPacket(std::string_view payload) = 0;
  // Between these two the target may take long: ^C and the end of the
  // connection interrupt it.
  virtual void BeginBusy() = 0;
  virtual void EndBusy() = 0;
  // For the log of whoever runs the stub.
  virtual void Log(const std::string& line) = 0;
};

// A move that a monitor command has prepared. gdb keeps registers and memory
// while such a command runs, and cannot be interrupted then; so the next resume
// makes it.
struct ArmedMove {
  // Finds out where to, and may take long.
  std::function<absl::StatusOr<Position>()> find;
  // Whether the client makes it by a step, and is to be told that it is done;
  // else, whatever it was doing when it resumed, that it has stopped.
  bool by_step = false;
};

// No thread of its own resumes, but the one that is selected.
inline constexpr int kSelectedThread = -1;

class StubSession {
 public:
  StubSession(DebugTarget* target, DebugArchitecture architecture,
              ClientChannel* channel);

  // Empty if a client may be served; else why not, in a line.
  static std::string RefusalReason(const DebugTarget& target,
                                   DebugArchitecture architecture);

  void HandlePacket(std::string_view payload);
  // Whether packets are no longer acknowledged.
  bool no_ack() const { return no_ack_; }
  // The client has said goodbye.
  bool finished() const { return finished_; }

  // --- for the handlers of packets and commands ---
  DebugTarget& target() { return *target_; }
  ClientChannel& channel() { return *channel_; }
  const TargetDescription& description() const { return description_; }
  DebugArchitecture architecture() const { return architecture_; }

  void set_no_ack() { no_ack_ = true; }
  void Finish() { finished_ = true; }
  // The client stays when it has detached from everything.
  void set_extended() { extended_ = true; }

  // --- inferiors ---
  Inferiors& inferiors() { return inferiors_; }
  // Shows the process's first thread; false as `Inferiors::Attach`.
  bool Attach(int inferior);
  // With its stop points; false as `Inferiors::Detach`.
  bool Detach(int inferior);
  // Which process's program the client has placed in the selected thread's
  // inferior: a debugger reads a process's auxiliary vector to do so. A stop in
  // another process of that inferior changes nothing about it. -1: none.
  int program_process() const;
  void set_program_process(int process);

  // Threads of the target: the one that registers and memory belong to, which
  // follows the last stop, and the one that resumes: the same unless the client
  // has named another. The client's numbers for them begin with 1.
  int vcpu() const { return vcpu_; }
  int resume_vcpu() const {
    return target_->HasThread(resume_vcpu_) ? resume_vcpu_ : vcpu_;
  }
  void set_resume_vcpu(int vcpu) { resume_vcpu_ = vcpu; }
  void SelectVcpu(int vcpu);
  // Cached until the target moves.
  const std::vector<RegisterValue>& registers();
  void ForgetState() { registers_.reset(); }

  // Whether addresses are physical.
  bool physical() const { return physical_; }
  void set_physical(bool physical) { physical_ = physical; }
  size_t ReadMemory(uint64_t address, absl::Span<uint8_t> out);

  // What the client can take in stop replies.
  void set_reasons(bool swbreak, bool hwbreak) {
    sends_swbreak_ = swbreak;
    sends_hwbreak_ = hwbreak;
  }

  // --- stop points ---
  // False if there are too many.
  bool Insert(const StopPointPacket& point);
  void Remove(const StopPointPacket& point);

  // --- settings of monitor commands ---
  bool step_in_context() const { return step_in_context_; }
  void set_step_in_context(bool value) { step_in_context_ = value; }
  bool scope_is_current() const { return scope_is_current_; }
  void set_scope_is_current(bool value);
  // Whether the guest's Linux is looked at, and with what.
  enum class LinuxView { kAuto, kTyped, kOff };
  void SetLinuxView(LinuxView view, const LinuxOffsets& offsets) {
    linux_view_ = view;
    linux_offsets_ = offsets;
    target_->SetLinuxOffsets(view == LinuxView::kTyped ? std::optional(offsets)
                                                       : std::nullopt);
  }
  // Threads become others: the client has to ask for them again.
  void ShowTasks(bool show) {
    target_->ShowTasks(show);
    SelectVcpu(target_->ThreadHere(0));
  }
  LinuxView linux_view() const { return linux_view_; }
  const LinuxOffsets& linux_offsets() const { return linux_offsets_; }
  // The next resume goes elsewhere instead.
  void ArmMove(ArmedMove move) { armed_move_ = std::move(move); }
  // Why the last such move was not made as it was wanted; empty if it was.
  const std::string& move_error() const { return move_error_; }
  // The next resume in its direction stops there.
  void ArmStop(std::optional<Position> at) { armed_stop_ = at; }
  const std::optional<Position>& armed_stop() const { return armed_stop_; }

  // --- moving ---
  // Resumes and sends what is to be said before the stop; returns the stop
  // reply.
  Reply Resume(ResumeRequest request);
  // Why the target stands: the last stop's reply while it has not moved since.
  std::string CurrentStop();

  // --- talking to the person ---
  // gdb prints text only while it waits for a stop or a monitor command. Lines
  // that come at other times are kept until then.
  void Note(const std::string& line);
  void FlushNotes();
  void Print(std::string_view text);

 private:
  struct InsertedPoint {
    uint32_t id = 0;
    bool physical = false;
    StopScope scope;
    bool inserted = false;
  };

  bool IsMapped(uint64_t address);
  // gdb sets a stop point for each of its inferiors that has it.
  std::pair<int, StopPointPacket> KeyOf(const StopPointPacket& point) const {
    return {inferiors_.used() ? inferiors_.Of(vcpu_) : Inferiors::kNone, point};
  }
  // Selects a thread, or, if the client does not have it, another one.
  void ShowThread(int thread);
  StopScope ScopeFor(const StopPointPacket& point);
  void FillConditions(ResumeRequest* request) const;
  void ForgetRemovedPoints();
  Reply MakeArmedMove();
  std::string StopReply(const TargetStop& stop);
  std::string StopReplyFor(int signal, const std::string& reason);
  std::string HitReason(const StopHit& hit);
  Reply Stopped(std::string reply);

  DebugTarget* const target_;
  const DebugArchitecture architecture_;
  ClientChannel* const channel_;
  TargetDescription description_;

  bool no_ack_ = false;
  bool finished_ = false;
  bool extended_ = false;
  Inferiors inferiors_;
  std::map<int, int> program_processes_;  // by inferior
  int vcpu_ = 0;
  int resume_vcpu_ = kSelectedThread;
  std::optional<std::vector<RegisterValue>> registers_;
  bool physical_ = false;
  bool sends_swbreak_ = false;
  bool sends_hwbreak_ = false;

  std::map<std::pair<int, StopPointPacket>, InsertedPoint> points_;
  uint32_t next_point_id_ = 1;

  bool step_in_context_ = true;
  bool scope_is_current_ = true;
  LinuxView linux_view_ = LinuxView::kAuto;
  LinuxOffsets linux_offsets_;
  std::optional<ArmedMove> armed_move_;
  std::string move_error_;
  std::optional<Position> armed_stop_;

  std::string last_stop_;
  std::string notes_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_STUB_SESSION_H_
