// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A boot image as the guest would see it: sparse memory that tests read from.
#ifndef LIBRR_TESTS_BOOT_BOOT_MEMORY_H_
#define LIBRR_TESTS_BOOT_BOOT_MEMORY_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "machines/pc/boot/boot_image.h"

namespace librr::pc {

class BootMemory {
 public:
  explicit BootMemory(const BootImage& image) : image_(image) {}

  uint8_t Byte(uint64_t address) const {
    uint8_t value = 0;
    for (const Placement& placement : image_.placements) {
      if (address >= placement.physical &&
          address - placement.physical < placement.bytes.size()) {
        value =
            static_cast<uint8_t>(placement.bytes[address - placement.physical]);
      }
    }
    return value;
  }
  uint64_t Integer(uint64_t address, int size) const {
    uint64_t value = 0;
    for (int i = 0; i < size; ++i) {
      value |= uint64_t{Byte(address + i)} << (8 * i);
    }
    return value;
  }
  uint32_t U32(uint64_t address) const {
    return static_cast<uint32_t>(Integer(address, 4));
  }
  uint64_t U64(uint64_t address) const { return Integer(address, 8); }
  std::string Text(uint64_t address) const {
    std::string text;
    while (Byte(address + text.size()) != 0) {
      text.push_back(static_cast<char>(Byte(address + text.size())));
    }
    return text;
  }
  std::string Bytes(uint64_t address, size_t size) const {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) {
      bytes.push_back(static_cast<char>(Byte(address + i)));
    }
    return bytes;
  }

  // The highest address at which anything is placed, plus one.
  uint64_t End() const {
    uint64_t end = 0;
    for (const Placement& placement : image_.placements) {
      end = std::max(end, placement.physical + placement.bytes.size());
    }
    return end;
  }

 private:
  const BootImage& image_;
};

}  // namespace librr::pc

#endif  // LIBRR_TESTS_BOOT_BOOT_MEMORY_H_
