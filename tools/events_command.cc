// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr events: the log of a trace, one line an event.
#include <optional>

#include "absl/strings/escaping.h"
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

constexpr Option kEventsTable[] = {
    {"from", 0, "P", "begin at position P"},
    {"to", 0, "P", "end with position P, or `end`"},
};

// What an input or output is, by its number.
std::string_view SubkindName(const Event& event) {
  if (event.kind == EventKind::kInput) {
    switch (static_cast<InputKind>(event.subkind)) {
      case InputKind::kPowerOnDate:
        return "power_on_date";
      case InputKind::kSeed:
        return "seed";
      case InputKind::kConsole:
        return "console";
    }
  }
  if (event.kind == EventKind::kOutput) {
    switch (static_cast<OutputKind>(event.subkind)) {
      case OutputKind::kConsole:
        return "console";
      case OutputKind::kExitCode:
        return "exit_code";
    }
  }
  return "unknown";
}

// Little-endian values of up to 8 bytes; nullopt for what is text.
std::optional<uint64_t> NumberOf(const Event& event) {
  const bool is_number =
      (event.kind == EventKind::kInput &&
       event.subkind != static_cast<uint8_t>(InputKind::kConsole)) ||
      (event.kind == EventKind::kOutput &&
       event.subkind != static_cast<uint8_t>(OutputKind::kConsole));
  if (!is_number || event.payload.size() > 8) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = event.payload.size(); i-- > 0;) {
    value = value << 8 | static_cast<uint8_t>(event.payload[i]);
  }
  return value;
}

std::string Describe(const Event& event) {
  switch (event.kind) {
    case EventKind::kInput:
    case EventKind::kOutput: {
      const std::optional<uint64_t> number = NumberOf(event);
      return absl::StrCat(
          View(SubkindName(event)), " ",
          number.has_value()
              ? absl::StrCat(*number)
              : absl::StrCat("\"", absl::CHexEscape(event.payload), "\""));
    }
    case EventKind::kDigest:
      return absl::StrFormat("%016x", event.digest->Summary());
    case EventKind::kMark:
      return absl::CHexEscape(event.payload);
    case EventKind::kHeartbeat:
      return "";
  }
  return "";
}

void WriteText(const Event& event) {
  std::string line = absl::StrFormat(
      "%12d %15s %-9s %s", event.position.value(), FormatSeconds(event.time),
      std::string(EventKindName(event.kind)), Describe(event));
  line.erase(line.find_last_not_of(' ') + 1);
  absl::PrintF("%s\n", line);
}

void AddJson(JsonWriter& json, const Event& event) {
  json.BeginObject();
  json.Key("index").Number(event.index);
  json.Key("position").Number(event.position.value());
  json.Key("time_ns").Number(event.time.value());
  json.Key("kind").Text(EventKindName(event.kind));
  switch (event.kind) {
    case EventKind::kInput:
    case EventKind::kOutput:
      json.Key("what").Text(SubkindName(event));
      if (const std::optional<uint64_t> number = NumberOf(event)) {
        json.Key("value").Number(*number);
      } else {
        json.Key("text").Text(event.payload);
      }
      break;
    case EventKind::kDigest:
      json.Key("digest").Text(
          absl::StrFormat("%016x", event.digest->Summary()));
      break;
    case EventKind::kMark:
      json.Key("name").Text(event.payload);
      break;
    case EventKind::kHeartbeat:
      break;
  }
  json.EndObject();
}

absl::StatusOr<int> Events(const Arguments& arguments) {
  const auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  const auto from = PositionOption(arguments, "from", **trace);
  if (!from.ok()) return from.status();
  const auto to = PositionOption(arguments, "to", **trace);
  if (!to.ok()) return to.status();

  EventCursor cursor = (*trace)->Events();
  if (from->has_value()) {
    if (absl::Status status = cursor.SeekTo(**from); !status.ok()) {
      return ReplayError(status, **trace);
    }
  }
  std::optional<JsonWriter> json;
  if (arguments.Has("json")) {
    json.emplace(stdout);
    json->BeginObject();
    json->Key("events").BeginArray();
  }
  absl::Status damage;
  while (true) {
    const absl::StatusOr<const Event*> event = cursor.Next();
    if (!event.ok()) {
      damage = ReplayError(event.status(), **trace);
      break;
    }
    if (*event == nullptr || (*event)->position > to->value_or(Position::Max()))
      break;
    if (json.has_value()) {
      AddJson(*json, **event);
    } else {
      WriteText(**event);
    }
  }
  if (json.has_value()) {
    json->EndArray();
    json->EndObject();
  }
  // What was good has been shown.
  if (!damage.ok()) return damage;
  return kExitDone;
}

}  // namespace

const Command& EventsCommand() {
  static const Command command{
      .name = "events",
      .words = "T.vmrr",
      .summary = "list inputs, outputs and digests with their positions",
      .details =
          R"(One line an event: position, guest time in seconds, kind, and what it is.)",
      .examples = R"(  vmrr events boot.vmrr --from 1000000 --to 2000000
  vmrr events boot.vmrr | grep input
  vmrr events --json boot.vmrr)",
      .min_words = 1,
      .max_words = 1,
      .options = {kEventsTable, kJsonOption, kHelpOption},
      .run = &Events};
  return command;
}

}  // namespace librr::tools
