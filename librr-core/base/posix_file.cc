// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/base/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// One system call moves at most this much, so that EINTR and short transfers
// are handled in one loop whatever the size.
constexpr size_t kMaxTransfer = size_t{1} << 30;

bool FitsOffset(uint64_t offset, uint64_t size) {
  constexpr uint64_t kMax = std::numeric_limits<off_t>::max();
  return offset <= kMax && size <= kMax - offset;
}

struct flock WholeFile(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

PosixFile::PosixFile(PosixFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

PosixFile::~PosixFile() {
  if (fd_ >= 0) close(fd_);
}

absl::Status PosixFile::SystemError(std::string_view doing, int error) const {
  return absl::ErrnoToStatus(error,
                             absl::StrCat(path_, ": ", AbseilView(doing)));
}

absl::StatusOr<PosixFile> PosixFile::OpenRegular(const std::string& path,
                                                 int flags) {
  // O_NONBLOCK: opening a FIFO must not wait for its other end.
  const int fd = open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0600);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot open"));
  }
  PosixFile file(path, fd);
  struct stat info;
  if (fstat(fd, &info) != 0) return file.SystemError("cannot stat", errno);
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is not a regular file"));
  }
  return file;
}

absl::StatusOr<PosixFile> PosixFile::OpenForReading(const std::string& path) {
  return OpenRegular(path, O_RDONLY);
}

absl::StatusOr<PosixFile> PosixFile::OpenForWriting(const std::string& path) {
  return OpenRegular(path, O_RDWR | O_CREAT);
}

absl::StatusOr<uint64_t> PosixFile::Size() const {
  struct stat info;
  if (fstat(fd_, &info) != 0) return SystemError("cannot stat", errno);
  return static_cast<uint64_t>(info.st_size);
}

absl::Status PosixFile::ReadAt(uint64_t offset, absl::Span<char> out) const {
  if (!FitsOffset(offset, out.size())) {
    return absl::OutOfRangeError(absl::StrCat(path_, ": the file ends here"));
  }
  while (!out.empty()) {
    const ssize_t count =
        pread(fd_, out.data(), std::min(out.size(), kMaxTransfer),
              static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("cannot read", errno);
    if (count == 0) {
      return absl::OutOfRangeError(
          absl::StrCat(path_, ": the file ends at offset ", offset));
    }
    out.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status PosixFile::WriteAt(uint64_t offset, std::string_view bytes) {
  if (!FitsOffset(offset, bytes.size())) {
    return SystemError("cannot write", EFBIG);
  }
  while (!bytes.empty()) {
    const ssize_t count =
        pwrite(fd_, bytes.data(), std::min(bytes.size(), kMaxTransfer),
               static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("cannot write", errno);
    bytes.remove_prefix(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::Status PosixFile::Truncate(uint64_t size) {
  if (!FitsOffset(size, 0)) return SystemError("cannot truncate", EFBIG);
  while (ftruncate(fd_, static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return SystemError("cannot truncate", errno);
  }
  return absl::OkStatus();
}

absl::Status PosixFile::SyncData() {
  if (fdatasync(fd_) != 0) return SystemError("cannot sync", errno);
  return absl::OkStatus();
}

absl::Status PosixFile::RestrictToOwner() {
  if (fchmod(fd_, 0600) != 0) {
    return SystemError("cannot make readable by its owner only", errno);
  }
  return absl::OkStatus();
}

absl::Status PosixFile::LockForWriting() {
  struct flock lock = WholeFile(F_WRLCK);
  if (fcntl(fd_, F_OFD_SETLK, &lock) == 0) return absl::OkStatus();
  if (errno == EAGAIN || errno == EACCES) {
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": is being written by another process"));
  }
  return SystemError("cannot lock", errno);
}

bool PosixFile::IsLockedByAnother() const {
  struct flock lock = WholeFile(F_WRLCK);
  return fcntl(fd_, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

absl::StatusOr<std::unique_ptr<FileSource>> FileSource::Of(PosixFile file) {
  LIBRR_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  return std::unique_ptr<FileSource>(new FileSource(std::move(file), size));
}

absl::StatusOr<std::string> ReadFileToString(const std::string& path,
                                             uint64_t max_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot open"));
  }
  std::string content;
  absl::Status status;
  while (true) {
    constexpr size_t kStep = size_t{1} << 20;
    const size_t used = content.size();
    content.resize(used + kStep);
    const ssize_t count = read(fd, content.data() + used, kStep);
    const int error = errno;
    content.resize(used + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count < 0 && error == EINTR) continue;
    if (count < 0) {
      status = absl::ErrnoToStatus(error, absl::StrCat(path, ": cannot read"));
      break;
    }
    if (count == 0) break;
    if (content.size() > max_bytes) {
      status = absl::ResourceExhaustedError(
          absl::StrCat(path, ": is larger than ", max_bytes, " bytes"));
      break;
    }
  }
  close(fd);
  if (!status.ok()) return status;
  return content;
}

}  // namespace librr
