// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What an EventCursor does: loads one group of events at a time, with only the
// streams that are visited.
#ifndef LIBRR_CORE_TRACE_EVENT_CURSOR_H_
#define LIBRR_CORE_TRACE_EVENT_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr-core/trace/open_trace.h"
#include "librr/trace.h"

namespace librr::trace {

class EventCursorImpl {
 public:
  EventCursorImpl(const OpenTrace& trace, EventFilter filter)
      : trace_(trace), filter_(filter) {}

  absl::StatusOr<const Event*> Next();
  absl::Status SeekTo(Position position);

 private:
  bool IsVisited(BlockType stream) const;
  // Fills `events_` with the group's events that are visited.
  absl::Status LoadGroup(size_t group);
  absl::Status LoadBatch(const TraceIndex::Batch& batch);
  // The digest base at `offset`.
  absl::StatusOr<const Digest*> LoadBase(uint64_t offset);

  const OpenTrace& trace_;
  const EventFilter filter_;
  absl::Status status_;         // why the cursor is stuck
  size_t next_group_ = 0;       // the one after what is loaded
  std::vector<Event> events_;   // of the group before it
  size_t next_event_ = 0;       // in `events_`
  std::optional<Digest> base_;  // the last that was used
  uint64_t base_offset_ = 0;
};

}  // namespace librr::trace

#endif  // LIBRR_CORE_TRACE_EVENT_CURSOR_H_
