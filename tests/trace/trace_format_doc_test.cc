// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The example of docs/trace_format.md is a real trace.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tests/trace/trace_builder.h"

namespace librr::trace {
namespace {

// The bytes of the document's ```hex block.
std::string ExampleBytes() {
  std::ifstream in(LIBRR_SOURCE_DIR "/docs/trace_format.md");
  std::string bytes;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line == "```hex") {
      inside = true;
    } else if (inside && line == "```") {
      break;
    } else if (inside) {
      std::istringstream words(line);
      for (int byte; words >> std::hex >> byte;) {
        bytes.push_back(static_cast<char>(byte));
      }
    }
  }
  return bytes;
}

TEST(TraceFormatDocTest, ExampleIsTheTraceThatItDescribes) {
  const std::string bytes = ExampleBytes();
  ASSERT_EQ(bytes.size(), 0x195u);
  const auto reader = MustOpen(bytes);
  const TraceInfo& info = reader->info();
  EXPECT_TRUE(info.complete);
  EXPECT_FALSE(info.damage_offset.has_value());
  EXPECT_EQ(info.header.machine_kind, "pc");
  EXPECT_EQ(info.header.memory_bytes, 0x100000u);
  EXPECT_EQ(info.header.command_line, "quiet");
  EXPECT_EQ(info.end.position, Position(1000));
  EXPECT_EQ(info.end.time, VirtualTime(2000));
  EXPECT_EQ(info.end.reason, EndReason::kPowerOff);
  EXPECT_EQ(reader->ReadImage("kernel").value(), "ELF");
  const std::vector<Event> events = AllEvents(*reader);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].payload, "y");
  EXPECT_EQ(events[1].payload, "h");
  EXPECT_EQ(events[1].time, VirtualTime(350));
  EXPECT_EQ(events[2].payload, "i");
  EXPECT_EQ(events[2].position, Position(142));
  EXPECT_EQ(events[2].time, VirtualTime(390));
  EXPECT_EQ(events[3].kind, EventKind::kHeartbeat);
}

TEST(TraceFormatDocTest, WriterMakesTheSameBlocksUpToTheIndex) {
  TraceHeader header;
  header.machine_kind = "pc";
  header.machine_model = 1;
  header.memory_bytes = 0x100000;
  header.command_line = "quiet";
  for (size_t i = 0; i < header.id.size(); ++i) header.id[i] = i;
  TraceBuilder builder(header, {{"kernel", "ELF"}});
  for (Event& event : AllEvents(*MustOpen(ExampleBytes()))) {
    builder.Add(std::move(event));
  }
  EndRecord end = EndAt(1000);
  end.time = VirtualTime(2000);
  end.detail.clear();
  ASSERT_TRUE(builder.writer().Finish(end).ok());
  // The index is compressed: its bytes depend on Zstandard's version.
  EXPECT_EQ(builder.disk().content.substr(0, 0xf6),
            ExampleBytes().substr(0, 0xf6));
}

}  // namespace
}  // namespace librr::trace
