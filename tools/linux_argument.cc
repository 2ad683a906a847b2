// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/linux_argument.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/exit_code.h"

namespace librr::tools {

absl::Status LinuxAt::Error(const absl::Status& status) const {
  return FromGuest(absl::Status(
      status.code(),
      absl::StrFormat("at position %d: %s", machine().position().value(),
                      std::string(status.message()))));
}

absl::StatusOr<LinuxAt> OpenLinuxAt(const Arguments& arguments) {
  absl::StatusOr<OpenedAt> opened = OpenAtPosition(arguments);
  if (!opened.ok()) return opened.status();
  LinuxAt result{
      .opened = *std::move(opened), .memory = nullptr, .guest = nullptr};
  result.memory = std::make_unique<MachineMemory>(&result.machine());
  absl::StatusOr<std::unique_ptr<LinuxGuest>> guest =
      LinuxGuest::Find(result.memory.get());
  if (!guest.ok()) {
    return result.Error(absl::Status(
        guest.status().code(),
        absl::StrCat(guest.status().message(), "; ", kNoLinuxHelp)));
  }
  result.guest = *std::move(guest);
  return result;
}

}  // namespace librr::tools
