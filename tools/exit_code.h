// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What `vmrr` returns to the shell, and how an error becomes one of these.
//
// The same Status code means different things in different places (an
// InvalidArgument is a wrong option, or a file that is no trace), so whoever
// calls the library says where an error comes from: `FromInput` for what was
// read, `FromHost` for what the host should have done.
#ifndef LIBRR_TOOLS_EXIT_CODE_H_
#define LIBRR_TOOLS_EXIT_CODE_H_

#include "absl/status/status.h"

namespace librr::tools {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFalse = 1;  // divergence, not found, interrupted
inline constexpr int kExitUse = 2;    // wrong use
inline constexpr int kExitInput = 3;  // bad or damaged input
inline constexpr int kExitHost = 4;   // the host refused something

// An error about the content of a file.
absl::Status FromInput(const absl::Status& status);
// An error of the host: it refused a file, memory, a lock.
absl::Status FromHost(const absl::Status& status);
// For what was looked for in a guest: that it is not there is no wrong use, but
// an answer (kExitFalse).
absl::Status FromGuest(const absl::Status& status);

int ExitCodeFor(const absl::Status& status);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_EXIT_CODE_H_
