// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// References: Intel 82093AA data sheet (order number 290566-001); for the EOI
// register, Intel ICH2 (82801BA) data sheet, section "APIC Register Map".
#include "machines/pc/devices/io_apic.h"

namespace librr::pc {
namespace {

constexpr uint64_t kSelectOffset = 0x00;
constexpr uint64_t kWindowOffset = 0x10;
constexpr uint64_t kEoiOffset = 0x40;

constexpr uint8_t kIdRegister = 0x00;
constexpr uint8_t kVersionRegister = 0x01;
constexpr uint8_t kArbitrationRegister = 0x02;
constexpr uint8_t kFirstEntryRegister = 0x10;

constexpr uint32_t kVersion = 0x20 | (IoApic::kInputs - 1) << 16;
constexpr uint32_t kIdMask = 0x0f000000;

// Redirection entries.
constexpr uint64_t kVectorMask = 0xff;
constexpr int kDeliveryShift = 8;
constexpr uint64_t kLogical = 1u << 11;
constexpr uint64_t kRemoteIrr = 1u << 14;
constexpr uint64_t kLevelTriggered = 1u << 15;
constexpr uint64_t kMasked = 1u << 16;
constexpr int kDestinationShift = 56;
// Vector, delivery mode, destination mode, polarity, trigger mode, mask.
constexpr uint64_t kWritable = 0xff00'0000'0001'afff;

bool IsLevelTriggered(uint64_t entry) {
  const auto delivery =
      static_cast<ApicDelivery>((entry >> kDeliveryShift) & 7);
  // The other delivery modes are edges, whatever the trigger mode says.
  return (entry & kLevelTriggered) &&
         (delivery == ApicDelivery::kFixed ||
          delivery == ApicDelivery::kLowestPriority);
}

}  // namespace

IoApic::IoApic(ApicBus& apic_bus) : apic_bus_(apic_bus) {
  for (int input = 0; input < kInputs; ++input) {
    lines_[input].io_apic = this;
    lines_[input].input = input;
  }
  entries_.fill(kMasked);
  apic_bus_.AttachEoiListener(this);
}

void IoApic::SetLine(int input, bool high) {
  const uint32_t bit = 1u << input;
  const bool was_high = (levels_ & bit) != 0;
  if (high == was_high) return;
  levels_ ^= bit;
  if (!high) return;
  const uint64_t entry = entries_[input];
  if (IsLevelTriggered(entry)) {
    DeliverLevel(input);
  } else if (!(entry & kMasked)) {
    Send(entry);
  }
}

void IoApic::DeliverLevel(int input) {
  uint64_t& entry = entries_[input];
  if (!IsLevelTriggered(entry) || (entry & (kMasked | kRemoteIrr)) ||
      !(levels_ & (1u << input))) {
    return;
  }
  if (Send(entry)) entry |= kRemoteIrr;
}

bool IoApic::Send(uint64_t entry) {
  const uint64_t delivery = (entry >> kDeliveryShift) & 7;
  if (delivery == 3 || delivery == 6) return false;  // reserved
  ApicMessage message;
  message.vector = static_cast<uint8_t>(entry & kVectorMask);
  message.delivery = static_cast<ApicDelivery>(delivery);
  message.level_triggered = IsLevelTriggered(entry);
  message.logical = (entry & kLogical) != 0;
  message.destination = static_cast<uint32_t>(entry >> kDestinationShift);
  if (!message.logical && message.destination == 0xff) {
    message.destination = kApicBroadcast;
  }
  return apic_bus_.Send(message);
}

void IoApic::OnEndOfInterrupt(uint8_t vector) {
  for (int input = 0; input < kInputs; ++input) {
    uint64_t& entry = entries_[input];
    if ((entry & kVectorMask) != vector || !(entry & kRemoteIrr)) continue;
    entry &= ~kRemoteIrr;
    DeliverLevel(input);
  }
}

uint32_t IoApic::ReadRegister(uint8_t index) const {
  switch (index) {
    case kIdRegister:
    case kArbitrationRegister:
      return id_;
    case kVersionRegister:
      return kVersion;
  }
  const int word = index - kFirstEntryRegister;
  if (word < 0 || word >= 2 * kInputs) return 0;
  return static_cast<uint32_t>(entries_[word / 2] >> (word % 2 * 32));
}

void IoApic::WriteRegister(uint8_t index, uint32_t value) {
  if (index == kIdRegister) id_ = value & kIdMask;
  const int word = index - kFirstEntryRegister;
  if (word < 0 || word >= 2 * kInputs) return;
  const int shift = word % 2 * 32;
  const uint64_t writable = kWritable & (0xffffffffull << shift);
  uint64_t& entry = entries_[word / 2];
  entry = (entry & ~writable) | (uint64_t{value} << shift & writable);
  // Leaving level mode ends the service: kernels use it as an explicit EOI.
  if (!IsLevelTriggered(entry)) entry &= ~kRemoteIrr;
  DeliverLevel(word / 2);
}

uint64_t IoApic::ReadMmio(uint64_t offset, int size) {
  // Registers are 32 bits wide at multiples of 16.
  const uint64_t byte = offset & 15;
  uint64_t value = 0;
  if ((offset & ~15ull) == kSelectOffset) value = select_;
  if ((offset & ~15ull) == kWindowOffset) value = ReadRegister(select_);
  if (byte + size > 8) return 0;
  return value >> (8 * byte);
}

void IoApic::WriteMmio(uint64_t offset, int size, uint64_t value) {
  if (offset == kSelectOffset) {
    select_ = static_cast<uint8_t>(value);
  } else if (offset == kWindowOffset && size >= 4) {
    WriteRegister(select_, static_cast<uint32_t>(value));
  } else if (offset == kEoiOffset) {
    OnEndOfInterrupt(static_cast<uint8_t>(value));
  }
}

void IoApic::DescribeState(StateVisitor& visitor) {
  visitor.Fields("entries", entries_);
  visitor.Field("levels", levels_);
  visitor.Field("id", id_);
  visitor.Field("select", select_);
}

}  // namespace librr::pc
