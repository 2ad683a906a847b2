// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where tasks have their kernel stacks, by offsets alone, and what the kernel
// has saved there: the registers of user code at the top (struct pt_regs), and
// of the kernel where a task was switched out (struct inactive_task_frame).
//
//   const OffsetStacks stacks = OffsetStacks::Find(space, offsets, tasks);
//   LIBRR_ASSIGN_OR_RETURN(LinuxRegisters user, stacks.User(task));
//
// The typed line has the stack's top (rsp0, esp0) for kernels that keep it in
// thread_struct, which 64-bit ones do until 4.14. For later ones the member
// `stack` is used if it is named, or else searched near the beginning of
// task_struct: it is the one that leads all tasks to stacks of their own, with
// the selectors of user code at the top of each process's. The saved stack
// pointer is searched in thread_struct: it leads into these. A copy of offsets;
// memory is read at each call.
#ifndef LIBRR_LINUX_INTROSPECT_OFFSET_STACKS_H_
#define LIBRR_LINUX_INTROSPECT_OFFSET_STACKS_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/linux_guest.h"
#include "librr/linux_offsets.h"
#include "linux-introspect/page_tables.h"

namespace librr::linux_guest {

class OffsetStacks {
 public:
  // What is not found is absent from then on: functions that need it say so.
  static OffsetStacks Find(const PageTables& space, const LinuxOffsets& offsets,
                           absl::Span<const LinuxTask> tasks);

  // [first, last) of the task's stack.
  std::optional<std::pair<uint64_t, uint64_t>> StackOf(
      const PageTables& space, const LinuxTask& task) const;
  // As LinuxGuest has them. NotFound says what is missing.
  absl::StatusOr<LinuxRegisters> User(const PageTables& space,
                                      const LinuxTask& task) const;
  absl::StatusOr<LinuxRegisters> Switched(const PageTables& space,
                                          const LinuxTask& task) const;
  // The base of the thread's own storage, as saved when it was switched out; 0
  // if nobody has said where that is.
  uint64_t SavedFsBase(const PageTables& space, const LinuxTask& task) const;

  // With what has been searched.
  const LinuxOffsets& offsets() const { return offsets_; }

 private:
  using Offset = LinuxOffsets::Field;

  OffsetStacks(const LinuxOffsets& offsets, uint64_t pointer_bytes);
  void SearchStack(const PageTables& space, absl::Span<const LinuxTask> tasks);
  void SearchSavedSp(const PageTables& space,
                     absl::Span<const LinuxTask> tasks);
  uint64_t value(Offset field) const { return offsets_.value(field); }
  // Where struct pt_regs of user code ends; nullopt if none is there.
  std::optional<uint64_t> UserTop(const PageTables& space,
                                  const LinuxTask& task) const;

  LinuxOffsets offsets_;
  uint64_t pointer_bytes_;
  uint64_t size_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_OFFSET_STACKS_H_
