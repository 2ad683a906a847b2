// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A tiny deterministic machine for tests of whoever drives machines.
//
// One vCPU executes a fixed program: each step advances a generator, scatters a
// byte over RAM, prints a character now and then, echoes console input, and
// idles now and then until its periodic timer or an input. 'q' powers it off,
// 'x' ends it with exit code 7. `FakeOptions` changes the program (what the
// recorded machine does) and `FakeFault` makes an instance misbehave.
#ifndef LIBRR_TESTS_RECORDER_FAKE_MACHINE_H_
#define LIBRR_TESTS_RECORDER_FAKE_MACHINE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "librr-core/base/coding.h"
#include "librr-core/machine/ram_digest.h"
#include "librr-core/machine/state_visitor.h"
#include "librr/machine.h"

namespace librr {

struct FakeOptions {
  uint64_t print_every = 1000;      // steps; 0: never
  uint64_t idle_every = 5000;       // steps; 0: never
  uint64_t timer_period = 100'000;  // nanoseconds; 0: no timer
  uint64_t listens_at = 0;          // no room for input before this position
  std::optional<uint64_t> halts_at = std::nullopt;  // position
  bool prompt = false;  // prints "login: " at step 10
};

struct FakeFault {
  // The step that reaches this position computes something wrong.
  std::optional<uint64_t> wrong_step = std::nullopt;
  // The same, but only in a run that began below it (a fault that depends on
  // how the run is cut).
  std::optional<uint64_t> wrong_step_unless_stopped_before = std::nullopt;
  // At this position a bit of RAM flips, in the first machine that shares the
  // counter only.
  std::optional<uint64_t> flip_at = std::nullopt;
  std::shared_ptr<int> flips_left = nullptr;
  // Ends with `kReset` at this position.
  std::optional<uint64_t> ends_at = std::nullopt;
  // Prints a wrong character at the first output from this position on.
  std::optional<uint64_t> wrong_output = std::nullopt;
  // Never executes past this position: idles.
  std::optional<uint64_t> sleeps_at = std::nullopt;
};

class FakeMachine final : public Machine {
 public:
  static constexpr uint64_t kMemory = 1 << 20;
  static constexpr size_t kRoom = 16;
  static constexpr uint64_t kCode = 0x1000;

  explicit FakeMachine(FakeOptions options = {}, FakeFault fault = {})
      : options_(options), fault_(fault), ram_(kMemory), ram_digest_(kMemory) {
    const uint8_t code[] = {0x48, 0x01, 0xd8};  // add rax, rbx
    std::memcpy(&ram_[kCode], code, sizeof(code));
    ram_digest_.PageChanged(kCode / 4096, &ram_[kCode]);
  }

  int vcpu_count() const override { return 1; }
  uint64_t memory_bytes() const override { return kMemory; }
  Position position() const override { return Position(position_); }
  VirtualTime time() const override { return VirtualTime(time_); }

  StopState Run(const RunLimits& limits) override {
    const uint64_t until = limits.until.value();
    run_began_ = position_;
    ++runs_;
    while (true) {
      if (stop_.kind == StopKind::kEnded) return stop_;
      if (stop_requested_.exchange(false)) return Stop(StopKind::kInterrupted);
      if (idle_ && !PassIdle(limits.idle_until.value())) {
        if (stop_.kind == StopKind::kEnded) return stop_;
        return Stop(StopKind::kIdle);
      }
      if (position_ >= until) return Stop(StopKind::kPosition);
      Step();
    }
  }

  void RequestStop() override { stop_requested_.store(true); }

  std::optional<VirtualTime> NextTimer() const override {
    if (options_.timer_period == 0) return std::nullopt;
    return VirtualTime((time_ / options_.timer_period + 1) *
                       options_.timer_period);
  }

  size_t InputRoom(InputKind kind) const override {
    if (kind != InputKind::kConsole) return position_ == 0 ? 8 : 0;
    return position_ >= options_.listens_at ? kRoom - keys_.size() : 0;
  }

  absl::Status ApplyInput(const Input& input) override {
    if (input.kind == InputKind::kConsole) {
      if (input.payload.size() > InputRoom(input.kind)) {
        return absl::InvalidArgumentError("no room");
      }
      keys_.insert(keys_.end(), input.payload.begin(), input.payload.end());
      idle_ = false;
      return absl::OkStatus();
    }
    std::string_view in = input.payload;
    const std::optional<uint64_t> value = GetFixed(in, 8);
    if (!value.has_value()) return absl::InvalidArgumentError("8 bytes");
    (input.kind == InputKind::kSeed ? seed_ : date_) = *value;
    return absl::OkStatus();
  }

  void SetOutputSink(OutputSink* sink) override { sink_ = sink; }

  Digest ComputeDigest() override {
    for (uint64_t page : dirty_) {
      ram_digest_.PageChanged(page, &ram_[page * 4096]);
    }
    dirty_.clear();
    Digest digest;
    DigestVisitor cpu;
    VisitCpu(cpu);
    DigestVisitor uart;
    uart.Queue("keys", keys_, kRoom);
    digest.components = {{"cpu0", cpu.hash()}, {"uart0", uart.hash()}};
    digest.ram = ram_digest_.buckets();
    return digest;
  }

  std::vector<RegisterValue> Registers(int) const override {
    std::vector<RegisterValue> registers;
    for (const auto& [name, value] :
         {std::pair<const char*, uint64_t>{"rax", state_},
          {"rip", kCode},
          {"efer", 0x500},
          {"cs", 0x10}}) {
      RegisterValue out;
      out.name = name;
      for (int i = 0; i < 8; ++i) out.bytes.push_back(value >> (8 * i));
      registers.push_back(out);
    }
    return registers;
  }

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    if (address.value() > kMemory || out.size() > kMemory - address.value()) {
      return absl::OutOfRangeError("beyond RAM");
    }
    std::copy_n(&ram_[address.value()], out.size(), out.data());
    return absl::OkStatus();
  }
  absl::StatusOr<GuestPhysical> Translate(int,
                                          GuestVirtual address) const override {
    if (address.value() >= kMemory) return absl::NotFoundError("not mapped");
    return GuestPhysical(address.value());
  }
  uint64_t DirtiedPages() const override { return dirtied_; }
  MachineStatistics Statistics() const override {
    MachineStatistics statistics;
    statistics.steps = position_;
    return statistics;
  }

  absl::Status WritePhysical(GuestPhysical address,
                             absl::Span<const uint8_t> bytes) override {
    for (size_t i = 0; i < bytes.size(); ++i) {
      Store(address.value() + i, bytes[i]);
    }
    return absl::OkStatus();
  }
  std::string SaveState() const override { return ""; }
  absl::Status RestoreState(std::string_view) override {
    return absl::UnimplementedError("not in this machine");
  }

  int runs() const { return runs_; }
  uint64_t date() const { return date_; }
  uint64_t seed() const { return seed_; }

 private:
  void VisitCpu(StateVisitor& v) {
    v.Field("state", state_);
    v.Field("seed", seed_);
    v.Field("date", date_);
    v.Field("position", position_);
    v.Field("time", time_);
    v.Field("idle", idle_);
    v.Field("timers", timers_);
  }

  StopState Stop(StopKind kind) const {
    StopState stop;
    stop.kind = kind;
    return stop;
  }
  void End(EndReason reason, uint8_t exit_code = 0) {
    stop_.kind = StopKind::kEnded;
    stop_.end = reason;
    stop_.exit_code = exit_code;
  }

  // Whether the machine woke.
  bool PassIdle(uint64_t idle_until) {
    const std::optional<VirtualTime> timer = NextTimer();
    const bool asleep = fault_.sleeps_at == position_;
    if (timer.has_value() && timer->value() <= idle_until && !asleep) {
      time_ = timer->value();
      ++timers_;
      idle_ = false;
      return true;
    }
    if (!timer.has_value() && idle_until == VirtualTime::Max().value()) {
      End(EndReason::kIdle);
      return false;
    }
    time_ = std::max(time_, idle_until);
    return false;
  }

  void Store(uint64_t address, uint8_t byte) {
    ram_[address] = byte;
    if (dirty_.insert(address / 4096).second) ++dirtied_;
  }

  void Print(std::string text) {
    if (fault_.wrong_output.has_value() && position_ >= *fault_.wrong_output) {
      fault_.wrong_output.reset();
      text[0] ^= 1;
    }
    if (sink_ == nullptr) return;
    std::vector<uint8_t> bytes(text.begin(), text.end());
    sink_->OnOutput(OutputKind::kConsole, bytes, position(), time());
  }

  bool IsWrong() const {
    if (fault_.wrong_step == position_) return true;
    return fault_.wrong_step_unless_stopped_before == position_ &&
           run_began_ + 1 < position_;
  }

  void Step() {
    ++position_;
    ++time_;
    state_ = (state_ + seed_) * 6364136223846793005u + 1442695040888963407u;
    if (IsWrong()) state_ ^= 0x10;
    if (fault_.flip_at == position_ && *fault_.flips_left > 0) {
      --*fault_.flips_left;
      Store(0x8123, ram_[0x8123] ^ 0x04);
    }
    if (position_ % 16 == 0) {
      Store(0x10000 + (state_ >> 33) % (kMemory - 0x10000), state_ >> 56);
    }
    if (options_.prompt && position_ == 10) Print("login: ");
    if (options_.print_every != 0 && position_ % options_.print_every == 0) {
      Print(std::string(1, static_cast<char>('a' + (state_ >> 40) % 26)));
    }
    if (!keys_.empty()) {
      const char key = static_cast<char>(keys_.front());
      keys_.pop_front();
      Print(std::string("<") + key + ">");
      if (key == 'q') return End(EndReason::kPowerOff);
      if (key == 'x') return End(EndReason::kExit, 7);
    }
    if (fault_.ends_at == position_) return End(EndReason::kReset);
    if (options_.halts_at == position_) return End(EndReason::kHalt);
    idle_ =
        keys_.empty() &&
        ((options_.idle_every != 0 && position_ % options_.idle_every == 0) ||
         fault_.sleeps_at == position_);
  }

  const FakeOptions options_;
  FakeFault fault_;
  std::vector<uint8_t> ram_;
  RamDigest ram_digest_;
  std::set<uint64_t> dirty_;  // since the last digest
  uint64_t dirtied_ = 0;
  uint64_t position_ = 0;
  uint64_t time_ = 0;
  uint64_t state_ = 1;
  uint64_t seed_ = 0;
  uint64_t date_ = 0;
  uint64_t timers_ = 0;
  bool idle_ = false;
  std::deque<uint8_t> keys_;
  OutputSink* sink_ = nullptr;
  std::atomic<bool> stop_requested_ = false;
  StopState stop_;
  uint64_t run_began_ = 0;
  int runs_ = 0;
};

}  // namespace librr

#endif  // LIBRR_TESTS_RECORDER_FAKE_MACHINE_H_
