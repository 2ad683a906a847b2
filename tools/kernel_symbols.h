// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Symbols of a guest's Linux kernel: from its vmlinux, with the offset that
// this boot has picked (KASLR), or from the guest alone.
//
//   absl::StatusOr<KernelSymbols> symbols =
//       LocateKernelSymbols("vmlinux", &timeline);
//   "symbol-file vmlinux -o " + symbols->offset
//
//   absl::StatusOr<LinuxSymbols> symbols = ReadKernelSymbols(&timeline);
//   "symbol-file " + (file with symbols->elf)
#ifndef LIBRR_TOOLS_KERNEL_SYMBOLS_H_
#define LIBRR_TOOLS_KERNEL_SYMBOLS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "librr/linux_symbols.h"
#include "librr/machine.h"
#include "librr/timeline.h"

namespace librr::tools {

struct KernelSymbols {
  std::string path;
  uint64_t offset = 0;
  // What is to be said about it; may be empty.
  std::string warning;
};

// The address at which the kernel's text is mapped on vCPU 0; nullopt if that
// is not a 64-bit Linux kernel's place.
std::optional<uint64_t> FindKernelText(const Machine& machine);

// The file called vmlinux or vmlinux-* in a folder; empty if there is none,
// InvalidArgument if there are several.
absl::StatusOr<std::string> FindKernelFile(const std::string& folder);
// The file itself, or that of a folder; NotFound if there is none in it.
absl::StatusOr<std::string> ResolveKernelFile(const std::string& path);

// `file` is an ELF file. If no kernel is mapped where the timeline is, its end
// is looked at; it is back at its position then.
absl::StatusOr<KernelSymbols> LocateKernelSymbols(const std::string& file,
                                                  Timeline* timeline);

// What the guest's own kernel says, at the timeline's position or, if there is
// none yet, at its end; it is back at its position then. NotFound if there is
// no Linux kernel with symbols.
absl::StatusOr<LinuxSymbols> ReadKernelSymbols(Timeline* timeline);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_KERNEL_SYMBOLS_H_
