// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The embedded machine: vCPUs, RAM and devices behind the Machine contract.
//
// One thread runs all vCPUs by turns. `Run` is a loop over what may happen
// between two steps: timers fire, an event is delivered, or the vCPU whose turn
// it is executes until the next moment at which anything else can happen. All
// of it is a function of the state, so budgets leave no trace.
#ifndef LIBRR_MACHINES_PC_EMBEDDED_PC_H_
#define LIBRR_MACHINES_PC_EMBEDDED_PC_H_

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "librr-core/machine/ram_digest.h"
#include "librr/machine.h"
#include "librr/pc_machine.h"
#include "machines/pc/boot/boot_image.h"
#include "machines/pc/cpu/block_cache.h"
#include "machines/pc/cpu/cpu.h"
#include "machines/pc/cpu/page_tracker.h"
#include "machines/pc/cpu/stop_checker.h"
#include "machines/pc/devices/platform.h"
#include "machines/pc/devices/scheduler.h"

namespace librr::pc {

// A set of pages.
class PageList {
 public:
  explicit PageList(uint64_t page_count) : contains_(page_count) {}
  void Add(uint32_t page) {
    if (contains_[page]) return;
    contains_[page] = true;
    pages_.push_back(page);
  }
  std::vector<uint32_t> Take() {
    for (uint32_t page : pages_) contains_[page] = false;
    return std::exchange(pages_, {});
  }

 private:
  std::vector<bool> contains_;
  std::vector<uint32_t> pages_;
};

// Steps that one vCPU runs before the next one does: part of the model.
inline constexpr uint64_t kTurnSteps = 50'000;

class PcMachine final : public Machine, private CpuHost {
 public:
  static absl::StatusOr<std::unique_ptr<PcMachine>> Create(
      const PcConfig& config);
  ~PcMachine() override;

  int vcpu_count() const override { return static_cast<int>(cpus_.size()); }
  uint64_t memory_bytes() const override { return memory_->bytes(); }
  Position position() const override;
  VirtualTime time() const override { return VirtualTime(NowNs()); }
  StopState Run(const RunLimits& limits) override;
  void RequestStop() override;
  std::optional<VirtualTime> NextTimer() const override;
  absl::Status SetStopConditions(const StopConditions& conditions) override;
  size_t InputRoom(InputKind kind) const override;
  absl::Status ApplyInput(const Input& input) override;
  void SetOutputSink(OutputSink* sink) override { sink_ = sink; }
  Digest ComputeDigest() override;
  std::vector<RegisterValue> Registers(int vcpu) const override;
  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override;
  absl::StatusOr<GuestPhysical> Translate(int vcpu,
                                          GuestVirtual address) const override;
  uint64_t DirtiedPages() const override { return memory_->dirtied_total(); }
  MachineStatistics Statistics() const override;
  absl::Status WritePhysical(GuestPhysical address,
                             absl::Span<const uint8_t> bytes) override;
  std::string SaveState() const override;
  absl::Status RestoreState(std::string_view state) override;
  bool has_pages() const override { return true; }
  std::vector<uint32_t> TakeChangedPages() override;
  const uint8_t* PageBytes(uint64_t page) const override;
  void RestorePage(uint64_t page, const uint8_t* bytes) override;

  // For tests of the machine itself.
  Cpu& cpu(int vcpu) { return *cpus_[static_cast<size_t>(vcpu)]; }
  Platform& platform() { return *platform_; }

 private:
  PcMachine(std::unique_ptr<PhysicalMemory> memory, int vcpus);
  absl::Status Load(const PcConfig& config);
  void SetInitialState(const InitialCpu& initial);

  // CpuHost.
  uint64_t NowNs() const override;
  void AddSurcharge(uint64_t ns) override;
  uint32_t ReadPort(int vcpu, uint16_t port, int size) override;
  void WritePort(int vcpu, uint16_t port, int size, uint32_t value) override;
  uint64_t ReadMmio(int vcpu, uint64_t physical, int size) override;
  void WriteMmio(int vcpu, uint64_t physical, int size,
                 uint64_t value) override;
  bool ReadApicMsr(int vcpu, uint32_t msr, uint64_t* value) override;
  bool WriteApicMsr(int vcpu, uint32_t msr, uint64_t value) override;
  uint8_t ReadCr8(int vcpu) override;
  void WriteCr8(int vcpu, uint8_t value) override;
  void TscOffsetChanged(int vcpu) override;
  uint8_t AcknowledgeInterrupt(int vcpu) override;
  uint64_t NextRandom() override;
  void End(int vcpu, EndReason reason, std::string detail) override;

  // The parts of Run.
  bool IsRunnable(const Cpu& cpu) const;
  bool SelectVcpu();
  bool Idle(const RunLimits& limits, StopState* stop);
  // The next timer that can wake an idle machine.
  uint64_t NextWakeUp() const;
  void RunTurn(uint64_t budget);
  bool DeliverEvent(Cpu& cpu);
  void CountSteps(uint64_t steps);
  void UpdateInterruptRequest(int vcpu);
  void BreakRun();
  // Hits of conditions by the last step.
  bool HasHits() const { return stops_ && !stops_->hits().empty(); }
  StopState TakeHits();

  // Moves the pages that are dirty to the lists of those who want to know.
  void CollectDirtyPages();

  // Everything but RAM, once, for digest, save and restore. `component` is
  // called with a name before each part.
  template <typename VisitComponent>
  void DescribeComponents(VisitComponent visit);
  void DescribeClock(StateVisitor& visitor);

  std::unique_ptr<PhysicalMemory> memory_;
  CpuShared shared_;
  std::unique_ptr<BlockCache> blocks_;
  std::unique_ptr<PageTracker> tracker_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Cpu>> cpus_;
  std::unique_ptr<Platform> platform_;
  std::unique_ptr<StopChecker> stops_;  // while there are conditions
  RamDigest ram_digest_;
  // Pages that have changed since the last digest, and since the last
  // TakeChangedPages; there may be more in `memory_`.
  PageList changed_since_digest_;
  PageList changed_since_taken_;
  OutputSink* sink_ = nullptr;
  std::atomic<bool> stop_requested_ = false;

  // The vCPU that executes, while it does.
  Cpu* running_ = nullptr;

  // State.
  uint64_t position_ = 0;
  uint64_t extra_ns_ = 0;  // surcharges and idle time: time = position + this
  uint64_t random_ = 0;
  uint32_t turn_ = 0;  // whose turn it is
  uint64_t turn_left_ = kTurnSteps;
  StopState end_;  // kind is kEnded once the machine has ended
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_EMBEDDED_PC_H_
