// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Symbols and unwind tables of a kernel's loaded modules.
//
//   for (const ModuleSymbols& module : ReadModuleSymbols(kernel)) ...
//
// The kernel keeps a module's own symbol table for /proc/kallsyms (struct
// mod_kallsyms, Linux 4.5 and later), and its ORC rows. What cannot be read of
// a module is left out; symbols are only those inside of its memory.
#ifndef LIBRR_LINUX_INTROSPECT_MODULE_SYMBOLS_H_
#define LIBRR_LINUX_INTROSPECT_MODULE_SYMBOLS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "linux-introspect/kernel.h"
#include "linux-introspect/orc.h"
#include "linux-introspect/symbol_table.h"

namespace librr::linux_guest {

// Addresses that a section of a symbol file has.
struct ModulePart {
  uint64_t begin = 0, end = 0;
  bool is_code = false;
};

struct ModuleSymbols {
  std::string name;
  // Ascending, apart from each other.
  std::vector<ModulePart> parts;
  SymbolTable symbols;
  // Of its code; empty if it has none, or if they make no sense.
  std::vector<OrcRow> rows;
};

// Ascending by address, none in another one's memory; empty if the kernel has
// no modules, or does not say where they have their symbols.
std::vector<ModuleSymbols> ReadModuleSymbols(const Kernel& kernel);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_MODULE_SYMBOLS_H_
