// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/message.h"

#include <cctype>
#include <cstdio>

#include "absl/strings/str_format.h"

namespace librr::tools {

void Say(const std::string& line) {
  std::fprintf(stderr, "vmrr: %s\n", line.c_str());
}

std::string FormatSeconds(VirtualTime time) {
  return absl::StrFormat("%d.%09d", time.value() / 1'000'000'000,
                         time.value() % 1'000'000'000);
}

std::string FormatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t i = text.size(); i > 3;) {
    i -= 3;
    text.insert(i, ",");
  }
  return text;
}

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 10'000) return absl::StrCat(bytes, " bytes");
  if (bytes < 10'000'000) {
    return absl::StrFormat("%.1f kB", static_cast<double>(bytes) / 1e3);
  }
  return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
}

std::string DescribeEnd(const EndRecord& end) {
  std::string text;
  switch (end.reason) {
    case EndReason::kPowerOff:
      text = "the guest powered off";
      break;
    case EndReason::kReset:
      text = "the guest reset the machine";
      break;
    case EndReason::kHalt:
      text = "the guest halted with interrupts off";
      break;
    case EndReason::kIdle:
      text = "the guest idles and nothing can wake it";
      break;
    case EndReason::kExit:
      text = absl::StrCat("the guest exited with code ",
                          static_cast<int>(end.exit_code));
      break;
    case EndReason::kTripleFault:
      text = "the guest crashed with a triple fault";
      break;
    case EndReason::kUnsupported:
      text = "the guest needs something that this machine lacks";
      break;
    case EndReason::kStopped:
      text = "stopped";
      break;
    case EndReason::kLimit:
      text = "the limit was reached";
      break;
    case EndReason::kTruncated:
      text = "the recording was cut off";
      break;
    case EndReason::kNone:
      text = "no end was recorded";
      break;
  }
  if (!end.detail.empty()) absl::StrAppend(&text, " (", end.detail, ")");
  return text;
}

std::string ShellWord(const std::string& text) {
  bool plain = !text.empty() && text[0] != '-';
  for (const char c : text) {
    plain = plain &&
            (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
             std::string_view("-_./+:@%,").find(c) != std::string_view::npos);
  }
  if (plain) return text;
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "'";
}

}  // namespace librr::tools
