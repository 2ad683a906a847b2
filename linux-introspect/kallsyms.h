// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The kernel's own symbol table, as /proc/kallsyms shows it (without modules).
//
//   LIBRR_ASSIGN_OR_RETURN(Kallsyms symbols, Kallsyms::Find(image));
//   symbols.Find("init_task");            // its address, or nullopt
//   symbols.name(symbols.symbols()[0]);   // "fixed_percpu_data"
//
// It is proved before it is believed: tables agree (kallsyms_tables.h),
// addresses ascend, `_text` is where the image begins, `linux_banner` is a
// banner. Immutable; the image is not needed any more.
#ifndef LIBRR_LINUX_INTROSPECT_KALLSYMS_H_
#define LIBRR_LINUX_INTROSPECT_KALLSYMS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "linux-introspect/kallsyms_tables.h"
#include "linux-introspect/kernel_image.h"

namespace librr::linux_guest {

class Kallsyms {
 public:
  struct Symbol {
    uint64_t address = 0;
    uint32_t name = 0;  // where it begins in `names()`
    uint16_t length = 0;
    char type = '?';  // as nm prints it: capitals are global
  };

  // NotFound, saying what was missing.
  static absl::StatusOr<Kallsyms> Find(const KernelImage& image);

  // In the kernel's order: ascending by address, per-CPU offsets first.
  const std::vector<Symbol>& symbols() const { return symbols_; }
  // All names, each with a zero byte behind it.
  const std::string& names() const { return names_; }
  std::string_view name(const Symbol& symbol) const {
    return std::string_view(names_).substr(symbol.name, symbol.length);
  }

  // The first symbol of this name.
  std::optional<uint64_t> Find(std::string_view name) const;

 private:
  Kallsyms() = default;
  absl::Status ReadNames(std::string_view bytes, const NameTables& tables);
  bool IsProved(const KernelImage& image) const;

  std::vector<Symbol> symbols_;
  std::string names_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KALLSYMS_H_
