// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A guest's Linux kernel as a place to read from: its symbols, its types, its
// memory. What the views (tasks.h, printk_log.h, modules.h, ...) stand on.
// Where symbols and types come from, kernel_description.h says.
//
//   LIBRR_ASSIGN_OR_RETURN(Kernel kernel, Kernel::Find(&memory));
//   LIBRR_ASSIGN_OR_RETURN(Field pid, kernel.FindField("task_struct", "pid"));
//   LIBRR_ASSIGN_OR_RETURN(uint64_t init, kernel.Symbol("init_task"));
//   LIBRR_ASSIGN_OR_RETURN(Object task, kernel.ReadObject(init, 9792));
//   task.Number(pid);
//
// Symbols and types are got when it is found; memory is read at each call.
// Belongs to one thread; the reader must outlive it.
#ifndef LIBRR_LINUX_INTROSPECT_KERNEL_H_
#define LIBRR_LINUX_INTROSPECT_KERNEL_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "librr/memory_reader.h"
#include "linux-introspect/kernel_description.h"
#include "linux-introspect/kernel_sources.h"
#include "linux-introspect/page_tables.h"
#include "linux-introspect/type_source.h"

namespace librr::linux_guest {

// A copy of a struct of the kernel.
class Object {
 public:
  Object(uint64_t address, std::string bytes)
      : address_(address), bytes_(std::move(bytes)) {}

  uint64_t address() const { return address_; }
  uint64_t address(Field field) const { return address_ + field.offset; }
  const std::string& bytes() const { return bytes_; }
  // Little-endian, zero-extended, at most 8 bytes; 0 beyond the end.
  uint64_t Number(Field field) const;
  // Up to the zero byte, if there is one.
  std::string Text(Field field) const;

 private:
  uint64_t address_;
  std::string bytes_;
};

// Where to put a member, and its names in the order of the kernels that have
// them.
struct WantedField {
  Field* field;
  const char* aggregate;
  std::initializer_list<std::string_view> paths;
};

class Kernel {
 public:
  // NotFound, saying what was missing. What is from files is proved: there is
  // a task "swapper" with pid 0, the list of tasks comes back to it, and the
  // page tables in use are those of a task.
  static absl::StatusOr<Kernel> Find(const MemoryReader* memory,
                                     const KernelSources& sources = {});

  // One that is described already; its image is what it was described by.
  Kernel(const MemoryReader* memory, const KernelImage& image,
         std::shared_ptr<const KernelDescription> description)
      : Kernel(memory, image.root(), image.text(), std::move(description)) {}
  // The same, its image being at `text`.
  Kernel(const MemoryReader* memory, PagingRoot root, uint64_t text,
         std::shared_ptr<const KernelDescription> description);

  const std::string& release() const { return release_; }
  const std::string& banner() const { return description_->parts().banner; }
  const TypeSource& types() const { return description_->types(); }
  // More of them, as BTF has it; knows no types if they are from elsewhere.
  const Btf& btf() const { return *description_->parts().types.btf; }
  const KernelDescription& description() const { return *description_; }
  // How many bytes further up the image is than the description has it.
  uint64_t slide() const { return slide_; }
  // Where symbols and types are from, and how they were proved; a line each.
  const std::vector<std::string>& sources() const { return sources_; }
  // The kernel's own page tables.
  const PageTables& space() const { return space_; }

  // The address of this boot.
  absl::StatusOr<uint64_t> Symbol(std::string_view name) const;
  // The names of an address, in no order. Looks at all symbols.
  std::vector<std::string_view> NamesOf(uint64_t address) const;
  // From the kernel's types. NotFound names what is missing.
  absl::StatusOr<Field> FindField(std::string_view aggregate,
                                  std::string_view path) const;
  // The first of the paths that this kernel has: members are renamed.
  absl::StatusOr<Field> FindField(
      std::string_view aggregate,
      std::initializer_list<std::string_view> paths) const;
  absl::Status FindFields(std::initializer_list<WantedField> wanted) const;
  absl::StatusOr<uint64_t> SizeOf(std::string_view aggregate) const;

  // Kernel addresses. The error names the address.
  absl::StatusOr<std::string> Read(uint64_t address, uint64_t size) const;
  absl::StatusOr<uint64_t> ReadNumber(uint64_t address, uint32_t size) const;
  absl::StatusOr<uint64_t> ReadPointer(uint64_t address) const {
    return ReadNumber(address, 8);
  }
  absl::StatusOr<Object> ReadObject(uint64_t address, uint64_t size) const;
  // As much of the text as is there, at most `limit` bytes.
  std::string ReadText(uint64_t address, uint64_t limit) const;

  // Another address space, by a kernel pointer to its top-level table
  // (mm_struct.pgd).
  absl::StatusOr<PageTables> SpaceOf(uint64_t pgd) const;

 private:
  void UseOwnTables();
  absl::Status ProveFiles();

  const MemoryReader* memory_;
  PageTables space_;
  std::shared_ptr<const KernelDescription> description_;
  uint64_t slide_;
  std::string release_;
  std::vector<std::string> sources_;
};

// The half of the canonical addresses that is the kernel's.
constexpr bool IsKernelAddress(uint64_t address) {
  return address >= 0xffff800000000000;
}

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KERNEL_H_
