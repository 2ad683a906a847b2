// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What commands that look at a guest's Linux have in common: the trace opened
// at --at, and the kernel found there.
//
//   absl::StatusOr<LinuxAt> opened = OpenLinuxAt(arguments);
//   opened->guest->Tasks()
#ifndef LIBRR_TOOLS_LINUX_ARGUMENT_H_
#define LIBRR_TOOLS_LINUX_ARGUMENT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/linux_guest.h"
#include "librr/linux_sources.h"
#include "librr/machine_memory.h"
#include "tools/command_line.h"
#include "tools/trace_argument.h"

namespace librr::tools {

// What to do where no Linux is seen.
inline constexpr char kNoLinuxHelp[] =
    "a Linux guest is seen once its kernel has started: name a later position";

// --symbols, --system-map, --offsets: where the guest's own symbols and types
// are not enough.
extern const absl::Span<const Option> kLinuxOptions;
// The files that these name are read here: before the sandbox.
absl::StatusOr<LinuxSources> LinuxSourcesFrom(const Arguments& arguments);

struct LinuxAt {
  OpenedAt opened;
  std::unique_ptr<MachineMemory> memory;
  std::unique_ptr<LinuxGuest> guest;

  const Machine& machine() const { return opened.machine(); }
  // With the place at which the guest could not be read.
  absl::Status Error(const absl::Status& status) const;
};
absl::StatusOr<LinuxAt> OpenLinuxAt(const Arguments& arguments);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_LINUX_ARGUMENT_H_
