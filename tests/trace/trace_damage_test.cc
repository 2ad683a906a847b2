// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Traces that were cut off, damaged, or made to mislead.
#include <gtest/gtest.h>

#include "librr-core/base/coding.h"
#include "librr-core/base/crc32c.h"
#include "librr-core/trace/block_writer.h"
#include "librr-core/trace/event_batch.h"
#include "librr-core/trace/header_codec.h"
#include "librr-core/trace/trace_format.h"
#include "librr/trace.h"
#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

bool Contains(const absl::Status& status, const std::string& text) {
  return status.ToString().find(text) != std::string::npos;
}

std::string Prelude(uint32_t version = kFormatVersion) {
  std::string out(kMagic);
  PutFixed32(out, version);
  PutFixed32(out, Crc32c(out));
  return out;
}

// A trace made of blocks that the writer would not write.
class RawTrace {
 public:
  RawTrace() : bytes_(Prelude()) {
    Block(BlockType::kHeader, "", EncodeHeader(SmallHeader()));
  }
  RawTrace& Block(BlockType type, std::string_view head, std::string_view body,
                  uint8_t flags = 0) {
    writer_.AppendBlock(bytes_, type, head, body, BlockWriter::kStore, flags);
    return *this;
  }
  RawTrace& Events(BlockType stream, std::vector<Event> events,
                   uint64_t group_first, uint64_t group_count) {
    const EncodedBatch batch =
        EncodeBatch(events, group_first, group_count, nullptr, 0);
    return Block(stream, batch.head, batch.body);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  BlockWriter writer_;
  std::string bytes_;
};

Event IndexedOutput(uint64_t index, uint64_t position) {
  Event event = MakeEvent(EventKind::kOutput, position, "x");
  event.index = index;
  return event;
}

// What may come of a changed trace: a clear refusal, or a prefix of what was
// recorded, with an error where it ends before the recording does.
void ExpectPrefixOrError(const std::string& bytes,
                         const std::vector<Event>& expected,
                         const std::string& what) {
  absl::StatusOr<std::unique_ptr<TraceReader>> reader =
      TraceReader::OpenBytes(bytes);
  if (!reader.ok()) {
    EXPECT_FALSE(reader.status().message().empty()) << what;
    return;
  }
  EventCursor cursor = (*reader)->Events();
  absl::Status status;
  const std::vector<Event> events = ReadEvents(cursor, status);
  EXPECT_TRUE(IsPrefix(events, expected)) << what;
  if (status.ok() && (*reader)->info().complete) {
    EXPECT_EQ(events.size(), expected.size()) << what;
    EXPECT_EQ((*reader)->info().end.position, Position(3001)) << what;
  } else if (status.ok()) {
    EXPECT_EQ((*reader)->info().end.reason, EndReason::kTruncated) << what;
    EXPECT_EQ((*reader)->info().event_count, events.size()) << what;
  } else {
    EXPECT_TRUE(absl::IsDataLoss(status)) << what << status;
    EXPECT_TRUE(Contains(status, "offset")) << what << status;
  }
  const absl::StatusOr<std::string> image = (*reader)->ReadImage("kernel");
  if (image.ok()) {
    EXPECT_EQ(*image, "not much of a kernel") << what;
  }
}

TEST(TraceDamageTest, EveryTruncationOpensAsAPrefixOrIsRefused) {
  const std::string bytes = SmallTrace();
  const std::vector<Event> expected = AllEvents(*MustOpen(bytes));
  size_t opened = 0;
  size_t last_count = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut = bytes.substr(0, size);
    ExpectPrefixOrError(cut, expected, "cut to " + std::to_string(size));
    const auto reader = TraceReader::OpenBytes(cut);
    if (!reader.ok()) {
      EXPECT_EQ(opened, 0u) << "only traces cut within the header are refused";
      continue;
    }
    ++opened;
    const TraceInfo& info = (*reader)->info();
    EXPECT_GE(info.event_count, last_count) << "a longer file has no less";
    last_count = info.event_count;
    EXPECT_EQ(info.bytes.total, size);
    if (info.bytes.damaged > 0) {
      EXPECT_EQ(info.damage_offset, size - info.bytes.damaged);
      EXPECT_FALSE(info.damage.empty());
    }
  }
  EXPECT_GT(opened, bytes.size() / 2);
  EXPECT_EQ(last_count, expected.size());
}

TEST(TraceDamageTest, EveryFlippedByteIsNoticedOrHarmless) {
  const std::string bytes = SmallTrace();
  const std::vector<Event> expected = AllEvents(*MustOpen(bytes));
  for (size_t offset = 0; offset < bytes.size(); ++offset) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      std::string changed = bytes;
      changed[offset] = static_cast<char>(changed[offset] ^ flip);
      ExpectPrefixOrError(changed, expected,
                          "flipped at " + std::to_string(offset));
    }
  }
}

TEST(TraceDamageTest, ErrorNamesTheDamagedBlock) {
  TraceBuilder builder;
  builder.Output(1, "first").Flush();
  const uint64_t offset = builder.writer().bytes_written();
  builder.Output(2, "second").Flush();
  std::string bytes = builder.Finish(3);
  bytes[offset + 20] ^= 1;
  const auto reader = MustOpen(bytes);
  EXPECT_TRUE(reader->info().complete) << "the index is whole";
  EventCursor cursor = reader->Events();
  EXPECT_EQ(cursor.Next().value()->payload, "first");
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = cursor.Next().status();
    EXPECT_TRUE(absl::IsDataLoss(status));
    EXPECT_TRUE(Contains(status, "damaged at offset " + std::to_string(offset)))
        << status;
  }
}

TEST(TraceDamageTest, DamageInOutputsDoesNotHideInputs) {
  TraceBuilder builder;
  builder.Input(1, "typed").Flush();
  const uint64_t offset = builder.writer().bytes_written();
  builder.Output(2, "echo").Flush();
  std::string bytes = builder.Finish(3);
  bytes[offset + 20] ^= 1;
  const auto reader = MustOpen(bytes);
  EXPECT_EQ(AllEvents(*reader, {.kinds = {EventKind::kInput}}).size(), 1u);
}

TEST(TraceDamageTest, GroupThatLacksABatchDoesNotCount) {
  RawTrace trace;
  trace.Events(BlockType::kOutputs, {IndexedOutput(0, 5)}, 0, 1);
  const size_t good = trace.bytes().size();
  trace.Events(BlockType::kOutputs, {IndexedOutput(2, 6)}, 1, 2);
  const auto reader = MustOpen(trace.bytes());
  EXPECT_EQ(reader->info().event_count, 1u);
  EXPECT_EQ(reader->info().damage_offset, good);
  EXPECT_EQ(reader->info().end.position, Position(5));
  EXPECT_EQ(AllEvents(*reader).size(), 1u);
}

TEST(TraceDamageTest, WhatIsNotATraceIsRefusedByName) {
  for (const std::string& bytes :
       {std::string(),
        std::string("\x7f"
                    "ELF and so on, for a while"),
        std::string(100, '\0'), std::string(kMagic)}) {
    const absl::Status status = TraceReader::OpenBytes(bytes).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_TRUE(Contains(status, "is not a trace")) << status;
  }
}

TEST(TraceDamageTest, NewerFormatIsRefusedBeforeAnythingElse) {
  const absl::Status status =
      TraceReader::OpenBytes(Prelude(7) + "whatever").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_TRUE(Contains(status, "trace format 7")) << status;
}

TEST(TraceDamageTest, UnknownFeatureIsRefusedByName) {
  TraceHeader header = SmallHeader();
  header.features = {"delta_pages"};
  TraceBuilder builder(header);
  const absl::Status status =
      TraceReader::OpenBytes(builder.Finish(0)).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_TRUE(Contains(status, "\"delta_pages\"")) << status;
}

TEST(TraceDamageTest, UnknownBlocksAreSkippedOnlyIfOptional) {
  const BlockType unknown = static_cast<BlockType>(99);
  RawTrace optional;
  optional.Block(unknown, "head", "body", kFlagOptional)
      .Events(BlockType::kOutputs, {IndexedOutput(0, 5)}, 0, 1);
  const auto reader = MustOpen(optional.bytes());
  EXPECT_EQ(reader->info().event_count, 1u);
  EXPECT_EQ(reader->info().bytes.other, kBlockHeaderSize + 8);

  RawTrace required;
  required.Block(unknown, "head", "body");
  const absl::Status status = TraceReader::OpenBytes(required.bytes()).status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_TRUE(Contains(status, "type 99")) << status;
}

TEST(TraceDamageTest, UnknownKindOfEventIsNamed) {
  RawTrace trace;
  Event event = IndexedOutput(0, 5);
  event.kind = static_cast<EventKind>(42);
  trace.Events(BlockType::kProofs, {event}, 0, 1);
  const auto reader = MustOpen(trace.bytes());
  const absl::Status status = reader->Events().Next().status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_TRUE(Contains(status, "kind 42")) << status;
}

TEST(TraceDamageTest, EndBeforeTheLastEventEndsTheGoodPrefix) {
  RawTrace trace;
  trace.Events(BlockType::kOutputs, {IndexedOutput(0, 5)}, 0, 1);
  trace.Block(BlockType::kEnd, "", EncodeEnd(EndAt(4)));
  const auto reader = MustOpen(trace.bytes());
  EXPECT_FALSE(reader->info().complete);
  EXPECT_EQ(reader->info().end.position, Position(5));
  EXPECT_TRUE(reader->info().damage_offset.has_value());
}

TEST(TraceDamageTest, EventsThatGoBackInTimeAreRefused) {
  RawTrace across;
  across.Events(BlockType::kOutputs, {IndexedOutput(0, 50)}, 0, 1);
  across.Events(BlockType::kOutputs, {IndexedOutput(1, 49)}, 1, 1);
  EXPECT_EQ(MustOpen(across.bytes())->info().event_count, 1u);

  RawTrace within;
  Event input = MakeEvent(EventKind::kInput, 60, "x");
  input.index = 0;
  within.Events(BlockType::kInputs, {input}, 0, 2);
  within.Events(BlockType::kOutputs, {IndexedOutput(1, 50)}, 0, 2);
  const auto reader = MustOpen(within.bytes());
  EXPECT_TRUE(absl::IsDataLoss(reader->Events().Next().status()));
}

TEST(TraceDamageTest, TwoEventsWithOneIndexAreRefused) {
  RawTrace trace;
  Event input = MakeEvent(EventKind::kInput, 50, "x");
  input.index = 0;
  trace.Events(BlockType::kInputs, {input}, 0, 2);
  trace.Events(BlockType::kOutputs, {IndexedOutput(0, 50)}, 0, 2);
  const auto reader = MustOpen(trace.bytes());
  EXPECT_TRUE(absl::IsDataLoss(reader->Events().Next().status()));
}

TEST(TraceDamageTest, DigestRelativeToSomethingElseIsRefused) {
  const std::vector<Event> events = [] {
    Event event = MakeEvent(EventKind::kDigest, 5);
    event.digest = SmallDigest(2);
    return std::vector<Event>{event};
  }();
  RawTrace trace;
  const EncodedBatch batch =
      EncodeBatch(events, 0, 1, SmallDigest(1).get(), kPreludeSize);
  trace.Block(BlockType::kProofs, batch.head, batch.body);
  const auto reader = MustOpen(trace.bytes());
  EXPECT_TRUE(absl::IsDataLoss(reader->Events().Next().status()));
}

TEST(TraceDamageTest, HugeSizesAreRefusedBeforeMemoryIsTaken) {
  std::string bytes = Prelude();
  BlockHeader header;
  header.type = BlockType::kHeader;
  header.stored_size = header.raw_size = 0xffffffff;
  bytes += EncodeBlockHeader(header) + "abc";
  EXPECT_TRUE(absl::IsDataLoss(TraceReader::OpenBytes(bytes).status()));
}

TEST(TraceDamageTest, MachineModelThatDiffersIsNamed) {
  const auto reader = MustOpen(SmallTrace());
  EXPECT_TRUE(CheckMachineModel(reader->info(), "pc", 1).ok());
  const absl::Status status = CheckMachineModel(reader->info(), "pc", 2);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_TRUE(Contains(status, "pc-1")) << status;
  EXPECT_TRUE(Contains(status, "pc-2")) << status;
  EXPECT_FALSE(CheckMachineModel(reader->info(), "kvm", 1).ok());
}

}  // namespace
}  // namespace librr::trace
