// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr/replayer.h"

namespace librr {
namespace {

// How much of an input is shown.
constexpr size_t kShownBytes = 32;

std::string Seconds(VirtualTime time) {
  return absl::StrFormat("%d.%09d s", time.value() / 1'000'000'000,
                         time.value() % 1'000'000'000);
}

std::string DescribeInput(const Divergence::LastInput& input) {
  std::string what;
  switch (input.kind) {
    case InputKind::kPowerOnDate:
      what = "the power-on date";
      break;
    case InputKind::kSeed:
      what = "the seed";
      break;
    case InputKind::kConsole:
      what = absl::StrCat(
          "console \"", absl::CHexEscape(input.payload.substr(0, kShownBytes)),
          input.payload.size() > kShownBytes ? "\"..." : "\"");
      break;
  }
  return absl::StrCat(what, " at position ", input.position.value());
}

}  // namespace

std::string Divergence::Message() const {
  std::string message =
      absl::StrCat("diverged from the recording at position ", position.value(),
                   " (", Seconds(time), "): ", component);
  if (differing.size() > 1) {
    absl::StrAppend(&message, " and ", differing.size() - 1, " more");
  }
  absl::StrAppend(&message, ", recorded ", expected, ", now ", actual);
  absl::StrAppend(&message, "; went wrong after position ", last_good.value(),
                  " (", position - last_good, " steps)");
  if (last_input.has_value()) {
    absl::StrAppend(&message,
                    "; last input before: ", DescribeInput(*last_input));
  }
  return message;
}

}  // namespace librr
