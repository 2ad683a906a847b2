// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Puts a terminal into raw mode, so that each key, ^C too, goes to the guest.
//
//   std::optional<RawTerminal> terminal = RawTerminal::Enter(STDIN_FILENO);
//
// The former mode is restored when the object is destroyed. Output processing
// stays as it is, so that messages look right.
#ifndef LIBRR_TOOLS_RAW_TERMINAL_H_
#define LIBRR_TOOLS_RAW_TERMINAL_H_

#include <termios.h>

#include <optional>
#include <utility>

namespace librr::tools {

// ^], as telnet's.
inline constexpr int kStopKey = 0x1d;

class RawTerminal {
 public:
  // nullopt if `fd` is not a terminal.
  static std::optional<RawTerminal> Enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), former_(other.former_) {}
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();

 private:
  RawTerminal(int fd, const termios& former) : fd_(fd), former_(former) {}

  int fd_;
  termios former_;
};

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_RAW_TERMINAL_H_
