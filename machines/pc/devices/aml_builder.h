// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Writes the little ACPI machine language (AML) that a machine description
// without methods needs: scopes, devices, names, packages, resources.
//
//   AmlBuilder aml;
//   aml.Scope("\\_SB_", [&] {
//     aml.Device("COM1", [&] {
//       aml.NameEisaId("_HID", "PNP0501");
//       aml.NameResources("_CRS", ResourceList().Io(0x3f8, 8).Irq(4));
//     });
//   });
//   std::vector<uint8_t> bytes = aml.Take();
#ifndef LIBRR_MACHINES_PC_DEVICES_AML_BUILDER_H_
#define LIBRR_MACHINES_PC_DEVICES_AML_BUILDER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace librr::pc {

// A device's resources, as small resource descriptors.
class ResourceList {
 public:
  // Decodes 16 bits, at exactly `first`.
  ResourceList& Io(uint16_t first, uint8_t count);
  // Edge-triggered, active high, exclusive: an ISA interrupt.
  ResourceList& Irq(int irq);

  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

// Names are segments of four characters ("_SB_"), after an optional '\'
// (CHECK).
class AmlBuilder {
 public:
  void Scope(std::string_view name, const std::function<void()>& body);
  void Device(std::string_view name, const std::function<void()>& body);
  void NameInteger(std::string_view name, uint32_t value);
  // `id` is three capital letters and four hexadecimal digits (CHECK).
  void NameEisaId(std::string_view name, std::string_view id);
  void NamePackage(std::string_view name,
                   std::initializer_list<uint32_t> elements);
  void NameResources(std::string_view name, const ResourceList& resources);

  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  void Byte(uint8_t value) { bytes_.push_back(value); }
  void NameString(std::string_view name);
  void Name(std::string_view name);  // NameOp and its name
  void Integer(uint32_t value);
  // Writes the package length of all that `body` writes, then that.
  void Sized(const std::function<void()>& body);

  std::vector<uint8_t> bytes_;
};

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_AML_BUILDER_H_
