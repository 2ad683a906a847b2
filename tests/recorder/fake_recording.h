// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests: record a FakeMachine into a file of its own, with keys that
// arrive at given guest times.
#ifndef LIBRR_TESTS_RECORDER_FAKE_RECORDING_H_
#define LIBRR_TESTS_RECORDER_FAKE_RECORDING_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "librr/recorder.h"
#include "tests/recorder/fake_machine.h"

namespace librr {

// Types `keys` once the guest time is reached.
class TimedKeys final : public InputSource {
 public:
  explicit TimedKeys(std::vector<std::pair<uint64_t, std::string>> keys)
      : keys_(std::move(keys)) {}

  std::string Poll(size_t room, VirtualTime now) override {
    while (!keys_.empty() && held_.empty() &&
           now >= VirtualTime(keys_.front().first)) {
      held_ = keys_.front().second;
      keys_.erase(keys_.begin());
    }
    const std::string bytes = held_.substr(0, room);
    held_.erase(0, bytes.size());
    return bytes;
  }
  bool live() const override { return false; }
  bool exhausted() const override { return keys_.empty() && held_.empty(); }
  bool holds_input() const override { return !held_.empty(); }
  std::optional<VirtualTime> NextDue() const override {
    if (keys_.empty()) return std::nullopt;
    return VirtualTime(keys_.front().first);
  }

 private:
  std::vector<std::pair<uint64_t, std::string>> keys_;
  std::string held_;
};

class ConsoleText final : public OutputSink {
 public:
  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes, Position,
                VirtualTime) override {
    if (kind == OutputKind::kConsole) text.append(bytes.begin(), bytes.end());
  }
  std::string text;
};

inline RecordedMachine DescribeFake() {
  RecordedMachine what;
  what.header.machine_kind = "fake";
  what.header.machine_model = 1;
  what.header.memory_bytes = FakeMachine::kMemory;
  return what;
}

inline std::string TracePath(const std::string& name) {
  return testing::TempDir() + "/" + name + ".vmrr";
}

// Records until the machine ends or `options` say so; returns the path.
inline std::string RecordFake(const std::string& name, FakeOptions fake,
                              RecorderOptions options, InputSource* inputs,
                              EndRecord* end = nullptr) {
  const std::string path = TracePath(name);
  FakeMachine machine(fake);
  absl::StatusOr<std::unique_ptr<Recorder>> recorder =
      Recorder::Create(path, DescribeFake(), &machine, options);
  EXPECT_TRUE(recorder.ok()) << recorder.status();
  if (!recorder.ok()) return path;
  absl::StatusOr<EndRecord> recorded = (*recorder)->Record(inputs, nullptr);
  EXPECT_TRUE(recorded.ok()) << recorded.status();
  if (recorded.ok() && end != nullptr) *end = *recorded;
  return path;
}

}  // namespace librr

#endif  // LIBRR_TESTS_RECORDER_FAKE_RECORDING_H_
