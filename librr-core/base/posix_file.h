// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Files, with errors as Status: the message names the path and the system's
// reason (a full disk is ResourceExhausted, a missing file NotFound).
//
//   LIBRR_ASSIGN_OR_RETURN(PosixFile file, PosixFile::OpenForReading(path));
//   LIBRR_RETURN_IF_ERROR(file.ReadAt(16, absl::MakeSpan(buffer)));
//
// A PosixFile owns its descriptor. Reading is safe from several threads.
#ifndef LIBRR_CORE_BASE_POSIX_FILE_H_
#define LIBRR_CORE_BASE_POSIX_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr-core/base/random_access_source.h"

namespace librr {

class PosixFile {
 public:
  PosixFile(PosixFile&& other) noexcept;
  PosixFile& operator=(PosixFile&& other) noexcept;
  ~PosixFile();

  // Both refuse anything but a regular file (InvalidArgument), and never wait.
  static absl::StatusOr<PosixFile> OpenForReading(const std::string& path);
  // Creates the file with mode 0600 if it does not exist; changes nothing in
  // one that does.
  static absl::StatusOr<PosixFile> OpenForWriting(const std::string& path);

  const std::string& path() const { return path_; }
  absl::StatusOr<uint64_t> Size() const;

  // Fills `out`; OutOfRange at the end of the file.
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const;
  // After an error some of the bytes may have been written.
  absl::Status WriteAt(uint64_t offset, std::string_view bytes);
  absl::Status Truncate(uint64_t size);
  // Waits until the file's data is on the disk.
  absl::Status SyncData();
  // Gives the file mode 0600.
  absl::Status RestrictToOwner();

  // Locks the whole file against other `LockForWriting` calls, in this process
  // and others, until this object is destroyed. FailedPrecondition if another
  // holds the lock.
  absl::Status LockForWriting();
  // Whether another open file holds the lock.
  bool IsLockedByAnother() const;

 private:
  PosixFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  absl::Status SystemError(std::string_view doing, int error) const;
  static absl::StatusOr<PosixFile> OpenRegular(const std::string& path,
                                               int flags);

  std::string path_;
  int fd_ = -1;
};

// A file as a source for readers. Its size is fixed when this is created.
class FileSource final : public RandomAccessSource {
 public:
  static absl::StatusOr<std::unique_ptr<FileSource>> Of(PosixFile file);

  const PosixFile& file() const { return file_; }
  uint64_t size() const override { return size_; }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    return file_.ReadAt(offset, out);
  }

 private:
  FileSource(PosixFile file, uint64_t size)
      : file_(std::move(file)), size_(size) {}

  PosixFile file_;
  uint64_t size_;
};

// The whole content of a file or pipe; ResourceExhausted beyond `max_bytes`.
absl::StatusOr<std::string> ReadFileToString(const std::string& path,
                                             uint64_t max_bytes);

}  // namespace librr

#endif  // LIBRR_CORE_BASE_POSIX_FILE_H_
