// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes a trace while it is being recorded.
//
//   LIBRR_ASSIGN_OR_RETURN(
//       std::unique_ptr<TraceWriter> writer,
//       TraceWriter::Create("boot.vmrr", header, {{"kernel", kernel}}));
//   LIBRR_RETURN_IF_ERROR(writer->Append(event));  // often
//   LIBRR_RETURN_IF_ERROR(writer->Flush());        // about once a second
//   LIBRR_RETURN_IF_ERROR(writer->Finish(end));
//
// What was flushed survives the process: the file is a valid trace after every
// call. When the disk is full or fails, the error comes back as Status, the
// file is cut back to its last whole block, and every later call fails in the
// same way: the recording up to there can be replayed. The file has mode 0600
// and stays locked against other writers while the writer exists. Belongs to
// one thread.
//
// Writing beyond RLIMIT_FSIZE raises SIGXFSZ, which ends the process unless the
// program ignores it; programs that want a Status ignore the signal.
#ifndef LIBRR_CORE_TRACE_TRACE_WRITER_H_
#define LIBRR_CORE_TRACE_TRACE_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr-core/trace/append_sink.h"
#include "librr/trace.h"

namespace librr::trace {

// A file of the recorded machine that is kept in the trace.
struct Image {
  std::string_view name;  // at most 255 bytes, unique
  std::string_view bytes;
};

struct TraceWriterOptions {
  // Wait for the disk in every `Flush` and in `Finish`: survives power cuts.
  bool sync = false;
};

class TraceWriter {
 public:
  // Creates the file, or empties the one that exists, and writes header and
  // images. FailedPrecondition if another process is writing it,
  // InvalidArgument if the header breaks a limit of the format.
  static absl::StatusOr<std::unique_ptr<TraceWriter>> Create(
      const std::string& path, const TraceHeader& header,
      absl::Span<const Image> images, TraceWriterOptions options = {});
  // The same to any sink, which must be empty.
  static absl::StatusOr<std::unique_ptr<TraceWriter>> CreateOn(
      std::unique_ptr<AppendSink> sink, const TraceHeader& header,
      absl::Span<const Image> images, TraceWriterOptions options = {});
  // Like `Abandon`.
  ~TraceWriter();

  // Adds an event; `event.index` is ignored. InvalidArgument if it is earlier
  // (in position or time) than the one before it, or breaks a limit: the event
  // is not added then, and the writer stays as it was. May write to the file.
  absl::Status Append(Event event);

  // Writes what was appended. Costs nothing if nothing was.
  absl::Status Flush();

  // Flushes, and writes the end record and the index. `end` must not be earlier
  // than the last event. Nothing can be appended afterwards.
  absl::Status Finish(const EndRecord& end);

  // Closes the file as it is, without what was not flushed.
  void Abandon();

  // The id that is in the header.
  const TraceHeader::Id& id() const;
  // The size of the file, without what was not flushed.
  uint64_t bytes_written() const;
  // Events appended so far.
  uint64_t event_count() const;

 private:
  class Impl;
  explicit TraceWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_TRACE_WRITER_H_
