// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/memo_types.h"

namespace librr::linux_guest {

template <typename Answer, typename Ask>
absl::StatusOr<Answer> MemoTypes::Remember(Memory<Answer>* memory,
                                           std::string_view aggregate,
                                           std::string_view path,
                                           Ask ask) const {
  const std::lock_guard lock(mutex_);
  std::string question(aggregate);
  question.push_back('\0');
  question += path;
  const auto known = memory->find(question);
  if (known != memory->end()) return known->second;
  return memory->emplace(std::move(question), ask()).first->second;
}

absl::StatusOr<Field> MemoTypes::FindField(std::string_view aggregate,
                                           std::string_view path) const {
  return Remember(&fields_, aggregate, path,
                  [&] { return types_->FindField(aggregate, path); });
}

absl::StatusOr<BitField> MemoTypes::FindBits(std::string_view aggregate,
                                             std::string_view path) const {
  return Remember(&bits_, aggregate, path,
                  [&] { return types_->FindBits(aggregate, path); });
}

absl::StatusOr<uint64_t> MemoTypes::SizeOf(std::string_view aggregate) const {
  return Remember(&sizes_, aggregate, "",
                  [&] { return types_->SizeOf(aggregate); });
}

}  // namespace librr::linux_guest
