// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/commands.h"

namespace librr::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Option kOptions[] = {
    {"memory", 'm', "SIZE", "memory"},
    {"seconds", 0, "S", "seconds"},
    {"quiet", 'q', "", "says nothing"},
};

Command TestCommand() {
  Command command{};
  command.name = "test";
  command.words = "FILE";
  command.min_words = 1;
  command.max_words = 2;
  command.options = {kOptions};
  return command;
}

absl::StatusOr<Arguments> Parse(std::vector<std::string> typed) {
  return ParseArguments(TestCommand(), typed);
}

std::string ErrorOf(std::vector<std::string> typed) {
  return std::string(Parse(std::move(typed)).status().message());
}

TEST(CommandLineTest, OptionsAreFoundInEveryForm) {
  for (const std::vector<std::string>& typed :
       std::vector<std::vector<std::string>>{{"--memory", "5", "f"},
                                             {"f", "--memory=5"},
                                             {"-m", "5", "f"},
                                             {"-m5", "f"}}) {
    const auto arguments = Parse(typed);
    ASSERT_TRUE(arguments.ok()) << arguments.status();
    EXPECT_EQ(arguments->Text("memory"), "5");
    EXPECT_THAT(arguments->words(), ElementsAre("f"));
    EXPECT_FALSE(arguments->Has("quiet"));
  }
}

TEST(CommandLineTest, TwoDashesEndTheOptions) {
  const auto arguments = Parse({"-q", "--", "-m"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_TRUE(arguments->Has("quiet"));
  EXPECT_THAT(arguments->words(), ElementsAre("-m"));
}

TEST(CommandLineTest, MisspeltOptionIsSuggested) {
  EXPECT_THAT(ErrorOf({"f", "--memry", "5"}),
              HasSubstr("did you mean --memory"));
  EXPECT_THAT(ErrorOf({"f", "--mem", "5"}), HasSubstr("did you mean --memory"));
  EXPECT_THAT(ErrorOf({"f", "--xyzzy"}), HasSubstr("unknown option --xyzzy;"));
  EXPECT_THAT(ErrorOf({"f", "--xyzzy"}), HasSubstr("vmrr test --help"));
}

TEST(CommandLineTest, WrongUseIsNamed) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("missing FILE"));
  EXPECT_THAT(ErrorOf({"a", "b", "c"}), HasSubstr("one word too many: 'c'"));
  EXPECT_THAT(ErrorOf({"a", "--memory"}), HasSubstr("--memory needs a value"));
  EXPECT_THAT(ErrorOf({"a", "--quiet=1"}), HasSubstr("takes no value"));
  EXPECT_THAT(ErrorOf({"a", "-m1", "-m2"}), HasSubstr("given twice"));
}

TEST(CommandLineTest, SizesHaveSuffixes) {
  const auto size = [](const std::string& text) {
    return *Parse({"f", "--memory", text})->Size("memory");
  };
  EXPECT_EQ(size("512M"), 512ull << 20);
  EXPECT_EQ(size("2g"), 2ull << 30);
  EXPECT_EQ(size("64K"), 64ull << 10);
  EXPECT_EQ(size("0x1000"), 4096u);
  for (const char* wrong : {"", "M", "5T", "-1M", "1.5G", "99999999999G"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        Parse({"f", "--memory", wrong})->Size("memory").status()))
        << wrong;
  }
}

TEST(CommandLineTest, SecondsMayBeFractions) {
  EXPECT_EQ(**Parse({"f", "--seconds", "0.5"})->Seconds("seconds"),
            500'000'000u);
  for (const char* wrong : {"-1", "nan", "inf", "x", "1e30"}) {
    EXPECT_FALSE(Parse({"f", "--seconds", wrong})->Seconds("seconds").ok());
  }
}

TEST(CommandLineTest, NumbersAreDecimalOrHexadecimal) {
  EXPECT_EQ(*ParseNumber("1_000_000", "n"), 1'000'000u);
  EXPECT_EQ(*ParseNumber("0xFFFFffff81000000", "n"), 0xffffffff81000000u);
  EXPECT_EQ(*ParseNumber("18446744073709551615", "n"), ~uint64_t{0});
  for (const char* wrong : {"", "12x", "-1", "0x", "18446744073709551616"}) {
    EXPECT_FALSE(ParseNumber(wrong, "n").ok()) << wrong;
  }
}

TEST(CommandLineTest, EveryCommandExplainsEachOptionInShortLines) {
  for (const Command* command : AllCommands()) {
    const std::string help = HelpFor(*command);
    EXPECT_THAT(help, HasSubstr("Examples:\n  vmrr "));
    EXPECT_THAT(help, HasSubstr("--help"));
    size_t begin = 0;
    while (begin < help.size()) {
      const size_t end = help.find('\n', begin);
      EXPECT_LE(end - begin, 90u) << help.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

TEST(CommandLineTest, NoCommandHasAnOptionTwice) {
  for (const Command* command : AllCommands()) {
    std::vector<std::string_view> names;
    std::vector<char> letters;
    for (const auto table : command->options) {
      for (const Option& option : table) {
        names.push_back(option.name);
        if (option.letter != 0) letters.push_back(option.letter);
      }
    }
    EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(),
              names.size())
        << command->name;
    EXPECT_EQ(std::set<char>(letters.begin(), letters.end()).size(),
              letters.size())
        << command->name;
  }
}

}  // namespace
}  // namespace librr::tools
