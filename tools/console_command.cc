// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr console: what the guest printed, from the log.
#include <unistd.h>

#include <optional>

#include "absl/strings/str_format.h"
#include "librr/trace.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

constexpr Option kConsoleTable[] = {
    {"timestamps", 't', "",
     "begin each line with the position at which its first\n"
     "byte left the guest, and the guest's time"},
};

struct Line {
  Position position;  // of its first byte
  VirtualTime time;
  std::string text;  // with its newline
};

// Cuts console output into lines.
class LineSplitter {
 public:
  // Calls `emit` for each line that is complete.
  template <typename Emit>
  void Add(const Event& event, Emit emit) {
    for (const char byte : event.payload) {
      if (line_.text.empty()) {
        line_.position = event.position;
        line_.time = event.time;
      }
      line_.text.push_back(byte);
      if (byte == '\n') Finish(emit);
    }
  }
  template <typename Emit>
  void Finish(Emit emit) {
    if (line_.text.empty()) return;
    emit(line_);
    line_.text.clear();
  }

 private:
  Line line_;
};

void WriteRaw(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

absl::StatusOr<int> Console(const Arguments& arguments) {
  const auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  std::optional<JsonWriter> json;
  if (arguments.Has("json")) {
    json.emplace(stdout);
    json->BeginObject();
    json->Key("lines").BeginArray();
  }
  const bool timestamps = arguments.Has("timestamps");
  const auto emit = [&](const Line& line) {
    if (json.has_value()) {
      json->BeginObject();
      json->Key("position").Number(line.position.value());
      json->Key("time_ns").Number(line.time.value());
      json->Key("text").Text(line.text);
      json->EndObject();
      return;
    }
    absl::PrintF("%12d %15s ", line.position.value(), FormatSeconds(line.time));
    WriteRaw(line.text);
    if (line.text.back() != '\n') WriteRaw("\n");
  };
  LineSplitter lines;
  EventCursor cursor = (*trace)->Events({.kinds = {EventKind::kOutput}});
  absl::Status damage;
  while (true) {
    const absl::StatusOr<const Event*> event = cursor.Next();
    if (!event.ok()) {
      damage = ReplayError(event.status(), **trace);
      break;
    }
    if (*event == nullptr) break;
    if ((*event)->subkind != static_cast<uint8_t>(OutputKind::kConsole)) {
      continue;
    }
    if (json.has_value() || timestamps) {
      lines.Add(**event, emit);
    } else {
      WriteRaw((*event)->payload);
    }
  }
  lines.Finish(emit);
  if (json.has_value()) {
    json->EndArray();
    json->EndObject();
  }
  if (!damage.ok()) return damage;
  return kExitDone;
}

}  // namespace

const Command& ConsoleCommand() {
  static const Command command{
      .name = "console",
      .words = "T.vmrr",
      .summary = "print what the guest printed",
      .details =
          R"(Reads the log; nothing is replayed. The position at the beginning of a line (with
--timestamps) is what --at of other commands takes.)",
      .examples = R"(  vmrr console boot.vmrr
  vmrr console --timestamps boot.vmrr | grep 'Run /init')",
      .min_words = 1,
      .max_words = 1,
      .options = {kConsoleTable, kJsonOption, kHelpOption},
      .run = &Console};
  return command;
}

}  // namespace librr::tools
