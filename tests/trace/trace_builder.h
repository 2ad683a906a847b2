// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Builds traces in memory and reads them back, for tests.
//
//   TraceBuilder builder;
//   builder.Output(100, "h").Digest(200, 1).Flush();
//   std::string bytes = builder.Finish(300);
//   std::vector<Event> events = AllEvents(bytes);
#ifndef LIBRR_TESTS_TRACE_TRACE_BUILDER_H_
#define LIBRR_TESTS_TRACE_TRACE_BUILDER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "librr-core/trace/append_sink.h"
#include "librr-core/trace/block_writer.h"
#include "librr-core/trace/checkpoint_codec.h"
#include "librr-core/trace/trace_format.h"
#include "librr-core/trace/trace_writer.h"
#include "librr/trace.h"

namespace librr::trace {

// A disk of limited size.
struct FakeDisk {
  std::string content;
  uint64_t capacity = std::numeric_limits<uint64_t>::max();
  bool can_truncate = true;
  int syncs = 0;
  absl::Status full = absl::ResourceExhaustedError("fake: the disk is full");
};

class FakeSink final : public AppendSink {
 public:
  explicit FakeSink(FakeDisk& disk) : disk_(disk) {}

  absl::Status Append(std::string_view bytes) override {
    const uint64_t room = disk_.capacity - disk_.content.size();
    disk_.content += bytes.substr(0, std::min<uint64_t>(room, bytes.size()));
    return bytes.size() > room ? disk_.full : absl::OkStatus();
  }
  absl::Status TruncateTo(uint64_t size) override {
    if (!disk_.can_truncate) return absl::UnknownError("fake: I/O error");
    disk_.content.resize(size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    ++disk_.syncs;
    return absl::OkStatus();
  }

 private:
  FakeDisk& disk_;
};

inline TraceHeader SmallHeader() {
  TraceHeader header;
  header.machine_kind = "pc";
  header.machine_model = 1;
  header.vcpus = 2;
  header.memory_bytes = 64 << 20;
  header.command_line = "console=ttyS0 \xff";
  header.config = {{"idle", "skip"}};
  header.created_unix_seconds = 1700000000;
  header.id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  return header;
}

// A digest that differs from that of another `seed` in a few places.
inline std::shared_ptr<const Digest> SmallDigest(uint64_t seed) {
  auto digest = std::make_shared<Digest>();
  digest->components = {{"cpu0", seed * 0x9e3779b97f4a7c15},
                        {"uart0", 77},
                        {"pit", seed / 2 * 0xc2b2ae3d27d4eb4f}};
  digest->ram.fill(0x1234567);
  digest->ram[seed % kRamBuckets] = seed;
  return digest;
}

// An event whose time is half as much again as its position.
inline Event MakeEvent(EventKind kind, uint64_t position,
                       std::string payload = "", uint8_t subkind = 0) {
  Event event;
  event.kind = kind;
  event.subkind = subkind;
  event.position = Position(position);
  event.time = VirtualTime(position + position / 2);
  event.payload = std::move(payload);
  return event;
}

inline EndRecord EndAt(uint64_t position,
                       EndReason reason = EndReason::kPowerOff) {
  EndRecord end;
  end.position = Position(position);
  end.time = VirtualTime(position + position / 2);
  end.reason = reason;
  end.detail = "the guest powered off";
  return end;
}

// Blocks of a checkpoint of a machine of 64 MiB whose first two pages, and one
// in the second part, are not zero. `number` counts them from 0.
inline std::vector<EncodedBlock> SmallCheckpoint(uint64_t position,
                                                 uint64_t event_count,
                                                 uint32_t number, int level) {
  BlockWriter writer;
  const auto encode = [&writer, level](BlockType type, std::string head,
                                       const std::string& body) {
    EncodedBlock block;
    const BlockHeader header =
        writer.AppendSealedBlock(block.bytes, type, head, body, level);
    block.entry_size = kBlockHeaderSize + header.head_size;
    return block;
  };
  std::string pages(2 * kPageSize, 'p');
  pages.back() = static_cast<char>(number);
  const uint32_t id = 2 * number;
  CheckpointBody body{"state", *SmallDigest(number), {}};
  body.maps.resize(4);
  body.maps[0] = number;
  body.maps[1] = number;
  return {encode(BlockType::kPages, EncodePagesHead({id, 2}), pages),
          encode(BlockType::kPageMap, EncodePageMapHead(number),
                 EncodePageMap({{0, id}, {1, id + 1}, {7, id}})),
          encode(BlockType::kCheckpoint,
                 EncodeCheckpointHead({Position(position),
                                       VirtualTime(position + position / 2),
                                       event_count}),
                 EncodeCheckpointBody(body))};
}

class TraceBuilder {
 public:
  explicit TraceBuilder(const TraceHeader& header = SmallHeader(),
                        absl::Span<const Image> images = {
                            {"kernel", "not much of a kernel"}}) {
    absl::StatusOr<std::unique_ptr<TraceWriter>> writer = TraceWriter::CreateOn(
        std::make_unique<FakeSink>(disk_), header, images);
    EXPECT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
  }

  TraceBuilder& Add(Event event) {
    const absl::Status status = writer_->Append(std::move(event));
    EXPECT_TRUE(status.ok()) << status;
    return *this;
  }
  TraceBuilder& Input(uint64_t position, std::string payload) {
    return Add(MakeEvent(EventKind::kInput, position, std::move(payload),
                         static_cast<uint8_t>(InputKind::kConsole)));
  }
  TraceBuilder& Output(uint64_t position, std::string payload) {
    return Add(MakeEvent(EventKind::kOutput, position, std::move(payload),
                         static_cast<uint8_t>(OutputKind::kConsole)));
  }
  TraceBuilder& Mark(uint64_t position, std::string name) {
    return Add(MakeEvent(EventKind::kMark, position, std::move(name)));
  }
  TraceBuilder& Heartbeat(uint64_t position) {
    return Add(MakeEvent(EventKind::kHeartbeat, position));
  }
  TraceBuilder& Digest(uint64_t position, uint64_t seed) {
    Event event = MakeEvent(EventKind::kDigest, position);
    event.digest = SmallDigest(seed);
    return Add(std::move(event));
  }
  TraceBuilder& Checkpoint(uint64_t position, uint32_t number, int level) {
    Flush();
    const absl::Status status = writer_->AppendBlocks(
        SmallCheckpoint(position, writer_->event_count(), number, level));
    EXPECT_TRUE(status.ok()) << status;
    return *this;
  }
  TraceBuilder& Flush() {
    const absl::Status status = writer_->Flush();
    EXPECT_TRUE(status.ok()) << status;
    return *this;
  }
  std::string Finish(uint64_t position) {
    const absl::Status status = writer_->Finish(EndAt(position));
    EXPECT_TRUE(status.ok()) << status;
    return disk_.content;
  }

  TraceWriter& writer() { return *writer_; }
  FakeDisk& disk() { return disk_; }

 private:
  FakeDisk disk_;
  std::unique_ptr<TraceWriter> writer_;
};

// A short trace with every kind of event, in three groups.
inline std::string SmallTrace() {
  TraceBuilder builder;
  builder.Input(0, "seed").Output(90, "h").Output(120, "i").Digest(120, 1);
  builder.Flush();
  builder.Input(120, "x").Mark(120, "here").Output(150, "x").Digest(1000, 2);
  builder.Digest(2000, 3).Heartbeat(2000).Flush();
  builder.Output(2100, "\n").Digest(3000, 3).Flush();
  return builder.Finish(3001);
}

// The same with two checkpoints, whose blocks are compressed or not.
inline std::string SmallTraceWithCheckpoints(int level = BlockWriter::kStore) {
  TraceBuilder builder;
  builder.Input(0, "seed").Output(90, "h").Digest(120, 1).Checkpoint(120, 0,
                                                                     level);
  builder.Input(120, "x").Digest(1000, 2).Checkpoint(1000, 1, level);
  builder.Output(2100, "\n").Digest(3000, 3);
  return builder.Finish(3001);
}

// The events up to the end or the first error, which goes to `status`.
inline std::vector<Event> ReadEvents(EventCursor& cursor,
                                     absl::Status& status) {
  std::vector<Event> events;
  while (true) {
    absl::StatusOr<const Event*> event = cursor.Next();
    status = event.status();
    if (!event.ok() || *event == nullptr) return events;
    events.push_back(**event);
  }
}

inline std::unique_ptr<TraceReader> MustOpen(const std::string& bytes) {
  absl::StatusOr<std::unique_ptr<TraceReader>> reader =
      TraceReader::OpenBytes(bytes);
  EXPECT_TRUE(reader.ok()) << reader.status();
  return reader.ok() ? *std::move(reader) : nullptr;
}

inline std::vector<Event> AllEvents(const TraceReader& reader,
                                    EventFilter filter = {}) {
  EventCursor cursor = reader.Events(filter);
  absl::Status status;
  std::vector<Event> events = ReadEvents(cursor, status);
  EXPECT_TRUE(status.ok()) << status;
  return events;
}

inline bool SameEvent(const Event& a, const Event& b) {
  const bool same_digest = (a.digest == nullptr) == (b.digest == nullptr) &&
                           (a.digest == nullptr || *a.digest == *b.digest);
  return a.kind == b.kind && a.subkind == b.subkind &&
         a.position == b.position && a.time == b.time &&
         a.payload == b.payload && a.index == b.index && same_digest;
}

inline bool IsPrefix(const std::vector<Event>& part,
                     const std::vector<Event>& whole) {
  return part.size() <= whole.size() &&
         std::equal(part.begin(), part.end(), whole.begin(), SameEvent);
}

}  // namespace librr::trace

#endif  // LIBRR_TESTS_TRACE_TRACE_BUILDER_H_
