// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The guest's console on a descriptor: unbuffered and untouched.
//
//   ConsoleWriter console(STDOUT_FILENO);
//   LiveRun run(machine, keys, &console, nullptr, options);
//
// When the reader has gone away, output is dropped and the guest runs on: what
// a person looks at must not decide what a guest does.
#ifndef LIBRR_TOOLS_CONSOLE_WRITER_H_
#define LIBRR_TOOLS_CONSOLE_WRITER_H_

#include "librr/machine.h"

namespace librr::tools {

class ConsoleWriter final : public OutputSink {
 public:
  explicit ConsoleWriter(int fd) : fd_(fd) {}
  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                Position position, VirtualTime time) override;
  // Whether the last byte written left the cursor inside a line.
  bool inside_line() const { return inside_line_; }

 private:
  const int fd_;
  bool closed_ = false;
  bool inside_line_ = false;
};

// All bytes, or false if the reader is gone.
bool WriteFully(int fd, absl::Span<const uint8_t> bytes);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_CONSOLE_WRITER_H_
