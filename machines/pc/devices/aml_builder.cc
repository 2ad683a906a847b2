// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: ACPI specification 6.3, chapter 20 (AML) and section 6.4.2 (small
// resource descriptors).
#include "machines/pc/devices/aml_builder.h"

#include <utility>

#include "librr-core/base/check.h"

namespace librr::pc {
namespace {

constexpr uint8_t kZeroOp = 0x00;
constexpr uint8_t kOneOp = 0x01;
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0a;
constexpr uint8_t kWordPrefix = 0x0b;
constexpr uint8_t kDwordPrefix = 0x0c;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kBufferOp = 0x11;
constexpr uint8_t kPackageOp = 0x12;
constexpr uint8_t kExtendedPrefix = 0x5b;
constexpr uint8_t kDeviceOp = 0x82;

constexpr uint8_t kIrqDescriptor = 0x22;  // without the flags byte
constexpr uint8_t kIoDescriptor = 0x47;
constexpr uint8_t kEndTag = 0x79;

uint8_t HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  LIBRR_CHECK(c >= 'A' && c <= 'F');
  return static_cast<uint8_t>(c - 'A' + 10);
}

}  // namespace

ResourceList& ResourceList::Io(uint16_t first, uint8_t count) {
  const uint8_t low = static_cast<uint8_t>(first);
  const uint8_t high = static_cast<uint8_t>(first >> 8);
  const uint8_t decode16 = 1;
  const uint8_t alignment = 1;
  bytes_.insert(bytes_.end(), {kIoDescriptor, decode16, low, high, low, high,
                               alignment, count});
  return *this;
}

ResourceList& ResourceList::Irq(int irq) {
  const uint16_t mask = static_cast<uint16_t>(1 << irq);
  bytes_.insert(bytes_.end(), {kIrqDescriptor, static_cast<uint8_t>(mask),
                               static_cast<uint8_t>(mask >> 8)});
  return *this;
}

void AmlBuilder::NameString(std::string_view name) {
  if (!name.empty() && name[0] == '\\') {
    Byte('\\');
    name.remove_prefix(1);
  }
  LIBRR_CHECK(name.size() == 4);
  bytes_.insert(bytes_.end(), name.begin(), name.end());
}

void AmlBuilder::Name(std::string_view name) {
  Byte(kNameOp);
  NameString(name);
}

void AmlBuilder::Integer(uint32_t value) {
  if (value == 0) {
    Byte(kZeroOp);
  } else if (value == 1) {
    Byte(kOneOp);
  } else {
    const int size = value <= 0xff ? 1 : value <= 0xffff ? 2 : 4;
    Byte(size == 1 ? kBytePrefix : size == 2 ? kWordPrefix : kDwordPrefix);
    for (int i = 0; i < size; ++i) Byte(static_cast<uint8_t>(value >> (8 * i)));
  }
}

void AmlBuilder::Sized(const std::function<void()>& body) {
  std::vector<uint8_t> outer = std::exchange(bytes_, {});
  body();
  std::vector<uint8_t> inner = std::exchange(bytes_, std::move(outer));
  // The length counts its own bytes (section 20.2.4).
  const size_t size = inner.size();
  if (size + 1 <= 0x3f) {
    Byte(static_cast<uint8_t>(size + 1));
  } else {
    const size_t total = size + 2;
    LIBRR_CHECK(total <= 0xfff);
    Byte(static_cast<uint8_t>(1 << 6 | (total & 0xf)));
    Byte(static_cast<uint8_t>(total >> 4));
  }
  bytes_.insert(bytes_.end(), inner.begin(), inner.end());
}

void AmlBuilder::Scope(std::string_view name,
                       const std::function<void()>& body) {
  Byte(kScopeOp);
  Sized([&] {
    NameString(name);
    body();
  });
}

void AmlBuilder::Device(std::string_view name,
                        const std::function<void()>& body) {
  Byte(kExtendedPrefix);
  Byte(kDeviceOp);
  Sized([&] {
    NameString(name);
    body();
  });
}

void AmlBuilder::NameInteger(std::string_view name, uint32_t value) {
  Name(name);
  Integer(value);
}

void AmlBuilder::NameEisaId(std::string_view name, std::string_view id) {
  LIBRR_CHECK(id.size() == 7);
  // Three letters of five bits, then four digits, big-endian (section 19.3.4).
  uint32_t value = 0;
  for (int i = 0; i < 3; ++i) {
    LIBRR_CHECK(id[i] >= 'A' && id[i] <= 'Z');
    value = value << 5 | static_cast<uint32_t>(id[i] - '@');
  }
  for (int i = 3; i < 7; ++i) value = value << 4 | HexDigit(id[i]);
  Name(name);
  Integer(__builtin_bswap32(value));
}

void AmlBuilder::NamePackage(std::string_view name,
                             std::initializer_list<uint32_t> elements) {
  Name(name);
  Byte(kPackageOp);
  Sized([&] {
    Byte(static_cast<uint8_t>(elements.size()));
    for (const uint32_t element : elements) Integer(element);
  });
}

void AmlBuilder::NameResources(std::string_view name,
                               const ResourceList& resources) {
  std::vector<uint8_t> bytes = resources.bytes();
  bytes.push_back(kEndTag);
  bytes.push_back(0);  // no checksum
  Name(name);
  Byte(kBufferOp);
  Sized([&] {
    Integer(static_cast<uint32_t>(bytes.size()));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  });
}

}  // namespace librr::pc
