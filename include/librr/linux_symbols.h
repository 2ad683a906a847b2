// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Symbols of a guest's Linux kernel with nothing but the guest: its own
// symbol table (kallsyms) and unwind table (ORC), read from its memory and
// written as an ELF file that gdb loads.
//
//   absl::StatusOr<LinuxSymbols> symbols =
//       ReadLinuxSymbols(MachineMemory(&machine));
//   std::ofstream("kernel") << symbols->elf;     // (gdb) symbol-file kernel
//
// For x86-64 kernels of 4.x to 6.x with CONFIG_KALLSYMS. The guest is not
// trusted: everything is bounded and proved before it is used. A function
// without state: as thread-safe as the memory that it reads.
#ifndef LIBRR_LINUX_SYMBOLS_H_
#define LIBRR_LINUX_SYMBOLS_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "librr/memory_reader.h"
#include "librr/units.h"

namespace librr {

struct LinuxSymbols {
  std::string release;  // "6.1.0-9-amd64"
  std::string banner;   // the line that /proc/version prints
  // Where the kernel's image begins, with this boot's KASLR offsets.
  GuestVirtual text;
  GuestPhysical physical;
  size_t symbol_count = 0;  // those of modules too
  // Modules that are loaded at this moment; none are seen of a kernel without
  // types (CONFIG_DEBUG_INFO_BTF).
  size_t module_count = 0;
  // 0 if the kernel has no ORC table: it was built with frame pointers then,
  // and debuggers get along.
  size_t unwind_rows = 0;
  // The file: symbols at the addresses of this boot, and .debug_frame.
  std::string elf;
};

// NotFound if there is no such kernel at this moment, saying what was missing.
absl::StatusOr<LinuxSymbols> ReadLinuxSymbols(const MemoryReader& memory);

}  // namespace librr

#endif  // LIBRR_LINUX_SYMBOLS_H_
