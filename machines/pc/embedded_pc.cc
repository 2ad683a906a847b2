// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/embedded_pc.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/check.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"
#include "machines/pc/register_view.h"

namespace librr {

absl::StatusOr<std::unique_ptr<Machine>> CreatePcMachine(
    const PcConfig& config) {
  return pc::PcMachine::Create(config);
}

namespace pc {
namespace {

// The longest single run: how soon a stop request is seen.
constexpr uint64_t kMaxBudget = 4'000'000;

// An idle machine does not sleep past this, a century and more: sums of times
// must not overflow, whatever deadline a guest asks for.
constexpr uint64_t kEndOfTime = 1ull << 62;

bool IsLocalApicMsr(uint32_t msr) {
  return msr == 0x1b || msr == 0x6e0 || (msr >= 0x800 && msr <= 0x8ff);
}

}  // namespace

PcMachine::PcMachine(std::unique_ptr<PhysicalMemory> memory, int vcpus)
    : memory_(std::move(memory)),
      shared_{memory_.get(), nullptr, nullptr, {}},
      blocks_(std::make_unique<BlockCache>(&shared_)),
      tracker_(std::make_unique<PageTracker>(&shared_)),
      scheduler_([this] { return NowNs(); }),
      ram_digest_(memory_->bytes()),
      changed_since_digest_(memory_->page_count()),
      changed_since_taken_(memory_->page_count()) {
  shared_.blocks = blocks_.get();
  shared_.tracker = tracker_.get();
  CpuHost* const host = this;
  for (int i = 0; i < vcpus; ++i) {
    cpus_.push_back(std::make_unique<Cpu>(i, &shared_, host));
    shared_.cpus.push_back(cpus_.back().get());
  }
  scheduler_.SetEarlierHook([this] { BreakRun(); });
  platform_ = std::make_unique<Platform>(
      scheduler_, vcpus, memory_->bytes(),
      Platform::Callbacks{
          .transmit =
              [this](absl::Span<const uint8_t> bytes) {
                if (sink_)
                  sink_->OnOutput(OutputKind::kConsole, bytes, position(),
                                  time());
              },
          .power_off = [this] { End(0, EndReason::kPowerOff, ""); },
          .reset = [this] { End(0, EndReason::kReset, ""); },
          .exit =
              [this](uint8_t code) {
                if (sink_)
                  sink_->OnOutput(OutputKind::kExitCode, {&code, 1}, position(),
                                  time());
                end_.exit_code = code;
                End(0, EndReason::kExit, "");
              },
          .cpu_signal = [this](int vcpu) { UpdateInterruptRequest(vcpu); },
          .nmi =
              [this](int vcpu) {
                cpu(vcpu).regs.nmi_pending = true;
                BreakRun();
              },
          .init =
              [this](int vcpu) {
                cpu(vcpu).Init();
                BreakRun();
              },
          .sipi =
              [this](int vcpu, uint8_t vector) {
                cpu(vcpu).StartUp(vector);
                BreakRun();
              },
          .tsc_offset = [this](int vcpu) { return cpu(vcpu).regs.tsc_offset; },
      });
  for (int i = 0; i < vcpus; ++i) cpu(i).Reset(i == 0);
}

PcMachine::~PcMachine() = default;

Position PcMachine::position() const {
  return Position(running_ ? running_->position() : position_);
}

uint64_t PcMachine::NowNs() const { return position().value() + extra_ns_; }

void PcMachine::BreakRun() {
  if (running_) running_->BreakRun();
}

void PcMachine::RequestStop() {
  stop_requested_.store(true, std::memory_order_relaxed);
}

void PcMachine::AddSurcharge(uint64_t ns) {
  extra_ns_ += ns;
  BreakRun();
}

void PcMachine::UpdateInterruptRequest(int vcpu) {
  if (!platform_) return;  // a device signals while it is being made
  Cpu& target = cpu(vcpu);
  target.interrupt_request = platform_->HasPendingInterrupt(vcpu);
  if (target.interrupt_request) BreakRun();
}

void PcMachine::End(int vcpu, EndReason reason, std::string detail) {
  if (end_.kind == StopKind::kEnded) return;
  end_.kind = StopKind::kEnded;
  end_.end = reason;
  end_.vcpu = vcpu;
  end_.detail = std::move(detail);
  BreakRun();
}

bool PcMachine::IsRunnable(const Cpu& cpu) const {
  switch (cpu.activity) {
    case Activity::kRunning:
      return true;
    case Activity::kHalted:
      return (cpu.interrupt_request && cpu.InterruptsEnabled()) ||
             (cpu.regs.nmi_pending && !cpu.regs.nmi_blocked) ||
             cpu.regs.pending_debug != 0;
    case Activity::kWaitForSipi:
    case Activity::kShutdown:
      return false;
  }
  return false;
}

// Gives the turn to the next vCPU if this one's is over; false if all idle.
bool PcMachine::SelectVcpu() {
  if (turn_left_ > 0 && IsRunnable(*cpus_[turn_])) return true;
  const uint32_t count = static_cast<uint32_t>(cpus_.size());
  for (uint32_t i = 1; i <= count; ++i) {
    const uint32_t candidate = (turn_ + i) % count;
    if (!IsRunnable(*cpus_[candidate])) continue;
    turn_ = candidate;
    turn_left_ = kTurnSteps;
    return true;
  }
  return false;
}

// Lets time pass while no vCPU can run; true if `Run` has to return.
bool PcMachine::Idle(const RunLimits& limits, StopState* stop) {
  const bool can_wake = std::any_of(
      cpus_.begin(), cpus_.end(), [](const std::unique_ptr<Cpu>& cpu) {
        return cpu->activity == Activity::kHalted &&
               (cpu->regs.system_flags & kIf);
      });
  if (!can_wake) {
    End(static_cast<int>(turn_), EndReason::kHalt,
        "HLT with interrupts off: nothing can wake the machine");
    return false;
  }
  const uint64_t deadline = NextWakeUp();
  const uint64_t until = limits.idle_until.value();
  if (deadline == Timer::kNever && limits.idle_until == VirtualTime::Max()) {
    End(static_cast<int>(turn_), EndReason::kIdle,
        "no timer is armed and no input is left");
    return false;
  }
  const uint64_t target = std::min(deadline, until);
  const uint64_t now = NowNs();
  if (target > now) extra_ns_ += target - now;
  if (deadline <= target) {
    scheduler_.FireDue();
    return false;
  }
  stop->kind = StopKind::kIdle;
  return true;
}

bool PcMachine::DeliverEvent(Cpu& cpu) {
  if (!cpu.interrupt_request && !cpu.regs.nmi_pending &&
      cpu.regs.pending_debug == 0)
    return false;
  running_ = &cpu;
  cpu.steps_left = 1;
  cpu.position_at_zero = position_ + 1;
  const bool delivered = cpu.DeliverPendingEvent(cpu.interrupt_request);
  running_ = nullptr;
  if (!delivered) return false;
  CountSteps(1);
  if (stops_) stops_->FinishRun(position_, cpu.index());
  return true;
}

void PcMachine::RunTurn(uint64_t budget) {
  Cpu& cpu = *cpus_[turn_];
  running_ = &cpu;
  cpu.steps_left = static_cast<int64_t>(budget);
  cpu.position_at_zero = position_ + budget;
  cpu.RunBlocks();
  running_ = nullptr;
  // The vCPU may have shortened its run.
  CountSteps(cpu.position() - position_);
  if (stops_) stops_->FinishRun(position_, cpu.index());
}

// A single vCPU has no turns: its runs may be longer than one.
void PcMachine::CountSteps(uint64_t steps) {
  position_ += steps;
  if (cpus_.size() > 1) turn_left_ -= std::min(turn_left_, steps);
}

StopState PcMachine::TakeHits() {
  StopState stop;
  stop.kind = StopKind::kCondition;
  stop.hits = stops_->TakeHits();
  stop.vcpu = stop.hits.front().vcpu;
  return stop;
}

StopState PcMachine::Run(const RunLimits& limits) {
  StopState stop;
  if (stops_) stops_->SkipBreakpointsAt(limits.skip_breakpoints_at.value());
  for (;;) {
    if (end_.kind == StopKind::kEnded) return HasHits() ? TakeHits() : end_;
    if (stop_requested_.load(std::memory_order_relaxed)) {
      stop_requested_.store(false, std::memory_order_relaxed);
      stop.kind = StopKind::kInterrupted;
      return stop;
    }
    const uint64_t deadline = scheduler_.next_deadline_ns();
    const uint64_t now = NowNs();
    if (deadline <= now) {
      scheduler_.FireDue();
      continue;
    }
    if (!SelectVcpu()) {
      if (Idle(limits, &stop)) {
        if (HasHits()) stop.hits = stops_->hits();
        return stop;
      }
      continue;
    }
    // Not earlier: the state of this position is complete only now.
    if (HasHits()) return TakeHits();
    if (position_ >= limits.until.value()) {
      stop.kind = StopKind::kPosition;
      return stop;
    }
    UpdateInterruptRequest(static_cast<int>(turn_));
    if (DeliverEvent(*cpus_[turn_])) continue;
    uint64_t budget = std::min(limits.until.value() - position_, kMaxBudget);
    budget = std::min(budget, deadline - now);
    if (cpus_.size() > 1) budget = std::min(budget, turn_left_);
    RunTurn(budget);
  }
}

uint64_t PcMachine::NextWakeUp() const {
  const uint64_t deadline = scheduler_.next_deadline_ns();
  return deadline < kEndOfTime ? deadline : Timer::kNever;
}

std::optional<VirtualTime> PcMachine::NextTimer() const {
  const uint64_t deadline = NextWakeUp();
  if (deadline == Timer::kNever) return std::nullopt;
  return VirtualTime(deadline);
}

// --- what the vCPUs ask -----------------------------------------------------

uint32_t PcMachine::ReadPort(int, uint16_t port, int size) {
  AddSurcharge(kPortSurchargeNs);
  return platform_->bus().ReadPort(port, size);
}

void PcMachine::WritePort(int, uint16_t port, int size, uint32_t value) {
  AddSurcharge(kPortSurchargeNs);
  platform_->bus().WritePort(port, size, value);
}

uint64_t PcMachine::ReadMmio(int vcpu, uint64_t physical, int size) {
  AddSurcharge(kMmioSurchargeNs);
  LocalApic& apic = platform_->lapic(vcpu);
  if (apic.MapsPage(physical)) return apic.ReadMmio(physical & kPageMask, size);
  return platform_->bus().ReadMmio(physical, size);
}

void PcMachine::WriteMmio(int vcpu, uint64_t physical, int size,
                          uint64_t value) {
  AddSurcharge(kMmioSurchargeNs);
  LocalApic& apic = platform_->lapic(vcpu);
  if (apic.MapsPage(physical)) {
    apic.WriteMmio(physical & kPageMask, size, value);
  } else {
    platform_->bus().WriteMmio(physical, size, value);
  }
}

bool PcMachine::ReadApicMsr(int vcpu, uint32_t msr, uint64_t* value) {
  LIBRR_CHECK(IsLocalApicMsr(msr));
  BreakRun();
  const std::optional<uint64_t> read = platform_->lapic(vcpu).ReadMsr(msr);
  if (!read) return false;
  *value = *read;
  return true;
}

bool PcMachine::WriteApicMsr(int vcpu, uint32_t msr, uint64_t value) {
  LIBRR_CHECK(IsLocalApicMsr(msr));
  BreakRun();
  return platform_->lapic(vcpu).WriteMsr(msr, value);
}

uint8_t PcMachine::ReadCr8(int vcpu) { return platform_->lapic(vcpu).Cr8(); }

void PcMachine::WriteCr8(int vcpu, uint8_t value) {
  platform_->lapic(vcpu).SetCr8(value);
  UpdateInterruptRequest(vcpu);
}

void PcMachine::TscOffsetChanged(int vcpu) {
  platform_->lapic(vcpu).OnTscOffsetChanged();
}

uint8_t PcMachine::AcknowledgeInterrupt(int vcpu) {
  return platform_->AcknowledgeInterrupt(vcpu);
}

// SplitMix64: a fixed part of the machine model.
uint64_t PcMachine::NextRandom() {
  random_ += 0x9e3779b97f4a7c15ull;
  uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// --- the gate
// -----------------------------------------------------------------

size_t PcMachine::InputRoom(InputKind kind) const {
  switch (kind) {
    case InputKind::kPowerOnDate:
    case InputKind::kSeed:
      return position_ == 0 ? 8 : 0;
    case InputKind::kConsole:
      return platform_->uart().InputRoom();
  }
  return 0;
}

absl::Status PcMachine::ApplyInput(const Input& input) {
  if (input.payload.empty() || input.payload.size() > InputRoom(input.kind)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "an input of kind ", static_cast<int>(input.kind), " and ",
        input.payload.size(), " bytes does not fit at position ", position_));
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(input.payload.data());
  if (input.kind == InputKind::kConsole) {
    platform_->uart().PushInput({bytes, input.payload.size()});
    return absl::OkStatus();
  }
  if (input.payload.size() != 8)
    return absl::InvalidArgumentError("a date or seed has 8 bytes");
  uint64_t value;
  std::memcpy(&value, bytes, 8);
  if (input.kind == InputKind::kSeed) {
    random_ = value;
  } else {
    platform_->rtc().SetPowerOnDate(value);
  }
  return absl::OkStatus();
}

// --- state
// ----------------------------------------------------------------------

void PcMachine::DescribeClock(StateVisitor& v) {
  v.Field("position", position_);
  v.Field("extra_ns", extra_ns_);
  v.Field("random", random_);
  v.Field("turn", turn_);
  v.Field("turn_left", turn_left_);
  v.Field("end.kind", end_.kind);
  v.Field("end.reason", end_.end);
  v.Field("end.vcpu", end_.vcpu);
  v.Field("end.exit_code", end_.exit_code);
  scheduler_.DescribeState(v);
}

template <typename VisitComponent>
void PcMachine::DescribeComponents(VisitComponent visit) {
  visit("clock", [this](StateVisitor& v) { DescribeClock(v); });
  for (const std::unique_ptr<Cpu>& cpu : cpus_) {
    visit(absl::StrCat("cpu", cpu->index()),
          [&cpu](StateVisitor& v) { cpu->DescribeState(v); });
  }
  platform_->ForEachDevice([&visit](Device& device) {
    visit(std::string(device.name()),
          [&device](StateVisitor& v) { device.DescribeState(v); });
  });
}

absl::Status PcMachine::SetStopConditions(const StopConditions& conditions) {
  LIBRR_RETURN_IF_ERROR(StopChecker::Check(conditions));
  stops_.reset();
  shared_.stops = nullptr;
  if (conditions.empty()) return absl::OkStatus();
  stops_ = std::make_unique<StopChecker>(&shared_, conditions);
  shared_.stops = stops_.get();
  return absl::OkStatus();
}

void PcMachine::CollectDirtyPages() {
  const std::vector<uint32_t> dirty = memory_->TakeDirtyPages();
  tracker_->DropWriteTags(dirty);
  for (uint32_t page : dirty) {
    changed_since_digest_.Add(page);
    changed_since_taken_.Add(page);
  }
}

std::vector<uint32_t> PcMachine::TakeChangedPages() {
  CollectDirtyPages();
  return changed_since_taken_.Take();
}

const uint8_t* PcMachine::PageBytes(uint64_t page) const {
  LIBRR_CHECK(page < memory_->page_count());
  return memory_->HostOfPage(page);
}

// Only what differs is stored, so that decoded code and translations stay where
// they can.
void PcMachine::RestorePage(uint64_t page, const uint8_t* bytes) {
  constexpr unsigned kPart = 64;
  LIBRR_CHECK(page < memory_->page_count());
  uint8_t* host = memory_->HostOfPage(page);
  for (unsigned at = 0; at < kPageSize; at += kPart) {
    if (std::memcmp(host + at, bytes + at, kPart) == 0) continue;
    tracker_->BeforeStore(page, at, kPart);
    std::memcpy(host + at, bytes + at, kPart);
  }
}

Digest PcMachine::ComputeDigest() {
  Digest digest;
  DescribeComponents([&digest](std::string name, auto describe) {
    DigestVisitor visitor;
    describe(visitor);
    digest.components.push_back({std::move(name), visitor.hash()});
  });
  CollectDirtyPages();
  for (uint32_t page : changed_since_digest_.Take())
    ram_digest_.PageChanged(page, memory_->HostOfPage(page));
  digest.ram = ram_digest_.buckets();
  return digest;
}

std::string PcMachine::SaveState() const {
  SaveVisitor visitor;
  // A saving visit reads only.
  const_cast<PcMachine*>(this)->DescribeComponents(
      [&visitor](std::string, auto describe) { describe(visitor); });
  return visitor.Take();
}

absl::Status PcMachine::RestoreState(std::string_view state) {
  RestoreVisitor visitor(state);
  DescribeComponents(
      [&visitor](std::string, auto describe) { describe(visitor); });
  LIBRR_RETURN_IF_ERROR(visitor.status());
  if (visitor.remaining() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a saved state has ", visitor.remaining(),
                     " bytes too many: it is of another machine"));
  }
  if (turn_ >= cpus_.size())
    return absl::InvalidArgumentError("a saved state names a missing vCPU");
  platform_->AfterRestore();
  for (const std::unique_ptr<Cpu>& cpu : cpus_) {
    // Translations stay: whoever restored RAM has dropped those that changed.
    cpu->ModeChanged();
    UpdateInterruptRequest(cpu->index());
  }
  if (stops_) stops_->StateReplaced();
  return absl::OkStatus();
}

std::vector<RegisterValue> PcMachine::Registers(int vcpu) const {
  LIBRR_CHECK(vcpu >= 0 && vcpu < vcpu_count());
  return ViewRegisters(*cpus_[static_cast<size_t>(vcpu)],
                       platform_->lapic(vcpu).Cr8());
}

absl::Status PcMachine::ReadPhysical(GuestPhysical address,
                                     absl::Span<uint8_t> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t at = address.value() + done;
    const uint8_t* host = memory_->Host(at);
    if (!host) {
      return absl::OutOfRangeError(
          absl::StrCat("physical address 0x", absl::Hex(at), " is not RAM"));
    }
    const size_t length =
        std::min<size_t>(out.size() - done, kPageSize - (at & kPageMask));
    std::memcpy(out.data() + done, host, length);
    done += length;
  }
  return absl::OkStatus();
}

absl::Status PcMachine::WritePhysical(GuestPhysical address,
                                      absl::Span<const uint8_t> bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const uint64_t at = address.value() + done;
    uint8_t* host = memory_->Host(at);
    if (!host) {
      return absl::OutOfRangeError(
          absl::StrCat("physical address 0x", absl::Hex(at), " is not RAM"));
    }
    const size_t length =
        std::min<size_t>(bytes.size() - done, kPageSize - (at & kPageMask));
    tracker_->BeforeStore(memory_->PageOfHost(host),
                          static_cast<unsigned>(at & kPageMask),
                          static_cast<unsigned>(length));
    std::memcpy(host, bytes.data() + done, length);
    done += length;
  }
  if (stops_) stops_->StateReplaced();
  return absl::OkStatus();
}

absl::StatusOr<GuestPhysical> PcMachine::Translate(int vcpu,
                                                   GuestVirtual address) const {
  LIBRR_CHECK(vcpu >= 0 && vcpu < vcpu_count());
  uint64_t physical;
  if (!cpus_[static_cast<size_t>(vcpu)]->Translate(address.value(),
                                                   &physical)) {
    return absl::NotFoundError(absl::StrCat(
        "virtual address 0x", absl::Hex(address.value()), " is not mapped"));
  }
  return GuestPhysical(physical);
}

MachineStatistics PcMachine::Statistics() const {
  MachineStatistics total;
  total.steps = position_;
  for (const std::unique_ptr<Cpu>& cpu : cpus_) {
    total.rep_iterations += cpu->statistics.rep_iterations;
    total.exceptions += cpu->statistics.exceptions;
    total.interrupts += cpu->statistics.interrupts;
    total.page_walks += cpu->statistics.page_walks;
  }
  total.decoded_blocks = blocks_->inserted();
  total.invalidated_blocks = blocks_->invalidated();
  return total;
}

}  // namespace pc
}  // namespace librr
