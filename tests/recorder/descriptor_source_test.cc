// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "gtest/gtest.h"
#include "librr/input_source.h"

namespace librr {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(fds_.data()), 0); }
  ~Pipe() {
    close(fds_[0]);
    CloseWriter();
  }
  int reader() const { return fds_[0]; }
  void Write(const std::string& text) {
    EXPECT_EQ(write(fds_[1], text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  void CloseWriter() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }

 private:
  std::array<int, 2> fds_{-1, -1};
};

TEST(DescriptorSourceTest, EmptyPipeIsLiveAndDoesNotBlock) {
  Pipe pipe;
  auto source = NewDescriptorSource(pipe.reader());
  EXPECT_EQ(source->Poll(16, VirtualTime()), "");
  EXPECT_TRUE(source->live());
  EXPECT_EQ(source->WaitFd(), pipe.reader());
}

TEST(DescriptorSourceTest, PipeIsReadInPiecesAndEnds) {
  Pipe pipe;
  pipe.Write("hello");
  pipe.CloseWriter();
  auto source = NewDescriptorSource(pipe.reader());
  EXPECT_EQ(source->Poll(3, VirtualTime()), "hel");
  EXPECT_FALSE(source->live());
  EXPECT_FALSE(source->exhausted());
  EXPECT_TRUE(source->holds_input());
  EXPECT_EQ(source->Poll(3, VirtualTime()), "lo");
  EXPECT_TRUE(source->exhausted());
}

TEST(DescriptorSourceTest, StopByteStopsAndIsNotTyped) {
  Pipe pipe;
  pipe.Write(
      "ab\x1d"
      "cd");
  auto source = NewDescriptorSource(pipe.reader(), {.stop_byte = 0x1d});
  EXPECT_EQ(source->Poll(16, VirtualTime()), "ab");
  EXPECT_TRUE(source->stop_requested());
}

TEST(DescriptorSourceTest, StopByteIsSeenWithoutRoom) {
  Pipe pipe;
  auto source = NewDescriptorSource(pipe.reader(), {.stop_byte = 0x1d});
  pipe.Write("held\x1d");
  EXPECT_EQ(source->Poll(0, VirtualTime()), "");
  EXPECT_TRUE(source->stop_requested());
}

TEST(DescriptorSourceTest, FileIsNeverLive) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  std::fputs("typed", file);
  std::rewind(file);
  auto source = NewDescriptorSource(fileno(file));
  EXPECT_FALSE(source->live());
  EXPECT_EQ(source->Poll(16, VirtualTime()), "typed");
  EXPECT_TRUE(source->exhausted());
  std::fclose(file);
}

TEST(DescriptorSourceTest, EmptyDeviceEndsAtOnce) {
  const int null = open("/dev/null", O_RDONLY);
  auto source = NewDescriptorSource(null);
  EXPECT_EQ(source->Poll(16, VirtualTime()), "");
  EXPECT_FALSE(source->live());
  close(null);
}

}  // namespace
}  // namespace librr
