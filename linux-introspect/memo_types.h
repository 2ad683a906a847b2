// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A source of types that remembers its answers: views ask for the same members
// again and again, and debug information is slow to search.
//
//   auto types = std::make_shared<MemoTypes>(std::move(dwarf), keeper);
//   types->FindField("task_struct", "pid");
//
// Thread-safe, whatever is behind it: one question is looked up at a time. What
// it remembers is bounded by what the library asks for.
#ifndef LIBRR_LINUX_INTROSPECT_MEMO_TYPES_H_
#define LIBRR_LINUX_INTROSPECT_MEMO_TYPES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

class MemoTypes final : public TypeSource {
 public:
  // `keeps` is what `types` looks into; both live as long as this.
  MemoTypes(const TypeSource* types, std::shared_ptr<const void> keeps)
      : keeps_(std::move(keeps)), types_(types) {}

  absl::StatusOr<Field> FindField(std::string_view aggregate,
                                  std::string_view path) const override;
  absl::StatusOr<BitField> FindBits(std::string_view aggregate,
                                    std::string_view path) const override;
  absl::StatusOr<uint64_t> SizeOf(std::string_view aggregate) const override;

 private:
  template <typename Answer>
  using Memory = std::unordered_map<std::string, absl::StatusOr<Answer>>;
  template <typename Answer, typename Ask>
  absl::StatusOr<Answer> Remember(Memory<Answer>* memory,
                                  std::string_view aggregate,
                                  std::string_view path, Ask ask) const;

  const std::shared_ptr<const void> keeps_;
  const TypeSource* const types_;
  mutable std::mutex mutex_;
  mutable Memory<Field> fields_;
  mutable Memory<BitField> bits_;
  mutable Memory<uint64_t> sizes_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_MEMO_TYPES_H_
