// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The words after `vmrr`, as tables: each command is a row, each of its options
// too. Parsing, `--help`, suggestions for misspelt words and shell completion
// are made from these tables.
//
//   constexpr Option kOptions[] = {{"at", 0, "P", "the position, or `end`"}};
//   absl::StatusOr<Arguments> arguments = ParseArguments(command, words);
//   absl::StatusOr<std::optional<uint64_t>> n = arguments->Number("at");
//
// Options are written --name VALUE, --name=VALUE or -x VALUE, before or after
// the other words; `--` ends them. Tables are constants.
#ifndef LIBRR_TOOLS_COMMAND_LINE_H_
#define LIBRR_TOOLS_COMMAND_LINE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace librr::tools {

struct Option {
  std::string_view name;      // without the dashes
  char letter;                // 0: none
  std::string_view argument;  // what --help calls its value; empty: a flag
  std::string_view help;      // lines are separated by \n
};

class Arguments;

struct Command {
  std::string_view name;
  std::string_view words;    // what follows the options, for people
  std::string_view summary;  // one line
  std::string_view details;  // paragraphs, each line at most 80 characters
  std::string_view examples;
  size_t min_words;
  size_t max_words;
  std::vector<absl::Span<const Option>> options;
  // The exit code, or why the command failed (see `ExitCodeFor`).
  absl::StatusOr<int> (*run)(const Arguments& arguments);
};

// What was typed, checked against a command's tables.
class Arguments {
 public:
  // What is no option.
  const std::vector<std::string>& words() const { return words_; }
  // Everything, as it was typed.
  const std::vector<std::string>& typed() const { return typed_; }

  bool Has(std::string_view option) const;
  // nullopt if it was not given.
  std::optional<std::string> Text(std::string_view option) const;
  // InvalidArgument if what was given is none, naming the option.
  absl::StatusOr<std::optional<uint64_t>> Number(std::string_view option) const;
  // Bytes: a number, or one followed by K, M or G (powers of 1024).
  absl::StatusOr<std::optional<uint64_t>> Size(std::string_view option) const;
  // Decimal seconds, as nanoseconds.
  absl::StatusOr<std::optional<uint64_t>> Seconds(
      std::string_view option) const;

 private:
  friend absl::StatusOr<Arguments> ParseArguments(
      const Command& command, absl::Span<const std::string> typed);

  std::map<std::string, std::string, std::less<>> values_;
  std::vector<std::string> words_;
  std::vector<std::string> typed_;
};

// InvalidArgument: an unknown option, a missing value, too few or many words.
absl::StatusOr<Arguments> ParseArguments(const Command& command,
                                         absl::Span<const std::string> typed);

// The text of `vmrr COMMAND --help`.
std::string HelpFor(const Command& command);

// Decimal or 0x-hexadecimal digits; _ may group them. `what` begins the error.
absl::StatusOr<uint64_t> ParseNumber(std::string_view text,
                                     std::string_view what);

// The candidate that `word` is probably meant to be; empty if none is near.
std::string_view Nearest(std::string_view word,
                         absl::Span<const std::string_view> candidates);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_COMMAND_LINE_H_
