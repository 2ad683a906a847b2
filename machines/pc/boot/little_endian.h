// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Little-endian integers in byte strings, bounds-checked where the bytes come
// from a file.
//
//   uint32_t magic;
//   if (!ReadLe(file, 0x202, &magic)) return Damaged();
#ifndef LIBRR_MACHINES_PC_BOOT_LITTLE_ENDIAN_H_
#define LIBRR_MACHINES_PC_BOOT_LITTLE_ENDIAN_H_

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "librr-core/base/check.h"

namespace librr::pc {

// Whether `size` bytes at `offset` are inside of `bytes`.
inline bool Contains(std::string_view bytes, uint64_t offset, uint64_t size) {
  return offset <= bytes.size() && size <= bytes.size() - offset;
}

// False, and `*value` unchanged, if the integer is not inside of `bytes`.
template <std::unsigned_integral T>
bool ReadLe(std::string_view bytes, uint64_t offset, T* value) {
  if (!Contains(bytes, offset, sizeof(T))) return false;
  uint64_t result = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    result |= uint64_t{static_cast<uint8_t>(bytes[offset + i])} << (8 * i);
  }
  *value = static_cast<T>(result);
  return true;
}

template <std::unsigned_integral T>
void AppendLe(std::string& bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes.push_back(static_cast<char>(uint64_t{value} >> (8 * i)));
  }
}

// Overwrites bytes of a buffer of our own.
template <std::unsigned_integral T>
void PutLe(std::string& bytes, uint64_t offset, T value) {
  LIBRR_CHECK(Contains(bytes, offset, sizeof(T)));
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[offset + i] = static_cast<char>(uint64_t{value} >> (8 * i));
  }
}

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_BOOT_LITTLE_ENDIAN_H_
