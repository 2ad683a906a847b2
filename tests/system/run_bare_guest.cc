// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// run_bare_guest librr|qemu GUEST.elf: prints what the guest prints.
#include <cstdio>
#include <string_view>

#include "tests/system/bare_machine.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: run_bare_guest librr|qemu GUEST.elf\n", stderr);
    return 2;
  }
  const bool qemu = std::string_view(argv[1]) == "qemu";
  const absl::StatusOr<std::string> text =
      qemu ? librr::RunOnQemu(argv[2]) : librr::RunOnLibrr(argv[2]);
  if (!text.ok()) {
    std::fprintf(stderr, "%s\n", text.status().ToString().c_str());
    return 3;
  }
  std::fwrite(text->data(), 1, text->size(), stdout);
  return 0;
}
