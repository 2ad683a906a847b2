// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Looks up one symbol in an ELF file, as in a kernel's vmlinux.
//
//   FindElfSymbol("vmlinux", "_text")   // 0xffffffff81000000
#ifndef LIBRR_TOOLS_ELF_SYMBOL_H_
#define LIBRR_TOOLS_ELF_SYMBOL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace librr::tools {

// nullopt if the file has no such symbol. NotFound: no such file;
// InvalidArgument: no 64-bit or 32-bit little-endian ELF file.
absl::StatusOr<std::optional<uint64_t>> FindElfSymbol(const std::string& path,
                                                      std::string_view name);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_ELF_SYMBOL_H_
