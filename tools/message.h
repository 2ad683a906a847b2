// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What people read on standard error, and how numbers look there.
#ifndef LIBRR_TOOLS_MESSAGE_H_
#define LIBRR_TOOLS_MESSAGE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "librr/trace.h"
#include "librr/units.h"

namespace librr::tools {

// One line, beginning with "vmrr: ".
void Say(const std::string& line);

// A std::string_view for Abseil's functions, whose own view is another type in
// Debian's build.
inline absl::string_view View(std::string_view text) {
  return absl::string_view(text.data(), text.size());
}

std::string FormatSeconds(VirtualTime time);  // "1.234567890"
std::string FormatCount(uint64_t count);      // "1,234,567"
std::string FormatBytes(uint64_t bytes);      // "15.2 MB"
// "the guest powered off", with what the end record adds.
std::string DescribeEnd(const EndRecord& end);

// A word that a shell takes as one.
std::string ShellWord(const std::string& text);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_MESSAGE_H_
