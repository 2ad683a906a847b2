// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Which task of the guest's Linux executed when, and what became of tasks,
// collected in one replay.
//
//   const absl::StatusOr<TaskHistory> history =
//       CollectTaskHistory(timeline.get(), from, to);
//
// Seen from outside: a watchpoint on each CPU's current task, and breakpoints
// on functions of the kernel. Page faults are too many to stop at: they are
// the difference between what the kernel has counted for the task at both ends
// of a slice. Other exceptions of user code are the signals that they become.
// What a kernel has not is left out and named.
#ifndef LIBRR_TOOLS_TASK_HISTORY_H_
#define LIBRR_TOOLS_TASK_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/timeline.h"
#include "librr/units.h"

namespace librr::tools {

// A task on a CPU, in steps and virtual time.
struct TaskSlice {
  Position begin, end;
  VirtualTime begin_time, end_time;
  int cpu = 0;
  uint32_t pid = 0, tgid = 0;
  std::string comm;
  uint64_t faults = 0;  // page faults that the kernel counted for the task
};

struct TaskEvent {
  enum class Kind : uint8_t { kFork, kExec, kExit, kSignal };
  Kind kind = Kind::kFork;
  Position position;  // of the kernel function that does it: its first step
  VirtualTime time;
  int cpu = 0;
  uint32_t pid = 0;  // who does it
  std::string comm;
  uint32_t other_pid = 0;   // kFork: the child; kSignal: who gets it
  uint32_t number = 0;      // kSignal: which; kExit: as wait(2) encodes it
  std::string detail = "";  // kExec: the program's name
};
std::string_view TaskEventName(TaskEvent::Kind kind);

struct TaskHistory {
  std::vector<TaskSlice> slices;      // by begin
  std::vector<TaskEvent> events;      // by position
  std::vector<std::string> left_out;  // lines for people
};

// Of the steps in [from, to]. NotFound if no Linux is seen at `to`.
absl::StatusOr<TaskHistory> CollectTaskHistory(Timeline* timeline,
                                               Position from, Position to);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_TASK_HISTORY_H_
