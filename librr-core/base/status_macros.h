// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Propagation of errors:
//   LIBRR_RETURN_IF_ERROR(file.Close());
//   LIBRR_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
#ifndef LIBRR_CORE_BASE_STATUS_MACROS_H_
#define LIBRR_CORE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The variable's name must not occur in `expression`.
#define LIBRR_RETURN_IF_ERROR(expression)               \
  do {                                                  \
    if (absl::Status librr_macro_status = (expression); \
        !librr_macro_status.ok()) {                     \
      return librr_macro_status;                        \
    }                                                   \
  } while (false)

#define LIBRR_CONCAT_INNER_(a, b) a##b
#define LIBRR_CONCAT_(a, b) LIBRR_CONCAT_INNER_(a, b)

#define LIBRR_ASSIGN_OR_RETURN(declaration, expression)                    \
  LIBRR_ASSIGN_OR_RETURN_(LIBRR_CONCAT_(statusor_, __LINE__), declaration, \
                          expression)
#define LIBRR_ASSIGN_OR_RETURN_(statusor, declaration, expression) \
  auto statusor = (expression);                                    \
  if (!statusor.ok()) return std::move(statusor).status();         \
  declaration = *std::move(statusor)

#endif  // LIBRR_CORE_BASE_STATUS_MACROS_H_
