// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Verbs for tests that replay recordings of a FakeMachine.
#ifndef LIBRR_TESTS_REPLAYER_FAKE_REPLAY_H_
#define LIBRR_TESTS_REPLAYER_FAKE_REPLAY_H_

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "librr/replayer.h"
#include "tests/recorder/fake_recording.h"

namespace librr {

// Engine "good" has no fault, whatever `fault` is.
inline MachineFactory FakeFactory(FakeOptions options = {},
                                  FakeFault fault = {}) {
  return [=](const std::string& engine)
             -> absl::StatusOr<std::unique_ptr<Machine>> {
    return std::make_unique<FakeMachine>(
        options, engine == "good" ? FakeFault{} : fault);
  };
}

inline std::unique_ptr<TraceReader> OpenTrace(const std::string& path) {
  absl::StatusOr<std::unique_ptr<TraceReader>> trace = TraceReader::Open(path);
  EXPECT_TRUE(trace.ok()) << trace.status();
  return trace.ok() ? *std::move(trace) : nullptr;
}

inline std::unique_ptr<Replayer> NewReplayer(const TraceReader& trace,
                                             const MachineFactory& factory,
                                             ReplayOptions options = {}) {
  auto replayer = Replayer::Create(&trace, factory, options);
  EXPECT_TRUE(replayer.ok()) << replayer.status();
  return replayer.ok() ? *std::move(replayer) : nullptr;
}

// A recording with some keys, digests at 10'000 steps, and power-off.
inline std::unique_ptr<TraceReader> RecordTyping(const std::string& name,
                                                 FakeOptions fake = {}) {
  TimedKeys keys({{250'000, "ab"}, {1'300'001, "c"}, {1'900'000, "q"}});
  RecorderOptions options;
  options.digest_every = 10'000;
  options.run.seed = 99;
  return OpenTrace(RecordFake(name, fake, options, &keys));
}

}  // namespace librr

#endif  // LIBRR_TESTS_REPLAYER_FAKE_REPLAY_H_
