// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a packet is answered with. "OK", "Exx" and the empty reply of a packet
// that is not known are written here and nowhere else.
//
//   return Reply::Text(HexBytes(bytes));
//   return Reply::Error(ErrorCode::kMemory, "nothing is mapped at 0x10");
#ifndef LIBRR_DEBUGSTUB_REPLY_H_
#define LIBRR_DEBUGSTUB_REPLY_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"

namespace librr {

// gdb shows no meaning for these numbers; they are for who reads a log.
enum class ErrorCode : uint8_t {
  kArguments = 0x01,  // the packet cannot be parsed
  kMemory = 0x02,     // not mapped
  kRefused = 0x03,    // not allowed here; the message says why
  kThread = 0x04,     // no such thread
};

class Reply {
 public:
  static Reply Text(std::string payload) { return {std::move(payload), ""}; }
  static Reply Ok() { return {"OK", ""}; }
  // The packet is not known.
  static Reply Unknown() { return {"", ""}; }
  // `message` is for the person. gdb shows no text of an error: what it would
  // swallow is printed as soon as it takes text.
  static Reply Error(ErrorCode code, std::string message);
  // For the few packets whose errors gdb shows.
  static Reply ShownError(const std::string& message) {
    return {"E." + message, ""};
  }
  // The packet has no reply.
  static Reply None();

  const std::string& payload() const { return payload_; }
  const std::string& message() const { return message_; }
  bool has_payload() const { return has_payload_; }

 private:
  Reply(std::string payload, std::string message)
      : payload_(std::move(payload)), message_(std::move(message)) {}

  std::string payload_;
  std::string message_;
  bool has_payload_ = true;
};

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_REPLY_H_
