// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The debug target over a recording: what `vmrr serve` and `vmrr gdb` offer.
//
//   LIBRR_ASSIGN_OR_RETURN(auto timeline,
//                          Timeline::Open(trace.get(), factory, {}));
//   TimelineTarget target(timeline.get());
//   LIBRR_ASSIGN_OR_RETURN(auto stub, DebugStub::Listen(&target, {}));
//
// Steps are those of a debugger: they end when the same context executes its
// next instruction, and do not wander into interrupt and fault handlers. Marks
// that are made here last as long as the target. Belongs to the timeline's
// thread, but for `Interrupt`; the timeline must outlive it.
#ifndef LIBRR_TIMELINE_TARGET_H_
#define LIBRR_TIMELINE_TARGET_H_

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "librr/debug_target.h"
#include "librr/timeline.h"

namespace librr {

class TimelineTarget final : public DebugTarget {
 public:
  explicit TimelineTarget(Timeline* timeline) : timeline_(timeline) {}

  int vcpu_count() const override;
  uint64_t memory_bytes() const override;
  Position position() const override;
  VirtualTime time() const override;
  Position begin() const override;
  Position end() const override;

  std::vector<RegisterValue> Registers(int vcpu) const override;
  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override;
  absl::StatusOr<GuestPhysical> Translate(int vcpu,
                                          GuestVirtual address) const override;
  AddressSpace CurrentAddressSpace(int vcpu) const override;
  std::string read_only_reason() const override;

  absl::StatusOr<TargetStop> Resume(const ResumeRequest& request) override;
  absl::Status Seek(Position position) override;
  void Interrupt() override;
  std::string TakeNotes() override;

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
  // Forgets requests to stop that came while nothing was going on.
  void BeginOperation();
  absl::StatusOr<TargetStop> RunOn(const ResumeRequest& request);

  Timeline* const timeline_;
  std::vector<TargetMark> marks_;
  uint64_t told_discarded_ = 0;  // of damaged checkpoints
};

}  // namespace librr

#endif  // LIBRR_TIMELINE_TARGET_H_
