// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/packet_arguments.h"

#include <limits>

#include "debugstub/hex.h"

namespace librr {
namespace {

// Splits at the first `separator`; nullopt if there is none.
std::optional<std::pair<std::string_view, std::string_view>> SplitAt(
    std::string_view text, char separator) {
  const size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  return std::pair(text.substr(0, at), text.substr(at + 1));
}

// A number that is not negative, or -1.
std::optional<int> ParseId(std::string_view text) {
  if (text == "-1") return kAll;
  return ParseProcess(text);
}

std::optional<ResumeAction> ParseResumeAction(std::string_view text) {
  ResumeAction action;
  if (const auto parts = SplitAt(text, ':')) {
    const std::optional<ThreadId> id = ParseThread(parts->second);
    if (!id.has_value()) return std::nullopt;
    action.id = *id;
    text = parts->first;
  }
  if (text.empty()) return std::nullopt;
  const std::string_view rest = text.substr(1);
  switch (text[0]) {
    case 'c':
    case 's':
    case 't':
      if (!rest.empty()) return std::nullopt;
      break;
    case 'C':
    case 'S':
      if (!ParseHexNumber(rest).has_value()) return std::nullopt;
      break;
    case 'r': {
      const std::optional<MemoryRange> range = ParseMemoryRange(rest);
      if (!range.has_value()) return std::nullopt;
      action.range_begin = range->address;
      action.range_end = range->length;  // the second number is an address
      break;
    }
    default:
      return std::nullopt;
  }
  switch (text[0]) {
    case 's':
    case 'S':
      action.kind = ResumeAction::Kind::kStep;
      break;
    case 'r':
      action.kind = ResumeAction::Kind::kRangeStep;
      break;
    case 't':
      action.kind = ResumeAction::Kind::kStop;
      break;
    default:
      break;
  }
  return action;
}

}  // namespace

std::optional<NoArguments> ParseNoArguments(std::string_view text) {
  if (!text.empty()) return std::nullopt;
  return NoArguments{};
}

std::optional<std::string> ParseText(std::string_view text) {
  return std::string(text);
}

std::optional<bool> ParseSwitch(std::string_view text) {
  if (text != "0" && text != "1") return std::nullopt;
  return text == "1";
}

std::optional<MemoryRange> ParseMemoryRange(std::string_view text) {
  const auto parts = SplitAt(text, ',');
  if (!parts.has_value()) return std::nullopt;
  const auto address = ParseHexNumber(parts->first);
  const auto length = ParseHexNumber(parts->second);
  if (!address.has_value() || !length.has_value()) return std::nullopt;
  return MemoryRange{*address, *length};
}

std::optional<MemoryWrite> ParseMemoryWrite(std::string_view text) {
  const auto parts = SplitAt(text, ':');
  if (!parts.has_value()) return std::nullopt;
  const auto range = ParseMemoryRange(parts->first);
  auto bytes = ParseHexBytes(parts->second);
  if (!range.has_value() || !bytes.has_value()) return std::nullopt;
  if (range->length != bytes->size()) return std::nullopt;
  return MemoryWrite{range->address, *std::move(bytes)};
}

std::optional<MemoryWrite> ParseBinaryWrite(std::string_view text) {
  const auto parts = SplitAt(text, ':');
  if (!parts.has_value()) return std::nullopt;
  const auto range = ParseMemoryRange(parts->first);
  if (!range.has_value() || range->length != parts->second.size()) {
    return std::nullopt;
  }
  return MemoryWrite{range->address,
                     {parts->second.begin(), parts->second.end()}};
}

std::optional<size_t> ParseRegisterNumber(std::string_view text) {
  const auto number = ParseHexNumber(text);
  if (!number.has_value() || *number > 0xffff) return std::nullopt;
  return static_cast<size_t>(*number);
}

std::optional<RegisterWrite> ParseRegisterWrite(std::string_view text) {
  const auto parts = SplitAt(text, '=');
  if (!parts.has_value()) return std::nullopt;
  const auto number = ParseRegisterNumber(parts->first);
  auto bytes = ParseHexBytes(parts->second);
  if (!number.has_value() || !bytes.has_value() || bytes->empty()) {
    return std::nullopt;
  }
  return RegisterWrite{*number, *std::move(bytes)};
}

std::optional<std::vector<uint8_t>> ParseBytes(std::string_view text) {
  return ParseHexBytes(text);
}

std::optional<int> ParseProcess(std::string_view text) {
  const auto number = ParseHexNumber(text);
  if (!number.has_value() || *number > std::numeric_limits<int>::max()) {
    return std::nullopt;
  }
  return static_cast<int>(*number);
}

std::optional<ThreadId> ParseThread(std::string_view text) {
  ThreadId id;
  if (text.substr(0, 1) == "p") {
    const auto parts = SplitAt(text.substr(1), '.');
    const auto process = ParseId(parts ? parts->first : text.substr(1));
    if (!process.has_value()) return std::nullopt;
    id.process = *process;
    if (!parts.has_value()) {
      id.thread = kAll;
      return id;
    }
    text = parts->second;
  }
  const auto thread = ParseId(text);
  if (!thread.has_value()) return std::nullopt;
  id.thread = *thread;
  return id;
}

std::optional<ThreadSelection> ParseThreadSelection(std::string_view text) {
  if (text.empty() || (text[0] != 'g' && text[0] != 'c')) return std::nullopt;
  const auto id = ParseThread(text.substr(1));
  if (!id.has_value()) return std::nullopt;
  return ThreadSelection{text[0], *id};
}

std::optional<std::vector<ResumeAction>> ParseResumeActions(
    std::string_view text) {
  std::vector<ResumeAction> actions;
  while (true) {
    const auto parts = SplitAt(text, ';');
    const auto action = ParseResumeAction(parts ? parts->first : text);
    if (!action.has_value()) return std::nullopt;
    actions.push_back(*action);
    if (!parts.has_value()) return actions;
    text = parts->second;
  }
}

std::optional<StopPointPacket> ParseStopPoint(std::string_view text) {
  text = text.substr(0, text.find(';'));
  const auto parts = SplitAt(text, ',');
  if (!parts.has_value() || parts->first.size() != 1) return std::nullopt;
  const char type = parts->first[0];
  const auto range = ParseMemoryRange(parts->second);
  if (type < '0' || type > '4' || !range.has_value()) return std::nullopt;
  return StopPointPacket{static_cast<StopPointPacket::Type>(type - '0'),
                         range->address, range->length};
}

std::optional<TransferRange> ParseTransferRange(std::string_view text) {
  const auto parts = SplitAt(text, ':');
  if (!parts.has_value()) return std::nullopt;
  const auto range = ParseMemoryRange(parts->second);
  if (!range.has_value()) return std::nullopt;
  return TransferRange{std::string(parts->first), range->address,
                       range->length};
}

std::optional<std::string> ParseHexText(std::string_view text) {
  const auto bytes = ParseHexBytes(text);
  if (!bytes.has_value()) return std::nullopt;
  return std::string(bytes->begin(), bytes->end());
}

}  // namespace librr
