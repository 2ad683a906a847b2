// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A recording of the Linux guest that scripts/guests makes, by `vmrr record`.
// Seed and date are fixed: of the same kernel it is the same at every run.
//
//   if (!LinuxRecording::IsPossible())
//     GTEST_SKIP() << LinuxRecording::kMissing;
//   const LinuxRecording recording("boot", "expect guest>\n");
//   ASSERT_TRUE(recording.ok());
//   RunProgram({"ps", recording.trace()});
#ifndef LIBRR_TESTS_TOOLS_LINUX_RECORDING_H_
#define LIBRR_TESTS_TOOLS_LINUX_RECORDING_H_

#include <unistd.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"
#include "tests/tools/vmrr_process.h"

namespace librr::tools {

struct RecordedLinux {
  std::string initrd = GUESTS_FOLDER "/initramfs.cpio.gz";
  std::string append = "console=ttyS0";
  int seed = 1;
};

class LinuxRecording {
 public:
  static constexpr const char* kMissing = "scripts/guests has not run";

  static bool IsPossible() {
    return std::filesystem::exists(GUESTS_FOLDER "/vmlinuz") &&
           std::filesystem::exists(GUESTS_FOLDER "/initramfs.cpio.gz");
  }

  // `name` tells its folder from others; `typing` is what --input takes.
  LinuxRecording(const std::string& name, const std::string& typing,
                 const RecordedLinux& guest = {})
      : folder_(testing::TempDir() + "/librr_" + name + "_" +
                std::to_string(getpid())) {
    std::filesystem::create_directory(folder_);
    WriteAll(folder_ + "/typing", typing);
    const Outcome recorded = RunProgram(
        {"record", "-o", trace(), "--kernel", GUESTS_FOLDER "/vmlinuz",
         "--initrd", guest.initrd, "--append", guest.append, "--input",
         folder_ + "/typing", "--seed", std::to_string(guest.seed), "--date",
         "1700000000", "--max-time", "60"});
    ok_ = recorded.code == 0;
    EXPECT_TRUE(ok_) << recorded.err;
    console_ = recorded.out;
    std::erase(console_, '\r');
  }
  ~LinuxRecording() { std::filesystem::remove_all(folder_); }
  LinuxRecording(const LinuxRecording&) = delete;
  LinuxRecording& operator=(const LinuxRecording&) = delete;

  bool ok() const { return ok_; }
  // For further files; it is removed with the recording.
  const std::string& folder() const { return folder_; }
  std::string trace() const { return folder_ + "/guest.vmrr"; }
  // What the guest printed, with plain line ends.
  const std::string& console() const { return console_; }

 private:
  const std::string folder_;
  std::string console_;
  bool ok_ = false;
};

}  // namespace librr::tools

#endif  // LIBRR_TESTS_TOOLS_LINUX_RECORDING_H_
