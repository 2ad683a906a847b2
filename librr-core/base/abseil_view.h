// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Debian builds Abseil with a string view class of its own, which does not
// convert from std::string_view. `AbseilView` converts, without a copy:
//
//   absl::StrCat("unknown kind ", AbseilView(name));
#ifndef LIBRR_CORE_BASE_ABSEIL_VIEW_H_
#define LIBRR_CORE_BASE_ABSEIL_VIEW_H_

#include <string_view>

#include "absl/strings/string_view.h"

namespace librr {

inline absl::string_view AbseilView(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

}  // namespace librr

#endif  // LIBRR_CORE_BASE_ABSEIL_VIEW_H_
