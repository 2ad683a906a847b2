// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/pvh.h"

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

constexpr std::string_view kNoteOwner = "Xen";
constexpr uint32_t kNotePhys32Entry = 18;

// struct hvm_start_info, version 1.
constexpr uint32_t kStartMagic = 0x336ec578;
constexpr uint32_t kStartVersion = 1;
constexpr uint64_t kModuleListAddress = kBootInfoAddress + 0x80;
constexpr uint64_t kMapAddress = kBootInfoAddress + 0x100;

// The note holds the physical address in 4 or 8 bytes.
std::optional<uint64_t> EntryOf(const ElfImage& elf, std::string_view kernel) {
  const std::optional<std::string_view> note =
      FindNote(elf, kernel, kNoteOwner, kNotePhys32Entry);
  if (!note.has_value()) return std::nullopt;
  uint64_t wide = 0;
  uint32_t narrow = 0;
  if (ReadLe(*note, 0, &wide)) return wide;
  if (ReadLe(*note, 0, &narrow)) return narrow;
  return std::nullopt;
}

void PlaceStartInfo(const KernelFiles& files, uint64_t initrd_address,
                    BootImage& image) {
  const bool has_initrd = !files.initrd.empty();
  const std::vector<MemoryRange> ranges = GuestMemoryMap(files.memory_bytes);
  std::string map;
  for (const MemoryRange& range : ranges) {
    AppendLe(map, range.base);
    AppendLe(map, range.size);
    AppendLe(map, static_cast<uint32_t>(range.type));
    AppendLe(map, uint32_t{0});
  }

  std::string info;
  AppendLe(info, kStartMagic);
  AppendLe(info, kStartVersion);
  AppendLe(info, uint32_t{0});                     // flags
  AppendLe(info, uint32_t{has_initrd ? 1u : 0u});  // modules
  AppendLe(info, has_initrd ? kModuleListAddress : uint64_t{0});
  AppendLe(info, kCommandLineAddress);
  AppendLe(info, files.acpi_rsdp_address);
  AppendLe(info, kMapAddress);
  AppendLe(info, static_cast<uint32_t>(ranges.size()));
  AppendLe(info, uint32_t{0});

  image.placements.push_back({kBootInfoAddress, std::move(info)});
  image.placements.push_back({kMapAddress, std::move(map)});
  image.placements.push_back(
      {kCommandLineAddress, std::string(files.command_line) + '\0'});
  if (has_initrd) {
    std::string module;
    AppendLe(module, initrd_address);
    AppendLe(module, uint64_t{files.initrd.size()});
    AppendLe(module, uint64_t{0});  // no command line of its own
    AppendLe(module, uint64_t{0});
    image.placements.push_back({kModuleListAddress, std::move(module)});
    image.placements.push_back({initrd_address, std::string(files.initrd)});
  }
}

}  // namespace

bool IsPvhImage(std::string_view kernel) {
  if (!IsElf(kernel)) return false;
  const absl::StatusOr<ElfImage> elf = ParseElf(kernel);
  return elf.ok() && EntryOf(*elf, kernel).has_value();
}

absl::StatusOr<BootImage> LoadPvhImage(const KernelFiles& files) {
  LIBRR_ASSIGN_OR_RETURN(const ElfImage elf, ParseElf(files.kernel));
  const std::optional<uint64_t> entry = EntryOf(elf, files.kernel);
  if (!entry.has_value()) {
    return absl::InvalidArgumentError("the ELF kernel has no PVH entry note");
  }
  LIBRR_ASSIGN_OR_RETURN(LoadedElf loaded, PlaceSegments(elf, files.kernel));
  if (*entry < kHighMemory || *entry >= loaded.end) {
    return absl::InvalidArgumentError(
        absl::StrCat("the PVH entry 0x", absl::Hex(*entry),
                     " is outside of the ELF kernel's segments"));
  }
  LIBRR_RETURN_IF_ERROR(CheckCommandLine(files.command_line, kMaxCommandLine));
  LIBRR_ASSIGN_OR_RETURN(const uint64_t initrd_address,
                         PlaceInitrd(loaded.end, files.initrd.size(),
                                     files.memory_bytes, kLowMemoryLimit));

  BootImage image;
  image.description = elf.is_64 ? "PVH ELF64" : "PVH ELF32";
  image.placements = std::move(loaded.placements);
  StartInProtectedMode(static_cast<uint32_t>(*entry), image);
  image.cpu.rbx = kBootInfoAddress;
  PlaceStartInfo(files, initrd_address, image);
  return image;
}

}  // namespace librr::pc
