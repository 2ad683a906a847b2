// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Hexadecimal numbers and bytes as gdb's remote protocol writes them: without a
// prefix, bytes as two digits each.
//
//   HexBytes({0x12, 0xab}) == "12ab";  HexNumber(255) == "ff";
//
// Functions without state.
#ifndef LIBRR_DEBUGSTUB_HEX_H_
#define LIBRR_DEBUGSTUB_HEX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace librr {

// -1 if it is no hexadecimal digit.
int HexDigit(char digit);

std::string HexNumber(uint64_t value);
std::string HexBytes(absl::Span<const uint8_t> bytes);
std::string HexText(std::string_view text);

// 1 to 16 digits and nothing else.
std::optional<uint64_t> ParseHexNumber(std::string_view text);
// An even number of digits and nothing else.
std::optional<std::vector<uint8_t>> ParseHexBytes(std::string_view text);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_HEX_H_
