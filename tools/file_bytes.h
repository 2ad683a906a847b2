// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Whole files for the command line: kernels, scripts, dumps.
#ifndef LIBRR_TOOLS_FILE_BYTES_H_
#define LIBRR_TOOLS_FILE_BYTES_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace librr::tools {

// The content of a file. NotFound, PermissionDenied and so on name the path;
// InvalidArgument if it is a folder or larger than `max_bytes`.
absl::StatusOr<std::string> ReadFileBytes(const std::string& path,
                                          uint64_t max_bytes);

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using OutputFile = std::unique_ptr<std::FILE, CloseFile>;

// Creates or empties a file.
absl::StatusOr<OutputFile> OpenOutputFile(const std::string& path);
// Writes what is buffered: only now is it known whether all was written.
absl::Status FinishOutput(std::FILE* file, const std::string& path);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_FILE_BYTES_H_
