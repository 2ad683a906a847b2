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
#include "librr-core/trace/checkpoint_encoder.h"
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
  // Opens a trace of which nothing is damaged, to add checkpoints: nothing but
  // AppendBlocks and FinishIndex may be called. With the first block the index
  // goes; whatever happens then, a reader finds the rest without it.
  // FailedPrecondition if another process is writing it, or if it is damaged.
  static absl::StatusOr<std::unique_ptr<TraceWriter>> Extend(
      const std::string& path);
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

  // Adds blocks of checkpoints, at once. ResourceExhausted, with nothing added
  // and the writer as it was, if the trace has too many blocks for them.
  absl::Status AppendBlocks(absl::Span<const EncodedBlock> blocks);

  // Writes what was appended. Costs nothing if nothing was.
  absl::Status Flush();

  // Flushes, and writes the end record and the index. `end` must not be earlier
  // than the last event. Nothing can be appended afterwards.
  absl::Status Finish(const EndRecord& end);

  // Writes the index again, after `Extend`, if anything was added.
  absl::Status FinishIndex();
  // The numbers that are free for pages and page maps, after `Extend`.
  uint64_t next_page_id() const;
  uint64_t next_page_map_id() const;

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
