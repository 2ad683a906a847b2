// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kernel_file.h"

#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/btf_types.h"
#include "linux-introspect/kallsyms.h"

namespace librr::linux_guest {
namespace {

constexpr size_t kMaxSections = 65536;
constexpr size_t kMaxSegments = 64;
// As much as is read of a kernel in memory.
constexpr uint64_t kMaxImage = 192 << 20;

absl::Status NoKernel(const std::string& path, const char* why) {
  return absl::InvalidArgumentError(absl::StrCat(
      path, " ", why,
      "; an uncompressed kernel (vmlinux) is needed, with type information"));
}

// Views the file; empty if the section is not inside it.
std::string_view BytesOf(Elf_Scn* section) {
  const Elf_Data* const data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const char*>(data->d_buf), data->d_size};
}

// As nm prints it, as far as anybody here asks: code or not, global or not.
char NmType(const GElf_Sym& symbol, bool is_in_code) {
  const bool is_local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL;
  // Labels of assembly have no kind: what they are, their place says.
  if (is_in_code || GELF_ST_TYPE(symbol.st_info) == STT_FUNC) {
    return is_local ? 't' : 'T';
  }
  if (symbol.st_shndx == SHN_ABS) return is_local ? 'a' : 'A';
  return is_local ? 'd' : 'D';
}

}  // namespace

absl::StatusOr<std::unique_ptr<KernelFile>> KernelFile::Open(
    const std::string& path) {
  elf_version(EV_CURRENT);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  struct stat status = {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return NoKernel(path, "is not a file");
  }
  Elf* const elf = elf_begin(descriptor, ELF_C_READ_MMAP, nullptr);
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF) {
    elf_end(elf);
    close(descriptor);
    return NoKernel(path, "is not an ELF file");
  }
  // The constructor is private.
  return std::unique_ptr<KernelFile>(new KernelFile(descriptor, elf));
}

KernelFile::~KernelFile() {
  dwarf_ = nullptr;
  elf_end(elf_);
  close(descriptor_);
}

void KernelFile::AnySection(
    const std::function<bool(Elf_Scn*, std::string_view name, uint64_t type,
                             uint64_t flags)>& visit) const {
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return;
  Elf_Scn* section = nullptr;
  for (size_t i = 0; i < kMaxSections; ++i) {
    section = elf_nextscn(elf_, section);
    GElf_Shdr header;
    if (section == nullptr) return;
    if (gelf_getshdr(section, &header) == nullptr) continue;
    const char* const name = elf_strptr(elf_, names, header.sh_name);
    if (visit(section, name == nullptr ? "" : name, header.sh_type,
              header.sh_flags)) {
      return;
    }
  }
}

absl::Status KernelFile::ReadBtf() {
  std::string_view bytes;
  AnySection(
      [&](Elf_Scn* section, std::string_view name, uint64_t type, uint64_t) {
        if (name != ".BTF" || type == SHT_NOBITS) return false;
        bytes = BytesOf(section);
        return true;
      });
  if (bytes.empty()) {
    return absl::NotFoundError("the file has no type information (BTF)");
  }
  LIBRR_ASSIGN_OR_RETURN(btf_, Btf::Parse(std::string(bytes)));
  btf_types_ = std::make_unique<BtfTypes>(&btf_);
  return absl::OkStatus();
}

absl::StatusOr<const TypeSource*> KernelFile::OpenTypes(LinuxTypes which) {
  dwarf_ = nullptr;
  absl::Status btf = absl::NotFoundError("");
  if (which != LinuxTypes::kDwarf) {
    btf = ReadBtf();
    if (btf.ok()) return btf_types_.get();
    if (which == LinuxTypes::kBtf) return btf;
  }
  absl::StatusOr<std::unique_ptr<DwarfTypes>> dwarf = DwarfTypes::Open(elf_);
  if (dwarf.ok()) {
    dwarf_ = *std::move(dwarf);
    return dwarf_.get();
  }
  if (which == LinuxTypes::kDwarf) return dwarf.status();
  return absl::NotFoundError(
      "the file has no type information, neither BTF nor DWARF");
}

std::optional<uint64_t> KernelFile::Symbol(std::string_view name) const {
  std::optional<uint64_t> address;
  AnySection([&](Elf_Scn* section, std::string_view, uint64_t type, uint64_t) {
    GElf_Shdr header;
    if (type != SHT_SYMTAB || gelf_getshdr(section, &header) == nullptr ||
        header.sh_entsize == 0) {
      return false;
    }
    Elf_Data* const data = elf_getdata(section, nullptr);
    const size_t count = header.sh_size / header.sh_entsize;
    for (size_t i = 0; data != nullptr && i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      const char* const text = elf_strptr(elf_, header.sh_link, symbol.st_name);
      if (text != nullptr && symbol.st_shndx != SHN_UNDEF && name == text) {
        address = symbol.st_value;
        return true;
      }
    }
    return false;
  });
  return address;
}

SymbolTable KernelFile::ReadSymbolTable() const {
  std::set<size_t> code;
  AnySection([&](Elf_Scn* section, std::string_view, uint64_t, uint64_t flags) {
    if ((flags & SHF_EXECINSTR) != 0) code.insert(elf_ndxscn(section));
    return false;
  });
  SymbolTable table;
  AnySection([&](Elf_Scn* section, std::string_view, uint64_t type, uint64_t) {
    GElf_Shdr header;
    if (type != SHT_SYMTAB || gelf_getshdr(section, &header) == nullptr ||
        header.sh_entsize == 0) {
      return false;
    }
    Elf_Data* const data = elf_getdata(section, nullptr);
    const size_t count =
        std::min(header.sh_size / header.sh_entsize, kMaxKallsyms);
    for (size_t i = 0; data != nullptr && i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      const char* const name = elf_strptr(elf_, header.sh_link, symbol.st_name);
      const unsigned kind = GELF_ST_TYPE(symbol.st_info);
      if (name == nullptr || *name == '\0' || symbol.st_shndx == SHN_UNDEF ||
          kind == STT_FILE || kind == STT_SECTION) {
        continue;
      }
      table.Add(symbol.st_value, NmType(symbol, code.contains(symbol.st_shndx)),
                name);
    }
    return true;
  });
  table.Sort();
  return table;
}

// What is loaded where the kernel is.
KernelImage KernelFile::ReadImage() const {
  std::vector<KernelImage::Part> parts;
  size_t segments = 0, size = 0;
  const char* const file = elf_rawfile(elf_, &size);
  if (file == nullptr || elf_getphdrnum(elf_, &segments) != 0) segments = 0;
  uint64_t room = kMaxImage;
  for (size_t i = 0; i < std::min(segments, kMaxSegments); ++i) {
    GElf_Phdr header;
    if (gelf_getphdr(elf_, static_cast<int>(i), &header) == nullptr) break;
    if (header.p_type != PT_LOAD || header.p_vaddr < kLowestImage ||
        header.p_offset > size || header.p_filesz > size - header.p_offset ||
        header.p_filesz > room) {
      continue;
    }
    const uint64_t end =
        parts.empty() ? 0 : parts.back().address + parts.back().bytes.size();
    if (header.p_vaddr < end) break;
    room -= header.p_filesz;
    parts.push_back(
        {header.p_vaddr, std::string(file + header.p_offset, header.p_filesz)});
  }
  return KernelImage(std::move(parts), 0);
}

absl::StatusOr<SymbolTable> KernelFile::Symbols() const {
  SymbolTable table = ReadSymbolTable();
  // Few are those of a program, or of what somebody has stripped.
  if (table.Find("_text").has_value() || table.Find("_stext").has_value()) {
    return table;
  }
  LIBRR_ASSIGN_OR_RETURN(Kallsyms own, Kallsyms::Find(ReadImage()));
  return SymbolTable(std::move(own));
}

std::string KernelFile::Banner() const {
  std::string banner;
  AnySection(
      [&](Elf_Scn* section, std::string_view, uint64_t type, uint64_t flags) {
        if (type != SHT_PROGBITS || (flags & SHF_ALLOC) == 0 ||
            (flags & SHF_EXECINSTR) != 0) {
          return false;
        }
        banner = KernelImage({{0, std::string(BytesOf(section))}}, 0).banner();
        return !banner.empty();
      });
  return banner;
}

}  // namespace librr::linux_guest
