// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reads executable ELF files (32 and 64 bits, little-endian, x86) and places
// their segments in the guest's memory. Files are untrusted.
//
//   absl::StatusOr<ElfImage> elf = ParseElf(kernel);
//   absl::StatusOr<LoadedElf> loaded = PlaceSegments(*elf, kernel);
#ifndef LIBRR_MACHINES_PC_BOOT_ELF_IMAGE_H_
#define LIBRR_MACHINES_PC_BOOT_ELF_IMAGE_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "machines/pc/boot/boot_image.h"

namespace librr::pc {

struct ElfSegment {
  uint32_t type = 0;
  uint64_t offset = 0;  // in the file, like `file_size` inside of it
  uint64_t file_size = 0;
  uint64_t virtual_address = 0;
  uint64_t physical_address = 0;
  uint64_t memory_size = 0;  // not below `file_size`
  uint64_t alignment = 0;
};

struct ElfImage {
  bool is_64 = false;
  uint64_t entry = 0;
  std::vector<ElfSegment> segments;  // loadable segments and notes only
};

// Whether the file begins as an ELF file does.
bool IsElf(std::string_view file);

// Fails with InvalidArgument if the file is damaged or not an x86 executable.
absl::StatusOr<ElfImage> ParseElf(std::string_view file);

struct LoadedElf {
  std::vector<Placement> placements;
  uint64_t end = 0;    // of the highest segment, zeroed memory included
  uint64_t entry = 0;  // physical
};

// Places the loadable segments at their physical addresses, which must be at
// 1 MiB or above; whether they are in RAM is left to the caller. Fails with
// InvalidArgument if segments overlap in memory or in the file.
absl::StatusOr<LoadedElf> PlaceSegments(const ElfImage& elf,
                                        std::string_view file);

// The contents of the first note of this owner and type, if there is one.
std::optional<std::string_view> FindNote(const ElfImage& elf,
                                         std::string_view file,
                                         std::string_view owner, uint32_t type);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_ELF_IMAGE_H_
