// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading a trace: the file that holds a recording.
//
//   absl::StatusOr<std::unique_ptr<TraceReader>> trace =
//       TraceReader::Open("boot.vmrr");
//   EventCursor cursor = (*trace)->Events({.kinds = {EventKind::kOutput}});
//   absl::Status status = cursor.SeekTo(Position(1'000'000));
//   absl::StatusOr<const Event*> event = cursor.Next();
//   for (; event.ok() && *event != nullptr; event = cursor.Next()) {
//     std::cout << (*event)->payload;
//   }
//
// A trace that is cut off, damaged or being written opens as its good prefix:
// `info().complete` is false then. Traces are untrusted: no content of the file
// crashes a reader or makes it allocate more than the limits that
// docs/trace_format.md states. A TraceReader may be used by several threads at
// once, each with cursors of its own; cursors must not outlive their reader.
#ifndef LIBRR_TRACE_H_
#define LIBRR_TRACE_H_

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "librr/digest.h"
#include "librr/machine.h"
#include "librr/units.h"

namespace librr {

// Values are part of the trace format: never renumber.
enum class EventKind : uint8_t {
  kInput = 1,      // `subkind` is an InputKind, `payload` what was applied
  kOutput = 2,     // `subkind` is an OutputKind, `payload` what left
  kDigest = 3,     // `digest` is the machine's digest there
  kMark = 4,       // `payload` is the mark's name
  kHeartbeat = 5,  // the recording had come this far
};

// "input", "output", "digest", "mark", "heartbeat".
std::string_view EventKindName(EventKind kind);

struct Event {
  EventKind kind = EventKind::kHeartbeat;
  uint8_t subkind = 0;
  Position position;
  VirtualTime time;
  std::string payload;                   // at most `kMaxEventPayload` bytes
  std::shared_ptr<const Digest> digest;  // set with kDigest only
  uint64_t index = 0;  // counts events from 0; a writer assigns it
};

inline constexpr uint64_t kMaxEventPayload = uint64_t{1} << 20;

// Which events a cursor visits.
class EventKindSet {
 public:
  constexpr EventKindSet(std::initializer_list<EventKind> kinds) {
    for (const EventKind kind : kinds) bits_ |= Bit(kind);
  }
  static constexpr EventKindSet All() {
    return {EventKind::kInput, EventKind::kOutput, EventKind::kDigest,
            EventKind::kMark, EventKind::kHeartbeat};
  }
  constexpr bool Has(EventKind kind) const { return (bits_ & Bit(kind)) != 0; }

 private:
  static constexpr uint32_t Bit(EventKind kind) {
    return uint32_t{1} << static_cast<uint8_t>(kind);
  }
  uint32_t bits_ = 0;
};

// What was recorded: written once, when a recording begins.
struct TraceHeader {
  using Id = std::array<uint8_t, 16>;

  // Names of format features that a reader must know to read this trace.
  std::vector<std::string> features;
  std::string machine_kind;    // "pc"
  uint32_t machine_model = 0;  // the revision of the kind
  uint32_t vcpus = 1;          // 1 to 1024
  uint64_t memory_bytes = 0;   // a multiple of 4096
  std::string command_line;    // at most 64 KiB
  // Further settings of the machine that decide what the guest sees, by name.
  // At most 256 pairs of at most 64 KiB.
  std::vector<std::pair<std::string, std::string>> config;
  uint64_t created_unix_seconds = 0;  // for people
  Id id{};                            // random; all zero: a writer draws one
  std::optional<Id> parent_id;        // the trace that this one continues
};

// How a recording ended.
struct EndRecord {
  Position position;
  VirtualTime time;
  EndReason reason = EndReason::kNone;
  uint8_t exit_code = 0;  // with EndReason::kExit
  int vcpu = 0;           // which one ended it
  std::string detail;     // one line for people; at most 4096 bytes
};

// Where the bytes of a file went. The parts add up to `total`.
struct TraceBytes {
  uint64_t total = 0;
  uint64_t header = 0;  // magic, header and end record
  uint64_t image = 0;   // kernel, initrd
  uint64_t inputs = 0;
  uint64_t outputs = 0;
  uint64_t digests = 0;  // with marks and heartbeats
  uint64_t checkpoints = 0;
  uint64_t index = 0;
  uint64_t other = 0;    // optional parts that this build does not know
  uint64_t damaged = 0;  // what follows the good prefix
};

struct TraceInfo {
  std::string path;  // or "(memory)"
  uint32_t format_version = 0;
  TraceHeader header;
  // The header's features, and those that a reader need not know:
  // "checkpoints".
  std::vector<std::string> features;
  // Whether the recording was finished and the file is undamaged, as far as
  // opening it can tell. Blocks of a complete trace are checked as they are
  // read.
  bool complete = false;
  bool being_written = false;  // some process holds the writer's lock now
  // For a trace that is not complete: kTruncated at the last known event.
  EndRecord end;
  uint64_t event_count = 0;
  uint64_t input_count = 0;
  uint64_t output_count = 0;
  uint64_t digest_count = 0;
  uint64_t checkpoint_count = 0;
  std::vector<std::pair<std::string, uint64_t>> images;  // names and sizes
  TraceBytes bytes;
  // Where the good prefix ends, if anything follows it, and why it ends.
  std::optional<uint64_t> damage_offset;
  std::string damage;
};

// A state of the machine that the trace holds, so that it can be gone to
// without executing what is before.
struct StoredCheckpoint {
  Position position;
  VirtualTime time;
  // How many events had happened: further ones at this position are yet to.
  uint64_t event_count = 0;
  uint64_t offset = 0;  // in the file
};

// Untrusted: who restores it compares the machine's digest with `digest`.
struct StoredState {
  std::string state;  // of Machine::SaveState
  Digest digest;      // of the machine in this state
  // For each 16 MiB of RAM the number of a page map; nullopt if all is zero.
  std::vector<std::optional<uint32_t>> maps;
};

// A page of RAM (counted from the map's beginning), and the number of its
// content.
struct StoredPageRef {
  uint32_t page = 0;
  uint32_t id = 0;
};

// Fails with FailedPrecondition, saying what was recorded and what this build
// has, unless the trace is of this machine kind and model.
absl::Status CheckMachineModel(const TraceInfo& info, std::string_view kind,
                               uint32_t model);

namespace trace {
class OpenTrace;  // a trace's index and how to read its blocks
class EventCursorImpl;
}  // namespace trace

// Walks through a trace's events in the order in which they were recorded.
// Positions and times never decrease. Belongs to one thread.
class EventCursor {
 public:
  EventCursor(EventCursor&&) noexcept;
  EventCursor& operator=(EventCursor&&) noexcept;
  ~EventCursor();

  // The next event, nullptr at the end of the good prefix. The event is valid
  // until the cursor moves. Fails with DataLoss, naming the offset in the file,
  // when it comes to damage; all events before it were good, and further calls
  // fail in the same way.
  absl::StatusOr<const Event*> Next();

  // The next `Next` returns the first event (of the visited kinds) at
  // `position` or later. Reads O(log n) of the trace.
  absl::Status SeekTo(Position position);

 private:
  friend class TraceReader;
  explicit EventCursor(std::unique_ptr<trace::EventCursorImpl> impl);
  std::unique_ptr<trace::EventCursorImpl> impl_;
};

struct EventFilter {
  EventKindSet kinds = EventKindSet::All();
};

class TraceReader {
 public:
  // InvalidArgument: not a trace. FailedPrecondition: a newer format, or a
  // feature that this build lacks. DataLoss: no usable header.
  static absl::StatusOr<std::unique_ptr<TraceReader>> Open(
      const std::string& path);
  // The same for the bytes of a file.
  static absl::StatusOr<std::unique_ptr<TraceReader>> OpenBytes(
      std::string bytes);
  ~TraceReader();

  const TraceInfo& info() const;

  // The bytes of "kernel", "initrd", ...: NotFound, or DataLoss.
  absl::StatusOr<std::string> ReadImage(std::string_view name) const;

  // In order of position. Damage to one costs that one alone: DataLoss.
  const std::vector<StoredCheckpoint>& checkpoints() const;
  absl::StatusOr<StoredState> ReadCheckpoint(
      const StoredCheckpoint& checkpoint) const;
  // The pages of a part of RAM that are not zero, at most 4096, in ascending
  // order. DataLoss.
  absl::StatusOr<std::vector<StoredPageRef>> ReadPageMap(uint32_t id) const;
  // Calls `visit` with each of the contents, which are 4096 bytes. `ids` are in
  // ascending order. DataLoss; some may have been visited then.
  absl::Status ReadPages(
      absl::Span<const uint32_t> ids,
      absl::FunctionRef<void(uint32_t id, const uint8_t* bytes)> visit) const;

  // Begins before the first event.
  EventCursor Events(EventFilter filter = {}) const;

 private:
  explicit TraceReader(std::unique_ptr<trace::OpenTrace> trace);
  std::unique_ptr<trace::OpenTrace> trace_;
};

}  // namespace librr

#endif  // LIBRR_TRACE_H_
