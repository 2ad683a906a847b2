// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The kernel's own description of its types (BTF; Linux,
// Documentation/bpf/btf.rst), which every distribution kernel carries.
//
//   LIBRR_ASSIGN_OR_RETURN(Btf btf, Btf::Parse(std::move(bytes)));
//   LIBRR_ASSIGN_OR_RETURN(Btf::Member mm, btf.FindMember("task_struct",
//   "mm")); mm.bit_offset / 8;
//
// Immutable after Parse. The bytes are not trusted: everything is bounded, and
// what does not fit together is an error.
#ifndef LIBRR_LINUX_INTROSPECT_BTF_H_
#define LIBRR_LINUX_INTROSPECT_BTF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"

namespace librr::linux_guest {

class Btf {
 public:
  // Knows no types.
  Btf() = default;
  // The map looks into `bytes_`: moves keep it in place, copies would not.
  Btf(const Btf&) = delete;
  Btf& operator=(const Btf&) = delete;
  Btf(Btf&&) = default;
  Btf& operator=(Btf&&) = default;

  // Of a type; 0 is void.
  using Id = uint32_t;

  // BTF_KIND_*.
  enum class Kind : uint8_t {
    kVoid = 0,
    kInt = 1,
    kPointer = 2,
    kArray = 3,
    kStruct = 4,
    kUnion = 5,
    kEnum = 6,
    kForward = 7,
    kTypedef = 8,
    kVolatile = 9,
    kConst = 10,
    kRestrict = 11,
    kFunction = 12,
    kFunctionPrototype = 13,
    kVariable = 14,
    kDataSection = 15,
    kFloat = 16,
    kDeclarationTag = 17,
    kTypeTag = 18,
    kEnum64 = 19,
  };

  struct Member {
    uint64_t bit_offset = 0;  // from the beginning of the outermost type
    uint32_t bits = 0;        // of a bit field; 0: all of the type
    Id type = 0;
  };

  // `bytes` begins with the header; what is behind the last section is ignored.
  static absl::StatusOr<Btf> Parse(std::string bytes);

  // What it was parsed from.
  std::string_view bytes() const { return bytes_; }
  size_t type_count() const { return places_.empty() ? 0 : places_.size() - 1; }

  // A struct or union; nullopt if there is none of that name.
  std::optional<Id> FindAggregate(std::string_view name) const;
  // `path` is "mm", "se.exec_start": members of anonymous structs and unions
  // are found as in C. NotFound names what is missing.
  absl::StatusOr<Member> FindMember(std::string_view aggregate,
                                    std::string_view path) const;
  absl::StatusOr<Member> FindMember(Id aggregate, std::string_view path) const;

  // Without typedefs and qualifiers.
  Id Resolve(Id type) const;
  Kind kind(Id type) const;
  std::string_view name(Id type) const;
  // Bytes; 0 for what has none (void, functions) or more than 1 GiB.
  uint64_t Size(Id type) const;
  // Of an array; 0 otherwise.
  Id Element(Id type) const;
  uint32_t ElementCount(Id type) const;
  // What a pointer points to; 0 otherwise.
  Id Target(Id type) const;

  // Of a kernel's variable (BTF has those that are per CPU); nullopt if there
  // is none of that name.
  std::optional<Id> FindVariable(std::string_view name) const;
  // Of an integer.
  bool IsSigned(Id type) const;
  // As in C, without qualifiers: "struct rq *", "unsigned long[4]".
  std::string Describe(Id type) const;

  // Value of an enumerator of a named or anonymous enum; nullopt if there is
  // none. Looks at all types.
  std::optional<int64_t> FindEnumerator(std::string_view name) const;

 private:
  struct Type {
    uint32_t name = 0;
    uint32_t info = 0;
    uint32_t size_or_type = 0;
    Kind kind() const { return static_cast<Kind>((info >> 24) & 0x1f); }
    uint32_t count() const { return info & 0xffff; }
    bool flag() const { return (info >> 31) != 0; }
  };

  uint32_t Word(uint64_t offset) const;
  Type At(Id type) const;
  std::string_view String(uint32_t offset) const;
  std::optional<Member> FindOne(Id aggregate, std::string_view name,
                                int depth) const;

  std::string bytes_;
  uint64_t strings_ = 0, strings_size_ = 0;
  std::vector<uint32_t> places_;  // of each type; [0] is void's, which has none
  std::unordered_map<std::string_view, Id> aggregates_, variables_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_BTF_H_
