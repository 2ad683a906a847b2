// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/commands.h"

#include <algorithm>
#include <cstdio>

#include "tools/exit_code.h"
#include "tools/file_bytes.h"
#include "tools/message.h"

namespace librr::tools {
namespace {

constexpr const char* kVersion = "vmrr 0.1.0 (librr)\n";

constexpr const char* kIntroduction =
    R"(vmrr records a virtual machine and replays it, bit for bit.

  vmrr record -o boot.vmrr --kernel vmlinuz --initrd initramfs.cpio.gz
  vmrr verify boot.vmrr
  vmrr regs boot.vmrr --at 1000000

Commands:
)";

constexpr const char* kConclusion = R"(
`vmrr COMMAND --help` explains each, with examples. The guest's console is
standard output; everything else is said on standard error. Exit codes: 0 done,
1 what was checked is false (or it was interrupted), 2 wrong use or no such
file, 3 bad or damaged input, 4 the host refused something.
)";

std::string Overview() {
  std::string text = kIntroduction;
  for (const Command* command : AllCommands()) {
    std::string line = absl::StrCat("  ", View(command->name));
    line.resize(12, ' ');
    absl::StrAppend(&text, line, View(command->summary), "\n");
  }
  return text + kConclusion;
}

void Print(const std::string& text) { std::fputs(text.c_str(), stdout); }

const Command* FindCommand(std::string_view name) {
  for (const Command* command : AllCommands()) {
    if (command->name == name) return command;
  }
  return nullptr;
}

int UnknownCommand(const std::string& typed) {
  std::vector<std::string_view> names;
  for (const Command* command : AllCommands()) names.push_back(command->name);
  const std::string_view near = Nearest(typed, names);
  Say(absl::StrCat("unknown command '", typed, "'",
                   near.empty() ? "" : "; did you mean ", View(near),
                   "; see `vmrr --help`"));
  return kExitUse;
}

// What may stand where the last word is being typed, one a line: for the
// shell's completion.
int Complete(absl::Span<const std::string> typed) {
  if (typed.size() <= 1) {
    for (const Command* command : AllCommands()) {
      Print(absl::StrCat(View(command->name), "\n"));
    }
    return kExitDone;
  }
  const Command* command = FindCommand(typed[0]);
  if (command == nullptr) return kExitDone;
  for (const absl::Span<const Option> table : command->options) {
    for (const Option& option : table) {
      Print(absl::StrCat("--", View(option.name), "\n"));
    }
  }
  return kExitDone;
}

bool AsksForHelp(absl::Span<const std::string> typed) {
  return std::any_of(typed.begin(), typed.end(), [](const std::string& word) {
    return word == "--help" || word == "-h";
  });
}

int Execute(const Command& command, absl::Span<const std::string> typed) {
  const std::string name = absl::StrCat(View(command.name), ": ");
  const absl::StatusOr<Arguments> arguments = ParseArguments(command, typed);
  if (!arguments.ok()) {
    Say(absl::StrCat(name, arguments.status().message()));
    return kExitUse;
  }
  absl::StatusOr<int> code = command.run(*arguments);
  if (code.ok()) {
    const absl::Status written = FinishOutput(stdout, "standard output");
    if (!written.ok()) code = written;
  }
  if (code.ok()) return *code;
  Say(absl::StrCat(name, code.status().message()));
  return ExitCodeFor(code.status());
}

}  // namespace

std::vector<const Command*> AllCommands() {
  std::vector<const Command*> all = {
      &RunCommand(),       &RecordCommand(), &ReplayCommand(),
      &VerifyCommand(),    &InfoCommand(),   &EventsCommand(),
      &ConsoleCommand(),   &RegsCommand(),   &MemCommand(),
      &DisasmCommand(),    &StatsCommand(),  &IndexCommand(),
      &LastWriteCommand(), &GdbCommand(),    &ServeCommand()};
  for (const Command& view : LinuxViewCommands()) all.push_back(&view);
  all.push_back(&OffsetsCommand());
  all.push_back(&TimelineCommand());
  return all;
}

int RunVmrr(absl::Span<const std::string> typed) {
  if (typed.empty()) {
    std::fputs(Overview().c_str(), stderr);
    return kExitUse;
  }
  const std::string& first = typed[0];
  const absl::Span<const std::string> rest = typed.subspan(1);
  if (first == "--help" || first == "-h" || first == "help") {
    const Command* command = rest.empty() ? nullptr : FindCommand(rest[0]);
    if (!rest.empty() && command == nullptr) return UnknownCommand(rest[0]);
    Print(command != nullptr ? HelpFor(*command) : Overview());
    return kExitDone;
  }
  if (first == "--version") {
    Print(kVersion);
    return kExitDone;
  }
  if (first == "complete") return Complete(rest);
  const Command* command = FindCommand(first);
  if (command == nullptr) return UnknownCommand(first);
  if (AsksForHelp(rest)) {
    Print(HelpFor(*command));
    return kExitDone;
  }
  return Execute(*command, rest);
}

}  // namespace librr::tools
