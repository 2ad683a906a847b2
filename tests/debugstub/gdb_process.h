// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Runs the real gdb with a script against a stub; tests with it are skipped
// where there is no gdb.
//
//   const std::string output = RunGdb(served.address(), program, R"(
//     break main
//     continue
//   )");
#ifndef LIBRR_TESTS_DEBUGSTUB_GDB_PROCESS_H_
#define LIBRR_TESTS_DEBUGSTUB_GDB_PROCESS_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace librr {

inline bool HasGdb() { return access("/usr/bin/gdb", X_OK) == 0; }

// Everything that gdb prints. `script` is executed after `target remote`; gdb
// goes on after a command that fails. gdb is killed after two minutes.
inline std::string RunGdb(const std::string& address,
                          const std::string& program,
                          const std::string& script) {
  const std::string base =
      testing::TempDir() + "librr_gdb_" + std::to_string(getpid());
  const std::string path = base + ".gdb";
  {
    std::ofstream file(path);
    file << "set pagination off\nset confirm off\nset width 0\n"
         << "set style enabled off\nset debuginfod enabled off\n"
         << "set sysroot /nonexistent\n";
    if (!program.empty()) file << "file " << program << "\n";
    file << "target remote " << address << "\n";
  }
  // Each line is a command of its own, so that one that fails ends nothing but
  // itself.
  std::string command = "timeout 120 /usr/bin/gdb -nx -q -batch -x " + path;
  const std::string lines = base + ".lines";
  {
    std::ofstream file(lines);
    file << script;
  }
  command =
      "timeout 120 /usr/bin/gdb -nx -q -x " + path + " < " + lines + " 2>&1";
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof(buffer), pipe)) {
    output.append(buffer, size);
  }
  pclose(pipe);
  unlink(path.c_str());
  unlink(lines.c_str());
  return output;
}

}  // namespace librr

#endif  // LIBRR_TESTS_DEBUGSTUB_GDB_PROCESS_H_
