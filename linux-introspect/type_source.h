// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Something that knows how a kernel's structures are laid out: its BTF
// (btf_types.h), or debug information (dwarf_types.h).
//
//   LIBRR_ASSIGN_OR_RETURN(Field mm, types.FindField("task_struct", "mm"));
//   mm.offset;
#ifndef LIBRR_LINUX_INTROSPECT_TYPE_SOURCE_H_
#define LIBRR_LINUX_INTROSPECT_TYPE_SOURCE_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace librr::linux_guest {

// A member of a struct: bytes from its beginning, and how many.
struct Field {
  uint32_t offset = 0;
  uint32_t size = 0;
  bool operator==(const Field&) const = default;
};

// A member that may be a bit field: little-endian bits from the struct's first.
struct BitField {
  uint64_t offset = 0;
  uint32_t size = 0;
  bool operator==(const BitField&) const = default;
};

class TypeSource {
 public:
  virtual ~TypeSource() = default;
  // `aggregate` is the name of a struct or union; `path` is "mm",
  // "se.exec_start": members of anonymous structs and unions are found as in
  // C. NotFound names what is missing; so does a bit field that is not made of
  // whole bytes.
  virtual absl::StatusOr<Field> FindField(std::string_view aggregate,
                                          std::string_view path) const = 0;
  // The same of any member.
  virtual absl::StatusOr<BitField> FindBits(std::string_view aggregate,
                                            std::string_view path) const = 0;
  // In bytes.
  virtual absl::StatusOr<uint64_t> SizeOf(std::string_view aggregate) const = 0;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_TYPE_SOURCE_H_
