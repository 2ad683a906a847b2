// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/initial_tables.h"

#include <string>
#include <utility>

#include "machines/pc/boot/guest_layout.h"
#include "machines/pc/boot/little_endian.h"

namespace librr::pc {
namespace {

// Segment descriptors (Intel SDM vol. 3A, 3.4.5): flat, present, accessed.
constexpr uint64_t kCode64 = 0x00af'9b00'0000'ffff;
constexpr uint64_t kCode32 = 0x00cf'9b00'0000'ffff;
constexpr uint64_t kData32 = 0x00cf'9300'0000'ffff;
// A busy 32- or 64-bit TSS (vol. 3A, 8.2.2) of kTssSize bytes.
constexpr uint64_t kTssSize = 0x68;
constexpr uint64_t kBusyTss =
    0x0000'8b00'0000'0000 | (kTssAddress << 16) | (kTssSize - 1);

constexpr uint64_t kCr0Protection = 1ull << 0;
constexpr uint64_t kCr0ExtensionType = 1ull << 4;  // hardwired to 1
constexpr uint64_t kCr0Paging = 1ull << 31;
constexpr uint64_t kCr4PhysicalAddressExtension = 1ull << 5;
constexpr uint64_t kEferLongModeEnable = 1ull << 8;
constexpr uint64_t kEferLongModeActive = 1ull << 10;

constexpr uint64_t kPagePresent = 1ull << 0;
constexpr uint64_t kPageWritable = 1ull << 1;
constexpr uint64_t kPageLarge = 1ull << 7;

constexpr uint64_t kEntriesPerTable = 512;
constexpr uint64_t kMappedGiB = 4;

void PlaceDescriptorTables(uint64_t code, BootImage& image) {
  std::string gdt;
  AppendLe<uint64_t>(gdt, 0);
  AppendLe<uint64_t>(gdt, 0);
  AppendLe(gdt, code);
  AppendLe(gdt, kData32);
  AppendLe(gdt, kBusyTss);
  AppendLe<uint64_t>(gdt, 0);  // upper half of the TSS descriptor in long mode

  image.cpu.gdt_base = kGdtAddress;
  image.cpu.gdt_limit = static_cast<uint16_t>(gdt.size() - 1);
  image.cpu.code_selector = kBootCodeSelector;
  image.cpu.data_selector = kBootDataSelector;
  image.cpu.task_selector = kBootTaskSelector;
  image.placements.push_back({kGdtAddress, std::move(gdt)});
  image.placements.push_back({kTssAddress, std::string(kTssSize, '\0')});
}

// One PML4, one page-directory-pointer table, and a page directory per GiB
// (Intel SDM vol. 3A, 4.5).
std::string IdentityPageTables() {
  constexpr uint64_t kPointers = kPageTablesAddress + kGuestPageSize;
  constexpr uint64_t kDirectories = kPointers + kGuestPageSize;
  constexpr uint64_t kTable = kPagePresent | kPageWritable;

  std::string tables((2 + kMappedGiB) * kGuestPageSize, '\0');
  PutLe(tables, 0, kPointers | kTable);
  for (uint64_t i = 0; i < kMappedGiB; ++i) {
    PutLe(tables, kGuestPageSize + 8 * i,
          (kDirectories + i * kGuestPageSize) | kTable);
  }
  for (uint64_t i = 0; i < kMappedGiB * kEntriesPerTable; ++i) {
    PutLe(tables, 2 * kGuestPageSize + 8 * i,
          (i * 2 * kMiB) | kTable | kPageLarge);
  }
  return tables;
}

}  // namespace

void StartInLongMode(uint64_t rip, BootImage& image) {
  PlaceDescriptorTables(kCode64, image);
  image.placements.push_back({kPageTablesAddress, IdentityPageTables()});
  image.cpu.mode = InitialCpuMode::kLong64;
  image.cpu.rip = rip;
  image.cpu.cr0 = kCr0Protection | kCr0ExtensionType | kCr0Paging;
  image.cpu.cr3 = kPageTablesAddress;
  image.cpu.cr4 = kCr4PhysicalAddressExtension;
  image.cpu.efer = kEferLongModeEnable | kEferLongModeActive;
}

void StartInProtectedMode(uint32_t eip, BootImage& image) {
  PlaceDescriptorTables(kCode32, image);
  image.cpu.mode = InitialCpuMode::kProtected32;
  image.cpu.rip = eip;
  image.cpu.cr0 = kCr0Protection | kCr0ExtensionType;
}

}  // namespace librr::pc
