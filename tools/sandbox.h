// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Gives up the system calls that running a guest does not need.
//
// A guest and a trace are untrusted. Once files are open and the machine is
// made, the process needs to compute, to read and write what is open, to wait
// and to get memory. Everything else (opening files, sockets, new processes,
// signals to others, executable memory) is refused with EPERM from then on, for
// good and for all threads.
//
//   absl::Status status = EnterSandbox();
//
// Builds with a sanitizer have no sandbox: their run-time needs those calls.
#ifndef LIBRR_TOOLS_SANDBOX_H_
#define LIBRR_TOOLS_SANDBOX_H_

#include "absl/status/status.h"

namespace librr::tools {

// Whether this build has a sandbox.
bool HasSandbox();

// Unavailable if the host refuses the filter. OK and nothing done where there
// is none.
absl::Status EnterSandbox();

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_SANDBOX_H_
