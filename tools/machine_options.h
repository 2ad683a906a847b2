// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What `vmrr run` and `vmrr record` have in common: the options that describe a
// machine and its run, and where input comes from.
#ifndef LIBRR_TOOLS_MACHINE_OPTIONS_H_
#define LIBRR_TOOLS_MACHINE_OPTIONS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/input_source.h"
#include "librr/live_run.h"
#include "librr/machine.h"
#include "librr/pc_machine.h"
#include "tools/command_line.h"

namespace librr::tools {

extern const absl::Span<const Option> kMachineOptions;
extern const absl::Span<const Option> kRunOptions;
extern const absl::Span<const Option> kCommonOptions;  // --help, --no-sandbox
extern const absl::Span<const Option> kHelpOption;
extern const absl::Span<const Option> kJsonOption;

// Reads kernel and initrd.
absl::StatusOr<PcConfig> ConfigFromOptions(const Arguments& arguments);
absl::StatusOr<LiveRunOptions> RunOptionsFrom(const Arguments& arguments);
// `CreatePcMachine`, with errors as ExitCodeFor wants them.
absl::StatusOr<std::unique_ptr<Machine>> MakeMachine(
    const PcConfig& config, const Arguments& arguments);

// The script of --input, or standard input.
struct LiveInput {
  std::unique_ptr<InputSource> source;
  // Standard input is a terminal and somebody types at it: it should be raw,
  // and `kStopKey` stops the run.
  bool from_terminal = false;
};
absl::StatusOr<LiveInput> InputFromOptions(const Arguments& arguments);

// Enters the sandbox unless --no-sandbox says otherwise.
absl::Status SandboxUnlessRefused(const Arguments& arguments);

// What the process returns when a guest has ended: 0, or with --exit-status the
// guest's own code; 1 if it ended otherwise than by power-off or exit.
int GuestExitCode(const Arguments& arguments, const EndRecord& end);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_MACHINE_OPTIONS_H_
