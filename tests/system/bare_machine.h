// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs a bare-metal guest to its end and collects what it printed: on our
// machine, or on QEMU as a second source.
//
//   absl::StatusOr<std::string> ours = RunOnLibrr("guests/paging_long.elf");
//   if (FindQemu()) theirs = RunOnQemu(...);
#ifndef LIBRR_TESTS_SYSTEM_BARE_MACHINE_H_
#define LIBRR_TESTS_SYSTEM_BARE_MACHINE_H_

#include <string>

#include "absl/status/statusor.h"

namespace librr {

// The console output. A last line tells why the machine ended, unless by the
// exit port with status 0.
absl::StatusOr<std::string> RunOnLibrr(const std::string& elf_path);

bool HaveQemu();
// QEMU is given twenty seconds; whatever was printed until then is returned.
absl::StatusOr<std::string> RunOnQemu(const std::string& elf_path);

}  // namespace librr

#endif  // LIBRR_TESTS_SYSTEM_BARE_MACHINE_H_
