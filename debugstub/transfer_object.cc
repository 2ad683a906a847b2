// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/transfer_object.h"

#include <algorithm>

#include "debugstub/packet_decoder.h"

namespace librr {

Reply TransferPart(const std::string& object, const TransferRange& range) {
  if (range.offset > object.size()) {
    return Reply::Error(ErrorCode::kArguments, "");
  }
  // Half a packet, since any byte may need an escape.
  const uint64_t length =
      std::min<uint64_t>(range.length, kMaxPacketSize / 2 - 1);
  const std::string part = object.substr(range.offset, length);
  const bool is_last = range.offset + part.size() == object.size();
  // GDB manual, "E.4 General Query Packets": 'm' if more follows.
  return Reply::Text((is_last ? "l" : "m") + part);
}

std::string XmlText(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '&') {
      safe += "&amp;";
    } else if (c == '<') {
      safe += "&lt;";
    } else if (c == '>') {
      safe += "&gt;";
    } else if (c == '"') {
      safe += "&quot;";
    } else {
      safe.push_back(c >= ' ' && c <= '~' ? c : '?');
    }
  }
  return safe;
}

}  // namespace librr
