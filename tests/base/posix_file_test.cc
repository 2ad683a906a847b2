// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/base/posix_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace librr {
namespace {

class PosixFileTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) {
    return testing::TempDir() + "posix_file_test." +
           testing::UnitTest::GetInstance()->current_test_info()->name() + "." +
           name;
  }
  std::string WriteFile(const std::string& name, const std::string& content) {
    std::ofstream(Path(name), std::ios::binary | std::ios::trunc) << content;
    return Path(name);
  }
};

TEST_F(PosixFileTest, WritesAndReadsBackAtOffsets) {
  const std::string path = Path("a");
  std::filesystem::remove(path);
  absl::StatusOr<PosixFile> file = PosixFile::OpenForWriting(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->WriteAt(0, "hello world").ok());
  ASSERT_TRUE(file->WriteAt(6, "there").ok());
  ASSERT_TRUE(file->Truncate(11).ok());
  EXPECT_EQ(file->Size().value(), 11u);
  std::string out(5, '?');
  ASSERT_TRUE(file->ReadAt(6, absl::MakeSpan(out)).ok());
  EXPECT_EQ(out, "there");
  EXPECT_TRUE(absl::IsOutOfRange(file->ReadAt(7, absl::MakeSpan(out))));
  EXPECT_TRUE(absl::IsOutOfRange(file->ReadAt(~0ull, absl::MakeSpan(out))));
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(PosixFileTest, ErrorsNameThePath) {
  const absl::Status status =
      PosixFile::OpenForReading("/nonexistent/kernel").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_NE(status.ToString().find("/nonexistent/kernel"), std::string::npos);
}

TEST_F(PosixFileTest, FoldersAndDevicesAreRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(PosixFile::OpenForReading("/").status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(PosixFile::OpenForWriting("/dev/null").status()));
}

TEST_F(PosixFileTest, FifoIsRefusedWithoutWaitingForItsWriter) {
  const std::string path = Path("fifo");
  std::filesystem::remove(path);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_TRUE(
      absl::IsInvalidArgument(PosixFile::OpenForReading(path).status()));
}

TEST_F(PosixFileTest, SecondLockIsRefusedAndReadersSeeTheFirst) {
  const std::string path = WriteFile("a", "x");
  absl::StatusOr<PosixFile> reader = PosixFile::OpenForReading(path);
  ASSERT_TRUE(reader.ok());
  {
    absl::StatusOr<PosixFile> first = PosixFile::OpenForWriting(path);
    absl::StatusOr<PosixFile> second = PosixFile::OpenForWriting(path);
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_FALSE(reader->IsLockedByAnother());
    EXPECT_TRUE(first->LockForWriting().ok());
    EXPECT_TRUE(absl::IsFailedPrecondition(second->LockForWriting()));
    EXPECT_TRUE(reader->IsLockedByAnother());
    EXPECT_FALSE(first->IsLockedByAnother());
  }
  EXPECT_FALSE(reader->IsLockedByAnother());
}

TEST_F(PosixFileTest, ReadFileToStringKeepsItsLimit) {
  const std::string path = WriteFile("a", std::string(3000, 'x'));
  EXPECT_EQ(ReadFileToString(path, 3000).value(), std::string(3000, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(ReadFileToString(path, 2999).status()));
  EXPECT_TRUE(
      absl::IsResourceExhausted(ReadFileToString("/dev/zero", 1).status()));
  EXPECT_FALSE(ReadFileToString("/", 10).ok());
}

}  // namespace
}  // namespace librr
