// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/btf_types.h"

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// No structure of a kernel is so large.
constexpr uint64_t kMaxSize = 16 << 20;

}  // namespace

absl::StatusOr<Field> BtfTypes::FindField(std::string_view aggregate,
                                          std::string_view path) const {
  LIBRR_ASSIGN_OR_RETURN(const Btf::Member member,
                         btf_->FindMember(aggregate, path));
  const uint64_t size =
      member.bits != 0 ? member.bits / 8 : btf_->Size(member.type);
  if (member.bits % 8 != 0 || member.bit_offset % 8 != 0 ||
      member.bit_offset / 8 + size > kMaxSize) {
    return absl::NotFoundError(absl::StrCat(
        AbseilView(aggregate), ".", AbseilView(path), " is not made of bytes"));
  }
  return Field{static_cast<uint32_t>(member.bit_offset / 8),
               static_cast<uint32_t>(size)};
}

absl::StatusOr<BitField> BtfTypes::FindBits(std::string_view aggregate,
                                            std::string_view path) const {
  LIBRR_ASSIGN_OR_RETURN(const Btf::Member member,
                         btf_->FindMember(aggregate, path));
  const uint64_t size =
      member.bits != 0 ? member.bits : 8 * btf_->Size(member.type);
  if (member.bit_offset / 8 > kMaxSize || size / 8 > kMaxSize) {
    return absl::NotFoundError(absl::StrCat(AbseilView(aggregate), ".",
                                            AbseilView(path), " is too large"));
  }
  return BitField{member.bit_offset, static_cast<uint32_t>(size)};
}

absl::StatusOr<uint64_t> BtfTypes::SizeOf(std::string_view aggregate) const {
  const std::optional<Btf::Id> type = btf_->FindAggregate(aggregate);
  const uint64_t size = type.has_value() ? btf_->Size(*type) : 0;
  if (size != 0 && size <= kMaxSize) return size;
  return absl::NotFoundError(
      absl::StrCat("the kernel has no struct ", AbseilView(aggregate)));
}

}  // namespace librr::linux_guest
