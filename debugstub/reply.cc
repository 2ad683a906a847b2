// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/reply.h"

#include "debugstub/hex.h"

namespace librr {

Reply Reply::Error(ErrorCode code, std::string message) {
  const uint8_t number[] = {static_cast<uint8_t>(code)};
  return {"E" + HexBytes(number), std::move(message)};
}

Reply Reply::None() {
  Reply reply("", "");
  reply.has_payload_ = false;
  return reply;
}

}  // namespace librr
