// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "debugstub/hex.h"
#include "debugstub/monitor_handlers.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "librr/inspection.h"

namespace librr {
namespace {

constexpr uint64_t kDefaultWriteLength = 8;
constexpr uint64_t kMaxWriteLength = uint64_t{1} << 30;
constexpr size_t kMaxMarkName = 64;
constexpr std::string_view kTime = "time:";

std::string Seconds(VirtualTime time) {
  return absl::StrFormat("%d.%09d s", time.value() / 1'000'000'000,
                         time.value() % 1'000'000'000);
}

// "N", "+N" or "-N"; nullopt if it is no number. Saturates at the ends of the
// numbers, not of the recording.
std::optional<Position> ParsePosition(StubSession& session,
                                      std::string_view text) {
  if (text.empty()) return std::nullopt;
  const char sign = text[0];
  const bool is_relative = sign == '+' || sign == '-';
  const auto number = ParseNumber(text.substr(is_relative ? 1 : 0));
  if (!number.has_value()) return std::nullopt;
  const uint64_t here = session.target().position().value();
  if (sign == '+') {
    const uint64_t room = std::numeric_limits<uint64_t>::max() - here;
    return Position(here + std::min(*number, room));
  }
  if (sign == '-') return Position(here - std::min(*number, here));
  return Position(*number);
}

absl::StatusOr<Position> TimePosition(StubSession& session,
                                      const std::string& text) {
  double seconds = 0;
  if (!absl::SimpleAtod(text, &seconds) || !(seconds >= 0 && seconds < 1e10)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text,
                     "' is no time; time:1.5 is a second and a half of the "
                     "guest's time"));
  }
  return session.target().FindTime(
      VirtualTime(static_cast<uint64_t>(seconds * 1e9)));
}

absl::StatusOr<Position> MarkPosition(StubSession& session,
                                      const std::string& name) {
  LIBRR_ASSIGN_OR_RETURN(const std::vector<TargetMark> marks,
                         session.target().Marks());
  for (const TargetMark& mark : marks) {
    if (mark.name == name) return mark.position;
  }
  return absl::NotFoundError(absl::StrCat(
      "'", name,
      "' is neither a position nor a mark; see `monitor marks` and "
      "`monitor help seek`"));
}

absl::StatusOr<Position> SeekTarget(StubSession& session,
                                    std::string_view text) {
  constexpr std::string_view kConsole = "console:";
  const DebugTarget& target = session.target();
  if (text == "end") return target.end();
  if (text == "begin") return target.begin();
  if (text.substr(0, kTime.size()) == kTime) {
    return TimePosition(session, std::string(text.substr(kTime.size())));
  }
  if (text.substr(0, kConsole.size()) == kConsole) {
    return target.FindConsole(text.substr(kConsole.size()));
  }
  if (const auto position = ParsePosition(session, text)) return *position;
  return MarkPosition(session, std::string(text));
}

// What a position past an end becomes, and a line that says so.
Position Clamp(const DebugTarget& target, Position position,
               std::string* text) {
  const Position clamped = std::clamp(position, target.begin(), target.end());
  if (clamped != position) {
    absl::StrAppend(text, "position ", position.value(), " is past the ",
                    position > clamped ? "end" : "begin",
                    " of the recording, which is ", clamped.value(), "\n");
  }
  return clamped;
}

std::string Owner(const StopHit& hit) {
  switch (hit.cause) {
    case StopHit::Cause::kDevice:
      return "a device";
    case StopHit::Cause::kPageWalker:
      return absl::StrCat("the page walker of vCPU ", hit.vcpu);
    default:
      return absl::StrCat("vCPU ", hit.vcpu);
  }
}

std::string Bytes(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    absl::StrAppend(&text, text.empty() ? "" : " ",
                    HexText(std::string_view(&byte, 1)));
  }
  return text;
}

// What follows a word at the beginning of a text.
std::string_view TextBehind(std::string_view text, const std::string& word) {
  text.remove_prefix(word.size());
  const size_t begin = text.find_first_not_of(" \t");
  return begin == text.npos ? "" : text.substr(begin);
}

// "ADDR [LEN]"
absl::StatusOr<Watchpoint> RangeArguments(StubSession& session,
                                          absl::Span<const std::string> words) {
  Watchpoint range;
  LIBRR_ASSIGN_OR_RETURN(range.address, AddressArgument(session, words[0]));
  range.length = kDefaultWriteLength;
  if (words.size() > 1) {
    LIBRR_ASSIGN_OR_RETURN(range.length, NumberArgument(words[1], "a length"));
  }
  if (range.length == 0 || range.length > kMaxWriteLength) {
    return absl::InvalidArgumentError("the length is 1 byte to 1 GiB");
  }
  range.kind = WatchKind::kAnyWrite;
  range.physical = session.physical();
  if (!range.physical) {
    range.address_space = session.target().CurrentAddressSpace(session.vcpu());
  }
  return range;
}

absl::StatusOr<StopHit> FindLastWrite(StubSession& session,
                                      const Watchpoint& range) {
  DebugTarget& target = session.target();
  LIBRR_ASSIGN_OR_RETURN(const std::optional<StopHit> hit,
                         target.LastWrite(range, target.position()));
  if (hit.has_value()) return *hit;
  return absl::NotFoundError(absl::StrCat("nothing has written to 0x",
                                          HexNumber(range.address),
                                          " before this position"));
}

std::string DescribeWrite(const StopHit& hit) {
  return absl::StrCat("0x", HexNumber(hit.address), ": ", Bytes(hit.old_bytes),
                      " -> ", Bytes(hit.new_bytes), ", written by ", Owner(hit),
                      ", position ", hit.position.value(), "\n");
}

absl::StatusOr<std::string> TravelTo(StubSession& session,
                                     std::string_view where) {
  // A time is searched for by going there and back.
  if (where.substr(0, kTime.size()) == kTime) {
    const std::string time(where.substr(kTime.size()));
    session.ArmMove({[&session, time] { return TimePosition(session, time); },
                     /*by_step=*/true});
    return "";
  }
  LIBRR_ASSIGN_OR_RETURN(const Position position, SeekTarget(session, where));
  std::string text;
  const Position to = Clamp(session.target(), position, &text);
  session.ArmMove({[to] { return to; }, /*by_step=*/true});
  return text;
}

absl::StatusOr<std::string> TravelToLastWrite(
    StubSession& session, absl::Span<const std::string> words) {
  LIBRR_ASSIGN_OR_RETURN(const Watchpoint range,
                         RangeArguments(session, words));
  session.ArmMove({[&session, range]() -> absl::StatusOr<Position> {
                     LIBRR_ASSIGN_OR_RETURN(const StopHit hit,
                                            FindLastWrite(session, range));
                     session.Print(DescribeWrite(hit));
                     return hit.position;
                   },
                   /*by_step=*/true});
  return "";
}

}  // namespace

std::optional<uint64_t> ParseNumber(std::string_view text) {
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X") {
    return ParseHexNumber(text.substr(2));
  }
  uint64_t value = 0;
  const bool digits_only =
      !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits_only || !absl::SimpleAtoi(AbseilView(text), &value)) {
    return std::nullopt;
  }
  return value;
}

absl::StatusOr<uint64_t> NumberArgument(const std::string& text,
                                        std::string_view what) {
  const auto number = ParseNumber(text);
  if (number.has_value()) return *number;
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not ", AbseilView(what),
                   "; numbers are decimal, or hexadecimal after 0x"));
}

absl::StatusOr<uint64_t> AddressArgument(StubSession& session,
                                         const std::string& text) {
  // As gdb calls them in every architecture.
  std::string name = text.substr(text[0] == '$' ? 1 : 0);
  if (name == "pc") name = "rip";
  if (name == "sp") name = "rsp";
  if (name == "fp") name = "rbp";
  const auto value = RegisterNumber(session.registers(), name);
  if (value.has_value()) return *value;
  return NumberArgument(text, "an address");
}

absl::StatusOr<std::string> MonitorPosition(StubSession& session,
                                            const MonitorArguments&) {
  const DebugTarget& target = session.target();
  return absl::StrCat("time ", Seconds(target.time()), ", position ",
                      target.position().value(), "\n");
}

absl::StatusOr<std::string> MonitorStopAt(StubSession& session,
                                          const MonitorArguments& arguments) {
  const DebugTarget& target = session.target();
  if (arguments.words.empty()) {
    if (!session.armed_stop().has_value()) return "no stop is armed\n";
    return absl::StrCat("armed: position ", session.armed_stop()->value(),
                        "\n");
  }
  if (arguments.words[0] == "off") {
    session.ArmStop(std::nullopt);
    return "no stop is armed\n";
  }
  const auto position = ParsePosition(session, arguments.words[0]);
  if (!position.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", arguments.words[0],
                     "' is no position; usage: monitor stopat N|+N|-N"));
  }
  std::string text;
  const Position at = Clamp(target, *position, &text);
  if (at == target.position()) {
    session.ArmStop(std::nullopt);
    return absl::StrCat(text, "this is position ", at.value(), "\n");
  }
  session.ArmStop(at);
  return absl::StrCat(text,
                      at > target.position() ? "continue" : "reverse-continue",
                      " will stop at position ", at.value(), "\n");
}

absl::StatusOr<std::string> MonitorSeek(StubSession& session,
                                        const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const Position position,
                         SeekTarget(session, arguments.text));
  std::string text;
  const Position to = Clamp(session.target(), position, &text);
  session.ArmMove({[to] { return to; }});
  return absl::StrCat(text, "the next `continue` goes to position ", to.value(),
                      "\n");
}

absl::StatusOr<std::string> MonitorTravel(StubSession& session,
                                          const MonitorArguments& arguments) {
  const auto& words = arguments.words;
  if (words.empty()) {
    if (session.move_error().empty()) return "";
    return absl::FailedPreconditionError(session.move_error());
  }
  if (words[0] == "seek" && words.size() > 1) {
    return TravelTo(session, TextBehind(arguments.text, words[0]));
  }
  if (words[0] == "lastwrite" && (words.size() == 2 || words.size() == 3)) {
    return TravelToLastWrite(session, words.subspan(1));
  }
  return absl::InvalidArgumentError(
      "usage: monitor travel [seek WHERE|lastwrite ADDR [LEN]]");
}

absl::StatusOr<std::string> MonitorMark(StubSession& session,
                                        const MonitorArguments& arguments) {
  const std::string& name = arguments.words[0];
  if (name.size() > kMaxMarkName || ParsePosition(session, name).has_value() ||
      name == "end" || name == "begin") {
    return absl::InvalidArgumentError(
        absl::StrCat("a mark's name is a word of at most ", kMaxMarkName,
                     " bytes, and neither a number nor `begin` or `end`"));
  }
  LIBRR_RETURN_IF_ERROR(session.target().AddMark(name));
  return absl::StrCat("mark ", name, " is position ",
                      session.target().position().value(), "\n");
}

absl::StatusOr<std::string> MonitorMarks(StubSession& session,
                                         const MonitorArguments&) {
  LIBRR_ASSIGN_OR_RETURN(const std::vector<TargetMark> marks,
                         session.target().Marks());
  if (marks.empty()) return "there are no marks\n";
  std::string text;
  for (const TargetMark& mark : marks) {
    absl::StrAppend(&text, mark.name, " ", mark.position.value(), "\n");
  }
  return text;
}

absl::StatusOr<std::string> MonitorLastWrite(
    StubSession& session, const MonitorArguments& arguments) {
  LIBRR_ASSIGN_OR_RETURN(const Watchpoint range,
                         RangeArguments(session, arguments.words));
  LIBRR_ASSIGN_OR_RETURN(const StopHit hit, FindLastWrite(session, range));
  return DescribeWrite(hit);
}

absl::StatusOr<std::string> MonitorScope(StubSession& session,
                                         const MonitorArguments& arguments) {
  if (!arguments.words.empty()) {
    const std::string& word = arguments.words[0];
    if (word != "current" && word != "any") {
      return absl::InvalidArgumentError("usage: monitor scope [current|any]");
    }
    session.set_scope_is_current(word == "current");
  }
  return absl::StrCat("scope ", session.scope_is_current() ? "current" : "any",
                      "\n");
}

absl::StatusOr<std::string> MonitorStep(StubSession& session,
                                        const MonitorArguments& arguments) {
  if (!arguments.words.empty()) {
    const std::string& word = arguments.words[0];
    if (word != "context" && word != "all") {
      return absl::InvalidArgumentError("usage: monitor step [context|all]");
    }
    session.set_step_in_context(word == "context");
  }
  return absl::StrCat("step ", session.step_in_context() ? "context" : "all",
                      "\n");
}

}  // namespace librr
