// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs every system guest on our machine and on QEMU. What it has to print is
// in expected/GUEST.txt: the text by the SDM. Lines that end in " @KEY" are
// those on which QEMU 7.2 is known to differ; "# KEY: ..." at the top says why.
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/system/bare_machine.h"

namespace librr {
namespace {

// One line of an expectations file.
struct Expectation {
  std::string text;
  std::string key;  // empty: QEMU agrees
};

struct ExpectedText {
  std::map<std::string, std::string> reasons;
  std::vector<Expectation> lines;
};

std::string GuestPath(const std::string& guest) {
  return absl::StrCat(LIBRR_SYSTEM_GUESTS, "/", guest, ".elf");
}

ExpectedText ReadExpected(const std::string& guest) {
  ExpectedText expected;
  std::ifstream file(absl::StrCat(LIBRR_SYSTEM_EXPECTED, "/", guest, ".txt"));
  EXPECT_TRUE(file) << "no expectations for " << guest;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("#")) {
      const size_t colon = line.find(": ");
      if (colon != std::string::npos && colon > 2)
        expected.reasons[line.substr(2, colon - 2)] = line.substr(colon + 2);
      continue;
    }
    const size_t at = line.rfind(" @");
    if (at == std::string::npos) {
      expected.lines.push_back({line, ""});
    } else {
      expected.lines.push_back({line.substr(0, at), line.substr(at + 2)});
    }
  }
  return expected;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(
      absl::StrReplaceAll(text, {{"\r", ""}}), '\n', absl::SkipEmpty());
  return lines;
}

// QEMU 7.2 pushes RFLAGS without RF for faults (SDM vol. 3, 17.3.1.1): lines
// are compared without that word.
std::string WithoutResumeFlag(const std::string& line) {
  return absl::StrReplaceAll(absl::StrCat(line, " "), {{" rf ", " "}});
}

class SystemGuest : public testing::TestWithParam<std::string> {};

TEST_P(SystemGuest, PrintsOnOurMachineWhatTheManualSays) {
  const ExpectedText expected = ReadExpected(GetParam());
  const absl::StatusOr<std::string> text = RunOnLibrr(GuestPath(GetParam()));
  ASSERT_TRUE(text.ok()) << text.status();
  const std::vector<std::string> lines = Lines(*text);
  for (size_t i = 0; i < std::min(lines.size(), expected.lines.size()); ++i)
    EXPECT_EQ(lines[i], expected.lines[i].text) << "line " << i + 1;
  EXPECT_EQ(lines.size(), expected.lines.size());
}

TEST_P(SystemGuest, PrintsTheSameOnQemuButWhereThatIsKnownToDiffer) {
  if (!HaveQemu()) GTEST_SKIP() << "qemu-system-x86_64 is not installed";
  const ExpectedText expected = ReadExpected(GetParam());
  const absl::StatusOr<std::string> text = RunOnQemu(GuestPath(GetParam()));
  ASSERT_TRUE(text.ok()) << text.status();
  const std::vector<std::string> lines = Lines(*text);
  for (size_t i = 0; i < std::min(lines.size(), expected.lines.size()); ++i) {
    const Expectation& line = expected.lines[i];
    if (line.key.empty()) {
      EXPECT_EQ(WithoutResumeFlag(lines[i]), WithoutResumeFlag(line.text))
          << "line " << i + 1;
    }
  }
  EXPECT_EQ(lines.size(), expected.lines.size());
}

TEST_P(SystemGuest, GivesAReasonForEveryDifference) {
  const ExpectedText expected = ReadExpected(GetParam());
  for (const Expectation& line : expected.lines) {
    EXPECT_TRUE(line.key.empty() || expected.reasons.contains(line.key))
        << line.text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SystemGuest,
                         testing::ValuesIn(std::vector<std::string>(
                             absl::StrSplit(LIBRR_SYSTEM_GUEST_NAMES, ','))),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param;
                         });

}  // namespace
}  // namespace librr
