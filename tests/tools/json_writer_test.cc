// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/json_writer.h"

#include <cstdlib>
#include <functional>

#include "gtest/gtest.h"

namespace librr::tools {
namespace {

std::string Written(const std::function<void(JsonWriter&)>& write) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* file = open_memstream(&text, &size);
  JsonWriter json(file);
  write(json);
  std::fclose(file);
  std::string result(text, size);
  std::free(text);
  return result;
}

TEST(JsonWriterTest, NestsObjectsAndArrays) {
  EXPECT_EQ(Written([](JsonWriter& json) {
              json.BeginObject();
              json.Key("a").Number(1);
              json.Key("b").BeginArray();
              json.Bool(true);
              json.Null();
              json.BeginObject();
              json.EndObject();
              json.EndArray();
              json.Key("c").Text("x");
              json.EndObject();
            }),
            "{\"a\": 1, \"b\": [true, null, {}], \"c\": \"x\"}\n");
}

TEST(JsonWriterTest, NumbersAreNotRounded) {
  EXPECT_EQ(Written([](JsonWriter& json) {
              json.BeginArray();
              json.Number(~uint64_t{0});
              json.EndArray();
            }),
            "[18446744073709551615]\n");
}

TEST(JsonWriterTest, TextIsEscaped) {
  EXPECT_EQ(JsonQuote("a\"\\\n\r\x1b"), "\"a\\\"\\\\\\n\\u000d\\u001b\"");
  EXPECT_EQ(JsonQuote(std::string(1, '\0')), "\"\\u0000\"");
}

TEST(JsonWriterTest, Utf8StaysAndOtherBytesAreEscaped) {
  EXPECT_EQ(JsonQuote("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(JsonQuote("\xff\xc3"), "\"\\u00ff\\u00c3\"");
  EXPECT_EQ(JsonQuote("\xed\xa0\x80"), "\"\\u00ed\\u00a0\\u0080\"");
  EXPECT_EQ(JsonQuote("\xc0\xaf"), "\"\\u00c0\\u00af\"");
}

}  // namespace
}  // namespace librr::tools
