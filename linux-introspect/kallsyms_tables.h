// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The tables of kallsyms, which the kernel's build appends to its read-only
// data (Linux, scripts/kallsyms.c), found by their structure:
//
//   4.x to 6.3   offsets, relative_base | addresses; num_syms, names, markers,
//                (seqs_of_names,) token_table, token_index
//   from 6.4 on  num_syms, names, markers, token_table, token_index,
//                offsets, relative_base | addresses; seqs_of_names
//
// A name is a length (two bytes from 128 on, since 6.1) and as many codes, of
// which each stands for one of the 256 strings of token_table. token_index has
// the places of these strings, markers those of every 256th name: so each
// table proves another one, and what is not a table is not taken for one.
//
//   for (const NameTables& tables : FindNameTables(part.bytes)) ...
//
// Pure functions of the bytes, which must outlive what is returned.
#ifndef LIBRR_LINUX_INTROSPECT_KALLSYMS_TABLES_H_
#define LIBRR_LINUX_INTROSPECT_KALLSYMS_TABLES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace librr::linux_guest {

// The most symbols that are believed; kernels with everything have 0.4 million.
inline constexpr uint64_t kMaxKallsyms = 4'000'000;

// Places are offsets into the bytes that were searched.
struct TokenTables {
  std::array<std::string_view, 256> tokens;
  uint64_t begin = 0;  // of token_table
  uint64_t end = 0;    // of token_index
};

struct NameTables {
  TokenTables tokens;
  uint64_t num_syms = 0;   // the place of the count
  uint64_t count = 0;      // the count
  uint64_t names = 0;      // the place of the first name
  uint64_t alignment = 8;  // of each table
  bool long_names = true;  // whether lengths may have two bytes
};

// Every place that could be a token table, proved by its index.
std::vector<TokenTables> FindTokenTables(std::string_view bytes);

// The names that belong to a token table: counted, walked, and proved by the
// markers behind them. `budget` bounds the work: it is reduced by one for each
// name looked at, and nothing is found when it is used up.
std::optional<NameTables> FindNameTables(std::string_view bytes,
                                         const TokenTables& tokens,
                                         uint64_t* budget);

// The codes of the name at `*at`, which moves behind it; empty at a name
// without codes or beyond the bytes.
std::string_view TakeName(std::string_view bytes, bool long_names,
                          uint64_t* at);

}  // namespace librr::linux_guest

#endif  // LIBRR_LINUX_INTROSPECT_KALLSYMS_TABLES_H_
