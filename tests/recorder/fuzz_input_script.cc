// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Input scripts: any text parses or is refused, and a script that parses types
// no more than there is room for, and ends.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "librr-core/base/check.h"
#include "librr/input_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto script = librr::ParseInputScript("script", text);
  if (!script.ok()) return 0;
  librr::VirtualTime now;
  for (size_t step = 0; step < 4 * size + 16; ++step) {
    // The guest prints the script itself, so that many texts match.
    (*script)->OnConsoleOutput({data, size}, now);
    const size_t room = step % 17;
    LIBRR_CHECK((*script)->Poll(room, now).size() <= room);
    now += 1'000'000'000;
    if (const auto due = (*script)->NextDue()) now = std::max(now, *due);
    (*script)->Pending();
  }
  LIBRR_CHECK(!(*script)->live());
  return 0;
}
