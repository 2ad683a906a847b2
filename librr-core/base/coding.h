// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Integers as bytes: little-endian fixed width, varints (7 bits a byte, least
// significant first, at most 10 bytes) and zigzag for signed values. Every file
// format of librr goes through these functions; structs are never copied to
// files.
//
//   std::string out;
//   PutVarint(out, 300);
//   std::string_view in = out;
//   std::optional<uint64_t> value = GetVarint(in);  // 300; `in` is empty now
//
// The `Get` functions take what they read off the front of `in`. At the end of
// the data, or at a malformed varint, they return nullopt and leave `in`
// somewhere inside: give up then.
#ifndef LIBRR_CORE_BASE_CODING_H_
#define LIBRR_CORE_BASE_CODING_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace librr {

// Appends the low `size` bytes (1 to 8) of `value`.
void PutFixed(std::string& out, uint64_t value, size_t size);
inline void PutFixed32(std::string& out, uint32_t value) {
  PutFixed(out, value, 4);
}
inline void PutFixed64(std::string& out, uint64_t value) {
  PutFixed(out, value, 8);
}
void PutVarint(std::string& out, uint64_t value);
// A varint length, then the bytes.
void PutLengthPrefixed(std::string& out, std::string_view bytes);

// Reads `size` bytes (1 to 8), zero-extended.
std::optional<uint64_t> GetFixed(std::string_view& in, size_t size);
// Rejects encodings of more than 64 bits.
std::optional<uint64_t> GetVarint(std::string_view& in);
// A view of `size` bytes of `in`'s memory.
std::optional<std::string_view> GetBytes(std::string_view& in, uint64_t size);
std::optional<std::string_view> GetLengthPrefixed(std::string_view& in);

// 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
constexpr uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^
         static_cast<uint64_t>(value >> 63);
}
constexpr int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

}  // namespace librr

#endif  // LIBRR_CORE_BASE_CODING_H_
