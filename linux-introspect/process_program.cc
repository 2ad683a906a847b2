// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/process_program.h"

#include <elf.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "linux-introspect/guest_bytes.h"
#include "linux-introspect/path_names.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kMaxAuxv = 4096;
constexpr uint64_t kMaxProgramHeaders = 512;
constexpr uint64_t kMaxDynamicEntries = 4096;
constexpr size_t kMaxObjects = 4096;
constexpr size_t kMaxPath = 4096;  // PATH_MAX
constexpr uint64_t kPageSize = 4096;

// <link.h> of the GNU C library and of musl, 64 bits: where r_debug has its
// list, and link_map its members.
constexpr uint64_t kDebugMap = 8;
constexpr uint64_t kMapAddress = 0, kMapName = 8, kMapDynamic = 16,
                   kMapNext = 24, kMapSize = 40;

absl::StatusOr<std::string> ReadBytes(const PageTables& space, uint64_t address,
                                      uint64_t size) {
  std::string bytes(size, '\0');
  // reinterpret_cast: memory is read as unsigned bytes.
  const absl::Status status = space.Read(
      GuestVirtual(address),
      absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), size));
  if (status.ok()) return bytes;
  return absl::NotFoundError(absl::StrFormat(
      "the process's address 0x%x is not mapped to memory", address));
}

absl::StatusOr<uint64_t> ReadWord(const PageTables& space, uint64_t address) {
  LIBRR_ASSIGN_OR_RETURN(const std::string bytes, ReadBytes(space, address, 8));
  return LoadInteger<uint64_t>(bytes, 0);
}

absl::StatusOr<std::string> ReadPath(const PageTables& space,
                                     uint64_t address) {
  std::string path;
  while (path.size() < kMaxPath) {
    const uint64_t size = kPageSize - address % kPageSize;
    LIBRR_ASSIGN_OR_RETURN(const std::string piece,
                           ReadBytes(space, address, size));
    const size_t end = piece.find('\0');
    path.append(piece, 0, end);
    if (end != std::string::npos) return path;
    address += size;
  }
  return absl::DataLossError("a shared object's name has no end");
}

// Without "." and "..", which must not lead out of a folder with files of the
// guest.
std::string PlainPath(const std::string& path) {
  std::vector<absl::string_view> parts;
  for (const absl::string_view part :
       absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (part != ".") {
      parts.push_back(part);
    }
  }
  std::string plain;
  for (const absl::string_view part : parts) absl::StrAppend(&plain, "/", part);
  return plain;
}

std::optional<uint64_t> AuxvValue(std::string_view auxv, uint64_t type) {
  for (size_t at = 0; at + 16 <= auxv.size(); at += 16) {
    if (LoadInteger<uint64_t>(auxv, at) == type)
      return LoadInteger<uint64_t>(auxv, at + 8);
  }
  return std::nullopt;
}

// The address of the program's dynamic section; 0: it has none.
absl::StatusOr<uint64_t> FindDynamic(const PageTables& space,
                                     std::string_view auxv) {
  const uint64_t table = AuxvValue(auxv, AT_PHDR).value_or(0);
  const uint64_t count = AuxvValue(auxv, AT_PHNUM).value_or(0);
  if (AuxvValue(auxv, AT_PHENT) != sizeof(Elf64_Phdr) || table == 0 ||
      count == 0 || count > kMaxProgramHeaders) {
    return absl::NotFoundError(
        "the process has no program of 64 bits with program headers");
  }
  LIBRR_ASSIGN_OR_RETURN(const std::string headers,
                         ReadBytes(space, table, count * sizeof(Elf64_Phdr)));
  uint64_t displacement = 0;
  std::optional<uint64_t> dynamic;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t at = i * sizeof(Elf64_Phdr);
    const auto type = LoadInteger<uint32_t>(headers, at);
    const auto address =
        LoadInteger<uint64_t>(headers, at + offsetof(Elf64_Phdr, p_vaddr));
    if (type == PT_PHDR) displacement = table - address;
    if (type == PT_DYNAMIC) dynamic = address;
  }
  return dynamic.has_value() ? *dynamic + displacement : 0;
}

// The address of the linker's struct r_debug; 0: there is none.
absl::StatusOr<uint64_t> FindLinkerData(const PageTables& space,
                                        uint64_t dynamic) {
  for (uint64_t i = 0; i < kMaxDynamicEntries; ++i) {
    LIBRR_ASSIGN_OR_RETURN(
        const std::string entry,
        ReadBytes(space, dynamic + i * sizeof(Elf64_Dyn), sizeof(Elf64_Dyn)));
    const auto tag = LoadInteger<uint64_t>(entry, 0);
    if (tag == DT_NULL) return 0;
    if (tag == DT_DEBUG) return LoadInteger<uint64_t>(entry, 8);
  }
  return absl::DataLossError("the program's dynamic section has no end");
}

}  // namespace

absl::StatusOr<std::string> ReadExecutable(const Kernel& kernel, uint64_t mm) {
  LIBRR_ASSIGN_OR_RETURN(const Field exe_file,
                         kernel.FindField("mm_struct", "exe_file"));
  LIBRR_ASSIGN_OR_RETURN(const Field path, kernel.FindField("file", "f_path"));
  LIBRR_ASSIGN_OR_RETURN(const PathNames names, PathNames::Make(&kernel));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t file,
                         kernel.ReadPointer(mm + exe_file.offset));
  if (file == 0) return absl::NotFoundError("the process has no program file");
  LIBRR_ASSIGN_OR_RETURN(const Path place, names.At(file + path.offset));
  LIBRR_ASSIGN_OR_RETURN(const std::string name, names.Of(place));
  return PlainPath(name);
}

absl::StatusOr<std::string> ReadAuxv(const Kernel& kernel, uint64_t mm) {
  LIBRR_ASSIGN_OR_RETURN(const Field field,
                         kernel.FindField("mm_struct", "saved_auxv"));
  LIBRR_ASSIGN_OR_RETURN(
      const std::string saved,
      kernel.Read(mm + field.offset, std::min<uint64_t>(field.size, kMaxAuxv)));
  for (size_t at = 0; at + 16 <= saved.size(); at += 16) {
    if (LoadInteger<uint64_t>(saved, at) == AT_NULL)
      return saved.substr(0, at + 16);
  }
  return absl::DataLossError("the process's auxiliary vector has no end");
}

absl::StatusOr<LinuxSharedObjects> ReadSharedObjects(const PageTables& space,
                                                     std::string_view auxv) {
  LinuxSharedObjects result;
  LIBRR_ASSIGN_OR_RETURN(const uint64_t dynamic, FindDynamic(space, auxv));
  if (dynamic == 0) return result;
  LIBRR_ASSIGN_OR_RETURN(const uint64_t linker, FindLinkerData(space, dynamic));
  if (linker == 0) return result;
  LIBRR_ASSIGN_OR_RETURN(uint64_t map, ReadWord(space, linker + kDebugMap));
  result.debug_data = GuestVirtual(linker);
  // The program itself is the first.
  result.program_link_map = GuestVirtual(map);
  for (size_t count = 0; map != 0; ++count) {
    if (count > kMaxObjects) {
      return absl::DataLossError(
          "the process's list of shared objects has no end");
    }
    LIBRR_ASSIGN_OR_RETURN(const std::string bytes,
                           ReadBytes(space, map, kMapSize));
    const auto name = LoadInteger<uint64_t>(bytes, kMapName);
    if (count > 0 && name != 0) {
      LIBRR_ASSIGN_OR_RETURN(const std::string path, ReadPath(space, name));
      // What has no folder is no file: the kernel's own object (vDSO).
      if (path.find('/') != std::string::npos) {
        result.objects.push_back(
            {.path = PlainPath(path),
             .link_map = GuestVirtual(map),
             .displacement = LoadInteger<uint64_t>(bytes, kMapAddress),
             .dynamic =
                 GuestVirtual(LoadInteger<uint64_t>(bytes, kMapDynamic))});
      }
    }
    map = LoadInteger<uint64_t>(bytes, kMapNext);
  }
  return result;
}

}  // namespace librr::linux_guest
