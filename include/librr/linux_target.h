// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A debug target whose threads are the tasks of the guest's Linux, over one
// whose threads are vCPUs ("process mode").
//
//   TimelineTarget machine(timeline.get());
//   LinuxTarget target(&machine);
//   LIBRR_ASSIGN_OR_RETURN(auto stub, DebugStub::Listen(&target, {}));
//
// The registers of a task that executes are the vCPU's. Those of another one
// are what the kernel has saved: where its user code will go on, or, for a
// thread of the kernel, where it was switched out. Memory is seen through the
// task's page tables and the kernel's, also where user code has only its own
// (KPTI). Stop points in user code that are set while a thread shows user code
// belong to its process, and to none that comes after it. With offsets that a
// person has typed all this works too, but for steps of threads of the kernel.
//
// Thread number PID - 1 is the task PID, so that gdb shows PIDs; idle tasks
// have numbers above all PIDs. Where no Linux is seen (yet), and while it is
// turned off, threads are vCPUs. Belongs to the target's thread; the target
// must outlive it.
#ifndef LIBRR_LINUX_TARGET_H_
#define LIBRR_LINUX_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "librr/debug_target.h"
#include "librr/linux_guest.h"
#include "librr/linux_sources.h"
#include "librr/memory_reader.h"

namespace librr {

class LinuxTarget final : public DebugTarget {
 public:
  // `sources` are for a guest that has not all that is needed itself.
  explicit LinuxTarget(DebugTarget* machine, LinuxSources sources = {});
  ~LinuxTarget() override;

  // At first they are shown.
  void ShowTasks(bool show) override { shows_tasks_ = show; }
  // At first those of the user code are.
  void ShowKernelRegisters(bool show) override { shows_kernel_ = show; }

  void SetLinuxOffsets(const std::optional<LinuxOffsets>& offsets) override;

  std::vector<TargetThread> Threads() const override;
  bool HasThread(int number) const override;
  int ThreadHere(int shown) const override;
  StopScope ScopeOf(int thread) const override;
  StopScope ProcessScopeOf(int thread) const override;
  bool has_processes() const override { return shows_tasks_; }
  absl::StatusOr<LinuxGuest*> Linux() const override;
  absl::StatusOr<LinuxTask> TaskOf(int thread) const override;

  int vcpu_count() const override;
  uint64_t memory_bytes() const override;
  Position position() const override;
  VirtualTime time() const override;
  Position begin() const override;
  Position end() const override;

  std::vector<RegisterValue> Registers(int thread) const override;
  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override;
  absl::StatusOr<GuestPhysical> Translate(int thread,
                                          GuestVirtual address) const override;
  std::vector<PagingRoot> PagingRoots() const override;
  AddressSpace CurrentAddressSpace(int thread) const override;
  std::string read_only_reason() const override;
  absl::Status WriteRegister(int thread, const RegisterValue& value) override;
  absl::Status WritePhysical(GuestPhysical address,
                             absl::Span<const uint8_t> bytes) override;

  absl::StatusOr<TargetStop> Resume(const ResumeRequest& request) override;
  absl::Status Seek(Position position) override;
  void Interrupt() override;

  std::string TakeNotes() override { return machine_->TakeNotes(); }

  absl::StatusOr<std::optional<StopHit>> LastWrite(const Watchpoint& range,
                                                   Position before) override;
  absl::Status AddMark(std::string_view name) override;
  absl::StatusOr<std::vector<TargetMark>> Marks() const override;
  absl::StatusOr<Position> FindTime(VirtualTime time) const override;
  absl::StatusOr<Position> FindConsole(std::string_view text) const override;
  absl::StatusOr<std::vector<std::string>> Events(Position from, Position to,
                                                  size_t max) const override;
  std::vector<std::string> Information() const override;
  std::vector<std::string> Checkpoints() const override;

 private:
  // What the guest's Linux has here.
  struct View {
    std::vector<LinuxTask> tasks;
    std::vector<size_t> running;  // for each vCPU: which of `tasks`
  };

  // nullptr: threads are vCPUs here.
  const View* Here() const;
  absl::StatusOr<View> Look() const;
  absl::StatusOr<std::vector<LinuxTask>> FindTasks() const;
  const LinuxTask* FindTask(int thread) const;
  // The vCPU that executes the thread; -1: none.
  int VcpuOf(int thread) const;
  int ThreadOf(int vcpu) const;
  absl::StatusOr<std::vector<RegisterValue>> SavedRegisters(
      const LinuxTask& task) const;

  bool IsFalse(const StopHit& hit, const ResumeRequest& request) const;
  absl::StatusOr<TargetStop> ResumeMachine(ResumeRequest request);
  absl::StatusOr<TargetStop> StepWaiting(const ResumeRequest& request);
  absl::StatusOr<TargetStop> RunToTask(const ResumeRequest& request,
                                       const LinuxTask& task,
                                       const ResumeRequest& ours);

  DebugTarget* const machine_;
  const LinuxSources own_;  // the guest alone
  const LinuxSources sources_;
  std::optional<LinuxSources> typed_;  // instead of those
  const std::unique_ptr<const MemoryReader> memory_;
  bool shows_tasks_ = true;
  bool shows_kernel_ = false;
  mutable std::unique_ptr<LinuxGuest> guest_;
  // Where Linux was last looked for in vain.
  mutable std::optional<Position> not_found_at_;
  mutable absl::Status not_found_;
  mutable std::optional<Position> seen_at_;
  mutable std::optional<View> view_;
  mutable absl::Status not_seen_;  // why there is no view
};

}  // namespace librr

#endif  // LIBRR_LINUX_TARGET_H_
