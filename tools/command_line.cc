// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace librr::tools {
namespace {

constexpr size_t kHelpColumn = 22;
constexpr double kMaxSeconds = 1e9;

std::vector<Option> AllOptions(const Command& command) {
  std::vector<Option> all;
  for (const absl::Span<const Option> table : command.options) {
    all.insert(all.end(), table.begin(), table.end());
  }
  return all;
}

absl::Status WrongUse(const Command& command, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(
      what, "; see `vmrr ", std::string(command.name), " --help`"));
}

absl::Status UnknownOption(const Command& command,
                           const std::vector<Option>& options,
                           const std::string& typed) {
  std::vector<std::string_view> names;
  for (const Option& option : options) names.push_back(option.name);
  const std::string_view near = Nearest(typed, names);
  return WrongUse(
      command,
      absl::StrCat("unknown option ", typed.size() > 1 ? "--" : "-", typed,
                   near.empty() ? "" : "; did you mean --", std::string(near)));
}

std::string OptionHead(const Option& option) {
  std::string head =
      option.letter == 0
          ? "      "
          : absl::StrCat("  -", std::string(1, option.letter), ", ");
  absl::StrAppend(&head, "--", std::string(option.name));
  if (!option.argument.empty()) {
    absl::StrAppend(&head, " ", std::string(option.argument));
  }
  return head;
}

// Edits that turn one word into the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view word,
                         absl::Span<const std::string_view> candidates) {
  std::string_view nearest;
  size_t least = std::min<size_t>(3, word.size());
  for (const std::string_view candidate : candidates) {
    const size_t distance = candidate.starts_with(word) && word.size() > 1
                                ? 1
                                : Distance(word, candidate);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

absl::StatusOr<uint64_t> ParseNumber(std::string_view text,
                                     std::string_view what) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits),
               [](char c) { return c != '_'; });
  int base = 10;
  const char* begin = digits.data();
  const char* const end = begin + digits.size();
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    base = 16;
    begin += 2;
  }
  uint64_t value = 0;
  const auto [stopped, error] = std::from_chars(begin, end, value, base);
  if (error == std::errc::result_out_of_range) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), ": ", std::string(text),
                     " is too large; the largest number is 2^64 - 1"));
  }
  if (error != std::errc() || stopped != end) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(what), ": '", std::string(text),
                     "' is not a number; write 1000000 or 0xf4240"));
  }
  return value;
}

bool Arguments::Has(std::string_view option) const {
  return values_.contains(option);
}

std::optional<std::string> Arguments::Text(std::string_view option) const {
  const auto found = values_.find(option);
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<std::optional<uint64_t>> Arguments::Number(
    std::string_view option) const {
  const std::optional<std::string> text = Text(option);
  if (!text.has_value()) return std::nullopt;
  absl::StatusOr<uint64_t> number =
      ParseNumber(*text, absl::StrCat("--", std::string(option)));
  if (!number.ok()) return number.status();
  return std::optional<uint64_t>(*number);
}

absl::StatusOr<std::optional<uint64_t>> Arguments::Size(
    std::string_view option) const {
  const std::optional<std::string> text = Text(option);
  if (!text.has_value()) return std::nullopt;
  std::string digits = *text;
  int shift = 0;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'k':
      case 'K':
        shift = 10;
        break;
      case 'm':
      case 'M':
        shift = 20;
        break;
      case 'g':
      case 'G':
        shift = 30;
        break;
      default:
        break;
    }
  }
  if (shift != 0) digits.pop_back();
  const absl::StatusOr<uint64_t> number = ParseNumber(digits, "size");
  if (!number.ok() || *number > std::numeric_limits<uint64_t>::max() >> shift) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", std::string(option), ": '", *text,
                     "' is not a size; write 512M, 2G or bytes"));
  }
  return std::optional<uint64_t>(*number << shift);
}

absl::StatusOr<std::optional<uint64_t>> Arguments::Seconds(
    std::string_view option) const {
  const std::optional<std::string> text = Text(option);
  if (!text.has_value()) return std::nullopt;
  double seconds = 0;
  if (!absl::SimpleAtod(*text, &seconds) ||
      !(seconds >= 0 && seconds <= kMaxSeconds)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", std::string(option), ": '", *text,
                     "' is not a number of seconds; write 10 or 0.5"));
  }
  return std::optional<uint64_t>(
      static_cast<uint64_t>(std::llround(seconds * 1e9)));
}

absl::StatusOr<Arguments> ParseArguments(const Command& command,
                                         absl::Span<const std::string> typed) {
  const std::vector<Option> options = AllOptions(command);
  Arguments arguments;
  arguments.typed_.assign(typed.begin(), typed.end());
  bool options_ended = false;
  for (size_t i = 0; i < typed.size(); ++i) {
    const std::string& word = typed[i];
    if (options_ended || word.size() < 2 || word[0] != '-') {
      arguments.words_.push_back(word);
      continue;
    }
    if (word == "--") {
      options_ended = true;
      continue;
    }
    const bool is_long = word[1] == '-';
    std::string name = word.substr(is_long ? 2 : 1);
    std::optional<std::string> value;
    const size_t equals = name.find('=');
    if (is_long && equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (!is_long && name.size() > 1) {
      value = name.substr(1);  // -n10
      name.resize(1);
    }
    const auto option =
        std::find_if(options.begin(), options.end(), [&](const Option& o) {
          return is_long ? o.name == name : o.letter == name[0];
        });
    if (option == options.end()) {
      return UnknownOption(command, options, name);
    }
    const std::string shown = absl::StrCat("--", std::string(option->name));
    if (option->argument.empty()) {
      if (value.has_value()) {
        return WrongUse(command, absl::StrCat(shown, " takes no value"));
      }
      value = "";
    } else if (!value.has_value()) {
      if (++i == typed.size()) {
        return WrongUse(command,
                        absl::StrCat(shown, " needs a value: ", shown, " ",
                                     std::string(option->argument)));
      }
      value = typed[i];
    }
    const bool is_new = arguments.values_.emplace(option->name, *value).second;
    if (!is_new) {
      return WrongUse(command, absl::StrCat(shown, " is given twice"));
    }
  }
  const size_t count = arguments.words_.size();
  if (count < command.min_words) {
    return WrongUse(command,
                    absl::StrCat("missing ", std::string(command.words),
                                 ": use vmrr ", std::string(command.name), " ",
                                 std::string(command.words)));
  }
  if (count > command.max_words) {
    return WrongUse(command,
                    absl::StrCat("one word too many: '",
                                 arguments.words_[command.max_words], "'"));
  }
  return arguments;
}

std::string HelpFor(const Command& command) {
  std::string help =
      absl::StrCat("vmrr ", std::string(command.name),
                   command.words.empty() ? "" : " ", std::string(command.words),
                   " [options]\n\n", std::string(command.summary), "\n");
  if (!command.details.empty()) {
    absl::StrAppend(&help, "\n", std::string(command.details), "\n");
  }
  absl::StrAppend(&help, "\nOptions:\n");
  for (const Option& option : AllOptions(command)) {
    std::string line = OptionHead(option);
    const std::string indent(kHelpColumn + 6, ' ');
    bool first = true;
    for (const absl::string_view part : absl::StrSplit(
             absl::string_view(option.help.data(), option.help.size()), '\n')) {
      if (first && line.size() + 2 <= indent.size()) {
        line.resize(indent.size(), ' ');
      } else {
        absl::StrAppend(&line, "\n", indent);
      }
      first = false;
      absl::StrAppend(&line, part);
    }
    absl::StrAppend(&help, line, "\n");
  }
  absl::StrAppend(&help, "\nExamples:\n", std::string(command.examples), "\n");
  return help;
}

}  // namespace librr::tools
