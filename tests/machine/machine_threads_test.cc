// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Machines in different threads share nothing: meant to be run under
// ThreadSanitizer, too.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/machine/recorded_guests.h"

namespace librr {
namespace {

constexpr char kGuests[][12] = {"echo", "busytimer", "rdrand", "attack_code"};

std::string RecordOne(const std::string& guest, int thread) {
  RecorderOptions options;
  options.digest_every = 3'000;
  options.run.seed = 77;
  options.run.max_position = Position(200'000);
  return RecordGuest(guest + std::to_string(thread) + ".thread.vmrr",
                     GuestConfig(guest), options,
                     {{50'000, "abc"}, {40'000'000, "q"}});
}

TEST(MachineThreadsTest, TwoThreadsRecordAndReplayAtOnce) {
  // The same guests in both threads, in opposite orders.
  std::vector<std::string> paths[2];
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([t, &paths] {
      for (int i = 0; i < 4; ++i) {
        const std::string guest = kGuests[t == 0 ? i : 3 - i];
        const std::string path = RecordOne(guest, t);
        const std::unique_ptr<TraceReader> trace = OpenRecording(path);
        ASSERT_NE(trace, nullptr);
        EXPECT_TRUE(VerifyRecording(*trace, {.budget = 1'000}).exact());
        paths[t].push_back(path);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) {
    const auto first = OpenRecording(paths[0][static_cast<size_t>(i)]);
    const auto second = OpenRecording(paths[1][static_cast<size_t>(3 - i)]);
    EXPECT_EQ(first->info().end.position, second->info().end.position);
    EXPECT_EQ(first->info().end.time, second->info().end.time);
    EXPECT_EQ(first->info().event_count, second->info().event_count);
  }
}

TEST(MachineThreadsTest, OneTraceIsReplayedByTwoThreads) {
  const std::string path = RecordOne("busytimer", 9);
  const std::unique_ptr<TraceReader> trace = OpenRecording(path);
  ASSERT_NE(trace, nullptr);
  std::vector<std::thread> threads;
  for (const uint64_t budget : {7u, 10'000u}) {
    threads.emplace_back([&trace, budget] {
      EXPECT_TRUE(VerifyRecording(*trace, {.budget = budget}).exact());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(MachineThreadsTest, RecordingIsStoppedFromAnotherThread) {
  const PcConfig config = GuestConfig("faultloop");
  absl::StatusOr<std::unique_ptr<Machine>> machine = CreatePcMachine(config);
  ASSERT_TRUE(machine.ok());
  const std::string path = testing::TempDir() + "/stopped.thread.vmrr";
  auto recorder =
      Recorder::Create(path, DescribePc(config), machine->get(), {});
  ASSERT_TRUE(recorder.ok()) << recorder.status();
  std::thread stopper([&recorder] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    (*recorder)->RequestStop();
  });
  NoInput nothing;
  const absl::StatusOr<EndRecord> end = (*recorder)->Record(&nothing, nullptr);
  stopper.join();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->reason, EndReason::kStopped);
  const std::unique_ptr<TraceReader> trace = OpenRecording(path);
  ASSERT_NE(trace, nullptr);
  EXPECT_TRUE(trace->info().complete);
  EXPECT_TRUE(VerifyRecording(*trace).exact());
}

}  // namespace
}  // namespace librr
