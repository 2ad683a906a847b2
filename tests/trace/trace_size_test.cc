// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What events cost in a trace: the promises of docs/trace_format.md.
#include <gtest/gtest.h>

#include <random>

#include "librr/trace.h"
#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

// The words of a boot log, roughly.
std::string LogText(size_t size, std::mt19937_64& random) {
  static constexpr const char* kWords[] = {"ACPI: ",
                                           "IRQ ",
                                           "pci 0000:00:1f.0 ",
                                           "enabled ",
                                           "memory ",
                                           "registered ",
                                           "kernel ",
                                           "0x00000000fee00000",
                                           "serial8250: ",
                                           "using ",
                                           "device ",
                                           "TCP ",
                                           "hash table entries: ",
                                           "bytes, ",
                                           "linear)\n"};
  std::string text;
  while (text.size() < size) {
    if (random() % 4 == 0) {
      text += "[    " + std::to_string(random() % 10) + "." +
              std::to_string(100000 + random() % 900000) + "] ";
    }
    text += kWords[random() % std::size(kWords)];
    text += std::to_string(random() % 1000) + " ";
  }
  return text;
}

TEST(TraceSizeTest, ConsoleByteCostsAboutTwoBytes) {
  std::mt19937_64 random(3);
  const std::string text = LogText(50000, random);
  TraceBuilder builder;
  uint64_t position = 0;
  uint64_t time = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    // The driver polls the line status a few times, then writes.
    const uint64_t polls = 1 + random() % 4;
    position += 20 + 15 * polls + random() % 5;
    time += 20 + 15 * polls + 500 * (polls + 1);
    if (text[i] == '\n') position += 3000 + random() % 2000;
    time = std::max(time, position);
    Event event = MakeEvent(EventKind::kOutput, position, text.substr(i, 1), 1);
    event.time = VirtualTime(time);
    builder.Add(event);
    if (i % 5000 == 0) builder.Flush();
  }
  EndRecord end = EndAt(position);
  end.time = VirtualTime(time);
  ASSERT_TRUE(builder.writer().Finish(end).ok());
  const auto reader = MustOpen(builder.disk().content);
  const double each = static_cast<double>(reader->info().bytes.outputs) /
                      static_cast<double>(text.size());
  RecordProperty("bytes_per_character", std::to_string(each));
  EXPECT_LT(each, 2.2);
}

TEST(TraceSizeTest, SecondOfBusyRecordingCostsFewBytes) {
  // A machine that computes: each second its CPU, timers and a few buckets of
  // RAM change, and now and then others do.
  std::mt19937_64 random(5);
  Digest digest = *SmallDigest(1);
  for (const char* name : {"lapic0", "ioapic", "pic", "rtc", "clock", "exit"}) {
    digest.components.push_back({name, random()});
  }
  TraceBuilder builder;
  constexpr int kSeconds = 20;
  for (uint64_t second = 1; second <= kSeconds; ++second) {
    for (const size_t i : {0, 2, 3, 7}) digest.components[i].hash = random();
    for (const size_t i : {0, 1, 2, 30, 31, 62}) digest.ram[i] = random();
    digest.ram[random() % kRamBuckets] = random();
    Event event = MakeEvent(EventKind::kDigest, second * 50'000'000);
    event.digest = std::make_shared<Digest>(digest);
    builder.Add(event).Heartbeat(second * 50'000'000).Flush();
  }
  const auto reader = MustOpen(builder.Finish(kSeconds * 50'000'000));
  const TraceBytes& bytes = reader->info().bytes;
  RecordProperty("bytes", std::to_string(bytes.total - bytes.image));
  EXPECT_LT(bytes.total - bytes.image, 8000u);
}

// What `keys` keystrokes cost when `together` of them are in one flush.
uint64_t KeystrokeBytes(uint64_t keys, uint64_t together) {
  std::mt19937_64 random(9);
  TraceBuilder builder;
  uint64_t position = 0;
  uint64_t time = 0;
  for (uint64_t i = 0; i < keys; ++i) {
    const uint64_t steps = 1'000'000 + random() % 3'000'000;
    position += steps;
    time += steps + random() % 200'000'000;  // the rest is idle
    Event event = MakeEvent(EventKind::kInput, position,
                            std::string(1, static_cast<char>('a' + i % 26)), 3);
    event.time = VirtualTime(time);
    builder.Add(event);
    if (i % together == together - 1) builder.Flush();
  }
  EndRecord end = EndAt(position);
  end.time = VirtualTime(time);
  EXPECT_TRUE(builder.writer().Finish(end).ok());
  return MustOpen(builder.disk().content)->info().bytes.inputs;
}

TEST(TraceSizeTest, KeystrokeCostsAtMostSixteenBytes) {
  const uint64_t bytes = KeystrokeBytes(200, 10);
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_LE(bytes, 1000 + 16 * 200u);
}

TEST(TraceSizeTest, FlushOfASingleKeystrokeCostsAtMostSixtyFourBytes) {
  const uint64_t bytes = KeystrokeBytes(200, 1);
  RecordProperty("bytes", std::to_string(bytes));
  EXPECT_LE(bytes, 64 * 200u);
}

}  // namespace
}  // namespace librr::trace
