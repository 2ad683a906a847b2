// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/linux_argument.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/exit_code.h"
#include "tools/kernel_symbols.h"
#include "tools/message.h"

namespace librr::tools {

namespace {

constexpr Option kLinuxTable[] = {
    {"symbols", 0, "FILE|DIR",
     "the kernel's vmlinux (symbols, BTF, debug information), or a\n"
     "folder with it (default: the guest's own symbols and types)"},
    {"system-map", 0, "FILE", "the kernel's System.map"},
    {"offsets", 0, "OFFSETS",
     "instead of all that these, as `vmrr offsets` prints them"},
};

}  // namespace

const absl::Span<const Option> kLinuxOptions(kLinuxTable);

absl::StatusOr<LinuxSources> LinuxSourcesFrom(const Arguments& arguments) {
  const std::optional<std::string> typed = arguments.Text("offsets");
  if (typed.has_value()) {
    if (arguments.Has("symbols") || arguments.Has("system-map") ||
        arguments.Has("offsets")) {
      return absl::InvalidArgumentError(
          "--offsets is instead of --symbols and --system-map");
    }
    const absl::StatusOr<LinuxOffsets> offsets = LinuxOffsets::Parse(*typed);
    if (!offsets.ok()) return offsets.status();
    return LinuxSources(*offsets);
  }
  LinuxSources::Files files;
  const std::optional<std::string> vmlinux = arguments.Text("symbols");
  if (vmlinux.has_value()) {
    absl::StatusOr<std::string> file = ResolveKernelFile(*vmlinux);
    if (!file.ok()) return file.status();
    files.vmlinux = *std::move(file);
  }
  files.system_map = arguments.Text("system-map").value_or("");
  absl::StatusOr<LinuxSources> sources = LinuxSources::Open(files);
  if (!sources.ok()) return FromInput(sources.status());
  return sources;
}

absl::Status LinuxAt::Error(const absl::Status& status) const {
  return FromGuest(absl::Status(
      status.code(),
      absl::StrFormat("at position %d: %s", machine().position().value(),
                      std::string(status.message()))));
}

absl::StatusOr<LinuxAt> OpenLinuxAt(const Arguments& arguments) {
  const absl::StatusOr<LinuxSources> sources = LinuxSourcesFrom(arguments);
  if (!sources.ok()) return sources.status();
  absl::StatusOr<OpenedAt> opened = OpenAtPosition(arguments);
  if (!opened.ok()) return opened.status();
  LinuxAt result{
      .opened = *std::move(opened), .memory = nullptr, .guest = nullptr};
  result.memory = std::make_unique<MachineMemory>(&result.machine());
  absl::StatusOr<std::unique_ptr<LinuxGuest>> guest =
      FindLinuxGuest(result.memory.get(), *sources);
  if (!guest.ok()) {
    return result.Error(absl::Status(
        guest.status().code(),
        absl::StrCat(guest.status().message(), "; ", kNoLinuxHelp)));
  }
  result.guest = *std::move(guest);
  if (arguments.Has("symbols") || arguments.Has("system-map")) {
    for (const std::string& line : result.guest->Sources()) Say(line);
  }
  return result;
}

}  // namespace librr::tools
