// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests that walk recordings of small guests.
#ifndef LIBRR_TESTS_TIMELINE_TIMELINE_RECORDING_H_
#define LIBRR_TESTS_TIMELINE_TIMELINE_RECORDING_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "librr/recorder.h"
#include "librr/timeline.h"
#include "tests/machine/guest_runs.h"
#include "tests/recorder/fake_recording.h"

namespace librr {

// A recording of a guest to which keys are typed at guest times.
class GuestRecording {
 public:
  GuestRecording(const std::string& guest, const std::string& name,
                 std::vector<std::pair<uint64_t, std::string>> keys = {},
                 std::optional<Position> max_position = std::nullopt,
                 std::optional<uint64_t> checkpoint_every = std::nullopt)
      : config_(GuestConfig(guest)), path_(TracePath(name)) {
    const std::string& path = path_;
    std::unique_ptr<Machine> machine = *CreatePcMachine(config_);
    TimedKeys inputs(std::move(keys));
    RecorderOptions options;
    options.run.seed = kSeed;
    options.run.max_position = max_position;
    options.digest_every = 100'003;
    options.checkpoint_every = checkpoint_every;
    absl::StatusOr<std::unique_ptr<Recorder>> recorder =
        Recorder::Create(path, DescribePc(config_), machine.get(), options);
    EXPECT_TRUE(recorder.ok()) << recorder.status();
    EXPECT_TRUE((*recorder)->Record(&inputs, nullptr).ok());
    absl::StatusOr<std::unique_ptr<TraceReader>> trace =
        TraceReader::Open(path);
    EXPECT_TRUE(trace.ok()) << trace.status();
    trace_ = *std::move(trace);
  }

  const std::string& path() const { return path_; }
  const TraceReader& trace() const { return *trace_; }
  const PcConfig& config() const { return config_; }
  uint64_t end() const { return trace_->info().end.position.value(); }

  MachineFactory Factory() const {
    return [config = config_](const std::string&) {
      return CreatePcMachine(config);
    };
  }

  std::unique_ptr<Timeline> Open(TimelineOptions options = {}) const {
    auto timeline = Timeline::Open(trace_.get(), Factory(), options);
    EXPECT_TRUE(timeline.ok()) << timeline.status();
    return timeline.ok() ? *std::move(timeline) : nullptr;
  }

  // Of a plain replay.
  Digest DigestAt(Position position) const {
    auto replayer = Replayer::Create(trace_.get(), Factory(), {});
    EXPECT_TRUE(replayer.ok()) << replayer.status();
    const absl::Status status = (*replayer)->SeekTo(position);
    EXPECT_TRUE(status.ok()) << status;
    return (*replayer)->machine().ComputeDigest();
  }

 private:
  PcConfig config_;
  std::string path_;
  std::unique_ptr<TraceReader> trace_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_TIMELINE_TIMELINE_RECORDING_H_
