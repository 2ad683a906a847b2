// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A kernel's symbols, wherever they come from: its own table (kallsyms.h), a
// vmlinux (kernel_file.h), a System.map.
//
//   LIBRR_ASSIGN_OR_RETURN(SymbolTable symbols, ParseSystemMap(text));
//   symbols.Find("init_task");            // its address, or nullopt
//   symbols.name(symbols.symbols()[0]);   // "fixed_percpu_data"
#ifndef LIBRR_LINUX_INTROSPECT_SYMBOL_TABLE_H_
#define LIBRR_LINUX_INTROSPECT_SYMBOL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace librr::linux_guest {

class SymbolTable {
 public:
  struct Symbol {
    uint64_t address = 0;
    uint32_t name = 0;  // where it begins in `names()`
    uint16_t length = 0;
    char type = '?';  // as nm prints it: capitals are global
  };

  // Ascending by address; those of one address in the order of their source.
  const std::vector<Symbol>& symbols() const { return symbols_; }
  // All names, each with a zero byte behind it.
  const std::string& names() const { return names_; }
  std::string_view name(const Symbol& symbol) const {
    return std::string_view(names_).substr(symbol.name, symbol.length);
  }
  // The first symbol of this name. Looks at all of them.
  std::optional<uint64_t> Find(std::string_view name) const;

  // Names longer than 65535 bytes are cut.
  void Add(uint64_t address, char type, std::string_view name);
  // Puts the symbols in order.
  void Sort();
  // The kernel is `offset` bytes further up: moves what is in its image, and
  // leaves numbers and per-CPU offsets alone.
  void Slide(uint64_t offset);

 protected:
  std::vector<Symbol>* mutable_symbols() { return &symbols_; }

 private:
  std::vector<Symbol> symbols_;
  std::string names_;
};

// The lowest address of a 64-bit kernel's image (Linux,
// Documentation/arch/x86/x86_64/mm.rst): below it are numbers.
inline constexpr uint64_t kLowestImage = 0xffffffff80000000;

// The lines of a System.map, or of a copy of /proc/kallsyms without modules:
// "ffffffff82a1aa40 D init_task". InvalidArgument if there are none, or too
// many; lines of modules and lines without an address are left out.
absl::StatusOr<SymbolTable> ParseSystemMap(std::string_view text);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_SYMBOL_TABLE_H_
