// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A recording of a Debian guest that executes a position-independent program
// with shared libraries twice (tests/guests/shared), walked by the real gdb.
//
//   class MyTest : public SharedGuestTest {};
//   TEST_F(MyTest, Prints) {
//     const std::string out = Serve("monitor ps\n");   // gdb, vmrr serve
//     const std::string out2 = VmrrGdb("bt\n");        // vmrr gdb
//   }
#ifndef LIBRR_TESTS_GDB_SHARED_GUEST_H_
#define LIBRR_TESTS_GDB_SHARED_GUEST_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/debugstub/gdb_process.h"
#include "tests/gdb/gdb_output.h"
#include "tests/tools/linux_recording.h"
#include "tests/tools/vmrr_process.h"

namespace librr {

class SharedGuestTest : public testing::Test {
 protected:
  static std::string guests() { return GUESTS_FOLDER; }
  // The guest's files, with symbols.
  static std::string files() { return guests() + "/shared"; }
  static std::string program() { return files() + "/bin/sorted"; }
  static std::string trace() { return recording_->trace(); }
  static std::string folder() { return recording_->folder(); }

  static void SetUpTestSuite() {
    if (!HasGuest()) return;
    recording_ = std::make_unique<tools::LinuxRecording>(
        "shared",
        "expect guest>\ntype sorted one & sorted two &\\n\n"
        "expect has sorted\nexpect has sorted\ntype poweroff -f\\n\n",
        tools::RecordedLinux{.initrd = guests() + "/shared.cpio.gz"});
    ASSERT_TRUE(recording_->ok());
    ASSERT_NE(recording_->console().find("two has sorted"), std::string::npos)
        << recording_->console();
  }
  static void TearDownTestSuite() { recording_.reset(); }
  void SetUp() override {
    if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
    if (!HasGuest()) GTEST_SKIP() << tools::LinuxRecording::kMissing;
  }

  // What a gdb of its own prints that is connected to `vmrr serve` by the
  // script's first line, where SOCKET stands for the socket. It executes each
  // line, whatever became of the one before.
  static std::string Serve(std::string script) {
    const std::string path = folder() + "/socket";
    tools::VmrrProcess server({"serve", trace(), "--gdb", path});
    for (int i = 0; i < 1000 && access(path.c_str(), F_OK) != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    const size_t at = script.find("SOCKET");
    if (at != script.npos) script.replace(at, 6, path);
    tools::WriteAll(folder() + "/script",
                    "set width 0\nset confirm off\nset pagination off\n"
                    "set style enabled off\nset debuginfod enabled off\n" +
                        script);
    const std::string output =
        Shell("timeout 120 gdb -nx -q < " + folder() + "/script 2>&1");
    server.Signal(SIGINT);
    const tools::Outcome served = server.Wait();
    EXPECT_EQ(served.code, 0) << served.err;
    return output;
  }

  // What `vmrr gdb` prints with these options.
  static std::string VmrrGdb(const std::string& script,
                             const std::vector<std::string>& options = {}) {
    std::vector<std::string> words = {"gdb", trace()};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"--", "-nx", "-batch", "-ex", "set width 0"});
    std::istringstream lines(script);
    for (std::string line; std::getline(lines, line);) {
      words.insert(words.end(), {"-ex", line});
    }
    const tools::Outcome outcome = tools::RunProgram(words);
    return outcome.out + "(gdb) <errors>\n" + outcome.err;
  }

 private:
  static bool HasGuest() {
    return std::filesystem::exists(guests() + "/vmlinuz") &&
           std::filesystem::exists(guests() + "/shared.cpio.gz") &&
           std::filesystem::exists(program());
  }
  static std::string Shell(const std::string& command) {
    std::string output;
    std::FILE* const pipe = popen(command.c_str(), "r");
    char buffer[4096];
    while (const size_t size = std::fread(buffer, 1, sizeof(buffer), pipe)) {
      output.append(buffer, size);
    }
    pclose(pipe);
    return output;
  }

  static inline std::unique_ptr<tools::LinuxRecording> recording_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_GDB_SHARED_GUEST_H_
