// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The commands of `vmrr`, each in a file of its own.
#ifndef LIBRR_TOOLS_COMMANDS_H_
#define LIBRR_TOOLS_COMMANDS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tools/command_line.h"

namespace librr::tools {

const Command& RunCommand();
const Command& RecordCommand();
const Command& ReplayCommand();
const Command& VerifyCommand();
const Command& InfoCommand();
const Command& EventsCommand();
const Command& ConsoleCommand();
const Command& RegsCommand();
const Command& MemCommand();
const Command& DisasmCommand();
const Command& StatsCommand();
const Command& IndexCommand();
const Command& LastWriteCommand();
const Command& GdbCommand();
const Command& ServeCommand();
const Command& OffsetsCommand();
const Command& TimelineCommand();
// ps, dmesg, maps and the like.
const std::vector<Command>& LinuxViewCommands();

// In the order in which `vmrr --help` lists them.
std::vector<const Command*> AllCommands();

// Executes what was typed after `vmrr`; returns the process's exit code.
int RunVmrr(absl::Span<const std::string> typed);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_COMMANDS_H_
