// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Each test enters the sandbox in a child process: there is no way out of it.
#include "tools/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include "gtest/gtest.h"

namespace librr::tools {
namespace {

// What `probe` returns inside the sandbox; -1 if it could not be entered.
int InSandbox(const std::function<int()>& probe) {
  const pid_t child = fork();
  if (child == 0) {
    if (!EnterSandbox().ok()) _exit(255);
    _exit(probe());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status)
                                                         : -1;
}

// 0 if the call succeeded, else its errno.
int ErrnoOf(long result) { return result < 0 ? errno : 0; }

class SandboxTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasSandbox()) GTEST_SKIP() << "this build has no sandbox";
  }
};

TEST_F(SandboxTest, SocketsAreRefused) {
  EXPECT_EQ(InSandbox([] { return ErrnoOf(socket(AF_INET, SOCK_STREAM, 0)); }),
            EPERM);
}

TEST_F(SandboxTest, ProgramsAreRefused) {
  EXPECT_EQ(InSandbox([] {
              char name[] = "/bin/true";
              char* const arguments[] = {name, nullptr};
              return ErrnoOf(execve(name, arguments, nullptr));
            }),
            EPERM);
}

TEST_F(SandboxTest, ProcessesAreRefused) {
  EXPECT_EQ(InSandbox([] { return ErrnoOf(fork()); }), EPERM);
}

TEST_F(SandboxTest, OpeningFilesIsRefused) {
  EXPECT_EQ(InSandbox([] { return ErrnoOf(open("/etc/passwd", O_RDONLY)); }),
            EPERM);
  EXPECT_EQ(InSandbox([] { return ErrnoOf(unlink("/nonexistent")); }), EPERM);
}

TEST_F(SandboxTest, ExecutableMemoryIsRefused) {
  EXPECT_EQ(InSandbox([] {
              const void* memory = mmap(nullptr, 4096, PROT_READ | PROT_EXEC,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
              return memory == MAP_FAILED ? errno : 0;
            }),
            EPERM);
}

TEST_F(SandboxTest, SignalsToOthersAreRefused) {
  EXPECT_EQ(InSandbox([] { return ErrnoOf(kill(getppid(), 0)); }), EPERM);
}

TEST_F(SandboxTest, WhatARunNeedsWorks) {
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  EXPECT_EQ(InSandbox([&] {
              char byte = 'x';
              if (write(pipe_fds[1], &byte, 1) != 1) return 1;
              if (read(pipe_fds[0], &byte, 1) != 1) return 2;
              std::string large(64 << 20, 'a');
              if (large[12'345'678] != 'a') return 3;
              usleep(1);
              return 0;
            }),
            0);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

}  // namespace
}  // namespace librr::tools
