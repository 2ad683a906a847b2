// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Asks a kernel's headers where its structures have their members: a small
// program is compiled against them with the host's compiler ($CC, or gcc), with
// debug information, which is then read. It is not run.
//
//   ProbeKernelHeaders("/usr/src/linux-headers-6.1.0-56-cloud-amd64");
//
// The tree must be configured, as the packages of distributions are.
#ifndef LIBRR_TOOLS_HEADERS_PROBE_H_
#define LIBRR_TOOLS_HEADERS_PROBE_H_

#include <string>

#include "absl/status/statusor.h"
#include "librr/linux_offsets.h"

namespace librr::tools {

// InvalidArgument if it is no such tree, or if the compiler refuses it (with
// its first error); Unavailable if there is no compiler.
absl::StatusOr<LinuxOffsets> ProbeKernelHeaders(const std::string& tree);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_HEADERS_PROBE_H_
