// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/coding.h"
#include "librr-core/base/status_macros.h"
#include "librr/linux_offsets.h"
#include "linux-introspect/kernel_cache.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/kernel_place.h"
#include "linux-introspect/type_offsets.h"

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

Kernel::Kernel(const MemoryReader* memory, PagingRoot root, uint64_t text,
               std::shared_ptr<const KernelDescription> description)
    : memory_(memory),
      space_(memory, root),
      description_(std::move(description)),
      slide_(text - description_->parts().text),
      release_(ReleaseOf(banner())) {
  UseOwnTables();
  sources_.push_back(absl::StrFormat("%d symbols from %s, moved by 0x%x",
                                     description_->symbols().symbols().size(),
                                     description_->parts().symbols_name,
                                     slide_));
  sources_.push_back(
      absl::StrCat("types from ", description_->parts().types.name));
}

// The kernel's own tables stay; those that were current go with a process.
void Kernel::UseOwnTables() {
  const auto top = Symbol("init_top_pgt");
  if (!top.ok()) return;
  const auto table = space_.Translate(GuestVirtual(*top));
  if (!table.ok()) return;
  const PagingRoot root = {.table = *table, .levels = space_.root().levels};
  if (PageTables(memory_, root).Translate(GuestVirtual(*top)).ok()) {
    space_ = PageTables(memory_, root);
  }
}

absl::Status Kernel::ProveFiles() {
  const absl::StatusOr<std::vector<LinuxTask>> tasks =
      ReadLinuxTasks(*memory_, OffsetsOf(*this));
  if (!tasks.ok()) {
    return absl::NotFoundError(absl::StrCat(
        "what ", absl::StrJoin(sources_, " and "),
        " say is not so: ", std::string(tasks.status().message())));
  }
  sources_.push_back(absl::StrCat(
      "proved: the first task is \"swapper\" with pid 0, the list of its ",
      tasks->size(), " tasks closes, and their page tables map the kernel"));
  return absl::OkStatus();
}

absl::StatusOr<Kernel> Kernel::Find(const MemoryReader* memory,
                                    const KernelSources& sources) {
  const bool may_be_known = sources.cache != nullptr && !sources.has_files();
  if (may_be_known) {
    LIBRR_ASSIGN_OR_RETURN(const std::vector<KernelPlace> places,
                           FindKernelPlaces(*memory));
    for (const KernelPlace& place : places) {
      auto known = sources.cache->Find(*memory, place);
      if (known == nullptr) continue;
      return Kernel(memory, place.root, place.text(), std::move(known));
    }
  }
  LIBRR_ASSIGN_OR_RETURN(const KernelImage image, KernelImage::Find(*memory));
  const absl::StatusOr<std::shared_ptr<const KernelDescription>> description =
      DescribeKernel(image, sources);
  if (!description.ok()) {
    return absl::NotFoundError(
        absl::StrCat("the kernel ", ReleaseOf(image.banner()), ": ",
                     std::string(description.status().message())));
  }
  if (may_be_known) sources.cache->Add(image, *description);
  Kernel kernel(memory, image, *description);
  if (sources.has_files()) LIBRR_RETURN_IF_ERROR(kernel.ProveFiles());
  return kernel;
}

absl::StatusOr<uint64_t> Kernel::Symbol(std::string_view name) const {
  const std::optional<uint64_t> found = description_->Find(name);
  // Numbers and per-CPU offsets stay.
  if (found.has_value()) {
    return *found < kLowestImage ? *found : *found + slide_;
  }
  return absl::NotFoundError(absl::StrCat("the kernel ", release_,
                                          " has no symbol ", AbseilView(name)));
}

std::vector<std::string_view> Kernel::NamesOf(uint64_t address) const {
  std::vector<std::string_view> names;
  const SymbolTable& symbols = description_->symbols();
  for (const SymbolTable::Symbol& symbol : symbols.symbols()) {
    const bool is_moved = symbol.address >= kLowestImage;
    if (symbol.address + (is_moved ? slide_ : 0) == address) {
      names.push_back(symbols.name(symbol));
    }
  }
  return names;
}

absl::StatusOr<Field> Kernel::FindField(std::string_view aggregate,
                                        std::string_view path) const {
  return types().FindField(aggregate, path);
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
  return types().SizeOf(aggregate);
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
