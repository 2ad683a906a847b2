// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The ACPI tables that describe this machine: RSDP, XSDT, FADT, FACS, DSDT and
// MADT, all within 0xe0000 to 0xfffff, where kernels search for the RSDP and
// which a memory map must report as reserved.
//
//   AcpiTables tables = BuildAcpiTables(vcpus);
//   for (const AcpiBlob& blob : tables.blobs) Write(blob.address, blob.bytes);
//   boot_params.acpi_rsdp_addr = tables.rsdp_address;
#ifndef LIBRR_MACHINES_PC_DEVICES_ACPI_TABLES_H_
#define LIBRR_MACHINES_PC_DEVICES_ACPI_TABLES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace librr::pc {

struct AcpiBlob {
  std::string name;      // the signature: "FACP"
  uint64_t address = 0;  // guest-physical
  std::vector<uint8_t> bytes;
};

struct AcpiTables {
  uint64_t rsdp_address = 0;
  std::vector<AcpiBlob> blobs;  // in ascending order, not overlapping
};

inline constexpr uint64_t kAcpiRegionBase = 0xe0000;
inline constexpr uint64_t kAcpiRegionSize = 0x20000;

// APIC ids are the numbers of the vCPUs, of which there are 1 to 255 (CHECK).
AcpiTables BuildAcpiTables(int vcpus);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_DEVICES_ACPI_TABLES_H_
