// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/machine/recorded_guests.h"

#include "gtest/gtest.h"

namespace librr {
namespace {

constexpr uint64_t kShortTrace = 1'000'000;

class TypedKeys final : public InputSource {
 public:
  explicit TypedKeys(Keys keys) : keys_(std::move(keys)) {}

  std::string Poll(size_t room, VirtualTime now) override {
    while (next_ < keys_.size() && now >= VirtualTime(keys_[next_].first)) {
      held_ += keys_[next_++].second;
    }
    const std::string bytes = held_.substr(0, room);
    held_.erase(0, bytes.size());
    return bytes;
  }
  bool live() const override { return false; }
  bool exhausted() const override {
    return next_ == keys_.size() && held_.empty();
  }
  bool holds_input() const override { return !held_.empty(); }
  std::optional<VirtualTime> NextDue() const override {
    if (next_ == keys_.size()) return std::nullopt;
    return VirtualTime(keys_[next_].first);
  }

 private:
  const Keys keys_;
  size_t next_ = 0;
  std::string held_;
};

}  // namespace

std::string RecordGuest(const std::string& file_name, const PcConfig& config,
                        const RecorderOptions& options, const Keys& keys,
                        EndRecord* end, OutputSink* console) {
  const std::string path = testing::TempDir() + "/" + file_name;
  absl::StatusOr<std::unique_ptr<Machine>> machine = CreatePcMachine(config);
  EXPECT_TRUE(machine.ok()) << machine.status();
  if (!machine.ok()) return path;
  absl::StatusOr<std::unique_ptr<Recorder>> recorder =
      Recorder::Create(path, DescribePc(config), machine->get(), options);
  EXPECT_TRUE(recorder.ok()) << recorder.status();
  if (!recorder.ok()) return path;
  TypedKeys inputs(keys);
  const absl::StatusOr<EndRecord> recorded =
      (*recorder)->Record(&inputs, console);
  EXPECT_TRUE(recorded.ok()) << recorded.status();
  if (recorded.ok() && end != nullptr) *end = *recorded;
  return path;
}

std::unique_ptr<TraceReader> OpenRecording(const std::string& path) {
  absl::StatusOr<std::unique_ptr<TraceReader>> trace = TraceReader::Open(path);
  EXPECT_TRUE(trace.ok()) << trace.status();
  return trace.ok() ? *std::move(trace) : nullptr;
}

MachineFactory RecordedFactory(const TraceReader& trace) {
  absl::StatusOr<PcConfig> config = PcConfigFromTrace(trace);
  EXPECT_TRUE(config.ok()) << config.status();
  if (!config.ok()) config = PcConfig{};
  return [config = *config](const std::string&) {
    return CreatePcMachine(config);
  };
}

VerifyReport VerifyWith(const TraceReader& trace, const MachineFactory& factory,
                        const VerifyOptions& options) {
  absl::StatusOr<VerifyReport> report = Verify(trace, factory, options);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : VerifyReport{};
}

VerifyReport VerifyRecording(const TraceReader& trace,
                             const VerifyOptions& options) {
  return VerifyWith(trace, RecordedFactory(trace), options);
}

void ExpectExactHoweverCut(const TraceReader& trace) {
  for (const uint64_t budget : {1u, 7u, 1'000u, 10'000'000u}) {
    if (budget == 1 && trace.info().end.position > Position(kShortTrace)) {
      continue;
    }
    const VerifyReport report = VerifyRecording(trace, {.budget = budget});
    EXPECT_TRUE(report.exact()) << "budget " << budget << "\n"
                                << report.Explain();
    EXPECT_EQ(report.end, trace.info().end.position);
    EXPECT_EQ(report.counts.digests, trace.info().digest_count);
    EXPECT_EQ(report.counts.inputs, trace.info().input_count);
  }
}

}  // namespace librr
