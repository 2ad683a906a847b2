// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// LIBRR_CHECK(condition) aborts with a message when an invariant of our own is
// broken. It stays on in release builds. Never use it for input: files, guests
// and peers get an absl::Status.
#ifndef LIBRR_CORE_BASE_CHECK_H_
#define LIBRR_CORE_BASE_CHECK_H_

#include "absl/base/internal/raw_logging.h"

#define LIBRR_CHECK(condition) \
  ABSL_RAW_CHECK(condition, "librr invariant is broken")

#endif  // LIBRR_CORE_BASE_CHECK_H_
