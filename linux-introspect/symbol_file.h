// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A kernel's symbols as an ELF file for debuggers: at the addresses where they
// are in the guest, without code or data, which the debugger has from there.
//
//   std::string elf = BuildSymbolFile(symbols, image.text(), modules,
//                                     debug_frame);
//
// Of several names of one address the first has the size: debuggers show it,
// and the kernel does so too. A pure function.
#ifndef LIBRR_LINUX_INTROSPECT_SYMBOL_FILE_H_
#define LIBRR_LINUX_INTROSPECT_SYMBOL_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "linux-introspect/module_symbols.h"
#include "linux-introspect/symbol_table.h"

namespace librr::linux_guest {

// `text` is where the image begins; `debug_frame` may be empty. The modules'
// symbols are added to the kernel's; those behind the first module, which the
// kernel has not, are left out.
std::string BuildSymbolFile(const SymbolTable& symbols, uint64_t text,
                            absl::Span<const ModuleSymbols> modules,
                            std::string_view debug_frame);

// Whether nm's letter means code: t, T, w and W.
bool IsCode(char type);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SYMBOL_FILE_H_
