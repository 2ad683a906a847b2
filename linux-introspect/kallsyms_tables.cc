// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kallsyms_tables.h"

#include <algorithm>

#include "librr-core/base/coding.h"

namespace librr::linux_guest {
namespace {

constexpr uint64_t kTokens = 256;
constexpr uint64_t kMarked = 256;  // one marker for so many names
constexpr size_t kMaxToken = 512;
constexpr size_t kMaxTokenTables = 64;
constexpr uint64_t kMinCount = 16;
// Between the count and the tokens: names and markers, of all symbols.
constexpr uint64_t kMaxDistance = 96 << 20;
// KSYM_NAME_LEN is 512 since 6.1; the type is one more.
constexpr size_t kMaxName = 513;
constexpr int kProbes = 8;

// Ten tokens that every kernel has: a digit stands for itself.
constexpr std::string_view kDigits(
    "0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);

constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

// The caller has made sure that it is inside.
uint64_t Fixed(std::string_view bytes, uint64_t at, size_t size) {
  std::string_view in = bytes.substr(at, size);
  return GetFixed(in, size).value_or(0);
}

// The strings from `*at` on, which moves behind them.
bool TakeStrings(std::string_view bytes, uint64_t count, uint64_t* at) {
  for (uint64_t i = 0; i < count; ++i) {
    const size_t end =
        bytes.substr(0, std::min<uint64_t>(bytes.size(), *at + kMaxToken))
            .find('\0', *at);
    if (end == std::string_view::npos) return false;
    *at = end + 1;
  }
  return true;
}

std::optional<TokenTables> TokensAround(std::string_view bytes, uint64_t digits,
                                        uint64_t alignment) {
  uint64_t end = digits;
  if (!TakeStrings(bytes, kTokens - '0', &end)) return std::nullopt;
  const uint64_t index = AlignUp(end, alignment);
  const uint64_t index_size = 2 * kTokens;
  if (index > bytes.size() || bytes.size() - index < index_size) {
    return std::nullopt;
  }
  const uint64_t before = Fixed(bytes, index + 2 * '0', 2);
  if (before > digits || (digits - before) % alignment != 0) {
    return std::nullopt;
  }
  TokenTables tables;
  tables.begin = digits - before;
  tables.end = index + index_size;
  uint64_t at = tables.begin;
  for (uint64_t i = 0; i < kTokens; ++i) {
    const uint64_t token = at;
    if (Fixed(bytes, index + 2 * i, 2) != token - tables.begin) {
      return std::nullopt;
    }
    if (!TakeStrings(bytes, 1, &at)) return std::nullopt;
    tables.tokens[i] = bytes.substr(token, at - token - 1);
  }
  return tables;
}

// What nm calls a symbol's type.
bool IsType(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '?';
}

bool IsPlausible(std::string_view codes, const TokenTables& tables) {
  size_t length = 0;
  for (const char code : codes) {
    const std::string_view token = tables.tokens[static_cast<uint8_t>(code)];
    if (token.empty()) return false;
    length += token.size();
  }
  if (length < 2 || length > kMaxName) return false;
  return IsType(tables.tokens[static_cast<uint8_t>(codes[0])][0]);
}

// Whether every 256th name is where the markers say.
bool MarkersAgree(std::string_view bytes, uint64_t markers, size_t size,
                  const std::vector<uint64_t>& places) {
  if (markers > bytes.size() ||
      (bytes.size() - markers) / size < places.size()) {
    return false;
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (Fixed(bytes, markers + i * size, size) != places[i]) return false;
  }
  return true;
}

// Walks all names; true if they are names and the markers follow.
bool AreNames(std::string_view bytes, const NameTables& tables,
              uint64_t* budget) {
  std::vector<uint64_t> places;
  uint64_t at = tables.names;
  for (uint64_t i = 0; i < tables.count; ++i) {
    if (*budget == 0) return false;
    --*budget;
    if (i % kMarked == 0) places.push_back(at - tables.names);
    const std::string_view codes = TakeName(bytes, tables.long_names, &at);
    if (codes.empty() || !IsPlausible(codes, tables.tokens)) return false;
  }
  const uint64_t markers = AlignUp(at, tables.alignment);
  // Pointers until 4.19, 32 bits since.
  return MarkersAgree(bytes, markers, 4, places) ||
         MarkersAgree(bytes, markers, 8, places);
}

}  // namespace

std::string_view TakeName(std::string_view bytes, bool long_names,
                          uint64_t* at) {
  if (*at >= bytes.size()) return {};
  uint64_t length = static_cast<uint8_t>(bytes[*at]);
  uint64_t begin = *at + 1;
  if (long_names && length >= 0x80) {
    if (begin >= bytes.size()) return {};
    length = (length & 0x7f) | uint64_t{static_cast<uint8_t>(bytes[begin])}
                                   << 7;
    ++begin;
  }
  if (length > bytes.size() - begin) return {};
  *at = begin + length;
  return bytes.substr(begin, length);
}

std::vector<TokenTables> FindTokenTables(std::string_view bytes) {
  std::vector<TokenTables> found;
  size_t tried = 0;
  for (size_t at = bytes.find(kDigits);
       at != std::string_view::npos && tried < kMaxTokenTables;
       at = bytes.find(kDigits, at + 1), ++tried) {
    for (const uint64_t alignment : {8, 4}) {
      std::optional<TokenTables> tables = TokensAround(bytes, at, alignment);
      if (tables.has_value()) {
        found.push_back(*tables);
        break;
      }
    }
  }
  return found;
}

std::optional<NameTables> FindNameTables(std::string_view bytes,
                                         const TokenTables& tokens,
                                         uint64_t* budget) {
  const uint64_t lowest =
      tokens.begin > kMaxDistance ? tokens.begin - kMaxDistance : 0;
  // Backwards: the names are close to the tokens.
  for (uint64_t at = tokens.begin & ~uint64_t{3}; at >= lowest + 4;) {
    at -= 4;
    NameTables tables;
    tables.tokens = tokens;
    tables.num_syms = at;
    tables.count = Fixed(bytes, at, 4);
    // A name takes two bytes at least.
    if (tables.count < kMinCount || tables.count > kMaxKallsyms ||
        tables.count > (tokens.begin - at) / 2) {
      continue;
    }
    for (const uint64_t alignment : {8, 4}) {
      if (at % alignment != 0 ||
          (alignment == 8 && Fixed(bytes, at + 4, 4) != 0)) {
        continue;
      }
      tables.alignment = alignment;
      tables.names = at + alignment;
      for (const bool long_names : {true, false}) {
        tables.long_names = long_names;
        uint64_t probe = tables.names;
        bool plausible = true;
        for (int i = 0; i < kProbes && plausible; ++i) {
          const std::string_view codes = TakeName(bytes, long_names, &probe);
          plausible = !codes.empty() && IsPlausible(codes, tokens);
        }
        if (plausible && AreNames(bytes, tables, budget)) return tables;
        if (*budget == 0) return std::nullopt;
      }
    }
  }
  return std::nullopt;
}

}  // namespace librr::linux_guest
