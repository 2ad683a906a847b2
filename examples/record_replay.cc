// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Records a machine for a million steps, replays the recording to its middle,
// and reads registers and memory there.
//
//   record_replay KERNEL
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "librr/inspection.h"
#include "librr/recorder.h"
#include "librr/replayer.h"

// Prints what went wrong.
static int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 2) return Fail(absl::InvalidArgumentError("name a kernel"));
  std::ifstream file(argv[1], std::ios::binary);
  librr::PcConfig config;
  config.kernel.assign(std::istreambuf_iterator<char>(file), {});
  config.memory_bytes = 64 << 20;

  auto machine = librr::CreatePcMachine(config);
  if (!machine.ok()) return Fail(machine.status());
  librr::RecorderOptions options;
  options.run.seed = 42;
  options.run.max_position = librr::Position(1'000'000);
  auto recorder = librr::Recorder::Create(
      "example.vmrr", librr::DescribePc(config), machine->get(), options);
  if (!recorder.ok()) return Fail(recorder.status());
  librr::NoInput nobody;
  auto end = (*recorder)->Record(&nobody, nullptr);
  if (!end.ok()) return Fail(end.status());

  auto trace = librr::TraceReader::Open("example.vmrr");
  if (!trace.ok()) return Fail(trace.status());
  auto factory = [&](const std::string&) -> decltype(machine) {
    auto recorded = librr::PcConfigFromTrace(**trace);
    if (!recorded.ok()) return recorded.status();
    return librr::CreatePcMachine(*recorded);
  };
  auto replayer = librr::Replayer::Create(trace->get(), factory, {});
  if (!replayer.ok()) return Fail(replayer.status());
  const librr::Position middle(end->position.value() / 2);
  if (auto status = (*replayer)->SeekTo(middle); !status.ok()) {
    return Fail(status);
  }
  librr::Machine& past = (*replayer)->machine();
  const uint64_t pc = librr::CodeAddress(past.Registers(0));
  std::printf("position %" PRIu64 ": %s\n", middle.value(),
              librr::DescribeNextInstruction(past, 0).c_str());
  for (const uint8_t byte :
       librr::ReadVirtual(past, 0, librr::GuestVirtual(pc), 16)) {
    std::printf("%02x ", byte);
  }
  std::printf("\n");
  if (auto status = (*replayer)->RunToEnd(); !status.ok()) return Fail(status);
  return 0;
}
