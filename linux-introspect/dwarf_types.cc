// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/dwarf_types.h"

#include <dwarf.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr::linux_guest {
namespace {

// Entries looked at in all for one question; kernels have some 10 million.
constexpr uint64_t kMaxEntries = 100'000'000;
constexpr uint64_t kMaxSize = 16 << 20;
constexpr int kMaxDepth = 16;

// Calls `visit` with the children of a DIE until it says true.
template <typename Visit>
bool AnyChild(Dwarf_Die* parent, uint64_t* budget, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(parent, &child) != 0) return false;
  do {
    if (*budget == 0) return false;
    --*budget;
    if (visit(&child)) return true;
  } while (dwarf_siblingof(&child, &child) == 0);
  return false;
}

// The same with the outermost entries of each unit.
template <typename Visit>
bool AnyEntry(Dwarf* dwarf, uint64_t* budget, Visit visit) {
  Dwarf_CU* unit = nullptr;
  Dwarf_Die top;
  while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &top, nullptr) ==
         0) {
    if (AnyChild(&top, budget, visit)) return true;
    if (*budget == 0) return false;
  }
  return false;
}

bool IsAggregate(Dwarf_Die* die) {
  const int tag = dwarf_tag(die);
  return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

bool IsNamed(Dwarf_Die* die, std::string_view name) {
  const char* const text = dwarf_diename(die);
  return text != nullptr && name == text;
}

std::optional<uint64_t> Number(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  if (dwarf_attr(die, attribute, &found) == nullptr ||
      dwarf_formudata(&found, &value) != 0) {
    return std::nullopt;
  }
  return value;
}

// Where a member begins. DWARF 2 says it as an expression: "plus" a number.
std::optional<uint64_t> OffsetOf(Dwarf_Die* member) {
  const std::optional<uint64_t> plain =
      Number(member, DW_AT_data_member_location);
  if (plain.has_value()) return plain;
  Dwarf_Attribute location;
  if (dwarf_attr(member, DW_AT_data_member_location, &location) == nullptr) {
    return 0;  // of a union
  }
  Dwarf_Op* expression = nullptr;
  size_t length = 0;
  if (dwarf_getlocation(&location, &expression, &length) != 0 || length != 1 ||
      expression[0].atom != DW_OP_plus_uconst) {
    return std::nullopt;
  }
  return expression[0].number;
}

// Without typedefs and qualifiers.
bool TypeOf(Dwarf_Die* die, Dwarf_Die* type) {
  Dwarf_Attribute attribute;
  return dwarf_attr_integrate(die, DW_AT_type, &attribute) != nullptr &&
         dwarf_formref_die(&attribute, type) != nullptr &&
         dwarf_peel_type(type, type) == 0;
}

uint64_t SizeOfType(Dwarf_Die* type) {
  Dwarf_Word size = 0;
  return dwarf_aggregate_size(type, &size) == 0 ? size : 0;
}

// Of a member of a type with `size` bytes, from where the member begins. DWARF
// 4 counts bits from the struct's first byte; before that they were counted
// from the highest one of the member's storage (DW_AT_bit_offset, DWARF
// 3, 5.5.6).
BitField PlaceOfBits(Dwarf_Die* member, uint64_t size) {
  constexpr uint64_t kMaxBits = 64;
  const std::optional<uint64_t> bits = Number(member, DW_AT_bit_size);
  if (!bits.has_value() || *bits > kMaxBits) {
    return {0, static_cast<uint32_t>(8 * size)};
  }
  const auto width = static_cast<uint32_t>(*bits);
  const std::optional<uint64_t> from_first =
      Number(member, DW_AT_data_bit_offset);
  if (from_first.has_value()) return {*from_first % (8 * kMaxSize), width};
  const uint64_t storage = 8 * Number(member, DW_AT_byte_size).value_or(size);
  const uint64_t from_highest = Number(member, DW_AT_bit_offset).value_or(0);
  if (from_highest > storage || storage - from_highest < *bits) {
    return {0, width};
  }
  return {storage - from_highest - *bits, width};
}

struct FoundMember {
  Dwarf_Die die;
  uint64_t offset = 0;
};

std::optional<FoundMember> FindMember(Dwarf_Die* aggregate,
                                      std::string_view name, int depth,
                                      uint64_t* budget) {
  std::optional<FoundMember> found;
  AnyChild(aggregate, budget, [&](Dwarf_Die* child) {
    if (dwarf_tag(child) != DW_TAG_member) return false;
    const std::optional<uint64_t> offset = OffsetOf(child);
    if (!offset.has_value()) return false;
    if (IsNamed(child, name)) {
      found = FoundMember{*child, *offset};
      return true;
    }
    Dwarf_Die inner;
    if (dwarf_diename(child) != nullptr || depth == kMaxDepth ||
        !TypeOf(child, &inner) || !IsAggregate(&inner)) {
      return false;
    }
    found = FindMember(&inner, name, depth + 1, budget);
    if (found.has_value()) found->offset += *offset;
    return found.has_value();
  });
  return found;
}

std::optional<Dwarf_Die> FindAggregate(Dwarf* dwarf, std::string_view name,
                                       uint64_t* budget) {
  std::optional<Dwarf_Die> found;
  AnyEntry(dwarf, budget, [&](Dwarf_Die* die) {
    if (!IsAggregate(die) || !IsNamed(die, name)) return false;
    // Declarations have no size.
    if (!Number(die, DW_AT_byte_size).has_value()) return false;
    found = *die;
    return true;
  });
  return found;
}

absl::Status NoStruct(std::string_view name) {
  return absl::NotFoundError(
      absl::StrCat("the debug information has no struct ", AbseilView(name)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DwarfTypes>> DwarfTypes::Open(Elf* elf) {
  Dwarf* const dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
  if (dwarf == nullptr) {
    return absl::NotFoundError("the file has no debug information (DWARF)");
  }
  // The constructor is private.
  return std::unique_ptr<DwarfTypes>(new DwarfTypes(dwarf));
}

DwarfTypes::~DwarfTypes() { dwarf_end(dwarf_); }

absl::StatusOr<BitField> DwarfTypes::FindBits(std::string_view aggregate,
                                              std::string_view path) const {
  uint64_t budget = kMaxEntries;
  std::optional<Dwarf_Die> type = FindAggregate(dwarf_, aggregate, &budget);
  if (!type.has_value()) return NoStruct(aggregate);
  uint64_t offset = 0;
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    std::optional<FoundMember> member = FindMember(&*type, name, 0, &budget);
    if (!member.has_value()) {
      return absl::NotFoundError(absl::StrCat(
          AbseilView(aggregate), " has no member ", AbseilView(name)));
    }
    offset += member->offset;
    Dwarf_Die inner;
    const uint64_t size = TypeOf(&member->die, &inner) ? SizeOfType(&inner) : 0;
    const bool is_bits = dwarf_hasattr(&member->die, DW_AT_bit_size) != 0;
    const bool is_last = dot == std::string_view::npos;
    if (offset > kMaxSize || size > kMaxSize || (is_bits && !is_last)) {
      return absl::NotFoundError(absl::StrCat(AbseilView(aggregate), ".",
                                              AbseilView(name),
                                              " is not made of bytes"));
    }
    if (is_last) {
      const BitField place = PlaceOfBits(&member->die, size);
      return BitField{8 * offset + place.offset, place.size};
    }
    type = inner;
    path.remove_prefix(dot + 1);
  }
}

absl::StatusOr<Field> DwarfTypes::FindField(std::string_view aggregate,
                                            std::string_view path) const {
  LIBRR_ASSIGN_OR_RETURN(const BitField found, FindBits(aggregate, path));
  if (found.offset % 8 == 0 && found.size % 8 == 0) {
    return Field{static_cast<uint32_t>(found.offset / 8), found.size / 8};
  }
  return absl::NotFoundError(absl::StrCat(
      AbseilView(aggregate), ".", AbseilView(path), " is not made of bytes"));
}

absl::StatusOr<uint64_t> DwarfTypes::SizeOf(std::string_view aggregate) const {
  uint64_t budget = kMaxEntries;
  std::optional<Dwarf_Die> type = FindAggregate(dwarf_, aggregate, &budget);
  const uint64_t size = type.has_value() ? SizeOfType(&*type) : 0;
  if (size == 0 || size > kMaxSize) return NoStruct(aggregate);
  return size;
}

}  // namespace librr::linux_guest
