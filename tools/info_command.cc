// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr info: what a trace holds.
#include <time.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/json_writer.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/trace_argument.h"

namespace librr::tools {
namespace {

std::vector<std::pair<const char*, uint64_t>> Parts(const TraceBytes& bytes) {
  return {{"total", bytes.total},
          {"header", bytes.header},
          {"image", bytes.image},
          {"inputs", bytes.inputs},
          {"outputs", bytes.outputs},
          {"digests", bytes.digests},
          {"checkpoints", bytes.checkpoints},
          {"index", bytes.index},
          {"other", bytes.other},
          {"damaged", bytes.damaged}};
}

std::string IdText(const TraceHeader::Id& id) {
  std::string text;
  for (const uint8_t byte : id) absl::StrAppendFormat(&text, "%02x", byte);
  return text;
}

std::string DateText(uint64_t seconds) {
  const auto when = static_cast<time_t>(seconds);
  tm parts{};
  char text[64] = "";
  if (gmtime_r(&when, &parts) != nullptr) {
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
  }
  return text;
}

void WriteJson(const TraceInfo& info) {
  JsonWriter json(stdout);
  json.BeginObject();
  json.Key("path").Text(info.path);
  json.Key("id").Text(IdText(info.header.id));
  json.Key("created").Number(info.header.created_unix_seconds);
  json.Key("format_version").Number(info.format_version);
  json.Key("machine_kind").Text(info.header.machine_kind);
  json.Key("machine_model").Number(info.header.machine_model);
  json.Key("features").BeginArray();
  for (const std::string& feature : info.features) json.Text(feature);
  json.EndArray();
  json.Key("complete").Bool(info.complete);
  json.Key("being_written").Bool(info.being_written);
  json.Key("cpus").Number(info.header.vcpus);
  json.Key("memory_bytes").Number(info.header.memory_bytes);
  json.Key("command_line").Text(info.header.command_line);
  json.Key("end_position").Number(info.end.position.value());
  json.Key("end_time_ns").Number(info.end.time.value());
  json.Key("end_reason").Text(EndReasonName(info.end.reason));
  json.Key("end_cpu").Number(static_cast<uint64_t>(info.end.vcpu));
  json.Key("end_detail").Text(info.end.detail);
  if (info.end.reason == EndReason::kExit) {
    json.Key("exit_code").Number(info.end.exit_code);
  }
  json.Key("event_count").Number(info.event_count);
  json.Key("input_count").Number(info.input_count);
  json.Key("output_count").Number(info.output_count);
  json.Key("digest_count").Number(info.digest_count);
  json.Key("checkpoint_count").Number(info.checkpoint_count);
  json.Key("images").BeginObject();
  for (const auto& [name, size] : info.images) json.Key(name).Number(size);
  json.EndObject();
  json.Key("bytes").BeginObject();
  for (const auto& [name, size] : Parts(info.bytes)) {
    json.Key(name).Number(size);
  }
  json.EndObject();
  if (info.damage_offset.has_value()) {
    json.Key("damage_offset").Number(*info.damage_offset);
    json.Key("damage").Text(info.damage);
  }
  json.EndObject();
}

void Line(std::string_view name, const std::string& value) {
  absl::PrintF("%-12s%s\n", std::string(name), value);
}

void WriteText(const TraceInfo& info) {
  Line("trace", absl::CHexEscape(info.path));
  Line("recorded", DateText(info.header.created_unix_seconds));
  Line("format",
       absl::StrCat(info.format_version, ", machine ",
                    absl::CHexEscape(info.header.machine_kind), " model ",
                    info.header.machine_model,
                    info.features.empty() ? "" : ", features ",
                    absl::CHexEscape(absl::StrJoin(info.features, " "))));
  Line("machine",
       absl::StrCat(info.header.vcpus, " CPU, ", info.header.memory_bytes >> 20,
                    " MiB of memory"));
  Line("kernel",
       absl::StrCat("\"", absl::CHexEscape(info.header.command_line), "\""));
  std::vector<std::string> images;
  for (const auto& [name, size] : info.images) {
    images.push_back(
        absl::StrCat(absl::CHexEscape(name), " ", FormatBytes(size)));
  }
  Line("files", absl::StrJoin(images, ", "));
  Line("complete", info.complete        ? "yes"
                   : info.being_written ? "no, it is being written"
                                        : "no");
  Line("end", absl::StrCat("position ", FormatCount(info.end.position.value()),
                           ", ", FormatSeconds(info.end.time),
                           " s: ", View(EndReasonName(info.end.reason))));
  Line("", absl::CHexEscape(DescribeEnd(info.end)));
  Line("events", absl::StrCat(FormatCount(info.event_count), ": ",
                              FormatCount(info.input_count), " inputs, ",
                              FormatCount(info.output_count), " outputs, ",
                              FormatCount(info.digest_count), " digests, ",
                              info.checkpoint_count, " checkpoints"));
  std::vector<std::string> parts;
  for (const auto& [name, size] : Parts(info.bytes)) {
    if (size != 0) parts.push_back(absl::StrCat(name, " ", FormatCount(size)));
  }
  Line("bytes", absl::StrJoin(parts, ", "));
  if (info.damage_offset.has_value()) {
    Line("damage", absl::StrCat("at offset ", *info.damage_offset, ": ",
                                absl::CHexEscape(info.damage)));
  }
}

absl::StatusOr<int> Info(const Arguments& arguments) {
  const auto trace = OpenTraceArgument(arguments.words()[0]);
  if (!trace.ok()) return trace.status();
  if (arguments.Has("json")) {
    WriteJson((*trace)->info());
  } else {
    WriteText((*trace)->info());
  }
  return kExitDone;
}

}  // namespace

const Command& InfoCommand() {
  static const Command command{
      .name = "info",
      .words = "T.vmrr",
      .summary = "what a trace holds: its machine, length, end and size",
      .details =
          R"(A trace that was cut off, or is being written, shows its good part and
`complete: no`.)",
      .examples = R"(  vmrr info boot.vmrr
  vmrr info --json boot.vmrr)",
      .min_words = 1,
      .max_words = 1,
      .options = {kJsonOption, kHelpOption},
      .run = &Info};
  return command;
}

}  // namespace librr::tools
