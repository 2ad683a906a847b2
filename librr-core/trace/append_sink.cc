// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/append_sink.h"

#include "librr-core/base/status_macros.h"

namespace librr::trace {

absl::StatusOr<std::unique_ptr<FileSink>> FileSink::Create(
    const std::string& path) {
  LIBRR_ASSIGN_OR_RETURN(PosixFile file, PosixFile::OpenForWriting(path));
  // Nothing in the file may change before the lock is held.
  LIBRR_RETURN_IF_ERROR(file.LockForWriting());
  LIBRR_RETURN_IF_ERROR(file.RestrictToOwner());
  LIBRR_RETURN_IF_ERROR(file.Truncate(0));
  return std::unique_ptr<FileSink>(new FileSink(std::move(file)));
}

absl::StatusOr<std::unique_ptr<FileSink>> FileSink::Open(
    const std::string& path) {
  // Opening for writing creates a file that is missing: this must not.
  LIBRR_RETURN_IF_ERROR(PosixFile::OpenForReading(path).status());
  LIBRR_ASSIGN_OR_RETURN(PosixFile file, PosixFile::OpenForWriting(path));
  LIBRR_RETURN_IF_ERROR(file.LockForWriting());
  LIBRR_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  std::unique_ptr<FileSink> sink(new FileSink(std::move(file)));
  sink->size_ = size;
  return sink;
}

absl::Status FileSink::Append(std::string_view bytes) {
  LIBRR_RETURN_IF_ERROR(file_.WriteAt(size_, bytes));
  size_ += bytes.size();
  return absl::OkStatus();
}

absl::Status FileSink::TruncateTo(uint64_t size) {
  LIBRR_RETURN_IF_ERROR(file_.Truncate(size));
  size_ = size;
  return absl::OkStatus();
}

absl::Status FileSink::Sync() { return file_.SyncData(); }

}  // namespace librr::trace
