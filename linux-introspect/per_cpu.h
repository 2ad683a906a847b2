// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Per-CPU variables (Linux, include/linux/percpu-defs.h): each CPU has a copy,
// at the variable's address and an offset of that CPU.
//
//   LIBRR_ASSIGN_OR_RETURN(PerCpuAreas areas, PerCpuAreas::Make(&kernel));
//   LIBRR_ASSIGN_OR_RETURN(uint64_t rq, areas.Address(runqueues, 0));
//   LIBRR_ASSIGN_OR_RETURN(LinuxPerCpuVariable variable,
//                          ReadPerCpu(kernel, "runqueues.nr_running"));
#ifndef LIBRR_LINUX_INTROSPECT_PER_CPU_H_
#define LIBRR_LINUX_INTROSPECT_PER_CPU_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/linux_guest.h"
#include "linux-introspect/kernel.h"

namespace librr::linux_guest {

class PerCpuAreas {
 public:
  // NotFound if the kernel has no per-CPU areas (CONFIG_SMP).
  static absl::StatusOr<PerCpuAreas> Make(const Kernel* kernel);

  // Where a CPU has its copy; InvalidArgument for a number that no CPU has.
  absl::StatusOr<uint64_t> Address(uint64_t variable, uint32_t cpu) const;
  // Numbers of CPUs, ascending.
  absl::StatusOr<std::vector<uint32_t>> Possible() const {
    return Mask("__cpu_possible_mask");
  }
  absl::StatusOr<std::vector<uint32_t>> Online() const {
    return Mask("__cpu_online_mask");
  }

 private:
  explicit PerCpuAreas(const Kernel* kernel) : kernel_(kernel) {}
  absl::StatusOr<std::vector<uint32_t>> Mask(std::string_view symbol) const;

  const Kernel* kernel_;
  uint64_t offsets_ = 0;  // __per_cpu_offset
};

// A variable, or a member of one: "runqueues", "runqueues.nr_running".
absl::StatusOr<LinuxPerCpuVariable> ReadPerCpu(const Kernel& kernel,
                                               std::string_view name);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_PER_CPU_H_
