// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The script with which `vmrr gdb` starts gdb: it loads symbols, connects, and
// defines commands that move along the recording and leave gdb's view right.
//
//   GdbScript({.address = "/tmp/x/socket", .symbols = "vmlinux"})
#ifndef LIBRR_TOOLS_GDB_SCRIPT_H_
#define LIBRR_TOOLS_GDB_SCRIPT_H_

#include <cstdint>
#include <string>

namespace librr::tools {

struct GdbScriptOptions {
  std::string address;  // for `target remote`
  std::string symbols;  // an ELF file; empty: none
  uint64_t symbol_offset = 0;
  std::string files;  // a folder with the guest's files; empty: none
};

std::string GdbScript(const GdbScriptOptions& options);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_GDB_SCRIPT_H_
