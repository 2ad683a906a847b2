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
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "linux-introspect/kallsyms_tables.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/symbol_table.h"

namespace librr::linux_guest {

class Kallsyms final : public SymbolTable {
 public:
  // NotFound, saying what was missing. Its symbols are in the kernel's order:
  // ascending by address, per-CPU offsets first.
  static absl::StatusOr<Kallsyms> Find(const KernelImage& image);
  using SymbolTable::Find;

  // The bytes that it was read from.
  struct Source {
    struct Piece {
      uint64_t address = 0;
      uint64_t size = 0;
    };
    std::vector<Piece> pieces;
    // Where there is the address that offsets count from; 0: nowhere.
    uint64_t base = 0;
  };
  // Empty for kernels whose table has whole addresses (until 4.5).
  const Source& source() const { return source_; }

 private:
  Kallsyms() = default;
  absl::Status ReadNames(std::string_view bytes, const NameTables& tables);
  bool IsProved(const KernelImage& image) const;

  Source source_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KALLSYMS_H_
