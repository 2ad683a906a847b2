// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reading what a guest has in its memory, where millions of integers are
// looked at: inlined, and bounds are the caller's.
//
//   if (at + 4 <= bytes.size()) count = LoadInteger<uint32_t>(bytes, at);
//   for (size_t at = FindBytes(bytes, "Linux", 0); at != npos; ...)
#ifndef LIBRR_LINUX_INTROSPECT_GUEST_BYTES_H_
#define LIBRR_LINUX_INTROSPECT_GUEST_BYTES_H_

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace librr::linux_guest {

// A little-endian integer at an offset that is inside.
template <std::integral T>
T LoadInteger(std::string_view bytes, uint64_t at) {
  static_assert(std::endian::native == std::endian::little);
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// As bytes.find(), without looking at each place that begins as `wanted` does:
// code is full of them.
inline size_t FindBytes(std::string_view bytes, std::string_view wanted,
                        size_t from) {
  if (from >= bytes.size()) return std::string_view::npos;
  const void* const found = memmem(bytes.data() + from, bytes.size() - from,
                                   wanted.data(), wanted.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(
                                static_cast<const char*>(found) - bytes.data());
}

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_GUEST_BYTES_H_
