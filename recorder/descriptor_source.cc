// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include "librr/input_source.h"

namespace librr {
namespace {

constexpr size_t kMaxHeld = 64 * 1024;

bool IsRegularFile(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

class DescriptorSource final : public InputSource {
 public:
  DescriptorSource(int fd, DescriptorSourceOptions options)
      : fd_(fd), stop_byte_(options.stop_byte), is_file_(IsRegularFile(fd)) {}

  std::string Poll(size_t room, VirtualTime /*now*/) override {
    ReadWhatArrived();
    const std::string bytes = held_.substr(0, room);
    held_.erase(0, bytes.size());
    return bytes;
  }

  bool live() const override { return open_ && !is_file_; }
  bool exhausted() const override { return !open_ && held_.empty(); }
  bool holds_input() const override { return !held_.empty(); }
  int WaitFd() const override {
    return open_ && held_.size() < kMaxHeld ? fd_ : -1;
  }
  bool stop_requested() const override { return stop_requested_; }
  std::string Pending() const override {
    if (held_.empty()) return "";
    return std::to_string(held_.size()) + " bytes of input were not taken";
  }

 private:
  void ReadWhatArrived() {
    while (open_ && held_.size() < kMaxHeld) {
      // The descriptor may block (its flags are shared with other processes),
      // so it is only read when there is something.
      pollfd waiting{fd_, POLLIN, 0};
      if (poll(&waiting, 1, 0) <= 0) return;
      char buffer[4096];
      const ssize_t count =
          read(fd_, buffer, std::min(sizeof(buffer), kMaxHeld - held_.size()));
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
      if (count <= 0) {
        open_ = false;
        return;
      }
      Take({buffer, static_cast<size_t>(count)});
    }
  }

  void Take(std::string_view bytes) {
    for (const char byte : bytes) {
      if (stop_byte_ == static_cast<unsigned char>(byte)) {
        stop_requested_ = true;
        open_ = false;
        return;
      }
      held_.push_back(byte);
    }
  }

  const int fd_;
  const int stop_byte_;
  const bool is_file_;
  bool open_ = true;
  bool stop_requested_ = false;
  std::string held_;
};

}  // namespace

std::unique_ptr<InputSource> NewDescriptorSource(
    int fd, DescriptorSourceOptions options) {
  return std::make_unique<DescriptorSource>(fd, options);
}

}  // namespace librr
