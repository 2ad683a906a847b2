// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/multiboot.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "machines/pc/boot/elf_image.h"
#include "machines/pc/boot/guest_layout.h"
#include "machines/pc/boot/initial_tables.h"
#include "machines/pc/boot/little_endian.h"

namespace librr::pc {
namespace {

// The header (Multiboot Specification 3.1).
constexpr uint64_t kSearchLimit = 8192;
constexpr uint32_t kHeaderMagic = 0x1badb002;
constexpr uint32_t kFlagAddressesValid = 1u << 16;
// Requirements that a loader must refuse if it does not know them: of these
// page-aligned modules (0), memory information (1) and a video mode (2, which
// the information structure may leave out) are met.
constexpr uint32_t kRequirements = 0xffff;
constexpr uint32_t kKnownRequirements = 0x7;

// The machine state and the information structure (3.2, 3.3).
constexpr uint32_t kBootMagic = 0x2badb002;
constexpr uint32_t kInfoMemory = 1u << 0;
constexpr uint32_t kInfoCommandLine = 1u << 2;
constexpr uint32_t kInfoModules = 1u << 3;
constexpr uint32_t kInfoMemoryMap = 1u << 6;
constexpr uint32_t kInfoLoaderName = 1u << 9;
constexpr uint64_t kInfoSize = 120;

// Where the parts that the information structure points to are placed.
constexpr uint64_t kMapAddress = kBootInfoAddress + 0x100;
constexpr uint64_t kModuleAddress = kBootInfoAddress + 0x800;
constexpr uint64_t kLoaderNameAddress = kBootInfoAddress + 0x820;
constexpr uint64_t kModuleNameAddress = kBootInfoAddress + 0x840;

struct Header {
  uint64_t offset = 0;
  uint32_t flags = 0;
};

std::optional<Header> FindHeader(std::string_view kernel) {
  const std::string_view searched = kernel.substr(0, kSearchLimit);
  for (uint64_t offset = 0; offset + 4 <= searched.size(); offset += 4) {
    uint32_t magic = 0;
    uint32_t flags = 0;
    uint32_t checksum = 0;
    if (!ReadLe(searched, offset, &magic) || magic != kHeaderMagic) continue;
    if (!ReadLe(searched, offset + 4, &flags) ||
        !ReadLe(searched, offset + 8, &checksum)) {
      return std::nullopt;
    }
    if (static_cast<uint32_t>(magic + flags + checksum) == 0) {
      return Header{offset, flags};
    }
  }
  return std::nullopt;
}

absl::Status BadAddresses(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the address fields of the Multiboot header are wrong: ", what));
}

// A flat image: the address fields of the header say what goes where.
absl::StatusOr<LoadedElf> PlaceFlatImage(std::string_view kernel,
                                         uint64_t header_offset) {
  uint32_t header_address = 0;
  uint32_t load_address = 0;
  uint32_t load_end = 0;
  uint32_t bss_end = 0;
  uint32_t entry = 0;
  if (!ReadLe(kernel, header_offset + 12, &header_address) ||
      !ReadLe(kernel, header_offset + 16, &load_address) ||
      !ReadLe(kernel, header_offset + 20, &load_end) ||
      !ReadLe(kernel, header_offset + 24, &bss_end) ||
      !ReadLe(kernel, header_offset + 28, &entry)) {
    return BadAddresses("the header is cut off");
  }
  if (header_address < load_address ||
      header_address - load_address > header_offset) {
    return BadAddresses("the image would begin before the file");
  }
  if (load_address < kHighMemory) {
    return BadAddresses(absl::StrCat("0x", absl::Hex(load_address),
                                     " is below 1 MiB, where boot data lies"));
  }
  const uint64_t first = header_offset - (header_address - load_address);
  uint64_t size = kernel.size() - first;
  if (load_end != 0) {
    if (load_end < load_address || load_end - load_address > size) {
      return BadAddresses("the image would end beyond the file");
    }
    size = load_end - load_address;
  }
  LoadedElf loaded;
  loaded.end = std::max<uint64_t>(load_address + size, bss_end);
  loaded.entry = entry;
  if (entry < load_address || entry >= loaded.end) {
    return BadAddresses("the entry is outside of the image");
  }
  loaded.placements.push_back(
      {load_address, std::string(kernel.substr(first, size))});
  return loaded;
}

std::string MemoryMapEntries(uint64_t memory_bytes) {
  // The size field does not count itself.
  constexpr uint32_t kEntrySize = 8 + 8 + 4;
  std::string entries;
  for (const MemoryRange& range : GuestMemoryMap(memory_bytes)) {
    AppendLe(entries, kEntrySize);
    AppendLe(entries, range.base);
    AppendLe(entries, range.size);
    AppendLe(entries, static_cast<uint32_t>(range.type));
  }
  return entries;
}

void PlaceInformation(const KernelFiles& files, uint64_t initrd_address,
                      BootImage& image) {
  std::string map = MemoryMapEntries(files.memory_bytes);
  std::string info(kInfoSize, '\0');
  uint32_t flags =
      kInfoMemory | kInfoCommandLine | kInfoMemoryMap | kInfoLoaderName;
  PutLe(info, 4, static_cast<uint32_t>(kLowRamEnd / 1024));
  PutLe(info, 8,
        static_cast<uint32_t>((LowMemoryEnd(files.memory_bytes) - kHighMemory) /
                              1024));
  PutLe(info, 16, static_cast<uint32_t>(kCommandLineAddress));
  if (!files.initrd.empty()) {
    flags |= kInfoModules;
    PutLe(info, 20, uint32_t{1});
    PutLe(info, 24, static_cast<uint32_t>(kModuleAddress));
    std::string module;
    AppendLe(module, static_cast<uint32_t>(initrd_address));
    AppendLe(module,
             static_cast<uint32_t>(initrd_address + files.initrd.size()));
    AppendLe(module, static_cast<uint32_t>(kModuleNameAddress));
    AppendLe(module, uint32_t{0});
    image.placements.push_back({kModuleAddress, std::move(module)});
    image.placements.push_back(
        {kModuleNameAddress, std::string("initrd\0", 7)});
    image.placements.push_back({initrd_address, std::string(files.initrd)});
  }
  PutLe(info, 44, static_cast<uint32_t>(map.size()));
  PutLe(info, 48, static_cast<uint32_t>(kMapAddress));
  PutLe(info, 64, static_cast<uint32_t>(kLoaderNameAddress));
  PutLe(info, 0, flags);

  image.placements.push_back({kBootInfoAddress, std::move(info)});
  image.placements.push_back({kMapAddress, std::move(map)});
  image.placements.push_back({kLoaderNameAddress, std::string("librr\0", 6)});
  image.placements.push_back(
      {kCommandLineAddress, std::string(files.command_line) + '\0'});
}

}  // namespace

bool IsMultibootImage(std::string_view kernel) {
  return FindHeader(kernel).has_value();
}

absl::StatusOr<BootImage> LoadMultibootImage(const KernelFiles& files) {
  const std::optional<Header> header = FindHeader(files.kernel);
  if (!header.has_value()) {
    return absl::InvalidArgumentError("the kernel has no Multiboot header");
  }
  if ((header->flags & kRequirements & ~kKnownRequirements) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the Multiboot header asks for unknown features (flags 0x",
                     absl::Hex(header->flags), ")"));
  }

  BootImage image;
  LoadedElf loaded;
  if ((header->flags & kFlagAddressesValid) != 0) {
    image.description = "Multiboot flat image";
    LIBRR_ASSIGN_OR_RETURN(loaded,
                           PlaceFlatImage(files.kernel, header->offset));
  } else if (IsElf(files.kernel)) {
    LIBRR_ASSIGN_OR_RETURN(const ElfImage elf, ParseElf(files.kernel));
    image.description = elf.is_64 ? "Multiboot ELF64" : "Multiboot ELF32";
    LIBRR_ASSIGN_OR_RETURN(loaded, PlaceSegments(elf, files.kernel));
  } else {
    return absl::InvalidArgumentError(
        "the Multiboot kernel is neither an ELF file nor has addresses in its "
        "header");
  }
  LIBRR_RETURN_IF_ERROR(CheckCommandLine(files.command_line, kMaxCommandLine));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t initrd_address,
                         PlaceInitrd(loaded.end, files.initrd.size(),
                                     files.memory_bytes, kLowMemoryLimit));

  image.placements = std::move(loaded.placements);
  StartInProtectedMode(static_cast<uint32_t>(loaded.entry), image);
  image.cpu.rax = kBootMagic;
  image.cpu.rbx = kBootInfoAddress;
  PlaceInformation(files, initrd_address, image);
  return image;
}

}  // namespace librr::pc
