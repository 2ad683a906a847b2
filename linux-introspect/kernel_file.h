// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A kernel as a file: an uncompressed ELF image (vmlinux), or an object that
// has its structures in debug information.
//
//   LIBRR_ASSIGN_OR_RETURN(auto file, KernelFile::Open("vmlinux"));
//   file->OpenTypes(LinuxTypes::kDwarf);
//   file->Symbol("init_task");
//
// Belongs to one thread.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_FILE_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_FILE_H_

#include <libelf.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "librr/linux_offsets.h"
#include "linux-introspect/btf.h"
#include "linux-introspect/dwarf_types.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/symbol_table.h"
#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

class KernelFile {
 public:
  // InvalidArgument if it is no ELF file.
  static absl::StatusOr<std::unique_ptr<KernelFile>> Open(
      const std::string& path);
  ~KernelFile();
  KernelFile(const KernelFile&) = delete;
  KernelFile& operator=(const KernelFile&) = delete;

  // Reads the types: kAny takes BTF where there is any. NotFound if the file
  // has none. They belong to the file.
  absl::StatusOr<const TypeSource*> OpenTypes(LinuxTypes which);
  // Knows no types if OpenTypes has found none of this kind.
  const Btf& btf() const { return btf_; }
  // Whether those that OpenTypes has found are debug information.
  bool has_dwarf() const { return dwarf_ != nullptr; }

  // Its address; nullopt if there is none of that name.
  std::optional<uint64_t> Symbol(std::string_view name) const;
  // All of them: those of its symbol table or, where that has been removed, the
  // kernel's own (kallsyms) inside the file. NotFound if it has none.
  absl::StatusOr<SymbolTable> Symbols() const;
  // "Linux version ..."; empty if there is none.
  std::string Banner() const;

 private:
  KernelFile(int descriptor, Elf* elf) : descriptor_(descriptor), elf_(elf) {}
  // Calls `visit` with each section, its header and name, until it says true.
  void AnySection(
      const std::function<bool(Elf_Scn*, std::string_view name, uint64_t type,
                               uint64_t flags)>& visit) const;
  absl::Status ReadBtf();
  SymbolTable ReadSymbolTable() const;
  KernelImage ReadImage() const;

  const int descriptor_;
  Elf* const elf_;
  Btf btf_;
  std::unique_ptr<TypeSource> btf_types_;
  std::unique_ptr<DwarfTypes> dwarf_;
};

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_FILE_H_
