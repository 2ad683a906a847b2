// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/debug_target.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "librr/inspection.h"
#include "librr/machine_memory.h"

namespace librr {
namespace {

constexpr uint64_t kPageSize = 4096;

absl::Status Lacks(const char* what) {
  return absl::UnimplementedError(std::string("this target has no ") + what);
}

}  // namespace

std::vector<TargetThread> DebugTarget::Threads() const {
  std::vector<TargetThread> threads;
  for (int vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
    threads.push_back({vcpu, vcpu, absl::StrCat("vCPU ", vcpu), ""});
  }
  return threads;
}

bool DebugTarget::HasThread(int number) const {
  return number >= 0 && number < vcpu_count();
}

int DebugTarget::ThreadHere(int shown) const {
  return HasThread(shown) ? shown : 0;
}

StopScope DebugTarget::ScopeOf(int vcpu) const {
  const bool in_user_code =
      (RegisterNumber(Registers(vcpu), "cs").value_or(0) & 3) == 3;
  if (!in_user_code) return {};
  return {.address_space = CurrentAddressSpace(vcpu), .process = std::nullopt};
}

std::vector<PagingRoot> DebugTarget::PagingRoots() const {
  std::vector<PagingRoot> roots;
  for (int vcpu = 0; vcpu < vcpu_count(); ++vcpu) {
    const std::optional<PagingRoot> root = PagingRootOf(Registers(vcpu));
    if (root.has_value() &&
        std::find(roots.begin(), roots.end(), *root) == roots.end()) {
      roots.push_back(*root);
    }
  }
  return roots;
}

absl::StatusOr<LinuxGuest*> DebugTarget::Linux() const {
  return Lacks("view of the guest's operating system");
}

absl::StatusOr<LinuxTask> DebugTarget::TaskOf(int thread) const {
  return absl::NotFoundError(
      absl::StrCat("thread ", thread + 1, " is no task of the guest"));
}

size_t DebugTarget::ReadVirtual(int vcpu, GuestVirtual address,
                                absl::Span<uint8_t> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const GuestVirtual at = address + done;
    const size_t left = kPageSize - at.value() % kPageSize;
    const size_t size = std::min(left, out.size() - done);
    const absl::StatusOr<GuestPhysical> physical = Translate(vcpu, at);
    if (!physical.ok() ||
        !ReadPhysical(*physical, out.subspan(done, size)).ok()) {
      break;
    }
    done += size;
  }
  return done;
}

std::string DebugTarget::read_only_reason() const {
  return "this is the past of a recording; it cannot be changed";
}

absl::Status DebugTarget::WriteRegister(int, const RegisterValue&) {
  return absl::FailedPreconditionError(read_only_reason());
}

absl::Status DebugTarget::WritePhysical(GuestPhysical,
                                        absl::Span<const uint8_t>) {
  return absl::FailedPreconditionError(read_only_reason());
}

absl::Status DebugTarget::WriteVirtual(int vcpu, GuestVirtual address,
                                       absl::Span<const uint8_t> bytes) {
  if (std::string reason = read_only_reason(); !reason.empty()) {
    return absl::FailedPreconditionError(reason);
  }
  for (size_t done = 0; done < bytes.size();) {
    const GuestVirtual at = address + done;
    const size_t left = kPageSize - at.value() % kPageSize;
    const size_t size = std::min(left, bytes.size() - done);
    const absl::StatusOr<GuestPhysical> physical = Translate(vcpu, at);
    if (!physical.ok()) return physical.status();
    if (absl::Status status =
            WritePhysical(*physical, bytes.subspan(done, size));
        !status.ok()) {
      return status;
    }
    done += size;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StopHit>> DebugTarget::LastWrite(const Watchpoint&,
                                                              Position) {
  return Lacks("search for writes");
}

absl::Status DebugTarget::AddMark(std::string_view) { return Lacks("marks"); }

absl::StatusOr<std::vector<TargetMark>> DebugTarget::Marks() const {
  return std::vector<TargetMark>();
}

absl::StatusOr<Position> DebugTarget::FindTime(VirtualTime) const {
  return Lacks("search for a time");
}

absl::StatusOr<Position> DebugTarget::FindConsole(std::string_view) const {
  return Lacks("search in the console's output");
}

absl::StatusOr<std::vector<std::string>> DebugTarget::Events(Position, Position,
                                                             size_t) const {
  return Lacks("log of events");
}

std::vector<std::string> DebugTarget::Information() const { return {}; }

std::vector<std::string> DebugTarget::Checkpoints() const { return {}; }

}  // namespace librr
