// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What `vmrr gdb` says of recordings with damaged checkpoints, and of those of
// another machine model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/gdb/walked_recording.h"
#include "tests/tools/vmrr_process.h"

namespace librr {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tools::Outcome;
using tools::ReadAll;
using tools::RunProgram;
using tools::WriteAll;

// Long enough for checkpoints in the file to be used.
const GuestRecording& Checkpointed() {
  static const auto* recording =
      new GuestRecording("long64", "gdb_damage_" + std::to_string(getpid()), {},
                         std::nullopt, 300'000);
  return *recording;
}

// A copy in which one byte of the body of each of these checkpoints differs.
std::string Damaged(const std::vector<StoredCheckpoint>& checkpoints) {
  constexpr size_t kInTheState = 300;
  std::string bytes = ReadAll(Checkpointed().path());
  for (const StoredCheckpoint& checkpoint : checkpoints) {
    bytes[checkpoint.offset + kInTheState] ^= 0x10;
  }
  const std::string path = testing::TempDir() + "/librr_gdb_damage_" +
                           std::to_string(getpid()) + ".vmrr";
  WriteAll(path, bytes);
  return path;
}

Outcome Gdb(const std::string& trace, const std::vector<std::string>& commands,
            const std::string& at) {
  // With symbols, so that no kernel is looked for anywhere else.
  std::vector<std::string> words = {
      "gdb", trace, "--at",   at,    "--symbols",  LIBRR_WALKED_SYMBOLS,
      "--",  "-nx", "-batch", "-ex", "set width 0"};
  for (const std::string& command : commands) {
    words.insert(words.end(), {"-ex", command});
  }
  return RunProgram(words);
}

std::string FromRegisters(const std::string& output) {
  const size_t at = output.find("rax ");
  return at == output.npos ? "(no registers)" : output.substr(at);
}

TEST(VmrrGdbDamage, IsPassedOverWithALineAndNothingIsLost) {
  if (!HasGdb()) GTEST_SKIP() << "there is no gdb";
  const std::vector<StoredCheckpoint>& all =
      Checkpointed().trace().checkpoints();
  ASSERT_GE(all.size(), 12u);
  // The last one, which the end is reached from, and one in the middle.
  const StoredCheckpoint& middle = all[all.size() * 2 / 3];
  const std::string path = Damaged({middle, all.back()});
  const std::string line = "a checkpoint in " + path +
                           " was passed over: the file is damaged there; "
                           "nothing is lost";
  const Outcome end = Gdb(path, {"info registers"}, "end");
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_THAT(end.err, HasSubstr("vmrr: " + line));
  const Outcome whole = Gdb(Checkpointed().path(), {"info registers"}, "end");
  EXPECT_THAT(whole.err, Not(HasSubstr("damaged")));
  EXPECT_EQ(FromRegisters(end.out), FromRegisters(whole.out));
  EXPECT_THAT(end.out, HasSubstr("rip "));

  // On the way there in gdb, it is said there.
  const std::vector<std::string> there = {
      "seek " + std::to_string(middle.position.value() + 7), "info registers",
      "monitor checkpoints"};
  const Outcome seek = Gdb(path, there, "0");
  EXPECT_EQ(seek.code, 0) << seek.err;
  EXPECT_THAT(seek.out + seek.err, HasSubstr(line));
  EXPECT_THAT(seek.out + seek.err, HasSubstr("1 of those in the trace are "));
  const Outcome right = Gdb(Checkpointed().path(), there, "0");
  EXPECT_EQ(FromRegisters(seek.out), FromRegisters(right.out));
  unlink(path.c_str());
  unlink(Checkpointed().path().c_str());
}

TEST(VmrrGdbDamage, AnotherMachineModelIsRefusedInALine) {
  const PcConfig config = GuestConfig("hello");
  RecordedMachine described = DescribePc(config);
  described.header.machine_model = 77;
  const std::string path = testing::TempDir() + "/librr_gdb_model_" +
                           std::to_string(getpid()) + ".vmrr";
  unlink(path.c_str());
  const std::unique_ptr<Machine> machine = *CreatePcMachine(config);
  TimedKeys inputs({});
  auto recorder = Recorder::Create(path, described, machine.get(), {});
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  ASSERT_TRUE((*recorder)->Record(&inputs, nullptr).ok());
  const Outcome outcome = RunProgram({"gdb", path});
  EXPECT_EQ(outcome.code, 3) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1);
  EXPECT_THAT(outcome.err, HasSubstr(path));
  EXPECT_THAT(outcome.err, HasSubstr("77"));
  unlink(path.c_str());
}

}  // namespace
}  // namespace librr
