// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/file_bytes.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace librr::tools {
namespace {

absl::Status SystemError(const std::string& path, const std::string& doing) {
  // The errno's own code decides the exit code; EISDIR has none of its own.
  const int error = errno;
  if (error == EISDIR) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is a folder; name a file"));
  }
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", doing));
}

}  // namespace

absl::StatusOr<std::string> ReadFileBytes(const std::string& path,
                                          uint64_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return SystemError(path, "cannot open");
  const OutputFile file(fdopen(fd, "rb"));
  if (file == nullptr) return SystemError(path, "cannot open");
  std::string bytes;
  char buffer[1 << 16];
  while (true) {
    const size_t count = std::fread(buffer, 1, sizeof(buffer), file.get());
    if (count == 0) break;
    bytes.append(buffer, count);
    if (bytes.size() > max_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": is larger than ", max_bytes, " bytes"));
    }
  }
  if (std::ferror(file.get()) != 0) return SystemError(path, "cannot read");
  return bytes;
}

absl::StatusOr<OutputFile> OpenOutputFile(const std::string& path) {
  OutputFile file(std::fopen(path.c_str(), "wbe"));
  if (file == nullptr) return SystemError(path, "cannot create");
  return file;
}

absl::Status FinishOutput(std::FILE* file, const std::string& path) {
  if (std::fflush(file) != 0 || std::ferror(file) != 0) {
    return SystemError(path, "cannot write");
  }
  return absl::OkStatus();
}

}  // namespace librr::tools
