// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Files that a person gives as a kernel's: a System.map, or a vmlinux with
// symbols, BTF or debug information.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "linux-introspect/kernel_sources.h"

using librr::linux_guest::AddKernelFile;
using librr::linux_guest::AddSystemMap;
using librr::linux_guest::KernelSources;
using librr::linux_guest::SymbolTable;

// The first byte chooses.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1),
                               size - 1);
  KernelSources sources;
  if (data[0] % 2 == 0) {
    (void)AddSystemMap("map", bytes, &sources);
  } else {
    const int file = memfd_create("vmlinux", MFD_CLOEXEC);
    if (file < 0 || write(file, bytes.data(), bytes.size()) < 0) return 0;
    (void)AddKernelFile("/proc/self/fd/" + std::to_string(file), &sources);
    close(file);
  }
  if (sources.types.has_value()) {
    (void)sources.types->types->FindField("task_struct", "se.exec_start");
    (void)sources.types->types->FindBits("printk_info", "level");
    (void)sources.types->types->SizeOf("task_struct");
  }
  if (!sources.symbols.has_value()) return 0;
  const SymbolTable& table = sources.symbols->table;
  uint64_t previous = 0;
  for (const SymbolTable::Symbol& symbol : table.symbols()) {
    if (symbol.address < previous) __builtin_trap();
    previous = symbol.address;
    if (table.name(symbol).size() != symbol.length) __builtin_trap();
  }
  return 0;
}
