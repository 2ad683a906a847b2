// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as an unwind table, and what is made of it for debuggers: the
// first half is the places, the second the entries.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "linux-introspect/debug_frame.h"
#include "linux-introspect/orc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using librr::linux_guest::OrcRow;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // A place has 4 bytes, an entry 6.
  const size_t places = size / 10 * 4;
  const absl::StatusOr<std::vector<OrcRow>> rows = librr::linux_guest::ParseOrc(
      bytes.substr(0, places), 0xffffffff82000000, bytes.substr(places));
  if (!rows.ok()) return 0;
  for (size_t i = 1; i < rows->size(); ++i) {
    if ((*rows)[i - 1].address >= (*rows)[i].address) __builtin_trap();
  }
  (void)librr::linux_guest::BuildDebugFrame(*rows, {0xffffffff81000000});
  return 0;
}
