// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/phase_typist.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace librr::benchmarks {
namespace {

constexpr char kReady[] = "librr guest ready";
constexpr char kPrompt[] = "guest> ";
// How long after the prompt a key is pressed: the shell waits for it by then,
// so that machines whose runs are cut differently get it at the same position.
constexpr uint64_t kThinkNs = 20'000'000;

}  // namespace

PhaseTypist::PhaseTypist(const Machine* machine, std::vector<Phase> phases,
                         TurnTaker* turns)
    : machine_(machine),
      phases_(std::move(phases)),
      turns_(turns),
      expected_(kReady) {}

PhaseFigures PhaseTypist::Now() const {
  const MachineStatistics statistics = machine_->Statistics();
  return {statistics.steps, statistics.rep_iterations, ProcessCpuNs()};
}

void PhaseTypist::EndPhase() {
  const PhaseFigures now = Now();
  figures_.push_back({now.steps - phase_began_.steps,
                      now.rep_iterations - phase_began_.rep_iterations,
                      now.cpu_ns - phase_began_.cpu_ns});
  phase_over_ = false;
}

// What a splitmix64 generator makes of a counter; 50 to 250 ms.
uint64_t PhaseTypist::NextKeyDelay() {
  uint64_t z = random_++ * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z ^= z >> 27;
  return 50'000'000 + z % 200'000'000;
}

void PhaseTypist::TypeNext() {
  if (next_phase_ == phases_.size()) {
    held_ = "poweroff -f\n";
    key_by_key_ = false;
    done_ = true;
    return;
  }
  const Phase& phase = phases_[next_phase_++];
  held_ = phase.command + "\n";
  key_by_key_ = phase.key_by_key;
  expected_ = kPrompt;
  phase_began_ = Now();
}

std::string PhaseTypist::Poll(size_t room, VirtualTime now) {
  turns_->MayPass();
  if (phase_over_) EndPhase();
  if (due_.has_value() && now >= *due_) {
    due_.reset();
    if (held_.empty()) TypeNext();
  } else if (due_.has_value() || held_.empty()) {
    return "";
  }
  const std::string keys =
      held_.substr(0, key_by_key_ ? std::min<size_t>(room, 1) : room);
  held_.erase(0, keys.size());
  keystrokes_ += keys.size();
  if (key_by_key_ && !held_.empty()) due_ = now + NextKeyDelay();
  return keys;
}

void PhaseTypist::OnConsoleOutput(absl::Span<const uint8_t> bytes,
                                  VirtualTime now) {
  if (expected_.empty()) return;
  for (const uint8_t byte : bytes) {
    printed_.push_back(static_cast<char>(byte));
    if (printed_.size() > expected_.size()) printed_.erase(0, 1);
    if (printed_ != expected_) continue;
    printed_.clear();
    if (expected_ == kReady) {
      phase_over_ = true;
      expected_ = kPrompt;
      continue;
    }
    // The first prompt follows the boot, which is over already.
    phase_over_ = phase_over_ || next_phase_ > 0;
    due_ = now + kThinkNs;
    expected_.clear();
    return;
  }
}

bool PhaseTypist::holds_input() const {
  return !held_.empty() && !due_.has_value();
}

std::optional<VirtualTime> PhaseTypist::NextDue() const { return due_; }

std::string PhaseTypist::Pending() const {
  if (exhausted()) return "";
  return absl::StrCat("waits for '", expected_, "' in the guest's output");
}

}  // namespace librr::benchmarks
