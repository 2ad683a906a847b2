// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Boot loaders: from a kernel's bytes to what stands in memory and in the
// registers when the guest's first instruction executes.
//
//   absl::StatusOr<BootImage> image = LoadKernel({.kernel =
//   ReadFile("bzImage"),
//                                                 .command_line =
//                                                 "console=ttyS0",
//                                                 .memory_bytes = 512 << 20});
//   for (const Placement& p : image->placements) CopyToRam(p.physical,
//   p.bytes); cpu.Reset(image->cpu);
//
// Loaders are pure functions: they touch neither a CPU nor RAM, and the same
// arguments give the same image. All inputs are untrusted; an image takes no
// more memory than its inputs and a few pages. RAM that no placement covers
// must be zero.
#ifndef LIBRR_MACHINES_PC_BOOT_BOOT_IMAGE_H_
#define LIBRR_MACHINES_PC_BOOT_BOOT_IMAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace librr::pc {

// Bytes to copy into RAM. Placements are in RAM entirely, and where two
// overlap the later one wins.
struct Placement {
  uint64_t physical = 0;
  std::string bytes;
};

enum class InitialCpuMode {
  kLong64,       // 64-bit mode, paging on: `cr3` maps the low 4 GiB 1:1
  kProtected32,  // 32-bit protected mode, flat segments, paging off
};

// The bootstrap processor at its first instruction. What is not named here is
// as after RESET (Intel SDM vol. 3A, 9.1), but A20 is on and interrupts are
// off. The selectors are loaded with the descriptors of the GDT at `gdt_base`,
// whose entries have their accessed bits set.
struct InitialCpu {
  InitialCpuMode mode = InitialCpuMode::kProtected32;
  uint64_t rip = 0;
  uint64_t rsp = 0;
  uint64_t rax = 0;
  uint64_t rbx = 0;
  uint64_t rsi = 0;
  uint64_t cr0 = 0;
  uint64_t cr3 = 0;
  uint64_t cr4 = 0;
  uint64_t efer = 0;
  uint64_t gdt_base = 0;
  uint16_t gdt_limit = 0;
  uint16_t code_selector = 0;
  uint16_t data_selector = 0;  // for DS, ES, FS, GS and SS
  uint16_t task_selector = 0;  // a 32- or 64-bit busy TSS
};

struct BootImage {
  // For people: "Linux bzImage 6.1.0-56-cloud-amd64", "Multiboot ELF32".
  std::string description;
  std::vector<Placement> placements;
  InitialCpu cpu;
};

// Views must stay valid during the call only.
struct KernelFiles {
  std::string_view kernel = {};
  std::string_view initrd = {};
  std::string_view command_line = {};
  uint64_t memory_bytes = 0;
  uint64_t acpi_rsdp_address = 0;  // 0: no ACPI tables
};

// Recognises the kernel by its content: a Linux bzImage with a 64-bit entry, a
// Multiboot 1 ELF or flat image, or an ELF with a PVH entry note. Fails with
// InvalidArgument if it is none of these, if it is damaged, or if it does not
// fit: the message says why, and how much memory would do.
absl::StatusOr<BootImage> LoadKernel(const KernelFiles& files);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_BOOT_IMAGE_H_
