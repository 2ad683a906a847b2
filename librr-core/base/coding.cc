// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/base/coding.h"

#include "librr-core/base/check.h"

namespace librr {

void PutFixed(std::string& out, uint64_t value, size_t size) {
  LIBRR_CHECK(size >= 1 && size <= 8);
  for (size_t i = 0; i < size; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i)));
  }
}

void PutVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void PutLengthPrefixed(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out.append(bytes);
}

std::optional<uint64_t> GetFixed(std::string_view& in, size_t size) {
  LIBRR_CHECK(size >= 1 && size <= 8);
  if (in.size() < size) return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(in[i])) << (8 * i);
  }
  in.remove_prefix(size);
  return value;
}

std::optional<uint64_t> GetVarint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return std::nullopt;
    const uint64_t byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    // The tenth byte holds bit 63 only.
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> GetBytes(std::string_view& in, uint64_t size) {
  if (in.size() < size) return std::nullopt;
  const std::string_view bytes = in.substr(0, size);
  in.remove_prefix(size);
  return bytes;
}

std::optional<std::string_view> GetLengthPrefixed(std::string_view& in) {
  const std::optional<uint64_t> size = GetVarint(in);
  if (!size.has_value()) return std::nullopt;
  return GetBytes(in, *size);
}

}  // namespace librr
