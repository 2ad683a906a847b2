// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What is known of a kernel wherever it is in memory: its symbols and types,
// and where each was got from.
//
//   LIBRR_ASSIGN_OR_RETURN(auto description, DescribeKernel(image, sources));
//   description->Find("init_task");
//
// Symbols come from the first of these that there is: a System.map, a vmlinux,
// the guest's own table (kallsyms). Types: a vmlinux (BTF or DWARF), the
// guest's own (BTF), which is found without symbols too. A file that was given
// and does not fit the guest's kernel is an error, and not passed over.
// Immutable, and so for any thread.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_DESCRIPTION_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_DESCRIPTION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "librr/linux_offsets.h"
#include "linux-introspect/btf.h"
#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/kernel_sources.h"
#include "linux-introspect/symbol_table.h"
#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

class KernelDescription {
 public:
  struct Parts {
    std::string banner;
    // Where the image begins, as the symbols have it.
    uint64_t text = 0;
    SymbolTable symbols;
    std::string symbols_name;  // for people
    GivenTypes types;
    // What of the guest's memory the symbols and the types are read from;
    // symbols have none if they are from a file, or if their table has whole
    // addresses. `btf` is at `btf_address`.
    Kallsyms::Source kallsyms;
    std::shared_ptr<const Btf> btf;
    uint64_t btf_address = 0;
  };

  explicit KernelDescription(Parts parts);
  KernelDescription(const KernelDescription&) = delete;
  KernelDescription& operator=(const KernelDescription&) = delete;

  const Parts& parts() const { return parts_; }
  const SymbolTable& symbols() const { return parts_.symbols; }
  const TypeSource& types() const { return *parts_.types.types; }

  // The first symbol of this name.
  std::optional<uint64_t> Find(std::string_view name) const;

 private:
  const Parts parts_;
  // Looks into the names of `parts_`.
  std::unordered_map<std::string_view, uint64_t> index_;
};

// NotFound says what was tried, and what would help.
absl::StatusOr<std::shared_ptr<const KernelDescription>> DescribeKernel(
    const KernelImage& image, const KernelSources& sources);
// Of the guest alone, whose table has been read.
absl::StatusOr<std::shared_ptr<const KernelDescription>> DescribeKernel(
    const KernelImage& image, Kallsyms kallsyms);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_DESCRIPTION_H_
