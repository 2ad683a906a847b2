// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A debug target without a machine: two vCPUs that take turns of three steps
// and execute the dozen instructions of fake_program.S. Its whole history is
// made when it is created, so that going anywhere is a matter of undoing and
// redoing steps.
//
//   FakeTarget target;
//   target.Resume({.conditions = ...});
//
// Virtual address = physical address + kFakeMapping, by real page tables.
#ifndef LIBRR_TESTS_DEBUGSTUB_FAKE_TARGET_H_
#define LIBRR_TESTS_DEBUGSTUB_FAKE_TARGET_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "librr/debug_target.h"

namespace librr {

inline constexpr uint64_t kFakeMapping = 0x100000;
inline constexpr uint64_t kFakeMemory = 0x80000;

struct FakeOptions {
  std::string begin = "_start";  // where vCPU 0 begins
  size_t max_steps = 100'000;
  int step_microseconds = 0;  // how long the target takes for a step
  bool writable = false;
  bool user_mode = false;  // whether code runs at CPL 3
  bool processes = false;  // whether each vCPU is a process, with pid 1 and 2
};

class FakeTarget final : public DebugTarget {
 public:
  explicit FakeTarget(const FakeOptions& options = {});

  // An address of the program.
  uint64_t Symbol(const std::string& name) const { return symbols_.at(name); }
  uint64_t Rip(int vcpu) const { return cpus_[vcpu].rip; }

  std::vector<TargetThread> Threads() const override;
  bool has_processes() const override { return options_.processes; }
  absl::StatusOr<LinuxTask> TaskOf(int thread) const override;
  StopScope ProcessScopeOf(int thread) const override;

  int vcpu_count() const override { return 2; }
  uint64_t memory_bytes() const override { return kFakeMemory; }
  Position position() const override { return Position(here_); }
  VirtualTime time() const override { return VirtualTime(here_ * 1000); }
  Position begin() const override { return Position(0); }
  Position end() const override { return Position(history_.size()); }

  std::vector<RegisterValue> Registers(int vcpu) const override;
  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override;
  absl::StatusOr<GuestPhysical> Translate(int vcpu,
                                          GuestVirtual address) const override;
  AddressSpace CurrentAddressSpace(int vcpu) const override;
  std::string read_only_reason() const override;
  absl::Status WriteRegister(int vcpu, const RegisterValue& value) override;
  absl::Status WritePhysical(GuestPhysical address,
                             absl::Span<const uint8_t> bytes) override;

  absl::StatusOr<TargetStop> Resume(const ResumeRequest& request) override;
  absl::Status Seek(Position position) override;
  void Interrupt() override { interrupted_ = true; }

  absl::StatusOr<std::optional<StopHit>> LastWrite(const Watchpoint& range,
                                                   Position before) override;
  absl::Status AddMark(std::string_view name) override;
  absl::StatusOr<std::vector<TargetMark>> Marks() const override;
  absl::StatusOr<Position> FindTime(VirtualTime time) const override;

  // What the last `Resume` was asked for.
  const ResumeRequest& last_request() const { return last_request_; }

 private:
  enum Register { kAx, kCx, kDx, kBx, kSp, kBp, kSi, kDi };
  struct Cpu {
    std::array<uint64_t, 8> gpr{};
    uint64_t rip = 0;
    bool zero = false;
    bool halted = false;
  };
  // One step: what it changed and what it read.
  struct Step {
    int vcpu = 0;
    Cpu before;
    Cpu after;
    uint64_t store_at = 0;  // physical; 0: nothing was stored
    uint64_t old_value = 0;
    uint64_t new_value = 0;
    uint64_t load_at = 0;
  };

  void LoadProgram();
  void MakePageTables();
  uint64_t Load64(uint64_t physical) const;
  void Store64(uint64_t physical, uint64_t value);
  Step Execute(int vcpu);
  void Forward();
  void Backward();
  std::vector<StopHit> HitsOf(const Step& step, uint64_t position,
                              const StopConditions& conditions) const;
  const Step* NextStep(Direction direction) const;

  FakeOptions options_;
  std::map<std::string, uint64_t> symbols_;
  std::vector<uint8_t> memory_;
  std::array<Cpu, 2> cpus_;
  std::vector<Step> history_;
  uint64_t here_ = 0;
  std::vector<TargetMark> marks_;
  ResumeRequest last_request_;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace librr

#endif  // LIBRR_TESTS_DEBUGSTUB_FAKE_TARGET_H_
