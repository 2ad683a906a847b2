// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs the `vmrr` program as a person does, and keeps what it said.
#ifndef LIBRR_TESTS_TOOLS_VMRR_PROCESS_H_
#define LIBRR_TESTS_TOOLS_VMRR_PROCESS_H_

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace librr::tools {

inline std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void WriteAll(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

class VmrrProcess {
 public:
  // Standard input is empty, or what `input` holds.
  explicit VmrrProcess(const std::vector<std::string>& arguments,
                       const std::string& input = "") {
    base_ = testing::TempDir() + "/vmrr_" + std::to_string(getpid()) + "_" +
            std::to_string(next_++);
    WriteAll(base_ + ".in", input);
    std::vector<std::string> words = {VMRR_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    child_ = fork();
    if (child_ == 0) {
      Redirect(0, base_ + ".in", O_RDONLY);
      Redirect(1, base_ + ".out", O_WRONLY | O_CREAT | O_TRUNC);
      Redirect(2, base_ + ".err", O_WRONLY | O_CREAT | O_TRUNC);
      execv(argv[0], argv.data());
      _exit(127);
    }
  }

  std::string output() const { return ReadAll(base_ + ".out"); }
  void Signal(int signal) const { kill(child_, signal); }

  Outcome Wait() {
    int status = 0;
    waitpid(child_, &status, 0);
    Outcome outcome;
    outcome.code =
        WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    outcome.out = output();
    outcome.err = ReadAll(base_ + ".err");
    for (const char* suffix : {".in", ".out", ".err"}) {
      unlink((base_ + suffix).c_str());
    }
    return outcome;
  }

 private:
  static void Redirect(int fd, const std::string& path, int flags) {
    const int opened = open(path.c_str(), flags, 0600);
    dup2(opened, fd);
    close(opened);
  }

  static inline int next_ = 0;
  std::string base_;
  pid_t child_ = -1;
};

inline Outcome RunProgram(const std::vector<std::string>& arguments,
                          const std::string& input = "") {
  return VmrrProcess(arguments, input).Wait();
}

}  // namespace librr::tools

#endif  // LIBRR_TESTS_TOOLS_VMRR_PROCESS_H_
