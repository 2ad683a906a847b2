// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/raw_terminal.h"

#include <unistd.h>

namespace librr::tools {

std::optional<RawTerminal> RawTerminal::Enter(int fd) {
  termios former{};
  if (!isatty(fd) || tcgetattr(fd, &former) != 0) return std::nullopt;
  termios raw = former;
  cfmakeraw(&raw);
  raw.c_oflag = former.c_oflag;
  if (tcsetattr(fd, TCSANOW, &raw) != 0) return std::nullopt;
  return RawTerminal(fd, former);
}

RawTerminal::~RawTerminal() {
  if (fd_ >= 0) tcsetattr(fd_, TCSADRAIN, &former_);
}

}  // namespace librr::tools
