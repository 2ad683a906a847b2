// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/inferiors.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "debugstub/hex.h"

namespace librr {

bool Inferiors::Attach(int inferior) {
  if (Has(inferior)) return false;
  if (inferior == kMachine) {
    has_machine_ = true;
    return true;
  }
  // A process is known by its first thread, whose pid is the process's.
  const absl::StatusOr<LinuxTask> task = target_->TaskOf(inferior - 1);
  if (!task.ok() || static_cast<int>(task->tgid) != inferior) return false;
  return processes_.insert(inferior).second;
}

bool Inferiors::Detach(int inferior) {
  if (!Has(inferior)) return false;
  if (inferior == kMachine) has_machine_ = false;
  processes_.erase(inferior);
  return true;
}

bool Inferiors::Has(int inferior) const {
  return inferior == kMachine ? has_machine_ : processes_.contains(inferior);
}

int Inferiors::OfProcess(int process) const {
  if (processes_.contains(process)) return process;
  return has_machine_ ? kMachine : kNone;
}

int Inferiors::Of(int thread) const {
  if (!target_->HasThread(thread)) return kNone;
  if (processes_.empty()) return OfProcess(kNone);
  const absl::StatusOr<LinuxTask> task = target_->TaskOf(thread);
  return OfProcess(task.ok() ? static_cast<int>(task->tgid) : kNone);
}

std::string Inferiors::ThreadText(int thread) const {
  const std::string number = HexNumber(static_cast<uint64_t>(thread) + 1);
  if (!used_) return number;
  return absl::StrCat("p", HexNumber(static_cast<uint64_t>(Of(thread))), ".",
                      number);
}

std::optional<int> Inferiors::FindThread(ThreadId id) const {
  if (id.thread <= 0) return std::nullopt;
  const int thread = id.thread - 1;
  const int inferior = Of(thread);
  if (inferior == kNone || (id.process > 0 && id.process != inferior)) {
    return std::nullopt;
  }
  return thread;
}

std::optional<int> Inferiors::AnyThread(int inferior, int preferred) const {
  if (Of(preferred) == inferior) return preferred;
  for (const TargetThread& thread : target_->Threads()) {
    if (Of(thread) == inferior) return thread.number;
  }
  return std::nullopt;
}

int Inferiors::TakeGone() {
  for (const int process : processes_) {
    if (Of(process - 1) == process) continue;
    processes_.erase(process);
    return process;
  }
  return kNone;
}

}  // namespace librr
