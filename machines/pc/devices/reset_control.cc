// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// References: Intel ICH2 (82801BA) data sheet, sections "RST_CNT" and "PORT92";
// IBM PS/2 keyboard controller command 0xfe (pulse output port bit 0).
#include "machines/pc/devices/reset_control.h"

#include <utility>

namespace librr::pc {
namespace {

constexpr uint16_t kKeyboardCommandPort = 0x64;
constexpr uint8_t kKeyboardPulseReset = 0xfe;

constexpr uint16_t kPort92 = 0x92;
constexpr uint8_t kPort92FastReset = 0x01;
constexpr uint8_t kPort92Writable = 0x03;

// Bit 1 selects a hard reset, bit 3 a full one; bit 2, rising, does it.
constexpr uint8_t kResetCpu = 0x04;
constexpr uint8_t kResetWritable = 0x0e;

}  // namespace

ResetControl::ResetControl(std::function<void()> reset)
    : reset_(std::move(reset)) {}

uint32_t ResetControl::ReadPort(uint16_t port, int size) {
  if (size == 1 && port == kResetPort) return reset_register_;
  if (port == kPort92) return port92_;
  return 0xffffffff;
}

void ResetControl::WritePort(uint16_t port, int size, uint32_t value) {
  const uint8_t byte = static_cast<uint8_t>(value);
  if (port == kKeyboardCommandPort) {
    if (byte == kKeyboardPulseReset) reset_();
  } else if (port == kPort92) {
    const bool rises = (byte & ~port92_ & kPort92FastReset) != 0;
    port92_ = byte & kPort92Writable;
    if (rises) reset_();
  } else if (size == 1 && port == kResetPort) {
    const bool rises = (byte & ~reset_register_ & kResetCpu) != 0;
    reset_register_ = byte & kResetWritable;
    if (rises) reset_();
  }
}

void ResetControl::DescribeState(StateVisitor& visitor) {
  visitor.Field("reset_register", reset_register_);
  visitor.Field("port92", port92_);
}

}  // namespace librr::pc
