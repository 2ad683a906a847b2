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

// The address space that a vCPU with these registers is in; nullopt without
// 64-bit paging.
inline std::optional<PagingRoot> PagingRootOf(
    absl::Span<const RegisterValue> registers) {
  // Intel SDM vol. 3, 4.5: CR3 bits 51:12, EFER.LMA, CR4.LA57.
  constexpr uint64_t kTable = 0x000ffffffffff000;
  constexpr uint64_t kLongModeActive = 1 << 10;
  constexpr uint64_t kFiveLevels = 1 << 12;
  const auto number = [&](const char* name) {
    return RegisterNumber(registers, name).value_or(0);
  };
  if ((number("efer") & kLongModeActive) == 0) return std::nullopt;
  return PagingRoot{.table = GuestPhysical(number("cr3") & kTable),
                    .levels = (number("cr4") & kFiveLevels) != 0 ? 5 : 4};
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
      const auto root = PagingRootOf(machine_->Registers(vcpu));
      if (root.has_value() &&
          std::find(roots.begin(), roots.end(), *root) == roots.end()) {
        roots.push_back(*root);
      }
    }
    return roots;
  }

 private:
  const Machine* machine_;
};

}  // namespace librr

#endif  // LIBRR_MACHINE_MEMORY_H_
