// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "librr-core/base/posix_file.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/event_cursor.h"
#include "librr-core/trace/open_trace.h"
#include "librr/trace.h"

namespace librr {

std::string_view EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kInput:
      return "input";
    case EventKind::kOutput:
      return "output";
    case EventKind::kDigest:
      return "digest";
    case EventKind::kMark:
      return "mark";
    case EventKind::kHeartbeat:
      return "heartbeat";
  }
  return "unknown";
}

EventCursor::EventCursor(std::unique_ptr<trace::EventCursorImpl> impl)
    : impl_(std::move(impl)) {}
EventCursor::EventCursor(EventCursor&&) noexcept = default;
EventCursor& EventCursor::operator=(EventCursor&&) noexcept = default;
EventCursor::~EventCursor() = default;

absl::StatusOr<const Event*> EventCursor::Next() { return impl_->Next(); }
absl::Status EventCursor::SeekTo(Position position) {
  return impl_->SeekTo(position);
}

TraceReader::TraceReader(std::unique_ptr<trace::OpenTrace> trace)
    : trace_(std::move(trace)) {}
TraceReader::~TraceReader() = default;

absl::StatusOr<std::unique_ptr<TraceReader>> TraceReader::Open(
    const std::string& path) {
  LIBRR_ASSIGN_OR_RETURN(PosixFile file, PosixFile::OpenForReading(path));
  // Before the size is taken: a writer that finishes in between leaves a trace
  // that opens as complete.
  const bool is_locked = file.IsLockedByAnother();
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<RandomAccessSource> source,
                         FileSource::Of(std::move(file)));
  LIBRR_ASSIGN_OR_RETURN(
      std::unique_ptr<trace::OpenTrace> trace,
      trace::OpenTrace::Open(std::move(source), path, is_locked));
  return std::unique_ptr<TraceReader>(new TraceReader(std::move(trace)));
}

absl::StatusOr<std::unique_ptr<TraceReader>> TraceReader::OpenBytes(
    std::string bytes) {
  LIBRR_ASSIGN_OR_RETURN(
      std::unique_ptr<trace::OpenTrace> trace,
      trace::OpenTrace::Open(std::make_unique<MemorySource>(std::move(bytes)),
                             "(memory)", /*is_locked=*/false));
  return std::unique_ptr<TraceReader>(new TraceReader(std::move(trace)));
}

const TraceInfo& TraceReader::info() const { return trace_->info(); }

absl::StatusOr<std::string> TraceReader::ReadImage(
    std::string_view name) const {
  return trace_->ReadImage(name);
}

const std::vector<StoredCheckpoint>& TraceReader::checkpoints() const {
  return trace_->checkpoints();
}

absl::StatusOr<StoredState> TraceReader::ReadCheckpoint(
    const StoredCheckpoint& checkpoint) const {
  return trace_->ReadCheckpoint(checkpoint);
}

absl::StatusOr<std::vector<StoredPageRef>> TraceReader::ReadPageMap(
    uint32_t id) const {
  return trace_->ReadPageMap(id);
}

absl::Status TraceReader::ReadPages(
    absl::Span<const uint32_t> ids,
    absl::FunctionRef<void(uint32_t id, const uint8_t* bytes)> visit) const {
  return trace_->ReadPages(ids, visit);
}

EventCursor TraceReader::Events(EventFilter filter) const {
  return EventCursor(std::make_unique<trace::EventCursorImpl>(*trace_, filter));
}

}  // namespace librr
