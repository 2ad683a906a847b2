// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/input_script.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"

namespace librr {
namespace {

// What an `expect` may have to look back over.
constexpr size_t kMaxUnmatched = 1 << 20;
constexpr double kMaxSeconds = 1e9;

struct Command {
  enum class Verb { kExpect, kAt, kWait, kType } verb;
  std::string text;      // kExpect, kType: the bytes
  uint64_t nanos = 0;    // kAt, kWait
  std::string location;  // "name:line: expect TEXT", for people
};

absl::StatusOr<std::string> Unescape(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
      continue;
    }
    if (++i == text.size()) {
      return absl::InvalidArgumentError("a lone \\ at the end; write \\\\");
    }
    switch (text[i]) {
      case 'n':
        bytes.push_back('\n');
        break;
      case 'r':
        bytes.push_back('\r');
        break;
      case 't':
        bytes.push_back('\t');
        break;
      case 'e':
        bytes.push_back('\x1b');
        break;
      case 's':
        bytes.push_back(' ');
        break;
      case '\\':
        bytes.push_back('\\');
        break;
      case 'x': {
        uint32_t value = 0;
        if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
            !absl::ascii_isxdigit(text[i + 2]) ||
            !absl::SimpleHexAtoi(AbseilView(text.substr(i + 1, 2)), &value)) {
          return absl::InvalidArgumentError(
              "\\x needs two hexadecimal digits, as in \\x1b");
        }
        bytes.push_back(static_cast<char>(value));
        i += 2;
        break;
      }
      default:
        return absl::InvalidArgumentError(
            absl::StrCat("unknown escape \\", std::string(1, text[i]),
                         "; there are \\n \\r \\t \\e \\s \\\\ \\xHH"));
    }
  }
  return bytes;
}

absl::StatusOr<uint64_t> ParseSeconds(std::string_view text) {
  double seconds = 0;
  if (!absl::SimpleAtod(AbseilView(text), &seconds) ||
      !(seconds >= 0 && seconds <= kMaxSeconds)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", AbseilView(text), "' is not a number of seconds, as 2 or 0.5"));
  }
  return static_cast<uint64_t>(std::llround(seconds * 1e9));
}

absl::StatusOr<Command> ParseCommand(std::string_view line) {
  const size_t space = line.find(' ');
  const std::string_view verb = line.substr(0, space);
  std::string_view rest;
  if (space != std::string_view::npos) rest = line.substr(space + 1);
  Command command{};
  if (verb == "expect" || verb == "type") {
    command.verb =
        verb == "type" ? Command::Verb::kType : Command::Verb::kExpect;
    LIBRR_ASSIGN_OR_RETURN(command.text, Unescape(rest));
    if (command.text.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(AbseilView(verb), " needs a text"));
    }
    return command;
  }
  if (verb == "at" || verb == "wait") {
    command.verb = verb == "at" ? Command::Verb::kAt : Command::Verb::kWait;
    LIBRR_ASSIGN_OR_RETURN(command.nanos, ParseSeconds(rest));
    return command;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown command '", AbseilView(verb),
                   "'; there are expect, at, wait and type"));
}

class InputScript final : public InputSource {
 public:
  explicit InputScript(std::vector<Command> commands)
      : commands_(std::move(commands)) {}

  std::string Poll(size_t room, VirtualTime now) override {
    Advance(now);
    const std::string bytes = held_.substr(0, room);
    held_.erase(0, bytes.size());
    if (held_.empty()) Advance(now);
    return bytes;
  }

  void OnConsoleOutput(absl::Span<const uint8_t> bytes,
                       VirtualTime /*now*/) override {
    if (next_ == commands_.size()) return;
    unmatched_.append(bytes.begin(), bytes.end());
    if (unmatched_.size() > kMaxUnmatched) {
      unmatched_.erase(0, unmatched_.size() - kMaxUnmatched / 2);
      searched_ = 0;
    }
  }

  bool live() const override { return false; }
  bool exhausted() const override {
    return held_.empty() && next_ == commands_.size();
  }
  bool holds_input() const override { return !held_.empty(); }
  std::optional<VirtualTime> NextDue() const override { return due_; }
  std::string Pending() const override {
    if (!held_.empty()) return "the guest did not take all that was typed";
    if (next_ == commands_.size()) return "";
    return absl::StrCat("the script still waits at ",
                        commands_[next_].location);
  }

 private:
  // Executes commands until one has to wait. What is typed must be taken
  // before the next command begins.
  void Advance(VirtualTime now) {
    while (held_.empty() && next_ < commands_.size()) {
      const Command& command = commands_[next_];
      switch (command.verb) {
        case Command::Verb::kType:
          held_ = command.text;
          break;
        case Command::Verb::kExpect:
          if (!Match(command.text)) return;
          break;
        case Command::Verb::kAt:
        case Command::Verb::kWait:
          if (!due_.has_value()) {
            due_ = command.verb == Command::Verb::kAt
                       ? VirtualTime(command.nanos)
                       : now + command.nanos;
          }
          if (now < *due_) return;
          due_.reset();
          break;
      }
      ++next_;
    }
  }

  // Whether `text` was printed; drops the output up to its end if so.
  bool Match(const std::string& text) {
    const size_t overlap = text.size() - 1;
    const size_t from = searched_ > overlap ? searched_ - overlap : 0;
    const size_t found = unmatched_.find(text, from);
    searched_ = unmatched_.size();
    if (found == std::string::npos) return false;
    unmatched_.erase(0, found + text.size());
    searched_ = 0;
    return true;
  }

  const std::vector<Command> commands_;
  size_t next_ = 0;  // the command that is executing
  std::optional<VirtualTime> due_;
  std::string held_;       // typed, not yet taken
  std::string unmatched_;  // output since the last match
  size_t searched_ = 0;    // how much of it holds no match of the present text
};

}  // namespace

absl::StatusOr<std::unique_ptr<InputSource>> ParseInputScript(
    const std::string& name, std::string_view text) {
  std::vector<Command> commands;
  for (int number = 1; !text.empty(); ++number) {
    const size_t newline = text.find('\n');
    std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline == std::string_view::npos ? text.size()
                                                         : newline + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    line.remove_prefix(begin);
    absl::StatusOr<Command> command = ParseCommand(line);
    if (!command.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ":", number, ": ", command.status().message()));
    }
    command->location = absl::StrCat(name, ":", number, ": ", AbseilView(line));
    commands.push_back(*std::move(command));
  }
  return std::make_unique<InputScript>(std::move(commands));
}

}  // namespace librr
