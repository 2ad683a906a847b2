// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/module_symbols.h"

#include <elf.h>

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/guest_bytes.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kMaxModules = 4096;
constexpr uint64_t kMaxModule = 256 << 20;
constexpr uint64_t kMaxSymbols = 500'000;
constexpr uint64_t kMaxNames = 16 << 20;
constexpr uint64_t kMaxAllSymbols = 2'000'000;
constexpr uint64_t kMaxRows = 1'000'000;
constexpr uint64_t kPage = 4096;

// Elf64_Sym.
constexpr uint64_t kSymbolSize = 24, kInfo = 4, kSection = 6, kValue = 8;
// What a row of the two ORC tables takes.
constexpr uint64_t kOrcIp = 4, kOrcEntry = 6;
// Of enum mod_mem_type those that stay: text, data, rodata, ro_after_init.
constexpr int kKinds = 4;

// Where struct module has what is needed.
class ModuleReader {
 public:
  explicit ModuleReader(const Kernel& kernel) : kernel_(kernel) {}

  absl::Status FindFields() {
    LIBRR_ASSIGN_OR_RETURN(size_, kernel_.SizeOf("module"));
    const struct {
      Field* field;
      const char* aggregate;
      std::initializer_list<std::string_view> paths;
    } wanted[] = {
        {&list_, "module", {"list"}},
        {&name_, "module", {"name"}},
        {&kallsyms_, "module", {"kallsyms"}},
        {&symtab_, "mod_kallsyms", {"symtab"}},
        {&count_, "mod_kallsyms", {"num_symtab"}},
        {&strtab_, "mod_kallsyms", {"strtab"}},
        // Until 6.3 all but what is freed after the start is one piece.
        {&base_, "module", {"core_layout.base", "module_core", "mem"}},
        {&bytes_, "module", {"core_layout.size", "core_size", "mem"}},
    };
    for (const auto& it : wanted) {
      LIBRR_ASSIGN_OR_RETURN(*it.field,
                             kernel_.FindField(it.aggregate, it.paths));
    }
    has_pieces_ = base_.offset == bytes_.offset;
    if (has_pieces_) {
      LIBRR_ASSIGN_OR_RETURN(piece_size_, kernel_.SizeOf("module_memory"));
      LIBRR_ASSIGN_OR_RETURN(piece_base_,
                             kernel_.FindField("module_memory", "base"));
      LIBRR_ASSIGN_OR_RETURN(piece_bytes_,
                             kernel_.FindField("module_memory", "size"));
    } else {
      LIBRR_ASSIGN_OR_RETURN(
          text_bytes_, kernel_.FindField("module", {"core_layout.text_size",
                                                    "core_text_size"}));
    }
    // Without these there are no rows.
    const auto optional = [&](const char* path) {
      return kernel_.FindField("module", path).value_or(Field{});
    };
    rows_count_ = optional("arch.num_orcs");
    rows_ips_ = optional("arch.orc_unwind_ip");
    rows_entries_ = optional("arch.orc_unwind");
    LIBRR_ASSIGN_OR_RETURN(head_, kernel_.Symbol("modules"));
    return absl::OkStatus();
  }

  // All that can be read.
  std::vector<ModuleSymbols> Read() const {
    std::vector<ModuleSymbols> modules;
    uint64_t symbols = 0;
    uint64_t node = kernel_.ReadPointer(head_).value_or(head_);
    for (size_t i = 0; node != head_ && i < kMaxModules; ++i) {
      const absl::StatusOr<Object> object =
          kernel_.ReadObject(node - list_.offset, size_);
      if (!IsKernelAddress(node) || !object.ok()) break;
      node = object->Number({list_.offset, 8});
      ModuleSymbols module;
      module.name = object->Text(name_);
      module.parts = PartsOf(*object);
      if (module.parts.empty() || !IsName(module.name)) continue;
      ReadSymbols(*object, &module);
      ReadRows(*object, &module);
      symbols += module.symbols.symbols().size();
      if (symbols > kMaxAllSymbols) break;
      modules.push_back(std::move(module));
    }
    return modules;
  }

 private:
  // A section of a file is called by it.
  static bool IsName(const std::string& name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return absl::ascii_isgraph(static_cast<unsigned char>(c));
    });
  }

  std::vector<ModulePart> PartsOf(const Object& module) const {
    std::vector<ModulePart> parts;
    const auto add = [&](uint64_t begin, uint64_t end, bool is_code) {
      // Modules are behind the image.
      const uint64_t lowest = parts.empty() ? kLowestImage : parts.back().end;
      if (begin >= lowest && begin < end && end - begin <= kMaxModule) {
        parts.push_back({begin, end, is_code});
      }
    };
    if (!has_pieces_) {
      const uint64_t begin = module.Number(base_);
      const uint64_t size = std::min(module.Number(bytes_), kMaxModule);
      const uint64_t text = std::min(module.Number(text_bytes_), size);
      add(begin, begin + text, true);
      add(begin + text, begin + size, false);
      return parts;
    }
    std::vector<ModulePart> all;
    for (int kind = 0; kind < kKinds; ++kind) {
      const auto step = static_cast<uint32_t>(kind * piece_size_);
      const uint64_t begin = module.Number(
          {base_.offset + piece_base_.offset + step, piece_base_.size});
      const uint64_t size =
          std::min(module.Number({base_.offset + piece_bytes_.offset + step,
                                  piece_bytes_.size}),
                   kMaxModule);
      all.push_back({begin, begin + size, kind == 0});
    }
    std::sort(all.begin(), all.end(),
              [](const ModulePart& a, const ModulePart& b) {
                return a.begin < b.begin;
              });
    for (const ModulePart& part : all) add(part.begin, part.end, part.is_code);
    return parts;
  }

  // As much as is mapped, page by page.
  std::string ReadUpTo(uint64_t address, uint64_t size) const {
    if (absl::StatusOr<std::string> all = kernel_.Read(address, size);
        all.ok()) {
      return *std::move(all);
    }
    std::string bytes;
    while (bytes.size() < size) {
      const uint64_t at = address + bytes.size();
      const auto piece =
          kernel_.Read(at, std::min(kPage - at % kPage, size - bytes.size()));
      if (!piece.ok()) break;
      bytes += *piece;
    }
    return bytes;
  }

  void ReadSymbols(const Object& module, ModuleSymbols* result) const {
    constexpr uint64_t kTable = 64;
    const uint64_t place = module.Number(kallsyms_);
    const absl::StatusOr<Object> tables = kernel_.ReadObject(place, kTable);
    if (!IsKernelAddress(place) || !tables.ok()) return;
    const uint64_t count = std::min(tables->Number(count_), kMaxSymbols);
    const absl::StatusOr<std::string> table =
        kernel_.Read(tables->Number(symtab_), kSymbolSize * count);
    if (!table.ok()) return;
    uint64_t last = 0;
    for (uint64_t i = 0; i < count; ++i) {
      last = std::max<uint64_t>(last,
                                LoadInteger<uint32_t>(*table, i * kSymbolSize));
    }
    constexpr uint64_t kMaxName = 512;
    const std::string names =
        ReadUpTo(tables->Number(strtab_), std::min(last + kMaxName, kMaxNames));
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t at = i * kSymbolSize;
      const uint64_t name = LoadInteger<uint32_t>(*table, at);
      const uint64_t address = LoadInteger<uint64_t>(*table, at + kValue);
      if (name >= names.size() ||
          LoadInteger<uint16_t>(*table, at + kSection) == SHN_UNDEF) {
        continue;
      }
      const std::string_view rest =
          std::string_view(names).substr(name, kMaxName);
      const std::string_view text = rest.substr(0, rest.find('\0'));
      const auto part =
          std::find_if(result->parts.begin(), result->parts.end(),
                       [&](const ModulePart& it) {
                         return address >= it.begin && address < it.end;
                       });
      if (text.empty() || part == result->parts.end()) continue;
      const char letter = part->is_code ? 't' : 'd';
      const auto info = static_cast<uint8_t>((*table)[at + kInfo]);
      result->symbols.Add(address,
                          ELF64_ST_BIND(info) == STB_LOCAL
                              ? letter
                              : absl::ascii_toupper(letter),
                          text);
    }
    result->symbols.Sort();
  }

  void ReadRows(const Object& module, ModuleSymbols* result) const {
    const uint64_t count = module.Number(rows_count_);
    const uint64_t place = module.Number(rows_ips_);
    if (rows_count_.size == 0 || rows_ips_.size == 0 ||
        rows_entries_.size == 0 || count == 0 || count > kMaxRows) {
      return;
    }
    const auto ips = kernel_.Read(place, kOrcIp * count);
    const auto entries =
        kernel_.Read(module.Number(rows_entries_), kOrcEntry * count);
    if (!ips.ok() || !entries.ok()) return;
    auto rows = ParseOrc(*ips, place, *entries);
    if (!rows.ok()) return;
    std::erase_if(*rows, [&](const OrcRow& row) {
      return std::none_of(result->parts.begin(), result->parts.end(),
                          [&](const ModulePart& part) {
                            return part.is_code && row.address >= part.begin &&
                                   row.address < part.end;
                          });
    });
    result->rows = *std::move(rows);
  }

  const Kernel& kernel_;
  uint64_t head_ = 0, size_ = 0, piece_size_ = 0;
  bool has_pieces_ = false;
  // Of module.
  Field list_, name_, kallsyms_, base_, bytes_, text_bytes_;
  Field rows_count_, rows_ips_, rows_entries_;
  Field piece_base_, piece_bytes_;  // of module_memory
  Field symtab_, count_, strtab_;   // of mod_kallsyms
};

}  // namespace

std::vector<ModuleSymbols> ReadModuleSymbols(const Kernel& kernel) {
  ModuleReader reader(kernel);
  if (!reader.FindFields().ok()) return {};
  std::vector<ModuleSymbols> modules = reader.Read();
  std::sort(modules.begin(), modules.end(),
            [](const ModuleSymbols& a, const ModuleSymbols& b) {
              return a.parts.front().begin < b.parts.front().begin;
            });
  uint64_t end = 0;
  std::erase_if(modules, [&](const ModuleSymbols& module) {
    if (module.parts.front().begin < end) return true;
    end = module.parts.back().end;
    return false;
  });
  return modules;
}

}  // namespace librr::linux_guest
