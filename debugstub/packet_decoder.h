// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// From the bytes that a debugger sends to packets: framing, checksum and
// escapes of gdb's remote protocol (GDB manual, "E.1 Overview" of the remote
// protocol). Nothing is interpreted here.
//
//   PacketDecoder decoder;
//   decoder.Append(bytes);
//   while (auto unit = decoder.Next()) { ... }
//
// Bytes are untrusted. A packet that is too long, has a wrong checksum or is
// broken off by the next one comes as kDamaged and takes no memory.
#ifndef LIBRR_DEBUGSTUB_PACKET_DECODER_H_
#define LIBRR_DEBUGSTUB_PACKET_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace librr {

// ^C, outside of packets.
inline constexpr char kInterruptByte = 0x03;

// The longest packet, in bytes between '$' and '#', in either direction.
inline constexpr size_t kMaxPacketSize = 0x4000;

struct ReceivedUnit {
  enum class Kind : uint8_t {
    kPacket,     // `payload` is its content, without escapes
    kDamaged,    // to be asked for again
    kAck,        // '+'
    kNak,        // '-'
    kInterrupt,  // ^C: the byte 0x03 outside of packets
  };
  Kind kind = Kind::kPacket;
  std::string payload;
};

class PacketDecoder {
 public:
  void Append(std::string_view bytes) { buffer_.append(bytes); }
  // The next unit, or nullopt until more bytes have come.
  std::optional<ReceivedUnit> Next();
  // What was appended and not looked at yet.
  std::string_view pending() const {
    return std::string_view(buffer_).substr(next_);
  }

 private:
  enum class State : uint8_t { kOutside, kPayload, kChecksum1, kChecksum2 };

  std::optional<ReceivedUnit> Outside(char byte);
  std::optional<ReceivedUnit> Inside(char byte);
  std::optional<ReceivedUnit> Finish();
  void Begin();

  std::string buffer_;
  size_t next_ = 0;  // in `buffer_`
  State state_ = State::kOutside;
  std::string payload_;
  bool escaped_ = false;
  bool too_long_ = false;
  uint8_t sum_ = 0;
  int expected_sum_ = 0;  // -1: no hexadecimal number
};

// The bytes to send for a packet with this content: "$content#xx". Bytes that
// have a meaning in frames are escaped.
std::string EncodePacket(std::string_view payload);

}  // namespace librr

#endif  // LIBRR_DEBUGSTUB_PACKET_DECODER_H_
