// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// BTF as a source of layouts.
//
//   BtfTypes types(&btf);   // which must outlive it
#ifndef LIBRR_LINUX_INTROSPECT_BTF_TYPES_H_
#define LIBRR_LINUX_INTROSPECT_BTF_TYPES_H_

#include "linux-introspect/btf.h"
#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

class BtfTypes final : public TypeSource {
 public:
  explicit BtfTypes(const Btf* btf) : btf_(btf) {}

  absl::StatusOr<Field> FindField(std::string_view aggregate,
                                  std::string_view path) const override;
  absl::StatusOr<BitField> FindBits(std::string_view aggregate,
                                    std::string_view path) const override;
  absl::StatusOr<uint64_t> SizeOf(std::string_view aggregate) const override;

 private:
  const Btf* btf_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_BTF_TYPES_H_
