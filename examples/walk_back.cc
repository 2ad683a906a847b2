// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Records a machine, goes to the end of the recording, and finds out, going
// back, which instruction last wrote to the top of the stack, and when that
// instruction was executed before.
//
//   walk_back KERNEL
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "librr/inspection.h"
#include "librr/recorder.h"
#include "librr/timeline.h"

// Prints what went wrong.
static int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

static absl::StatusOr<librr::EndRecord> Record(const librr::PcConfig& config,
                                               const char* path) {
  auto machine = librr::CreatePcMachine(config);
  if (!machine.ok()) return machine.status();
  librr::RecorderOptions options;
  options.run.seed = 42;
  options.run.max_position = librr::Position(1'000'000);
  auto recorder = librr::Recorder::Create(path, librr::DescribePc(config),
                                          machine->get(), options);
  if (!recorder.ok()) return recorder.status();
  librr::NoInput nobody;
  return (*recorder)->Record(&nobody, nullptr);
}

int main(int argc, char** argv) {
  if (argc != 2) return Fail(absl::InvalidArgumentError("name a kernel"));
  std::ifstream file(argv[1], std::ios::binary);
  librr::PcConfig config;
  config.kernel.assign(std::istreambuf_iterator<char>(file), {});
  config.memory_bytes = 64 << 20;
  auto end = Record(config, "walk_back.vmrr");
  if (!end.ok()) return Fail(end.status());

  auto trace = librr::TraceReader::Open("walk_back.vmrr");
  if (!trace.ok()) return Fail(trace.status());
  auto factory = [&](const std::string&)
      -> absl::StatusOr<std::unique_ptr<librr::Machine>> {
    auto recorded = librr::PcConfigFromTrace(**trace);
    if (!recorded.ok()) return recorded.status();
    return librr::CreatePcMachine(*recorded);
  };
  auto opened = librr::Timeline::Open(trace->get(), factory, {});
  if (!opened.ok()) return Fail(opened.status());
  librr::Timeline& timeline = **opened;
  librr::Machine& machine = timeline.machine();

  if (auto status = timeline.Seek(timeline.end()); !status.ok()) {
    return Fail(status);
  }
  const auto stack = librr::RegisterNumber(machine.Registers(0), "rsp");
  if (!stack.has_value()) return Fail(absl::NotFoundError("no stack pointer"));
  librr::Watchpoint word;
  word.address = *stack;
  word.length = 8;
  auto write = timeline.LastWrite(word, timeline.end());
  if (!write.ok()) return Fail(write.status());
  if (!write->has_value()) {
    std::printf("nobody has written to %#" PRIx64 "\n", *stack);
    return 0;
  }

  // A hit's position is that before the step.
  if (auto status = timeline.Seek((*write)->position); !status.ok()) {
    return Fail(status);
  }
  std::printf("%#" PRIx64 " was last written at position %" PRIu64 ": %s\n",
              *stack, timeline.position().value(),
              librr::DescribeNextInstruction(machine, 0).c_str());

  librr::StopConditions conditions;
  conditions.breakpoints.push_back(
      {.address = librr::CodeAddress(machine.Registers(0))});
  auto stop = timeline.Run(librr::Direction::kBackward, conditions);
  if (!stop.ok()) return Fail(stop.status());
  if (stop->reason == librr::TimelineStop::Reason::kCondition) {
    std::printf("the same instruction before that: position %" PRIu64 "\n",
                timeline.position().value());
  } else {
    std::printf("that was the first time\n");
  }

  // Every way to a position leads to the same state.
  const librr::Digest there = machine.ComputeDigest();
  const librr::Position here = timeline.position();
  auto forth = timeline.Step(1'000);
  if (!forth.ok()) return Fail(forth.status());
  if (auto status = timeline.Seek(here); !status.ok()) return Fail(status);
  if (machine.ComputeDigest() != there) {
    return Fail(absl::InternalError("the way back led elsewhere"));
  }
  return 0;
}
