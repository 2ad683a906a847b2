// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/json_writer.h"

#include "absl/strings/str_format.h"

namespace librr::tools {
namespace {

// The length of the well-formed UTF-8 sequence that `text` begins with; 0 if
// there is none. Unicode 15, table 3-7.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : 0;
  };
  const auto is_tail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return is_tail(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (first == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
    if (first == 0xed && byte(1) > 0x9f) return 0;  // a surrogate
    return is_tail(1) && is_tail(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (first == 0xf0 && byte(1) < 0x90) return 0;  // overlong
    if (first == 0xf4 && byte(1) > 0x8f) return 0;  // beyond U+10FFFF
    return is_tail(1) && is_tail(2) && is_tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string JsonQuote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const auto first = static_cast<uint8_t>(text[0]);
    size_t length = Utf8Length(text);
    if (first == '"' || first == '\\') {
      quoted.push_back('\\');
      quoted.push_back(text[0]);
    } else if (first == '\n') {
      quoted += "\\n";
    } else if (first < 0x20 || first == 0x7f || length == 0) {
      quoted += absl::StrFormat("\\u%04x", first);
      length = 1;
    } else {
      quoted.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  quoted.push_back('"');
  return quoted;
}

void JsonWriter::Write(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), out_);
}

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) Write(", ");
  has_items_.back() = true;
}

void JsonWriter::Begin(char bracket) {
  Separate();
  Write({&bracket, 1});
  has_items_.push_back(false);
}

void JsonWriter::End(char bracket) {
  has_items_.pop_back();
  Write({&bracket, 1});
  if (has_items_.empty()) Write("\n");
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  Write(JsonQuote(name));
  Write(": ");
  after_key_ = true;
  return *this;
}

void JsonWriter::Number(uint64_t value) {
  Separate();
  Write(std::to_string(value));
}

void JsonWriter::Signed(int64_t value) {
  Separate();
  Write(std::to_string(value));
}

void JsonWriter::Real(double value) {
  Separate();
  Write(absl::StrFormat("%.6f", value));
}

void JsonWriter::Bool(bool value) {
  Separate();
  Write(value ? "true" : "false");
}

void JsonWriter::Null() {
  Separate();
  Write("null");
}

void JsonWriter::Text(std::string_view value) {
  Separate();
  Write(JsonQuote(value));
}

}  // namespace librr::tools
