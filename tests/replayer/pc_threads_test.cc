// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Machines share nothing: several record and replay at once, one a thread.
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "librr/recorder.h"
#include "librr/verify.h"

namespace librr {
namespace {

// Records a guest and verifies the recording, with machines of this thread.
absl::Status RecordAndVerify(const std::string& guest,
                             const std::string& path) {
  std::ifstream in(std::string(GUESTS_FOLDER) + "/" + guest + ".elf",
                   std::ios::binary);
  PcConfig config;
  config.kernel.assign(std::istreambuf_iterator<char>(in), {});
  config.memory_bytes = 16 << 20;
  auto machine = CreatePcMachine(config);
  if (!machine.ok()) return machine.status();
  RecorderOptions options;
  options.run.max_position = Position(300'000);
  auto recorder =
      Recorder::Create(path, DescribePc(config), machine->get(), options);
  if (!recorder.ok()) return recorder.status();
  NoInput nobody;
  if (auto end = (*recorder)->Record(&nobody, nullptr); !end.ok()) {
    return end.status();
  }
  auto trace = TraceReader::Open(path);
  if (!trace.ok()) return trace.status();
  const MachineFactory factory =
      [&](const std::string&) -> absl::StatusOr<std::unique_ptr<Machine>> {
    auto recorded = PcConfigFromTrace(**trace);
    if (!recorded.ok()) return recorded.status();
    return CreatePcMachine(*recorded);
  };
  auto report = Verify(**trace, factory, {});
  if (!report.ok()) return report.status();
  return report->exact() ? absl::OkStatus()
                         : absl::AbortedError(report->Explain());
}

TEST(PcThreadsTest, MachinesInSeveralThreadsDoNotDisturbEachOther) {
  const std::vector<std::string> guests = {"long64", "timer", "rdrand",
                                           "long64"};
  std::vector<absl::Status> results(guests.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < guests.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = RecordAndVerify(guests[i], testing::TempDir() + "/thread" +
                                                  std::to_string(i) + ".vmrr");
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) EXPECT_TRUE(result.ok()) << result;
}

}  // namespace
}  // namespace librr
