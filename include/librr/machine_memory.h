// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The memory of a machine at rest, as a MemoryReader.
//
//   MachineMemory memory(&timeline->machine());
//   absl::StatusOr<LinuxSymbols> symbols = ReadLinuxSymbols(memory);
//
// Shows the machine as it is at each call. The machine must outlive it, and
// not run meanwhile.
#ifndef LIBRR_MACHINE_MEMORY_H_
#define LIBRR_MACHINE_MEMORY_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "librr/inspection.h"
#include "librr/machine.h"
#include "librr/memory_reader.h"

namespace librr {

// The page tables that a vCPU with these registers uses; nullopt if paging is
// off. Intel SDM vol. 3, 4.1 and 4.3 to 4.5.
inline std::optional<PagingRoot> PagingRootOf(
    absl::Span<const RegisterValue> registers) {
  constexpr uint64_t kPaging = uint64_t{1} << 31;
  constexpr uint64_t kLongModeActive = 1 << 10;
  constexpr uint64_t kExtension = 1 << 5;
  constexpr uint64_t kFiveLevels = 1 << 12;
  constexpr uint64_t kPageAligned = 0x000ffffffffff000;
  const auto number = [&](const char* name) {
    return RegisterNumber(registers, name).value_or(0);
  };
  const uint64_t cr3 = number("cr3");
  if ((number("efer") & kLongModeActive) != 0) {
    return PagingRoot{.table = GuestPhysical(cr3 & kPageAligned),
                      .levels = (number("cr4") & kFiveLevels) != 0 ? 5 : 4};
  }
  if ((number("cr0") & kPaging) == 0) return std::nullopt;
  if ((number("cr4") & kExtension) != 0) {
    return PagingRoot{.table = GuestPhysical(cr3 & 0xffffffe0), .levels = 3};
  }
  return PagingRoot{.table = GuestPhysical(cr3 & 0xfffff000), .levels = 2};
}

// What the registers mean for a view of the guest.
inline VcpuContext VcpuContextOf(absl::Span<const RegisterValue> registers) {
  const auto number = [&](const char* name) {
    return RegisterNumber(registers, name).value_or(0);
  };
  return {.root = PagingRootOf(registers).value_or(PagingRoot{}),
          .stack_pointer = number("rsp"),
          .fs_base = number("fs_base"),
          .in_user_code = (number("cs") & 3) == 3};
}

class MachineMemory final : public MemoryReader {
 public:
  explicit MachineMemory(const Machine* machine) : machine_(machine) {}

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    return machine_->ReadPhysical(address, out);
  }

  std::vector<PagingRoot> PagingRoots() const override {
    std::vector<PagingRoot> roots;
    for (int vcpu = 0; vcpu < machine_->vcpu_count(); ++vcpu) {
      const std::optional<PagingRoot> root =
          PagingRootOf(machine_->Registers(vcpu));
      if (root.has_value() &&
          std::find(roots.begin(), roots.end(), *root) == roots.end()) {
        roots.push_back(*root);
      }
    }
    return roots;
  }

  std::vector<VcpuContext> Vcpus() const override {
    std::vector<VcpuContext> vcpus;
    for (int vcpu = 0; vcpu < machine_->vcpu_count(); ++vcpu) {
      vcpus.push_back(VcpuContextOf(machine_->Registers(vcpu)));
    }
    return vcpus;
  }

 private:
  const Machine* machine_;
};

}  // namespace librr

#endif  // LIBRR_MACHINE_MEMORY_H_
