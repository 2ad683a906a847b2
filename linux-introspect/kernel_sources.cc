// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_sources.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/kernel_file.h"
#include "linux-introspect/memo_types.h"

namespace librr::linux_guest {

absl::Status AddKernelFile(const std::string& path, KernelSources* sources) {
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<KernelFile> opened,
                         KernelFile::Open(path));
  const std::shared_ptr<KernelFile> file = std::move(opened);
  sources->banner = file->Banner();
  absl::StatusOr<SymbolTable> symbols = file->Symbols();
  if (symbols.ok()) sources->symbols = {path, *std::move(symbols)};
  const absl::StatusOr<const TypeSource*> types =
      file->OpenTypes(LinuxTypes::kAny);
  if (types.ok()) {
    const bool is_dwarf = file->has_dwarf();
    sources->types = {
        .name = absl::StrCat(
            is_dwarf ? "the debug information (DWARF) of " : "the BTF of ",
            path),
        .source = is_dwarf ? LinuxOffsets::Source::kDwarf
                           : LinuxOffsets::Source::kFileBtf,
        .types = std::make_shared<MemoTypes>(*types, file),
        .btf = std::shared_ptr<const Btf>(file, &file->btf())};
  }
  if (symbols.ok() || types.ok()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(path, " has neither symbols nor types of a kernel: ",
                   std::string(symbols.status().message()), "; ",
                   std::string(types.status().message())));
}

absl::Status AddSystemMap(const std::string& name, std::string_view text,
                          KernelSources* sources) {
  absl::StatusOr<SymbolTable> table = ParseSystemMap(text);
  if (!table.ok()) {
    return absl::Status(
        table.status().code(),
        absl::StrCat(name, ": ", std::string(table.status().message())));
  }
  sources->symbols = {name, *std::move(table)};
  return absl::OkStatus();
}

}  // namespace librr::linux_guest
