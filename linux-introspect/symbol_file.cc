// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/symbol_file.h"

#include <elf.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "librr-core/base/coding.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kHeaderSize = 64;
constexpr size_t kSectionHeaderSize = 64;
constexpr size_t kSymbolSize = 24;
constexpr uint64_t kPage = 4096;

struct Section {
  std::string name;
  uint32_t type = SHT_NULL;
  uint64_t flags = 0;
  uint64_t address = 0;
  uint64_t size = 0;
  std::string bytes;  // of those that are in the file
  uint32_t link = 0;
  uint32_t info = 0;
  uint64_t alignment = 1;
  uint64_t entry_size = 0;
};

Section InGuest(std::string name, uint64_t begin, uint64_t end, bool is_code) {
  Section section;
  section.name = std::move(name);
  section.type = SHT_NOBITS;
  section.flags =
      SHF_ALLOC | (is_code ? uint64_t{SHF_EXECINSTR} : uint64_t{SHF_WRITE});
  section.address = begin;
  section.size = end - begin;
  return section;
}

Section InFile(std::string name, uint32_t type, std::string bytes) {
  Section section;
  section.name = std::move(name);
  section.type = type;
  section.size = bytes.size();
  section.bytes = std::move(bytes);
  return section;
}

// The guest's memory from `text` to `end` as sections: code where the kernel's
// linker script says so (_text to _etext, _sinittext to _einittext), data in
// between. All of it is code if it does not say.
std::vector<Section> GuestSections(const SymbolTable& symbols, uint64_t text,
                                   uint64_t end) {
  std::vector<Section> sections;
  uint64_t at = text;
  constexpr const char* kCode[][3] = {
      {".text", "_stext", "_etext"},
      {".init.text", "_sinittext", "_einittext"}};
  for (const auto& [name, first, last] : kCode) {
    const std::optional<uint64_t> begin = symbols.Find(first);
    const std::optional<uint64_t> stop = symbols.Find(last);
    if (!begin.has_value() || !stop.has_value() || *begin < at ||
        *stop <= *begin || *stop > end) {
      continue;
    }
    // What is before _stext is code as well.
    const bool is_first = sections.empty();
    if (*begin > at && !is_first) {
      sections.push_back(
          InGuest(absl::StrCat(".data.before", name), at, *begin, false));
    }
    sections.push_back(InGuest(name, is_first ? at : *begin, *stop, true));
    at = *stop;
  }
  if (sections.empty()) return {InGuest(".text", text, end, true)};
  if (at < end) sections.push_back(InGuest(".data", at, end, false));
  return sections;
}

void PutSymbol(std::string& out, uint32_t name, unsigned info, uint16_t section,
               uint64_t address, uint64_t size) {
  PutFixed32(out, name);
  PutFixed(out, info, 1);
  PutFixed(out, STV_DEFAULT, 1);
  PutFixed(out, section, 2);
  PutFixed64(out, address);
  PutFixed64(out, size);
}

bool IsLocal(char type) {
  return type >= 'a' && type <= 'z' && type != 'w' && type != 'v';
}

unsigned Info(char type, bool is_in_code) {
  unsigned binding = IsLocal(type) ? STB_LOCAL : STB_GLOBAL;
  if (type == 'w' || type == 'W' || type == 'v' || type == 'V') {
    binding = STB_WEAK;
  }
  unsigned kind = STT_NOTYPE;
  if (IsCode(type)) {
    kind = is_in_code ? STT_FUNC : STT_NOTYPE;
  } else if (!is_in_code && type != 'a' && type != 'A') {
    kind = STT_OBJECT;
  }
  return ELF64_ST_INFO(binding, kind);
}

// The symbols, local ones first as ELF wants it; how many those are.
std::pair<std::string, uint32_t> SymbolSection(
    const SymbolTable& symbols, const std::vector<Section>& sections) {
  std::string out[2];
  out[0].reserve(kSymbolSize * (symbols.symbols().size() + 1));
  out[0].resize(kSymbolSize);
  const std::vector<SymbolTable::Symbol>& all = symbols.symbols();
  size_t section = 0;
  size_t next = 0;  // the first symbol of a higher address
  for (size_t i = 0; i < all.size(); ++i) {
    const SymbolTable::Symbol& symbol = all[i];
    while (section < sections.size() &&
           symbol.address >=
               sections[section].address + sections[section].size) {
      ++section;
    }
    const bool is_inside = section < sections.size() &&
                           symbol.address >= sections[section].address;
    uint64_t size = 0;
    const bool is_alias = i > 0 && all[i - 1].address == symbol.address;
    if (is_inside && !is_alias) {
      next = std::max(next, i + 1);
      while (next < all.size() && all[next].address == symbol.address) ++next;
      uint64_t end = sections[section].address + sections[section].size;
      if (next < all.size()) end = std::min(end, all[next].address);
      size = end - symbol.address;
    }
    const bool is_code =
        is_inside && (sections[section].flags & SHF_EXECINSTR) != 0;
    // Section 0 of the file is the null section.
    PutSymbol(
        out[IsLocal(symbol.type) ? 0 : 1], symbol.name + 1,
        Info(symbol.type, is_code),
        is_inside ? static_cast<uint16_t>(section + 1) : uint16_t{SHN_ABS},
        symbol.address, size);
  }
  const auto locals = static_cast<uint32_t>(out[0].size() / kSymbolSize);
  return {out[0] + out[1], locals};
}

std::string WriteElf(std::vector<Section> sections) {
  std::string names(1, '\0');
  std::vector<uint32_t> name_places;
  sections.push_back(InFile(".shstrtab", SHT_STRTAB, ""));
  for (const Section& section : sections) {
    name_places.push_back(static_cast<uint32_t>(names.size()));
    names += section.name;
    names.push_back('\0');
  }
  sections.back().size = names.size();
  sections.back().bytes = std::move(names);

  std::string file(ELFMAG, SELFMAG);
  size_t total = kHeaderSize + kSectionHeaderSize * (sections.size() + 1);
  for (const Section& section : sections) total += section.bytes.size() + 8;
  file.reserve(total);
  PutFixed(file, ELFCLASS64, 1);
  PutFixed(file, ELFDATA2LSB, 1);
  PutFixed(file, EV_CURRENT, 1);
  file.resize(EI_NIDENT);
  PutFixed(file, ET_EXEC, 2);
  PutFixed(file, EM_X86_64, 2);
  PutFixed32(file, EV_CURRENT);
  PutFixed64(file, 0);  // no entry
  PutFixed64(file, 0);  // no segments
  PutFixed64(file, kHeaderSize);
  PutFixed32(file, 0);
  PutFixed(file, kHeaderSize, 2);
  PutFixed(file, 0, 2);
  PutFixed(file, 0, 2);
  PutFixed(file, kSectionHeaderSize, 2);
  PutFixed(file, sections.size() + 1, 2);
  PutFixed(file, sections.size(), 2);  // .shstrtab is the last

  file.resize(file.size() + kSectionHeaderSize);  // the null section
  uint64_t place = kHeaderSize + kSectionHeaderSize * (sections.size() + 1);
  for (size_t i = 0; i < sections.size(); ++i) {
    const Section& section = sections[i];
    PutFixed32(file, name_places[i]);
    PutFixed32(file, section.type);
    PutFixed64(file, section.flags);
    PutFixed64(file, section.address);
    PutFixed64(file, place);
    PutFixed64(file, section.size);
    PutFixed32(file, section.link);
    PutFixed32(file, section.info);
    PutFixed64(file, section.alignment);
    PutFixed64(file, section.entry_size);
    place = (place + section.bytes.size() + 7) & ~uint64_t{7};
  }
  for (const Section& section : sections) {
    file += section.bytes;
    file.resize((file.size() + 7) & ~size_t{7});
  }
  return file;
}

}  // namespace

bool IsCode(char type) {
  return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

std::string BuildSymbolFile(const SymbolTable& symbols, uint64_t text,
                            absl::Span<const ModuleSymbols> modules,
                            std::string_view debug_frame) {
  constexpr uint64_t kNowhere = UINT64_MAX - kPage;
  const uint64_t first_module =
      modules.empty() ? kNowhere : modules.front().parts.front().begin;
  SymbolTable all;
  uint64_t end = text;
  for (const SymbolTable::Symbol& symbol : symbols.symbols()) {
    if (symbol.address >= first_module) continue;
    all.Add(symbol.address, symbol.type, symbols.name(symbol));
    end = std::max(end, symbol.address);
  }
  end = std::min((end / kPage + 1) * kPage, first_module);
  std::vector<Section> sections = GuestSections(symbols, text, end);
  for (const ModuleSymbols& module : modules) {
    for (const ModulePart& part : module.parts) {
      sections.push_back(
          InGuest(absl::StrCat(part.is_code ? ".text." : ".data.", module.name),
                  part.begin, part.end, part.is_code));
    }
    for (const SymbolTable::Symbol& symbol : module.symbols.symbols()) {
      all.Add(symbol.address, symbol.type, module.symbols.name(symbol));
    }
  }
  auto [table, locals] = SymbolSection(all, sections);
  if (!debug_frame.empty()) {
    Section frame =
        InFile(".debug_frame", SHT_PROGBITS, std::string(debug_frame));
    frame.alignment = 8;
    sections.push_back(std::move(frame));
  }
  Section symtab = InFile(".symtab", SHT_SYMTAB, std::move(table));
  // .strtab is next; sections are numbered from 1.
  symtab.link = static_cast<uint32_t>(sections.size() + 2);
  symtab.info = locals;
  symtab.alignment = 8;
  symtab.entry_size = kSymbolSize;
  sections.push_back(std::move(symtab));
  sections.push_back(
      InFile(".strtab", SHT_STRTAB, std::string(1, '\0') + all.names()));
  return WriteElf(std::move(sections));
}

}  // namespace librr::linux_guest
