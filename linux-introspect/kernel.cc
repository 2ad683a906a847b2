// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/btf_types.h"
#include "linux-introspect/kernel_image.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kMaxRead = 16 << 20;

std::string ReleaseOf(const std::string& banner) {
  const std::string_view rest = std::string_view(banner).substr(
      std::min(banner.size(), kBannerStart.size()));
  return std::string(rest.substr(0, rest.find(' ')));
}

}  // namespace

uint64_t Object::Number(Field field) const {
  if (field.offset > bytes_.size() || field.size > 8) return 0;
  std::string_view in = std::string_view(bytes_).substr(field.offset);
  return GetFixed(in, field.size).value_or(0);
}

std::string Object::Text(Field field) const {
  if (field.offset > bytes_.size()) return "";
  const std::string_view text =
      std::string_view(bytes_).substr(field.offset, field.size);
  return std::string(text.substr(0, text.find('\0')));
}

absl::StatusOr<Kernel> Kernel::Find(const MemoryReader* memory) {
  LIBRR_ASSIGN_OR_RETURN(const KernelImage image, KernelImage::Find(*memory));
  LIBRR_ASSIGN_OR_RETURN(Kallsyms kallsyms, Kallsyms::Find(image));
  Kernel kernel(memory, image.root(), std::move(kallsyms));
  kernel.banner_ = image.banner();
  kernel.release_ = ReleaseOf(kernel.banner_);
  kernel.symbols_.reserve(kernel.kallsyms_.symbols().size());
  for (const Kallsyms::Symbol& symbol : kernel.kallsyms_.symbols()) {
    // The first of a name counts.
    kernel.symbols_.emplace(kernel.kallsyms_.name(symbol), symbol.address);
  }
  // The kernel's own tables stay; those that were current go with a process.
  if (const auto top = kernel.Symbol("init_top_pgt"); top.ok()) {
    const auto table = kernel.space_.Translate(GuestVirtual(*top));
    if (table.ok()) {
      const PagingRoot root = {.table = *table, .levels = image.root().levels};
      if (PageTables(memory, root).Translate(GuestVirtual(*top)).ok()) {
        kernel.space_ = PageTables(memory, root);
      }
    }
  }
  const auto begin = kernel.Symbol("__start_BTF");
  const auto end = kernel.Symbol("__stop_BTF");
  if (!begin.ok() || !end.ok() || *end <= *begin) {
    return absl::NotFoundError(
        absl::StrCat("the kernel ", kernel.release_,
                     " carries no type information (CONFIG_DEBUG_INFO_BTF)"));
  }
  const std::string_view btf = image.Bytes(*begin, *end - *begin);
  LIBRR_ASSIGN_OR_RETURN(kernel.types_, Btf::Parse(std::string(btf)));
  return kernel;
}

absl::StatusOr<uint64_t> Kernel::Symbol(std::string_view name) const {
  const auto it = symbols_.find(name);
  if (it != symbols_.end()) return it->second;
  return absl::NotFoundError(absl::StrCat("the kernel ", release_,
                                          " has no symbol ", AbseilView(name)));
}

std::vector<std::string_view> Kernel::NamesOf(uint64_t address) const {
  std::vector<std::string_view> names;
  for (const auto& [name, at] : symbols_) {
    if (at == address) names.push_back(name);
  }
  return names;
}

absl::StatusOr<Field> Kernel::FindField(std::string_view aggregate,
                                        std::string_view path) const {
  return BtfTypes(&types_).FindField(aggregate, path);
}

absl::StatusOr<Field> Kernel::FindField(
    std::string_view aggregate,
    std::initializer_list<std::string_view> paths) const {
  absl::Status first;
  for (const std::string_view path : paths) {
    absl::StatusOr<Field> field = FindField(aggregate, path);
    if (field.ok()) return field;
    if (first.ok()) first = field.status();
  }
  return first;
}

absl::Status Kernel::FindFields(
    std::initializer_list<WantedField> wanted) const {
  for (const WantedField& it : wanted) {
    LIBRR_ASSIGN_OR_RETURN(*it.field, FindField(it.aggregate, it.paths));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Kernel::SizeOf(std::string_view aggregate) const {
  return BtfTypes(&types_).SizeOf(aggregate);
}

absl::StatusOr<std::string> Kernel::Read(uint64_t address,
                                         uint64_t size) const {
  if (size > kMaxRead) {
    return absl::OutOfRangeError(absl::StrFormat(
        "%d bytes at kernel address 0x%x are too many", size, address));
  }
  std::string bytes(size, '\0');
  const absl::Status status = space_.Read(
      GuestVirtual(address),
      absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), size));
  if (status.ok()) return bytes;
  return absl::NotFoundError(
      absl::StrFormat("kernel address 0x%x is not mapped to memory", address));
}

absl::StatusOr<uint64_t> Kernel::ReadNumber(uint64_t address,
                                            uint32_t size) const {
  LIBRR_ASSIGN_OR_RETURN(const std::string bytes, Read(address, size));
  return Object(address, bytes).Number({0, size});
}

absl::StatusOr<Object> Kernel::ReadObject(uint64_t address,
                                          uint64_t size) const {
  LIBRR_ASSIGN_OR_RETURN(std::string bytes, Read(address, size));
  return Object(address, std::move(bytes));
}

std::string Kernel::ReadText(uint64_t address, uint64_t limit) const {
  constexpr uint64_t kPiece = 64;
  std::string text;
  while (text.size() < limit) {
    // Pieces do not cross pages: the next one may not be there.
    const uint64_t size =
        std::min(kPiece - address % kPiece, limit - text.size());
    const absl::StatusOr<std::string> piece = Read(address, size);
    if (!piece.ok()) break;
    const size_t end = piece->find('\0');
    text.append(*piece, 0, end);
    if (end != std::string::npos) break;
    address += size;
  }
  return text;
}

absl::StatusOr<PageTables> Kernel::SpaceOf(uint64_t pgd) const {
  LIBRR_ASSIGN_OR_RETURN(const GuestPhysical table,
                         space_.Translate(GuestVirtual(pgd)));
  return PageTables(memory_, {.table = table, .levels = space_.root().levels});
}

}  // namespace librr::linux_guest
