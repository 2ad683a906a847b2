// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/trace_writer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "librr/trace.h"
#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

class TraceFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "trace_writer_test." +
            testing::UnitTest::GetInstance()->current_test_info()->name() +
            ".vmrr";
    std::filesystem::remove(path_);
  }
  void TearDown() override { std::filesystem::remove(path_); }

  std::unique_ptr<TraceWriter> MustCreate(TraceWriterOptions options = {}) {
    absl::StatusOr<std::unique_ptr<TraceWriter>> writer =
        TraceWriter::Create(path_, SmallHeader(), {{"kernel", "k"}}, options);
    EXPECT_TRUE(writer.ok()) << writer.status();
    return *std::move(writer);
  }

  std::string path_;
};

TEST(TraceWriterTest, FullDiskAtAnyByteLeavesAGoodPrefix) {
  const std::string whole = SmallTrace();
  const std::vector<Event> expected = AllEvents(*MustOpen(whole));
  for (uint64_t capacity = 200; capacity < whole.size(); ++capacity) {
    FakeDisk disk;
    disk.capacity = capacity;
    // A disk that cannot be cut back either leaves a torn block.
    disk.can_truncate = capacity % 2 == 0;
    absl::StatusOr<std::unique_ptr<TraceWriter>> writer =
        TraceWriter::CreateOn(std::make_unique<FakeSink>(disk), SmallHeader(),
                              {{"kernel", "not much of a kernel"}});
    if (!writer.ok()) {
      EXPECT_TRUE(absl::IsResourceExhausted(writer.status()));
      continue;
    }
    absl::Status status;
    for (const Event& event : expected) {
      if (status.ok()) status = (*writer)->Append(event);
      if (status.ok()) status = (*writer)->Flush();
    }
    if (status.ok()) status = (*writer)->Finish(EndAt(3001));
    ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_EQ((*writer)->Append(expected.back()), status) << "it stays so";
    EXPECT_EQ((*writer)->Flush(), status);
    EXPECT_EQ((*writer)->Finish(EndAt(3001)), status);
    if (disk.can_truncate) {
      EXPECT_EQ(disk.content.size(), (*writer)->bytes_written());
    }
    (*writer)->Abandon();
    const auto reader = MustOpen(disk.content);
    EXPECT_TRUE(IsPrefix(AllEvents(*reader), expected));
    if (disk.can_truncate) {
      EXPECT_EQ(reader->info().bytes.damaged, 0u);
    }
  }
}

TEST(TraceWriterTest, EventsThatBreakALimitAreRefusedAndChangeNothing) {
  TraceBuilder builder;
  TraceWriter& writer = builder.Output(100, "x").writer();
  Event early = MakeEvent(EventKind::kOutput, 99, "x");
  EXPECT_TRUE(absl::IsInvalidArgument(writer.Append(early)));
  Event back_in_time = MakeEvent(EventKind::kOutput, 101, "x");
  back_in_time.time = VirtualTime(1);
  EXPECT_TRUE(absl::IsInvalidArgument(writer.Append(back_in_time)));
  Event large = MakeEvent(EventKind::kOutput, 101,
                          std::string(kMaxEventPayload + 1, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(writer.Append(large)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      writer.Append(MakeEvent(EventKind::kDigest, 101))));
  Event no_digest = MakeEvent(EventKind::kMark, 101, "m");
  no_digest.digest = SmallDigest(1);
  EXPECT_TRUE(absl::IsInvalidArgument(writer.Append(no_digest)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      writer.Append(MakeEvent(EventKind::kMark, 101, "m", 1))));
  EXPECT_TRUE(absl::IsInvalidArgument(
      writer.Append(MakeEvent(static_cast<EventKind>(9), 101))));
  EXPECT_TRUE(absl::IsInvalidArgument(writer.Finish(EndAt(99))));
  EXPECT_EQ(AllEvents(*MustOpen(builder.Finish(100))).size(), 1u);
}

TEST(TraceWriterTest, HeadersThatBreakALimitAreRefusedByField) {
  const auto create = [](const TraceHeader& header,
                         absl::Span<const Image> images) {
    FakeDisk disk;
    return TraceWriter::CreateOn(std::make_unique<FakeSink>(disk), header,
                                 images)
        .status();
  };
  TraceHeader header = SmallHeader();
  header.memory_bytes = 1;
  EXPECT_TRUE(absl::IsInvalidArgument(create(header, {})));
  header = SmallHeader();
  header.vcpus = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(create(header, {})));
  header = SmallHeader();
  header.command_line = std::string(70000, 'x');
  EXPECT_TRUE(absl::IsInvalidArgument(create(header, {})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      create(SmallHeader(), {{"kernel", "a"}, {"kernel", "b"}})));
  EXPECT_TRUE(absl::IsInvalidArgument(create(SmallHeader(), {{"", "a"}})));
}

TEST(TraceWriterTest, NothingIsWrittenWhileNothingHappens) {
  TraceBuilder builder;
  builder.Output(1, "x").Flush();
  const size_t size = builder.disk().content.size();
  builder.Flush().Flush();
  EXPECT_EQ(builder.disk().content.size(), size);
  EXPECT_EQ(builder.disk().syncs, 0);
}

TEST(TraceWriterTest, SyncWaitsForTheDiskAtEachFlush) {
  FakeDisk disk;
  auto writer = TraceWriter::CreateOn(std::make_unique<FakeSink>(disk),
                                      SmallHeader(), {}, {.sync = true});
  ASSERT_TRUE(writer.ok());
  const int before = disk.syncs;
  ASSERT_TRUE((*writer)->Append(MakeEvent(EventKind::kOutput, 1, "x")).ok());
  ASSERT_TRUE((*writer)->Flush().ok());
  ASSERT_TRUE((*writer)->Flush().ok());
  EXPECT_EQ(disk.syncs, before + 1);
  ASSERT_TRUE((*writer)->Finish(EndAt(1)).ok());
  EXPECT_EQ(disk.syncs, before + 2);
}

TEST(TraceWriterTest, IdIsDrawnWhenNoneIsGiven) {
  TraceHeader header = SmallHeader();
  header.id = {};
  TraceBuilder one(header);
  TraceBuilder two(header);
  EXPECT_NE(one.writer().id(), TraceHeader::Id{});
  EXPECT_NE(one.writer().id(), two.writer().id());
  EXPECT_EQ(MustOpen(one.Finish(0))->info().header.id, one.writer().id());
}

TEST(TraceWriterTest, NothingCanBeAddedToAFinishedTrace) {
  TraceBuilder builder;
  const std::string bytes = builder.Finish(5);
  EXPECT_TRUE(absl::IsFailedPrecondition(
      builder.writer().Append(MakeEvent(EventKind::kOutput, 9, "x"))));
  EXPECT_TRUE(absl::IsFailedPrecondition(builder.writer().Flush()));
  EXPECT_TRUE(absl::IsFailedPrecondition(builder.writer().Finish(EndAt(9))));
  EXPECT_EQ(builder.disk().content, bytes);
}

TEST_F(TraceFileTest, FileIsForItsOwnerOnly) {
  std::ofstream(path_) << "something older";
  std::filesystem::permissions(path_, std::filesystem::perms(0644));
  MustCreate()->Abandon();
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(TraceFileTest, SecondWriterIsRefusedAndHarmsNothing) {
  auto first = MustCreate();
  ASSERT_TRUE(first->Append(MakeEvent(EventKind::kOutput, 1, "x")).ok());
  ASSERT_TRUE(first->Flush().ok());
  const absl::Status status =
      TraceWriter::Create(path_, SmallHeader(), {}).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.ToString().find("is being written by another process"),
            std::string::npos)
      << status;
  ASSERT_TRUE(first->Finish(EndAt(2)).ok());
  EXPECT_EQ(AllEvents(**TraceReader::Open(path_)).size(), 1u);
  EXPECT_TRUE(TraceWriter::Create(path_, SmallHeader(), {}).ok())
      << "a finished trace is not locked";
}

TEST_F(TraceFileTest, TraceThatIsBeingWrittenOpensAsItsGoodPrefix) {
  auto writer = MustCreate();
  for (uint64_t i = 1; i <= 5; ++i) {
    ASSERT_TRUE(writer->Append(MakeEvent(EventKind::kOutput, i, "x")).ok());
    ASSERT_TRUE(writer->Flush().ok());
    const auto reader = TraceReader::Open(path_);
    ASSERT_TRUE(reader.ok()) << reader.status();
    EXPECT_FALSE((*reader)->info().complete);
    EXPECT_TRUE((*reader)->info().being_written);
    EXPECT_EQ((*reader)->info().end.reason, EndReason::kTruncated);
    EXPECT_EQ((*reader)->info().end.position, Position(i));
    EXPECT_EQ(AllEvents(**reader).size(), i);
    EXPECT_EQ((*reader)->ReadImage("kernel").value(), "k");
  }
  ASSERT_TRUE(writer->Finish(EndAt(9)).ok());
  const auto reader = TraceReader::Open(path_);
  EXPECT_TRUE((*reader)->info().complete);
  EXPECT_FALSE((*reader)->info().being_written);
}

TEST_F(TraceFileTest, KilledWriterLeavesWhatItFlushed) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = MustCreate();
    for (uint64_t i = 1; i <= 3; ++i) {
      if (!writer->Append(MakeEvent(EventKind::kOutput, i, "x")).ok()) _exit(1);
      if (i < 3 && !writer->Flush().ok()) _exit(1);
    }
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto reader = TraceReader::Open(path_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_FALSE((*reader)->info().complete);
  EXPECT_FALSE((*reader)->info().being_written);
  EXPECT_EQ(AllEvents(**reader).size(), 2u);
}

TEST_F(TraceFileTest, FileSizeLimitComesBackAsAnError) {
  // In a process of its own: the limit cannot be raised again.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    auto writer = MustCreate();
    for (uint64_t i = 1; i <= 100; ++i) {
      if (!writer->Append(MakeEvent(EventKind::kOutput, i, "x")).ok()) _exit(3);
      if (!writer->Flush().ok()) _exit(0);
    }
    _exit(4);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const auto reader = TraceReader::Open(path_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->info().bytes.damaged, 0u) << "the torn block is gone";
  EXPECT_GT(AllEvents(**reader).size(), 2u);
}

TEST_F(TraceFileTest, MissingFileAndFolderAreNamed) {
  const absl::Status status = TraceReader::Open(path_).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_NE(status.ToString().find(path_), std::string::npos);
  EXPECT_FALSE(TraceReader::Open("/").ok());
  EXPECT_FALSE(
      TraceWriter::Create("/nonexistent/a.vmrr", SmallHeader(), {}).ok());
}

}  // namespace
}  // namespace librr::trace
