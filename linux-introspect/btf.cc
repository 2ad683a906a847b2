// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/btf.h"

#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/coding.h"

namespace librr::linux_guest {
namespace {

constexpr uint16_t kMagic = 0xeb9f;
constexpr uint64_t kHeaderSize = 24;
constexpr uint64_t kTypeSize = 12;
// Of typedefs, qualifiers, arrays of arrays and anonymous structs: the deepest
// of a kernel is below ten.
constexpr int kMaxDepth = 32;
constexpr uint64_t kMaxSize = 1 << 30;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat("BTF: ", AbseilView(what)));
}

// Bytes that follow a type of this kind with `count` entries; nullopt for a
// kind that is not known.
std::optional<uint64_t> ExtraSize(Btf::Kind kind, uint64_t count) {
  switch (kind) {
    case Btf::Kind::kPointer:
    case Btf::Kind::kForward:
    case Btf::Kind::kTypedef:
    case Btf::Kind::kVolatile:
    case Btf::Kind::kConst:
    case Btf::Kind::kRestrict:
    case Btf::Kind::kFunction:
    case Btf::Kind::kFloat:
    case Btf::Kind::kTypeTag:
      return 0;
    case Btf::Kind::kInt:
    case Btf::Kind::kVariable:
    case Btf::Kind::kDeclarationTag:
      return 4;
    case Btf::Kind::kArray:
      return 12;
    case Btf::Kind::kEnum:
    case Btf::Kind::kFunctionPrototype:
      return 8 * count;
    case Btf::Kind::kStruct:
    case Btf::Kind::kUnion:
    case Btf::Kind::kDataSection:
    case Btf::Kind::kEnum64:
      return 12 * count;
    case Btf::Kind::kVoid:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<Btf> Btf::Parse(std::string bytes) {
  Btf btf;
  btf.bytes_ = std::move(bytes);
  std::string_view in = btf.bytes_;
  if (in.size() < kHeaderSize) return Damaged("shorter than its header");
  if (GetFixed(in, 2) != kMagic) return Damaged("no magic number");
  if (GetFixed(in, 1) != 1) return Damaged("of a version other than 1");
  GetFixed(in, 1);
  const uint64_t header = *GetFixed(in, 4);
  const uint64_t types = header + *GetFixed(in, 4);
  const uint64_t types_size = *GetFixed(in, 4);
  btf.strings_ = header + *GetFixed(in, 4);
  btf.strings_size_ = *GetFixed(in, 4);
  const uint64_t size = btf.bytes_.size();
  if (header < kHeaderSize || types > size || types_size > size - types ||
      btf.strings_ > size || btf.strings_size_ > size - btf.strings_ ||
      size > UINT32_MAX) {
    return Damaged("its sections are not in it");
  }
  if (btf.strings_size_ == 0 ||
      btf.bytes_[btf.strings_ + btf.strings_size_ - 1] != '\0') {
    return Damaged("its strings have no end");
  }
  btf.places_.push_back(0);
  const uint64_t end = types + types_size;
  for (uint64_t at = types; at < end;) {
    if (end - at < kTypeSize) return Damaged("a type is cut off");
    btf.places_.push_back(static_cast<uint32_t>(at));
    const Type type = btf.At(static_cast<Id>(btf.places_.size() - 1));
    const std::optional<uint64_t> extra = ExtraSize(type.kind(), type.count());
    if (!extra.has_value()) {
      return Damaged(absl::StrCat("type ", btf.places_.size() - 1,
                                  " is of unknown kind ",
                                  static_cast<int>(type.kind())));
    }
    if (*extra > end - at - kTypeSize) return Damaged("a type is cut off");
    if (type.name >= btf.strings_size_) return Damaged("a name is not in it");
    at += kTypeSize + *extra;
  }
  for (Id id = 1; id < btf.places_.size(); ++id) {
    const Type type = btf.At(id);
    const std::string_view name = btf.String(type.name);
    // The first of a name counts.
    if (name.empty()) continue;
    if (type.kind() == Kind::kStruct || type.kind() == Kind::kUnion) {
      btf.aggregates_.emplace(name, id);
    }
    if (type.kind() == Kind::kVariable) {
      btf.variables_.emplace(name, type.size_or_type);
    }
  }
  return btf;
}

uint32_t Btf::Word(uint64_t offset) const {
  std::string_view in = std::string_view(bytes_).substr(offset);
  return static_cast<uint32_t>(GetFixed(in, 4).value_or(0));
}

Btf::Type Btf::At(Id type) const {
  if (type == 0 || type >= places_.size()) return {};
  const uint64_t at = places_[type];
  return {Word(at), Word(at + 4), Word(at + 8)};
}

std::string_view Btf::String(uint32_t offset) const {
  if (offset >= strings_size_) return "";
  // Parse has seen the zero byte at the end.
  return bytes_.data() + strings_ + offset;
}

Btf::Kind Btf::kind(Id type) const { return At(type).kind(); }

std::string_view Btf::name(Id type) const { return String(At(type).name); }

Btf::Id Btf::Resolve(Id type) const {
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const Type it = At(type);
    switch (it.kind()) {
      case Kind::kTypedef:
      case Kind::kVolatile:
      case Kind::kConst:
      case Kind::kRestrict:
      case Kind::kTypeTag:
        type = it.size_or_type;
        break;
      default:
        return type;
    }
  }
  return 0;
}

uint64_t Btf::Size(Id type) const {
  uint64_t count = 1;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    type = Resolve(type);
    const Type it = At(type);
    switch (it.kind()) {
      case Kind::kInt:
      case Kind::kStruct:
      case Kind::kUnion:
      case Kind::kEnum:
      case Kind::kEnum64:
      case Kind::kFloat:
        return it.size_or_type <= kMaxSize / count ? count * it.size_or_type
                                                   : 0;
      case Kind::kPointer:
        return count * 8;
      case Kind::kArray: {
        const uint32_t elements = ElementCount(type);
        if (elements == 0 || elements > kMaxSize / 8 / count) return 0;
        count *= elements;
        type = Element(type);
        break;
      }
      default:
        return 0;
    }
  }
  return 0;
}

Btf::Id Btf::Element(Id type) const {
  type = Resolve(type);
  return kind(type) == Kind::kArray ? Word(places_[type] + kTypeSize) : 0;
}

uint32_t Btf::ElementCount(Id type) const {
  type = Resolve(type);
  return kind(type) == Kind::kArray ? Word(places_[type] + kTypeSize + 8) : 0;
}

Btf::Id Btf::Target(Id type) const {
  type = Resolve(type);
  return kind(type) == Kind::kPointer ? At(type).size_or_type : 0;
}

std::optional<Btf::Id> Btf::FindAggregate(std::string_view name) const {
  const auto it = aggregates_.find(name);
  if (it == aggregates_.end()) return std::nullopt;
  return it->second;
}

std::optional<Btf::Id> Btf::FindVariable(std::string_view name) const {
  const auto it = variables_.find(name);
  if (it == variables_.end()) return std::nullopt;
  return it->second;
}

bool Btf::IsSigned(Id type) const {
  constexpr uint32_t kSigned = 1 << 24;
  type = Resolve(type);
  return kind(type) == Kind::kInt &&
         (Word(places_[type] + kTypeSize) & kSigned) != 0;
}

std::string Btf::Describe(Id type) const {
  std::string behind;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const Type it = At(type);
    const std::string text(String(it.name));
    switch (it.kind()) {
      case Kind::kVolatile:
      case Kind::kConst:
      case Kind::kRestrict:
      case Kind::kTypeTag:
        type = it.size_or_type;
        continue;
      case Kind::kPointer:
        behind.insert(0, behind.starts_with("*") ? "*" : " *");
        type = it.size_or_type;
        continue;
      case Kind::kArray:
        absl::StrAppend(&behind, "[", ElementCount(type), "]");
        type = Element(type);
        continue;
      case Kind::kStruct:
        return absl::StrCat("struct ", text, behind);
      case Kind::kUnion:
        return absl::StrCat("union ", text, behind);
      case Kind::kForward:
        return absl::StrCat(it.flag() ? "union " : "struct ", text, behind);
      case Kind::kEnum:
      case Kind::kEnum64:
        return absl::StrCat("enum ", text, behind);
      case Kind::kVoid:
        return absl::StrCat("void", behind);
      case Kind::kFunction:
      case Kind::kFunctionPrototype:
        return absl::StrCat("function", behind);
      default:
        return absl::StrCat(text, behind);
    }
  }
  return "";
}

std::optional<Btf::Member> Btf::FindOne(Id aggregate, std::string_view name,
                                        int depth) const {
  aggregate = Resolve(aggregate);
  const Type type = At(aggregate);
  if (type.kind() != Kind::kStruct && type.kind() != Kind::kUnion) {
    return std::nullopt;
  }
  const auto member = [&](uint32_t index) {
    const uint64_t at = places_[aggregate] + kTypeSize + 12ull * index;
    const uint32_t where = Word(at + 8);
    // With the flag the upper byte is the width of a bit field.
    return Member{.bit_offset = type.flag() ? where & 0xffffff : where,
                  .bits = type.flag() ? where >> 24 : 0,
                  .type = Word(at + 4)};
  };
  const auto member_name = [&](uint32_t index) {
    return String(Word(places_[aggregate] + kTypeSize + 12ull * index));
  };
  for (uint32_t i = 0; i < type.count(); ++i) {
    if (member_name(i) == name) return member(i);
  }
  if (depth == 0) return std::nullopt;
  for (uint32_t i = 0; i < type.count(); ++i) {
    if (!member_name(i).empty()) continue;
    const Member outer = member(i);
    std::optional<Member> inner = FindOne(outer.type, name, depth - 1);
    if (!inner.has_value()) continue;
    inner->bit_offset += outer.bit_offset;
    return inner;
  }
  return std::nullopt;
}

absl::StatusOr<Btf::Member> Btf::FindMember(Id aggregate,
                                            std::string_view path) const {
  Member found{.type = aggregate};
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    constexpr int kMaxAnonymous = 8;
    const std::optional<Member> member =
        FindOne(found.type, name, kMaxAnonymous);
    if (!member.has_value()) {
      return absl::NotFoundError(absl::StrCat(
          "the kernel's ", AbseilView(this->name(Resolve(found.type))),
          " has no member ", AbseilView(name)));
    }
    found = {.bit_offset = found.bit_offset + member->bit_offset,
             .bits = member->bits,
             .type = member->type};
    if (dot == std::string_view::npos) return found;
    path.remove_prefix(dot + 1);
  }
}

absl::StatusOr<Btf::Member> Btf::FindMember(std::string_view aggregate,
                                            std::string_view path) const {
  const std::optional<Id> type = FindAggregate(aggregate);
  if (!type.has_value()) {
    return absl::NotFoundError(
        absl::StrCat("the kernel has no struct ", AbseilView(aggregate)));
  }
  return FindMember(*type, path);
}

std::optional<int64_t> Btf::FindEnumerator(std::string_view name) const {
  for (Id id = 1; id < places_.size(); ++id) {
    const Type type = At(id);
    const bool wide = type.kind() == Kind::kEnum64;
    if (type.kind() != Kind::kEnum && !wide) continue;
    for (uint32_t i = 0; i < type.count(); ++i) {
      const uint64_t at = places_[id] + kTypeSize + (wide ? 12ull : 8ull) * i;
      if (String(Word(at)) != name) continue;
      if (wide) {
        return static_cast<int64_t>(uint64_t{Word(at + 8)} << 32 |
                                    Word(at + 4));
      }
      return int64_t{static_cast<int32_t>(Word(at + 4))};
    }
  }
  return std::nullopt;
}

}  // namespace librr::linux_guest
