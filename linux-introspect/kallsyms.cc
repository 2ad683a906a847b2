// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kallsyms.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/guest_bytes.h"

namespace librr::linux_guest {
namespace {

// Names looked at in all; a kernel's are looked at once.
constexpr uint64_t kBudget = 32'000'000;
// Distribution kernels have 6 MB of names.
constexpr uint64_t kMaxNameBytes = 256 << 20;

// Linux, kernel/kallsyms.c, kallsyms_sym_address().
enum class AddressForm {
  kOffsetsOrPerCpu,  // BASE_RELATIVE and ABSOLUTE_PERCPU: x86-64 until 6.14
  kOffsets,          // BASE_RELATIVE
  kAddresses,        // no BASE_RELATIVE: until 4.5
  kPlaceRelative,    // each counts from its own place: the latest
};

constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

struct AddressTable {
  AddressForm form;
  uint64_t place;           // of the first entry, in the part
  uint64_t base_place = 0;  // of relative_base
};

// Where addresses can be: before the count or behind the token index.
std::vector<AddressTable> PossibleAddressTables(const NameTables& tables) {
  std::vector<AddressTable> possible;
  const uint64_t words = AlignUp(4 * tables.count, tables.alignment);
  const uint64_t behind = AlignUp(tables.tokens.end, tables.alignment);
  for (const AddressForm form :
       {AddressForm::kOffsetsOrPerCpu, AddressForm::kOffsets}) {
    if (tables.num_syms >= 8 + words) {
      possible.push_back(
          {form, tables.num_syms - 8 - words, tables.num_syms - 8});
    }
    possible.push_back({form, behind, AlignUp(behind + words, 8)});
  }
  if (tables.num_syms >= 8 * tables.count) {
    possible.push_back(
        {AddressForm::kAddresses, tables.num_syms - 8 * tables.count});
  }
  possible.push_back({AddressForm::kAddresses, behind});
  possible.push_back({AddressForm::kPlaceRelative, behind});
  return possible;
}

size_t EntrySize(AddressForm form) {
  return form == AddressForm::kAddresses ? 8 : 4;
}

Kallsyms::Source SourceOf(const KernelImage::Part& part,
                          const NameTables& names, const AddressTable& table) {
  Kallsyms::Source source;
  if (table.form == AddressForm::kAddresses) return source;
  source.pieces = {
      {part.address + names.num_syms, names.tokens.end - names.num_syms},
      {part.address + table.place, EntrySize(table.form) * names.count}};
  if (table.base_place != 0) source.base = part.address + table.base_place;
  return source;
}

uint64_t SignExtend(uint64_t word) {
  return static_cast<uint64_t>(
      int64_t{static_cast<int32_t>(static_cast<uint32_t>(word))});
}

// False if an entry is not in the part, or if they do not ascend.
bool ReadAddresses(const KernelImage::Part& part, const AddressTable& table,
                   std::vector<SymbolTable::Symbol>* symbols) {
  const size_t size = EntrySize(table.form);
  const std::string_view bytes = part.bytes;
  if (table.place > bytes.size() ||
      (bytes.size() - table.place) / size < symbols->size()) {
    return false;
  }
  uint64_t base = 0;
  if (table.base_place != 0) {
    if (table.base_place > bytes.size() ||
        bytes.size() - table.base_place < sizeof(base)) {
      return false;
    }
    base = LoadInteger<uint64_t>(bytes, table.base_place);
  }
  uint64_t previous = 0;
  for (size_t i = 0; i < symbols->size(); ++i) {
    const uint64_t at = table.place + i * size;
    const uint64_t value = size == 4 ? LoadInteger<uint32_t>(bytes, at)
                                     : LoadInteger<uint64_t>(bytes, at);
    uint64_t address = 0;
    switch (table.form) {
      case AddressForm::kOffsetsOrPerCpu:
        address =
            value < uint64_t{1} << 31 ? value : base - 1 - SignExtend(value);
        break;
      case AddressForm::kOffsets:
        address = base + value;
        break;
      case AddressForm::kAddresses:
        address = value;
        break;
      case AddressForm::kPlaceRelative:
        address = part.address + at + SignExtend(value);
        break;
    }
    if (address < previous) return false;
    previous = address;
    (*symbols)[i].address = address;
  }
  return true;
}

}  // namespace

absl::Status Kallsyms::ReadNames(std::string_view bytes,
                                 const NameTables& tables) {
  uint64_t at = tables.names;
  std::string name;
  for (uint64_t i = 0; i < tables.count; ++i) {
    const std::string_view codes = TakeName(bytes, tables.long_names, &at);
    name.clear();
    for (const char code : codes) {
      name += tables.tokens.tokens[static_cast<uint8_t>(code)];
    }
    if (name.empty()) name.push_back('?');
    Add(0, name[0], std::string_view(name).substr(1));
    if (names().size() > kMaxNameBytes) {
      return absl::NotFoundError("the kernel's symbol names are too long");
    }
  }
  return absl::OkStatus();
}

bool Kallsyms::IsProved(const KernelImage& image) const {
  constexpr uint64_t kHead = 2 << 20;
  const std::optional<uint64_t> text = Find("_text");
  const std::optional<uint64_t> start = Find("_stext");
  if (!text.has_value() && !start.has_value()) return false;
  if (text.has_value() && *text != image.text()) return false;
  if (start.has_value() && *start - image.text() >= kHead) return false;
  // Only with CONFIG_KALLSYMS_ALL are there symbols of data.
  const std::optional<uint64_t> banner = Find("linux_banner");
  return !banner.has_value() ||
         image.Bytes(*banner, kBannerStart.size()) == kBannerStart;
}

absl::StatusOr<Kallsyms> Kallsyms::Find(const KernelImage& image) {
  uint64_t budget = kBudget;
  bool has_names = false;
  for (const KernelImage::Part& part : image.parts()) {
    for (const TokenTables& tokens : FindTokenTables(part.bytes)) {
      const std::optional<NameTables> tables =
          FindNameTables(part.bytes, tokens, &budget);
      if (!tables.has_value()) continue;
      has_names = true;
      Kallsyms kallsyms;
      LIBRR_RETURN_IF_ERROR(kallsyms.ReadNames(part.bytes, *tables));
      for (const AddressTable& table : PossibleAddressTables(*tables)) {
        if (ReadAddresses(part, table, kallsyms.mutable_symbols()) &&
            kallsyms.IsProved(image)) {
          kallsyms.source_ = SourceOf(part, *tables, table);
          return kallsyms;
        }
      }
    }
  }
  return absl::NotFoundError(
      has_names ? "the kernel's symbol table has addresses of an unknown form"
                : "the kernel has no symbol table (CONFIG_KALLSYMS), or one of "
                  "an unknown form");
}

}  // namespace librr::linux_guest
