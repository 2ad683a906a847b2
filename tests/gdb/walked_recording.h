// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A recording of the guest walked.c, served to the real gdb.
//
//   WalkedSession session;
//   const std::string output = session.Gdb(R"(
//     break Square
//     continue
//   )");
//   EXPECT_EQ(SectionOf(output, "after"), "...");   // of `echo <after>\n`
#ifndef LIBRR_TESTS_GDB_WALKED_RECORDING_H_
#define LIBRR_TESTS_GDB_WALKED_RECORDING_H_

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "librr/timeline_target.h"
#include "tests/debugstub/gdb_process.h"
#include "tests/debugstub/served_target.h"
#include "tests/timeline/timeline_recording.h"

namespace librr {

inline const GuestRecording& Walked() {
  static const auto* recording = new GuestRecording("walked", "walked");
  return *recording;
}

// Where walked.c says "// at: NAME", as gdb names a line.
inline std::string LineAt(const std::string& name) {
  std::ifstream file(LIBRR_WALKED_SOURCE);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const size_t at = line.find("// at: ");
    if (at != line.npos && line.substr(at + 7) == name) {
      return "walked.c:" + std::to_string(number);
    }
  }
  ADD_FAILURE() << "walked.c has no line '" << name << "'";
  return "";
}

// The address of one of its symbols, by `nm`.
inline uint64_t WalkedSymbol(const std::string& symbol) {
  std::FILE* const pipe = popen("nm " LIBRR_WALKED_SYMBOLS, "r");
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

class WalkedSession {
 public:
  explicit WalkedSession(Position at = Position(0))
      : timeline_(Walked().Open()), target_(timeline_.get()) {
    EXPECT_TRUE(timeline_->Seek(at).ok());
    served_ = std::make_unique<ServedTarget>(&target_);
  }

  std::string Gdb(const std::string& script) {
    return RunGdb(served_->address(), LIBRR_WALKED_SYMBOLS, script);
  }
  const std::string& address() const { return served_->address(); }

 private:
  std::unique_ptr<Timeline> timeline_;
  TimelineTarget target_;
  std::unique_ptr<ServedTarget> served_;
};

}  // namespace librr

#endif  // LIBRR_TESTS_GDB_WALKED_RECORDING_H_
