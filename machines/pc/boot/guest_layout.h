// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Where things stand in the guest's physical memory at power-on, and the
// memory map that the guest is told: part of the machine model.
//
//   0 .. 0x9fc00          RAM (boot data below 0x21000)
//   0x9fc00 .. 0xa0000    reserved (where a BIOS keeps its data)
//   0xe0000 .. 0x100000   reserved (ACPI tables)
//   1 MiB .. 3 GiB        RAM ("low memory", as far as there is any)
//   4 GiB ..              RAM beyond the first 3 GiB
#ifndef LIBRR_MACHINES_PC_BOOT_GUEST_LAYOUT_H_
#define LIBRR_MACHINES_PC_BOOT_GUEST_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace librr::pc {

inline constexpr uint64_t kMiB = 1ull << 20;
inline constexpr uint64_t kGiB = 1ull << 30;
inline constexpr uint64_t kGuestPageSize = 4096;

inline constexpr uint64_t kGdtAddress = 0x500;
inline constexpr uint64_t kTssAddress = 0x580;
inline constexpr uint64_t kBootInfoAddress = 0x6000;    // Multiboot, PVH
inline constexpr uint64_t kBootParamsAddress = 0x7000;  // Linux
inline constexpr uint64_t kPageTablesAddress = 0x9000;  // 6 pages
inline constexpr uint64_t kCommandLineAddress = 0x20000;
inline constexpr uint64_t kLowRamEnd = 0x9fc00;
inline constexpr uint64_t kVgaHole = 0xa0000;
inline constexpr uint64_t kAcpiArea = 0xe0000;
inline constexpr uint64_t kHighMemory = kMiB;
inline constexpr uint64_t kLowMemoryLimit = 3 * kGiB;
inline constexpr uint64_t kHighRamBase = 4 * kGiB;

inline constexpr size_t kMaxCommandLine = 2047;

// The numbers are those of the E820, Multiboot and PVH interfaces alike.
enum class MemoryType : uint32_t { kUsable = 1, kReserved = 2 };

struct MemoryRange {
  uint64_t base;
  uint64_t size;
  MemoryType type;
};

// The map for a machine of `memory_bytes`, in ascending order.
std::vector<MemoryRange> GuestMemoryMap(uint64_t memory_bytes);

// The end of RAM below 4 GiB.
uint64_t LowMemoryEnd(uint64_t memory_bytes);

// The address for an initrd of `initrd_size` bytes: page aligned, as high as
// it can be in low memory below `limit`, and not
// below `kernel_end`. Fails with InvalidArgument, telling how much memory the
// machine needs. With no initrd, checks the kernel only and returns 0.
absl::StatusOr<uint64_t> PlaceInitrd(uint64_t kernel_end, uint64_t initrd_size,
                                     uint64_t memory_bytes, uint64_t limit);

// Fails with InvalidArgument if a kernel cannot be given this command line.
absl::Status CheckCommandLine(std::string_view command_line, size_t max_size);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_GUEST_LAYOUT_H_
