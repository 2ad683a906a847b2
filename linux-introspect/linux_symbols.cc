// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_symbols.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "librr-core/base/status_macros.h"
#include "linux-introspect/debug_frame.h"
#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel.h"
#include "linux-introspect/kernel_description.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/module_symbols.h"
#include "linux-introspect/orc.h"
#include "linux-introspect/symbol_file.h"

namespace librr {

namespace {

using linux_guest::Kernel;
using linux_guest::ModuleSymbols;
using linux_guest::OrcRow;
using linux_guest::SymbolTable;

// Of a kernel that has types too: only these say where modules are.
std::vector<ModuleSymbols> FindModules(const MemoryReader& memory,
                                       const linux_guest::KernelImage& image,
                                       linux_guest::Kallsyms kallsyms) {
  auto description = linux_guest::DescribeKernel(image, std::move(kallsyms));
  if (!description.ok()) return {};
  return ReadModuleSymbols(Kernel(&memory, image, *std::move(description)));
}

void AddFunctions(const SymbolTable& symbols,
                  std::vector<uint64_t>* functions) {
  for (const SymbolTable::Symbol& symbol : symbols.symbols()) {
    if (linux_guest::IsCode(symbol.type)) functions->push_back(symbol.address);
  }
}

}  // namespace

absl::StatusOr<LinuxSymbols> ReadLinuxSymbols(const MemoryReader& memory) {
  LIBRR_ASSIGN_OR_RETURN(const linux_guest::KernelImage image,
                         linux_guest::KernelImage::Find(memory));
  LIBRR_ASSIGN_OR_RETURN(const linux_guest::Kallsyms kallsyms,
                         linux_guest::Kallsyms::Find(image));
  LinuxSymbols symbols;
  symbols.banner = image.banner();
  const std::string rest =
      symbols.banner.substr(linux_guest::kBannerStart.size());
  symbols.release = rest.substr(0, rest.find(' '));
  symbols.text = GuestVirtual(image.text());
  symbols.physical = GuestPhysical(image.physical());
  symbols.symbol_count = kallsyms.symbols().size();
  const std::vector<ModuleSymbols> modules =
      FindModules(memory, image, kallsyms);
  symbols.module_count = modules.size();
  std::string debug_frame;
  absl::StatusOr<std::vector<OrcRow>> rows =
      linux_guest::ReadOrc(image, kallsyms);
  if (rows.ok()) {
    std::vector<uint64_t> functions;
    AddFunctions(kallsyms, &functions);
    for (const ModuleSymbols& module : modules) {
      rows->insert(rows->end(), module.rows.begin(), module.rows.end());
      AddFunctions(module.symbols, &functions);
    }
    symbols.unwind_rows = rows->size();
    debug_frame = linux_guest::BuildDebugFrame(*rows, functions);
  }
  for (const ModuleSymbols& module : modules) {
    symbols.symbol_count += module.symbols.symbols().size();
  }
  symbols.elf = linux_guest::BuildSymbolFile(kallsyms, image.text(), modules,
                                             debug_frame);
  return symbols;
}

}  // namespace librr
