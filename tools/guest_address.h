// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Addresses and vCPUs on the command line of `vmrr mem` and `vmrr disasm`.
#ifndef LIBRR_TOOLS_GUEST_ADDRESS_H_
#define LIBRR_TOOLS_GUEST_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/machine.h"
#include "tools/command_line.h"

namespace librr::tools {

extern const absl::Span<const Option> kCpuOption;

// --cpu, checked against the machine; 0 if it was not given.
absl::StatusOr<int> VcpuOption(const Arguments& arguments,
                               const Machine& machine);

// A number, or the name of a register that holds one.
absl::StatusOr<uint64_t> ParseAddress(const std::string& word,
                                      const Machine& machine, int vcpu);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_GUEST_ADDRESS_H_
