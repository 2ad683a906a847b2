// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The tasks of a guest's Linux, by offsets alone: for kernels that say nothing
// about themselves, of 32 and of 64 bits, from 2.4 on. What
// librr/linux_offsets.h calls ReadLinuxTasks.
//
//   LIBRR_ASSIGN_OR_RETURN(OffsetTasks tasks,
//                          OffsetTasks::Prove(&memory, offsets));
//   tasks.tasks();
//
// init_task is where a symbol says it is, or else looked for: the text
// "swapper" in what the kernel's image is mapped to, with pid 0 beside it and
// a list of tasks that comes back. A copy; the memory is not needed any more.
#ifndef LIBRR_LINUX_INTROSPECT_OFFSET_TASKS_H_
#define LIBRR_LINUX_INTROSPECT_OFFSET_TASKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_offsets.h"
#include "linux-introspect/page_tables.h"

namespace librr::linux_guest {

class OffsetTasks {
 public:
  static absl::StatusOr<OffsetTasks> Prove(const MemoryReader* memory,
                                           const LinuxOffsets& offsets);

  // The idle task of the first CPU first; threads behind their leader.
  const std::vector<LinuxTask>& tasks() const { return tasks_; }
  // The page tables that the kernel is seen through.
  const PageTables& space() const { return space_; }
  // What the proof has left of the offsets.
  const LinuxOffsets& offsets() const { return offsets_; }
  // Why optional ones have been left out, a line each.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  using Offset = LinuxOffsets::Field;

  OffsetTasks(const MemoryReader* memory, PagingRoot root,
              const LinuxOffsets& offsets);

  uint64_t value(Offset field) const { return offsets_.value(field); }
  absl::StatusOr<std::string> Read(uint64_t address, uint64_t size) const;
  absl::StatusOr<uint64_t> ReadPointer(uint64_t address) const;
  absl::StatusOr<uint32_t> ReadWord(uint64_t address) const;
  bool IsPointer(uint64_t value) const;
  // "pid=0xa4 (typed)".
  std::string Named(Offset field) const;
  void LeaveOut(Offset field, const std::string& why);

  std::vector<uint64_t> FindFirstTasks() const;
  bool IsLinked(uint64_t task) const;
  absl::Status CheckFirst(uint64_t task) const;
  absl::Status Walk(uint64_t first);
  absl::StatusOr<LinuxTask> Describe(uint64_t task) const;
  absl::Status ProvePageTables() const;
  void AddThreads();
  absl::StatusOr<std::vector<LinuxTask>> ThreadsOf(const LinuxTask& leader,
                                                   uint64_t head,
                                                   uint64_t offset) const;
  void AddLeaders();
  void AddDetails();

  PageTables space_;
  uint64_t pointer_bytes_;
  LinuxOffsets offsets_;
  std::vector<LinuxTask> tasks_;
  std::vector<std::string> left_out_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_OFFSET_TASKS_H_
