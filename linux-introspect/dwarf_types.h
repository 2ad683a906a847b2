// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Debug information (DWARF 2 to 5, through elfutils' libdw) as a source of
// layouts.
//
//   LIBRR_ASSIGN_OR_RETURN(auto types, DwarfTypes::Open(elf));
//   types->FindField("task_struct", "comm");
//
// A structure is looked for in all compilation units until its definition is
// found; the work is bounded. Belongs to one thread; the Elf must outlive it.
#ifndef LIBRR_LINUX_INTROSPECT_DWARF_TYPES_H_
#define LIBRR_LINUX_INTROSPECT_DWARF_TYPES_H_

#include <elfutils/libdw.h>

#include <memory>

#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

class DwarfTypes final : public TypeSource {
 public:
  // NotFound if the file has no debug information.
  static absl::StatusOr<std::unique_ptr<DwarfTypes>> Open(Elf* elf);
  ~DwarfTypes() override;

  absl::StatusOr<Field> FindField(std::string_view aggregate,
                                  std::string_view path) const override;
  absl::StatusOr<BitField> FindBits(std::string_view aggregate,
                                    std::string_view path) const override;
  absl::StatusOr<uint64_t> SizeOf(std::string_view aggregate) const override;

 private:
  explicit DwarfTypes(Dwarf* dwarf) : dwarf_(dwarf) {}

  Dwarf* const dwarf_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_DWARF_TYPES_H_
