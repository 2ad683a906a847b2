// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/elf_symbol.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace librr::tools {
namespace {

// A kernel has some hundred thousand symbols in tables of some MB.
constexpr uint64_t kMaxTable = uint64_t{256} << 20;
constexpr unsigned kMaxSections = 100'000;

class File {
 public:
  explicit File(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool is_open() const { return fd_ >= 0; }

  bool ReadAt(uint64_t offset, void* data, size_t size) const {
    auto* out = static_cast<char*>(data);
    while (size > 0) {
      const ssize_t got = pread(fd_, out, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      out += got;
      offset += static_cast<uint64_t>(got);
      size -= static_cast<size_t>(got);
    }
    return true;
  }

  // Empty if the table is too long or not in the file.
  std::string Table(uint64_t offset, uint64_t size) const {
    if (size > kMaxTable) return "";
    std::string table(size, '\0');
    return ReadAt(offset, table.data(), size) ? table : "";
  }

 private:
  const int fd_;
};

template <typename Header, typename Section, typename Symbol>
std::optional<uint64_t> Find(const File& file, std::string_view name) {
  Header header;
  if (!file.ReadAt(0, &header, sizeof(header))) return std::nullopt;
  if (header.e_shnum > kMaxSections || header.e_shentsize != sizeof(Section)) {
    return std::nullopt;
  }
  std::vector<Section> sections(header.e_shnum);
  if (!file.ReadAt(header.e_shoff, sections.data(),
                   sections.size() * sizeof(Section))) {
    return std::nullopt;
  }
  for (const Section& section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) {
      continue;
    }
    const Section& strings = sections[section.sh_link];
    const std::string symbols = file.Table(section.sh_offset, section.sh_size);
    const std::string names = file.Table(strings.sh_offset, strings.sh_size);
    for (size_t at = 0; at + sizeof(Symbol) <= symbols.size();
         at += sizeof(Symbol)) {
      Symbol symbol;
      std::memcpy(&symbol, symbols.data() + at, sizeof(symbol));
      if (symbol.st_name < names.size() &&
          std::string_view(names.c_str() + symbol.st_name) == name) {
        return symbol.st_value;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> FindElfSymbol(const std::string& path,
                                                      std::string_view name) {
  const File file(path);
  if (!file.is_open()) {
    return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  unsigned char ident[EI_NIDENT] = {};
  if (!file.ReadAt(0, ident, sizeof(ident)) ||
      std::memcmp(ident, ELFMAG, SELFMAG) != 0 ||
      ident[EI_DATA] != ELFDATA2LSB) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": not an ELF file; symbols come from the kernel's vmlinux"));
  }
  return ident[EI_CLASS] == ELFCLASS64
             ? Find<Elf64_Ehdr, Elf64_Shdr, Elf64_Sym>(file, name)
             : Find<Elf32_Ehdr, Elf32_Shdr, Elf32_Sym>(file, name);
}

}  // namespace librr::tools
