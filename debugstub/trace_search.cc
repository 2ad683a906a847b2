// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/trace_search.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// Events as text: as long as a line may be.
constexpr size_t kMaxShown = 60;

std::string Describe(const Event& event) {
  std::string what(EventKindName(event.kind));
  std::string text = event.payload;
  const bool is_text =
      event.kind == EventKind::kMark ||
      (event.kind == EventKind::kInput &&
       event.subkind == static_cast<uint8_t>(InputKind::kConsole)) ||
      (event.kind == EventKind::kOutput &&
       event.subkind == static_cast<uint8_t>(OutputKind::kConsole));
  const bool is_cut = text.size() > kMaxShown;
  if (is_cut) text.resize(kMaxShown);
  return absl::StrCat(what, " ",
                      is_text ? absl::StrCat("\"", absl::CHexEscape(text), "\"")
                              : absl::BytesToHexString(text),
                      is_cut ? "..." : "");
}

}  // namespace

absl::StatusOr<std::vector<TargetMark>> RecordedMarks(
    const TraceReader& trace) {
  EventCursor cursor = trace.Events({.kinds = {EventKind::kMark}});
  std::vector<TargetMark> marks;
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(const Event* event, cursor.Next());
    if (event == nullptr) return marks;
    marks.push_back({event->payload, event->position});
  }
}

absl::StatusOr<Position> FindConsoleOutput(const TraceReader& trace,
                                           std::string_view text) {
  if (text.empty()) {
    return absl::InvalidArgumentError("there is no text to look for");
  }
  EventCursor cursor = trace.Events({.kinds = {EventKind::kOutput}});
  // The end of what was printed before, in case the text is printed in parts.
  std::string printed;
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(const Event* event, cursor.Next());
    if (event == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("the console never prints '", AbseilView(text), "'"));
    }
    if (event->subkind != static_cast<uint8_t>(OutputKind::kConsole)) continue;
    printed += event->payload;
    if (printed.find(text) != std::string::npos) return event->position;
    if (printed.size() >= text.size()) {
      printed.erase(0, printed.size() - text.size() + 1);
    }
  }
}

absl::StatusOr<std::pair<Position, Position>> EventsAround(
    const TraceReader& trace, VirtualTime time) {
  const EndRecord& end = trace.info().end;
  if (time > end.time) {
    return absl::OutOfRangeError(
        absl::StrFormat("the recording ends at %.9f s",
                        static_cast<double>(end.time.value()) / 1e9));
  }
  EventCursor cursor = trace.Events();
  std::pair<Position, Position> range(Position(0), end.position);
  while (true) {
    LIBRR_ASSIGN_OR_RETURN(const Event* event, cursor.Next());
    if (event == nullptr) return range;
    if (event->time >= time) {
      range.second = event->position;
      return range;
    }
    range.first = event->position;
  }
}

absl::StatusOr<std::vector<std::string>> EventLines(const TraceReader& trace,
                                                    Position from, Position to,
                                                    size_t max) {
  EventCursor cursor = trace.Events(
      {.kinds = {EventKind::kInput, EventKind::kOutput, EventKind::kMark}});
  LIBRR_RETURN_IF_ERROR(cursor.SeekTo(from));
  std::vector<std::string> lines;
  while (lines.size() < max) {
    LIBRR_ASSIGN_OR_RETURN(const Event* event, cursor.Next());
    if (event == nullptr || event->position > to) break;
    lines.push_back(absl::StrFormat(
        "%14d %15.9f %s", event->position.value(),
        static_cast<double>(event->time.value()) / 1e9, Describe(*event)));
  }
  return lines;
}

}  // namespace librr
