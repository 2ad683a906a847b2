// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "debugstub/packet_decoder.h"

#include <utility>

#include "debugstub/hex.h"

namespace librr {
namespace {

constexpr char kEscape = '}';
constexpr char kEscapeMask = 0x20;

ReceivedUnit Unit(ReceivedUnit::Kind kind) { return {kind, {}}; }

}  // namespace

void PacketDecoder::Begin() {
  state_ = State::kPayload;
  payload_.clear();
  escaped_ = false;
  too_long_ = false;
  sum_ = 0;
  expected_sum_ = 0;
}

std::optional<ReceivedUnit> PacketDecoder::Next() {
  while (next_ < buffer_.size()) {
    const char byte = buffer_[next_++];
    std::optional<ReceivedUnit> unit =
        state_ == State::kOutside ? Outside(byte) : Inside(byte);
    if (unit.has_value()) return unit;
  }
  buffer_.clear();
  next_ = 0;
  return std::nullopt;
}

std::optional<ReceivedUnit> PacketDecoder::Outside(char byte) {
  switch (byte) {
    case '$':
      Begin();
      return std::nullopt;
    case '+':
      return Unit(ReceivedUnit::Kind::kAck);
    case '-':
      return Unit(ReceivedUnit::Kind::kNak);
    case kInterruptByte:
      return Unit(ReceivedUnit::Kind::kInterrupt);
    default:
      return std::nullopt;  // noise between packets means nothing
  }
}

std::optional<ReceivedUnit> PacketDecoder::Inside(char byte) {
  if (byte == '$') {
    // Never part of a packet: the one before was broken off.
    Begin();
    return Unit(ReceivedUnit::Kind::kDamaged);
  }
  switch (state_) {
    case State::kChecksum1: {
      const int digit = HexDigit(byte);
      expected_sum_ = digit < 0 ? -1 : digit << 4;
      state_ = State::kChecksum2;
      return std::nullopt;
    }
    case State::kChecksum2: {
      const int digit = HexDigit(byte);
      if (digit < 0) expected_sum_ = -1;
      if (expected_sum_ >= 0) expected_sum_ |= digit;
      return Finish();
    }
    default:
      break;
  }
  if (byte == '#') {
    state_ = State::kChecksum1;
    return std::nullopt;
  }
  sum_ = static_cast<uint8_t>(sum_ + static_cast<uint8_t>(byte));
  if (byte == kEscape && !escaped_) {
    escaped_ = true;
    return std::nullopt;
  }
  if (payload_.size() < kMaxPacketSize) {
    payload_.push_back(escaped_ ? static_cast<char>(byte ^ kEscapeMask) : byte);
  } else {
    too_long_ = true;
  }
  escaped_ = false;
  return std::nullopt;
}

std::optional<ReceivedUnit> PacketDecoder::Finish() {
  state_ = State::kOutside;
  if (too_long_ || escaped_ || expected_sum_ != sum_) {
    return Unit(ReceivedUnit::Kind::kDamaged);
  }
  return ReceivedUnit{ReceivedUnit::Kind::kPacket, std::move(payload_)};
}

std::string EncodePacket(std::string_view payload) {
  std::string frame = "$";
  uint8_t sum = 0;
  const auto append = [&](char byte) {
    frame.push_back(byte);
    sum = static_cast<uint8_t>(sum + static_cast<uint8_t>(byte));
  };
  for (const char byte : payload) {
    // '*' would begin a run-length in what a stub sends.
    if (byte == '$' || byte == '#' || byte == kEscape || byte == '*') {
      append(kEscape);
      append(static_cast<char>(byte ^ kEscapeMask));
    } else {
      append(byte);
    }
  }
  frame.push_back('#');
  const uint8_t sums[] = {sum};
  frame += HexBytes(sums);
  return frame;
}

}  // namespace librr
