// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The embedded machine: an x86-64 PC that runs on any host, without VT-x, PMU
// or privileges.
//
//   PcConfig config;
//   config.kernel = ReadFile("bzImage");
//   config.initrd = ReadFile("initramfs.cpio.gz");
//   config.command_line = "console=ttyS0";
//   absl::StatusOr<std::unique_ptr<Machine>> machine = CreatePcMachine(config);
//
// Kernels are recognised by content: a Linux bzImage (64-bit entry), or a
// Multiboot 1 ELF. Everything that decides what the guest sees is in
// `PcConfig` and in the machine model's number.
#ifndef LIBRR_PC_MACHINE_H_
#define LIBRR_PC_MACHINE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "librr/machine.h"

namespace librr {

// The revision of CPUID, tables, devices, rates and surcharges that this build
// implements. Any change that a guest could see raises it.
inline constexpr uint32_t kPcMachineModel = 1;

inline constexpr uint64_t kPcMinMemory = 4ull << 20;
inline constexpr uint64_t kPcMaxMemory = 64ull << 30;

struct PcConfig {
  std::string kernel;                    // the file's bytes
  std::string initrd;                    // the file's bytes; empty: none
  std::string command_line;              // at most 2047 bytes
  uint64_t memory_bytes = 512ull << 20;  // a multiple of 1 MiB
  int vcpus = 1;
  std::string engine = "interp";  // how to execute; never visible to the guest
};

// Fails with InvalidArgument if the kernel is of no known kind, memory is too
// small for it, or a value is out of range: the message says which and what
// would do.
absl::StatusOr<std::unique_ptr<Machine>> CreatePcMachine(
    const PcConfig& config);

}  // namespace librr

#endif  // LIBRR_PC_MACHINE_H_
