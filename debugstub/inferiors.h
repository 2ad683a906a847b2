// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What the multiprocess extension of gdb's protocol calls processes, and gdb
// inferiors: the whole machine is one, with a number above all pids; processes
// of the guest that the client attaches to are further ones and take their
// threads with them.
//
//   Inferiors inferiors(&target);
//   inferiors.SetUsed(true);           // the client speaks the extension
//   inferiors.Attach(85);
//   inferiors.ThreadText(84);          // "p55.55": thread 84 is task 85
//
// GDB manual, "E.2 Packets", thread-id syntax. For a client that does not speak
// it there is the machine alone, and threads have numbers without a process.
// Belongs to the target's thread; the target must outlive it.
#ifndef LIBRR_DEBUGSTUB_INFERIORS_H_
#define LIBRR_DEBUGSTUB_INFERIORS_H_

#include <optional>
#include <set>
#include <string>

#include "debugstub/packet_arguments.h"
#include "librr/debug_target.h"

namespace librr {

class Inferiors {
 public:
  static constexpr int kMachine = static_cast<int>(kMaxLinuxPid);
  static constexpr int kNone = 0;

  explicit Inferiors(const DebugTarget* target) : target_(target) {}

  void SetUsed(bool used) { used_ = used; }
  bool used() const { return used_; }

  // False if there is no such process here, or the client has it already.
  bool Attach(int inferior);
  // False if the client does not have it.
  bool Detach(int inferior);
  bool Has(int inferior) const;
  bool empty() const { return !has_machine_ && processes_.empty(); }

  // The inferior that a thread belongs to; kNone: the client does not have it.
  int Of(const TargetThread& thread) const { return OfProcess(thread.process); }
  int Of(int thread) const;
  // What the client calls the thread.
  std::string ThreadText(int thread) const;
  // The thread that the client means; nullopt if it has none of that name.
  std::optional<int> FindThread(ThreadId id) const;
  // Some thread of an inferior, `preferred` if it is one of them.
  std::optional<int> AnyThread(int inferior, int preferred) const;
  // An inferior that has no threads any more, which is forgotten; kNone: there
  // is none.
  int TakeGone();

 private:
  int OfProcess(int process) const;

  const DebugTarget* const target_;
  bool used_ = false;
  bool has_machine_ = true;
  std::set<int> processes_;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_INFERIORS_H_
