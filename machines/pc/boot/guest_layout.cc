// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/guest_layout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace librr::pc {
namespace {

uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

absl::Status TooLittleMemory(const char* what, uint64_t needed_bytes,
                             uint64_t memory_bytes) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " at least ", RoundUp(needed_bytes, kMiB) / kMiB,
                   " MiB of memory; the machine has ", memory_bytes / kMiB,
                   " MiB: give it more"));
}

}  // namespace

std::vector<MemoryRange> GuestMemoryMap(uint64_t memory_bytes) {
  std::vector<MemoryRange> map = {
      {0, kLowRamEnd, MemoryType::kUsable},
      {kLowRamEnd, kVgaHole - kLowRamEnd, MemoryType::kReserved},
      {kAcpiArea, kHighMemory - kAcpiArea, MemoryType::kReserved},
  };
  if (memory_bytes > kHighMemory) {
    map.push_back({kHighMemory, LowMemoryEnd(memory_bytes) - kHighMemory,
                   MemoryType::kUsable});
  }
  if (memory_bytes > kLowMemoryLimit) {
    map.push_back(
        {kHighRamBase, memory_bytes - kLowMemoryLimit, MemoryType::kUsable});
  }
  return map;
}

uint64_t LowMemoryEnd(uint64_t memory_bytes) {
  return std::min(memory_bytes, kLowMemoryLimit);
}

absl::StatusOr<uint64_t> PlaceInitrd(uint64_t kernel_end, uint64_t initrd_size,
                                     uint64_t memory_bytes, uint64_t limit) {
  if (kernel_end > kLowMemoryLimit) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the kernel ends at 0x", absl::Hex(kernel_end),
        ", beyond the 3 GiB of memory that lie below the device area"));
  }
  if (kernel_end > memory_bytes) {
    return TooLittleMemory("the kernel needs", kernel_end, memory_bytes);
  }
  if (initrd_size == 0) return 0;

  const uint64_t first = RoundUp(kernel_end, kGuestPageSize);
  limit = std::min(kLowMemoryLimit, limit) / kGuestPageSize * kGuestPageSize;
  if (initrd_size > kLowMemoryLimit ||
      first + RoundUp(initrd_size, kGuestPageSize) > limit) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the initrd of ", initrd_size,
        " bytes is too large: it must lie between ", "the kernel's end at 0x",
        absl::Hex(first), " and 0x", absl::Hex(limit)));
  }
  const uint64_t needed = first + RoundUp(initrd_size, kGuestPageSize);
  if (needed > memory_bytes) {
    return TooLittleMemory("the kernel and its initrd need", needed,
                           memory_bytes);
  }
  const uint64_t end = std::min(LowMemoryEnd(memory_bytes), limit);
  return (end - initrd_size) / kGuestPageSize * kGuestPageSize;
}

absl::Status CheckCommandLine(std::string_view command_line, size_t max_size) {
  if (command_line.size() > max_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("the kernel command line has ", command_line.size(),
                     " bytes; this kernel takes at most ", max_size));
  }
  if (command_line.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "the kernel command line contains a NUL byte");
  }
  return absl::OkStatus();
}

}  // namespace librr::pc
