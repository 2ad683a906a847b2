// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/console_writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace librr::tools {

bool WriteFully(int fd, absl::Span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd writable{fd, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void ConsoleWriter::OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes,
                             Position /*position*/, VirtualTime /*time*/) {
  if (kind != OutputKind::kConsole || bytes.empty() || closed_) return;
  closed_ = !WriteFully(fd_, bytes);
  inside_line_ = bytes.back() != '\n';
}

}  // namespace librr::tools
