// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/input_script.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/recorder/fake_recording.h"

namespace librr {
namespace {

using testing::HasSubstr;

std::unique_ptr<InputSource> Parse(const std::string& text) {
  absl::StatusOr<std::unique_ptr<InputSource>> script =
      ParseInputScript("guest.script", text);
  EXPECT_TRUE(script.ok()) << script.status();
  return script.ok() ? *std::move(script) : nullptr;
}

std::string ParseError(const std::string& text) {
  const absl::Status status = ParseInputScript("guest.script", text).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  return std::string(status.message());
}

void Print(InputSource& script, const std::string& text) {
  const std::vector<uint8_t> bytes(text.begin(), text.end());
  script.OnConsoleOutput(bytes, VirtualTime());
}

TEST(InputScriptTest, TypesWithEscapes) {
  auto script = Parse("# comment\n\n  type a\\tb\\n\\x41\\\\\\e\\s\n");
  EXPECT_EQ(script->Poll(100, VirtualTime()), "a\tb\nA\\\x1b ");
  EXPECT_TRUE(script->exhausted());
}

TEST(InputScriptTest, TypesNoMoreThanFits) {
  auto script = Parse("type abc\ntype de\n");
  EXPECT_EQ(script->Poll(0, VirtualTime()), "");
  EXPECT_TRUE(script->holds_input());
  EXPECT_EQ(script->Poll(2, VirtualTime()), "ab");
  EXPECT_EQ(script->Poll(2, VirtualTime()), "c");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "de");
}

TEST(InputScriptTest, ExpectWaitsForOutputInPieces) {
  auto script = Parse("expect login:\ntype root\\n\n");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "");
  Print(*script, "debian lo");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "");
  Print(*script, "gin: ");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "root\n");
}

TEST(InputScriptTest, ExpectLooksOnlyBehindTheLastMatch) {
  auto script = Parse("expect #\ntype 1\nexpect #\ntype 2\n");
  Print(*script, "a # b");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "1");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "");
  Print(*script, "#");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "2");
}

TEST(InputScriptTest, ExpectFindsWhatWasPrintedBeforeItsTurn) {
  auto script = Parse("expect b\ntype 1\nexpect d\ntype 2\n");
  Print(*script, "abcde");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "1");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "2");
}

TEST(InputScriptTest, EndlessOutputIsForgotten) {
  auto script = Parse("expect end\ntype x\n");
  for (int i = 0; i < 100; ++i) Print(*script, std::string(100'000, '.'));
  EXPECT_EQ(script->Poll(9, VirtualTime()), "");
  Print(*script, "en");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "");
  Print(*script, "d");
  EXPECT_EQ(script->Poll(9, VirtualTime()), "x");
}

TEST(InputScriptTest, AtAndWaitFollowTheGuestsClock) {
  auto script = Parse("at 2\ntype a\nwait 0.5\ntype b\n");
  EXPECT_EQ(script->Poll(9, VirtualTime(1'999'999'999)), "");
  EXPECT_EQ(script->NextDue(), VirtualTime(2'000'000'000));
  EXPECT_EQ(script->Poll(9, VirtualTime(2'000'000'001)), "a");
  EXPECT_EQ(script->NextDue(), VirtualTime(2'500'000'001));
  EXPECT_EQ(script->Poll(9, VirtualTime(2'500'000'001)), "b");
}

TEST(InputScriptTest, ErrorsNameFileAndLine) {
  EXPECT_THAT(ParseError("type a\nexpekt b\n"),
              HasSubstr("guest.script:2: unknown command 'expekt'"));
  EXPECT_THAT(ParseError("wait long"), HasSubstr("guest.script:1: 'long'"));
  EXPECT_THAT(ParseError("at -1"), HasSubstr("not a number of seconds"));
  EXPECT_THAT(ParseError("at nan"), HasSubstr("not a number of seconds"));
  EXPECT_THAT(ParseError("type"), HasSubstr("type needs a text"));
  EXPECT_THAT(ParseError("type \\q"), HasSubstr("unknown escape"));
  EXPECT_THAT(ParseError("type \\x4"), HasSubstr("two hexadecimal digits"));
  EXPECT_THAT(ParseError("type a\\"), HasSubstr("lone"));
}

TEST(InputScriptTest, DrivesAMachine) {
  FakeMachine machine({.print_every = 0, .prompt = true});
  auto script = Parse("expect login:\nwait 1\ntype hi\nexpect <i>\ntype q\n");
  ConsoleText console;
  LiveRun run(&machine, script.get(), &console, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(end->reason, EndReason::kPowerOff);
  EXPECT_EQ(console.text, "login: <h><i><q>");
  EXPECT_GE(end->time, VirtualTime(1'000'000'000));
  EXPECT_LT(end->time, VirtualTime(1'100'000'000));
}

TEST(InputScriptTest, MachineThatWaitsForEverSaysForWhat) {
  FakeMachine machine({.timer_period = 0});
  auto script = Parse("expect never\ntype q\n");
  LiveRun run(&machine, script.get(), nullptr, nullptr, {});
  const absl::StatusOr<EndRecord> end = run.Run();
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end->reason, EndReason::kIdle);
  EXPECT_THAT(end->detail, HasSubstr("guest.script:1: expect never"));
}

}  // namespace
}  // namespace librr
