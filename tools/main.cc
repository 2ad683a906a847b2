// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The `vmrr` program.
#include <signal.h>

#include <string>
#include <vector>

#include "tools/commands.h"

int main(int argc, char** argv) {
  // A reader that has gone away and a limit on file sizes are errors of a
  // write, not ends of the process.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> typed(argv + 1, argv + argc);
  return librr::tools::RunVmrr(typed);
}
