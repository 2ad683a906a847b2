// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/linux_bzimage.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "machines/pc/boot/guest_layout.h"
#include "machines/pc/boot/initial_tables.h"
#include "machines/pc/boot/little_endian.h"

namespace librr::pc {
namespace {

// Offsets in the file and in struct boot_params alike ("The Real-Mode Kernel
// Header" and "The zero page", Linux 6.1).
constexpr uint64_t kAcpiRsdpAddress = 0x070;
constexpr uint64_t kE820Entries = 0x1e8;
constexpr uint64_t kSetupHeader = 0x1f1;
constexpr uint64_t kSetupSectors = 0x1f1;
constexpr uint64_t kProtectedModeParagraphs = 0x1f4;
constexpr uint64_t kVideoMode = 0x1fa;
constexpr uint64_t kBootFlag = 0x1fe;
constexpr uint64_t kHeaderLength = 0x201;
constexpr uint64_t kHeaderMagic = 0x202;
constexpr uint64_t kProtocolVersion = 0x206;
constexpr uint64_t kKernelVersion = 0x20e;
constexpr uint64_t kTypeOfLoader = 0x210;
constexpr uint64_t kLoadFlags = 0x211;
constexpr uint64_t kCode32Start = 0x214;
constexpr uint64_t kRamdiskImage = 0x218;
constexpr uint64_t kRamdiskSize = 0x21c;
constexpr uint64_t kCommandLinePointer = 0x228;
constexpr uint64_t kInitrdAddressMax = 0x22c;
constexpr uint64_t kXLoadFlags = 0x236;
constexpr uint64_t kCommandLineSize = 0x238;
constexpr uint64_t kPreferredAddress = 0x258;
constexpr uint64_t kInitSize = 0x260;
constexpr uint64_t kEndOfInitSize = 0x264;
constexpr uint64_t kEndOfSetupHeader = 0x290;
constexpr uint64_t kE820Table = 0x2d0;
constexpr uint64_t kBootParamsSize = 4096;

constexpr uint16_t kMinProtocol = 0x020c;
constexpr uint16_t kXlfKernel64 = 1 << 0;
constexpr uint8_t kLoadedHigh = 1 << 0;
constexpr uint8_t kUnknownLoader = 0xff;
constexpr uint16_t kNormalVideoMode = 0xffff;
constexpr uint64_t kSectorSize = 512;
constexpr uint64_t kDefaultSetupSectors = 4;
constexpr uint64_t kEntry64Offset = 0x200;

absl::Status Damaged(const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the Linux kernel image is damaged: ", what));
}

// What the loader needs of the setup header.
struct SetupHeader {
  uint64_t protected_mode_offset = 0;
  uint64_t header_end = 0;
  uint64_t load_address = 0;
  uint64_t memory_end = 0;  // what the kernel needs before it reads the map
  uint32_t initrd_address_max = 0;
  uint32_t command_line_size = 0;
};

absl::StatusOr<SetupHeader> ReadSetupHeader(std::string_view kernel) {
  uint16_t version = 0;
  uint16_t xloadflags = 0;
  uint8_t loadflags = 0;
  uint8_t header_length = 0;
  uint8_t setup_sectors = 0;
  uint32_t paragraphs = 0;
  uint32_t init_size = 0;
  uint64_t preferred = 0;
  SetupHeader header;
  if (!ReadLe(kernel, kProtocolVersion, &version) ||
      !ReadLe(kernel, kXLoadFlags, &xloadflags) ||
      !ReadLe(kernel, kLoadFlags, &loadflags) ||
      !ReadLe(kernel, kHeaderLength, &header_length) ||
      !ReadLe(kernel, kSetupSectors, &setup_sectors) ||
      !ReadLe(kernel, kProtectedModeParagraphs, &paragraphs) ||
      !ReadLe(kernel, kInitSize, &init_size) ||
      !ReadLe(kernel, kPreferredAddress, &preferred) ||
      !ReadLe(kernel, kInitrdAddressMax, &header.initrd_address_max) ||
      !ReadLe(kernel, kCommandLineSize, &header.command_line_size)) {
    return Damaged("its setup header is cut off");
  }
  if (version < kMinProtocol || (xloadflags & kXlfKernel64) == 0 ||
      (loadflags & kLoadedHigh) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("this Linux kernel has no 64-bit entry (boot protocol ",
                     version >> 8, ".", version & 0xff,
                     "): use an x86-64 bzImage of protocol 2.12 or later"));
  }
  header.header_end = kHeaderMagic + header_length;
  if (header.header_end < kEndOfInitSize) {
    return Damaged("its setup header is too short");
  }
  header.header_end = std::min(header.header_end, kEndOfSetupHeader);

  header.protected_mode_offset =
      ((setup_sectors == 0 ? kDefaultSetupSectors : setup_sectors) + 1) *
      kSectorSize;
  // The size is rounded up to paragraphs of 16 bytes.
  const uint64_t declared_size = uint64_t{paragraphs} * 16;
  if (!Contains(kernel, header.protected_mode_offset,
                std::max<uint64_t>(declared_size, 16) - 15) ||
      !Contains(kernel, header.protected_mode_offset + kEntry64Offset, 1)) {
    return Damaged(absl::StrCat("it has ", kernel.size(), " of ",
                                header.protected_mode_offset + declared_size,
                                " bytes"));
  }

  if (preferred >= kLowMemoryLimit) {
    return Damaged(absl::StrCat("its preferred address 0x",
                                absl::Hex(preferred), " is beyond 3 GiB"));
  }
  header.load_address = std::max(preferred, kHighMemory);
  header.memory_end =
      header.load_address +
      std::max<uint64_t>(init_size,
                         kernel.size() - header.protected_mode_offset);
  return header;
}

// "6.1.0-56-cloud-amd64", or nothing if the header names no version.
std::string KernelVersion(std::string_view kernel, uint64_t setup_end) {
  constexpr size_t kMaxShown = 64;
  uint16_t offset = 0;
  if (!ReadLe(kernel, kKernelVersion, &offset) || offset == 0) return "";
  std::string version;
  for (uint64_t i = kEntry64Offset + offset;
       i < setup_end && version.size() < kMaxShown; ++i) {
    const unsigned char c = static_cast<unsigned char>(kernel[i]);
    if (!absl::ascii_isgraph(c)) break;
    version.push_back(static_cast<char>(c));
  }
  return version;
}

std::string BootParams(const KernelFiles& files, const SetupHeader& header,
                       uint64_t initrd_address) {
  std::string params(kBootParamsSize, '\0');
  params.replace(
      kSetupHeader, header.header_end - kSetupHeader,
      files.kernel.substr(kSetupHeader, header.header_end - kSetupHeader));
  PutLe(params, kVideoMode, kNormalVideoMode);
  PutLe(params, kTypeOfLoader, kUnknownLoader);
  PutLe(params, kCode32Start, static_cast<uint32_t>(header.load_address));
  PutLe(params, kRamdiskImage, static_cast<uint32_t>(initrd_address));
  PutLe(params, kRamdiskSize, static_cast<uint32_t>(files.initrd.size()));
  PutLe(params, kCommandLinePointer,
        static_cast<uint32_t>(kCommandLineAddress));
  PutLe(params, kAcpiRsdpAddress, files.acpi_rsdp_address);

  uint8_t entries = 0;
  uint64_t offset = kE820Table;
  for (const MemoryRange& range : GuestMemoryMap(files.memory_bytes)) {
    PutLe(params, offset, range.base);
    PutLe(params, offset + 8, range.size);
    PutLe(params, offset + 16, static_cast<uint32_t>(range.type));
    offset += 8 + 8 + 4;
    ++entries;
  }
  PutLe(params, kE820Entries, entries);
  return params;
}

}  // namespace

bool IsLinuxImage(std::string_view kernel) {
  uint16_t flag = 0;
  return ReadLe(kernel, kBootFlag, &flag) && flag == 0xaa55 &&
         Contains(kernel, kHeaderMagic, 4) &&
         kernel.substr(kHeaderMagic, 4) == "HdrS";
}

absl::StatusOr<BootImage> LoadLinuxImage(const KernelFiles& files) {
  LIBRR_ASSIGN_OR_RETURN(const SetupHeader header,
                         ReadSetupHeader(files.kernel));
  LIBRR_RETURN_IF_ERROR(CheckCommandLine(
      files.command_line,
      std::min<size_t>(kMaxCommandLine, header.command_line_size)));
  LIBRR_ASSIGN_OR_RETURN(
      const uint64_t initrd_address,
      PlaceInitrd(header.memory_end, files.initrd.size(), files.memory_bytes,
                  uint64_t{header.initrd_address_max} + 1));

  BootImage image;
  image.description =
      absl::StrCat("Linux bzImage ",
                   KernelVersion(files.kernel, header.protected_mode_offset));
  StartInLongMode(header.load_address + kEntry64Offset, image);
  image.cpu.rsi = kBootParamsAddress;
  image.placements.push_back(
      {kBootParamsAddress, BootParams(files, header, initrd_address)});
  image.placements.push_back(
      {kCommandLineAddress, std::string(files.command_line) + '\0'});
  image.placements.push_back(
      {header.load_address,
       std::string(files.kernel.substr(header.protected_mode_offset))});
  if (!files.initrd.empty()) {
    image.placements.push_back({initrd_address, std::string(files.initrd)});
  }
  return image;
}

}  // namespace librr::pc
