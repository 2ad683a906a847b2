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

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "librr/timeline_target.h"
#include "tests/debugstub/gdb_process.h"
#include "tests/debugstub/served_target.h"
#include "tests/gdb/gdb_output.h"
#include "tests/timeline/timeline_recording.h"

namespace librr {

inline const GuestRecording& Walked() {
  // Test programs of several build folders may run at the same time.
  static const auto* recording =
      new GuestRecording("walked", "walked_" + std::to_string(getpid()));
  [[maybe_unused]] static const int removed =
      std::atexit([] { unlink(Walked().path().c_str()); });
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

inline uint64_t WalkedSymbol(const std::string& symbol) {
  return AddressIn(LIBRR_WALKED_SYMBOLS, symbol);
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
