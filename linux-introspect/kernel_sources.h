// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a guest's kernel is looked at with: files that a person has given, and
// the guest itself. Behind librr/linux_sources.h.
//
//   LIBRR_ASSIGN_OR_RETURN(sources.file, OpenGivenKernel("vmlinux"));
//   Kernel::Find(&memory, sources);
//
// Immutable when made; the types and the cache in it are thread-safe.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_SOURCES_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_SOURCES_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "librr/linux_offsets.h"
#include "linux-introspect/btf.h"
#include "linux-introspect/symbol_table.h"
#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

class KernelCache;

// Symbols that are not from the guest; their addresses are those that the
// kernel was linked for.
struct GivenSymbols {
  std::string name;  // for people: "System.map", "vmlinux"
  SymbolTable table;
};

// Types that are not from the guest.
struct GivenTypes {
  std::string name;  // for people: "the BTF of vmlinux"
  LinuxOffsets::Source source = LinuxOffsets::Source::kAbsent;
  std::shared_ptr<const TypeSource> types;
  // The same as BTF; knows no types if they are from elsewhere.
  std::shared_ptr<const Btf> btf = std::make_shared<const Btf>();
};

struct KernelSources {
  std::optional<GivenSymbols> symbols;
  std::optional<GivenTypes> types;
  // Of the file that the types or symbols are from; empty if it has none.
  std::string banner;
  // Instead of all that: typed by a person.
  std::optional<LinuxOffsets> offsets;
  // What is known of kernels that need no files.
  std::shared_ptr<KernelCache> cache;

  bool has_files() const { return symbols.has_value() || types.has_value(); }
};

// Adds what an uncompressed kernel image, or an object with debug information,
// has: symbols (a symbol table, or the kernel's own inside it), types (BTF,
// else DWARF), a banner. NotFound if it has neither symbols nor types.
absl::Status AddKernelFile(const std::string& path, KernelSources* sources);

// Adds the text of a System.map; its symbols come before those of a vmlinux.
absl::Status AddSystemMap(const std::string& name, std::string_view text,
                          KernelSources* sources);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_SOURCES_H_
