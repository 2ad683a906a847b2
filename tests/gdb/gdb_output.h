// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads what gdb and nm print.
//
//   EXPECT_THAT(ValuesIn(SectionOf(output, "after")), ElementsAre("7"));
#ifndef LIBRR_TESTS_GDB_GDB_OUTPUT_H_
#define LIBRR_TESTS_GDB_GDB_OUTPUT_H_

#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace librr {

// The address of a symbol of an ELF file, by `nm`; 0 if there is none.
inline uint64_t AddressIn(const std::string& file, const std::string& symbol) {
  std::FILE* const pipe = popen(("nm " + file).c_str(), "r");
  char name[256], kind = 0;
  uint64_t address = 0, found = 0;
  while (std::fscanf(pipe, "%" SCNx64 " %c %255s", &address, &kind, name) ==
         3) {
    if (name == symbol) found = address;
  }
  pclose(pipe);
  EXPECT_NE(found, 0u) << symbol;
  return found;
}

// What gdb printed behind `echo <NAME>\n`, up to the next such line; without
// prompts.
inline std::string SectionOf(const std::string& output,
                             const std::string& name) {
  const std::string tag = "<" + name + ">\n";
  const size_t found = output.find(tag);
  if (found == output.npos) return "(there is no section " + name + ")";
  const size_t begin = found + tag.size();
  std::string text =
      output.substr(begin, output.find("(gdb) <", begin) - begin);
  const std::string prompt = "(gdb) ";
  for (size_t at = text.find(prompt); at != text.npos; at = text.find(prompt)) {
    text.erase(at, prompt.size());
  }
  return text;
}

// All that follows "$N = " in a text.
inline std::vector<std::string> ValuesIn(const std::string& text) {
  std::vector<std::string> values;
  for (size_t at = text.find("$"); at != text.npos; at = text.find("$", at)) {
    const size_t equals = text.find(" = ", at);
    const size_t end = text.find('\n', at);
    if (equals < end) {
      values.push_back(text.substr(equals + 3, end - equals - 3));
    }
    if (end == text.npos) break;
    at = end;
  }
  return values;
}

}  // namespace librr

#endif  // LIBRR_TESTS_GDB_GDB_OUTPUT_H_
