// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where a trace is written to: a file, or anything that grows at its end.
// Tests use sinks that fail.
#ifndef LIBRR_CORE_TRACE_APPEND_SINK_H_
#define LIBRR_CORE_TRACE_APPEND_SINK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr-core/base/posix_file.h"

namespace librr::trace {

class AppendSink {
 public:
  virtual ~AppendSink() = default;
  // After an error, some of the bytes may have been appended.
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Drops what is beyond `size`.
  virtual absl::Status TruncateTo(uint64_t size) = 0;
  // Waits until everything is on the disk.
  virtual absl::Status Sync() = 0;
};

// A file that is locked against other writers, readable by its owner only.
class FileSink final : public AppendSink {
 public:
  // Creates the file, or empties it once it is locked.
  static absl::StatusOr<std::unique_ptr<FileSink>> Create(
      const std::string& path);
  // An existing file, to go on at its end.
  static absl::StatusOr<std::unique_ptr<FileSink>> Open(
      const std::string& path);

  absl::Status Append(std::string_view bytes) override;
  absl::Status TruncateTo(uint64_t size) override;
  absl::Status Sync() override;

 private:
  explicit FileSink(PosixFile file) : file_(std::move(file)) {}

  PosixFile file_;
  uint64_t size_ = 0;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_APPEND_SINK_H_
