// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// LIBRR_CHECK(condition) aborts with a message when an invariant of our own is
// broken. It stays on in release builds. Never use it for input: files, guests
// and peers get an absl::Status.
#ifndef LIBRR_CORE_BASE_CHECK_H_
#define LIBRR_CORE_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace librr {

[[noreturn]] inline void CheckFailed(const char* file, int line,
                                     const char* condition) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}

}  // namespace librr

#define LIBRR_CHECK(condition)                              \
  do {                                                      \
    if (!(condition)) [[unlikely]]                          \
      ::librr::CheckFailed(__FILE__, __LINE__, #condition); \
  } while (false)

#endif  // LIBRR_CORE_BASE_CHECK_H_
