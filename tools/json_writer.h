// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes JSON piece by piece.
//
//   JsonWriter json(stdout);
//   json.BeginObject();
//   json.Key("position").Number(5);
//   json.EndObject();
//
// Whoever calls keeps the order of calls right. Text that is not UTF-8 is
// written byte by byte as \u00XX, so that the output is always JSON.
#ifndef LIBRR_TOOLS_JSON_WRITER_H_
#define LIBRR_TOOLS_JSON_WRITER_H_

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace librr::tools {

class JsonWriter {
 public:
  explicit JsonWriter(std::FILE* out) : out_(out) {}

  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }
  JsonWriter& Key(std::string_view name);
  void Number(uint64_t value);
  void Signed(int64_t value);
  void Real(double value);  // with six decimals
  void Bool(bool value);
  void Null();
  void Text(std::string_view value);

 private:
  void Begin(char bracket);
  void End(char bracket);
  void Separate();
  void Write(std::string_view text);

  std::FILE* const out_;
  std::vector<bool> has_items_;  // of the open objects and arrays
  bool after_key_ = false;
};

// The JSON string literal of a text, with its quotes.
std::string JsonQuote(std::string_view text);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_JSON_WRITER_H_
