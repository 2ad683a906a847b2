// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/symbol_table.h"

#include <algorithm>
#include <charconv>

#include "absl/status/status.h"
#include "linux-introspect/kallsyms_tables.h"

namespace librr::linux_guest {
namespace {

// KSYM_NAME_LEN of Linux 6.1 and later; a System.map has none that is longer.
constexpr size_t kMaxName = 512;
constexpr size_t kMaxNames = 256 << 20;

// The word at the beginning of `*line`, which is taken off.
std::string_view TakeWord(std::string_view* line) {
  constexpr std::string_view kBlanks = " \t\r";
  line->remove_prefix(std::min(line->find_first_not_of(kBlanks), line->size()));
  const std::string_view word = line->substr(0, line->find_first_of(kBlanks));
  line->remove_prefix(word.size());
  return word;
}

}  // namespace

std::optional<uint64_t> SymbolTable::Find(std::string_view name) const {
  for (const Symbol& symbol : symbols_) {
    if (this->name(symbol) == name) return symbol.address;
  }
  return std::nullopt;
}

void SymbolTable::Add(uint64_t address, char type, std::string_view name) {
  name = name.substr(0, UINT16_MAX);
  symbols_.push_back({address, static_cast<uint32_t>(names_.size()),
                      static_cast<uint16_t>(name.size()), type});
  names_ += name;
  names_.push_back('\0');
}

void SymbolTable::Sort() {
  std::stable_sort(
      symbols_.begin(), symbols_.end(),
      [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
}

void SymbolTable::Slide(uint64_t offset) {
  for (Symbol& symbol : symbols_) {
    if (symbol.address >= kLowestImage) symbol.address += offset;
  }
}

absl::StatusOr<SymbolTable> ParseSystemMap(std::string_view text) {
  SymbolTable table;
  bool has_addresses = false;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view digits = TakeWord(&line);
    const std::string_view type = TakeWord(&line);
    const std::string_view name = TakeWord(&line);
    // A fourth word is the module's name.
    if (digits.empty() || type.size() != 1 || name.empty() ||
        name.size() > kMaxName || !TakeWord(&line).empty()) {
      continue;
    }
    uint64_t address = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, address, 16);
    if (error != std::errc() || stop != end) continue;
    if (table.symbols().size() == kMaxKallsyms ||
        table.names().size() > kMaxNames) {
      return absl::InvalidArgumentError("it has too many symbols");
    }
    has_addresses = has_addresses || address >= kLowestImage;
    table.Add(address, type[0], name);
  }
  // A copy of /proc/kallsyms that has been made without root has only zeros.
  if (!has_addresses) {
    return absl::InvalidArgumentError(
        "no line has an address of a 64-bit kernel's symbol, as a System.map "
        "has");
  }
  table.Sort();
  return table;
}

}  // namespace librr::linux_guest
