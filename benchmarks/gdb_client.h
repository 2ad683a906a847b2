// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The real gdb as a client of a stub of this process.
//
//   absl::StatusOr<GdbTiming> timing =
//       TimeGdbCommand("./socket", "program.symbols",
//                      {"break main", "reverse-continue"}, "reverse-next");
#ifndef LIBRR_BENCHMARKS_GDB_CLIENT_H_
#define LIBRR_BENCHMARKS_GDB_CLIENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace librr::benchmarks {

struct GdbTiming {
  uint64_t begin = 0;  // positions before and after the command
  uint64_t end = 0;
  double elapsed_ms = 0;
  double cpu_ms = 0;   // of gdb and of this process
  std::string output;  // all that gdb printed
};

// Executes the commands `before`, and then times one. Fails if one of them
// does, or if there is no gdb with Python.
absl::StatusOr<GdbTiming> TimeGdbCommand(const std::string& address,
                                         const std::string& symbols,
                                         const std::vector<std::string>& before,
                                         const std::string& command);

}  // namespace librr::benchmarks

#endif  // LIBRR_BENCHMARKS_GDB_CLIENT_H_
