// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Reference: ACPI specification 6.3, sections 5.2.5 (RSDP), 5.2.6 (header),
// 5.2.8 (XSDT), 5.2.9 (FADT), 5.2.10 (FACS), 5.2.12 (MADT).
#include "machines/pc/devices/acpi_tables.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <utility>

#include "librr-core/base/check.h"
#include "machines/pc/devices/acpi_pm.h"
#include "machines/pc/devices/aml_builder.h"
#include "machines/pc/devices/io_apic.h"
#include "machines/pc/devices/isa_irq.h"
#include "machines/pc/devices/local_apic.h"
#include "machines/pc/devices/pit8254.h"
#include "machines/pc/devices/reset_control.h"
#include "machines/pc/devices/rtc_mc146818.h"
#include "machines/pc/devices/uart16550.h"

namespace librr::pc {
namespace {

constexpr size_t kHeaderSize = 36;
constexpr size_t kChecksumOffset = 9;
constexpr uint64_t kAlignment = 64;  // what the FACS needs

// Little-endian bytes at growing or at given offsets.
class TableWriter {
 public:
  TableWriter& Text(std::string_view text, size_t width) {
    for (size_t i = 0; i < width; ++i) {
      bytes_.push_back(i < text.size() ? static_cast<uint8_t>(text[i]) : ' ');
    }
    return *this;
  }
  TableWriter& Value(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) {
      bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
    return *this;
  }
  TableWriter& Append(const std::vector<uint8_t>& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  // Overwrites what is already there, growing with zeros.
  TableWriter& At(size_t offset, uint64_t value, int size) {
    if (bytes_.size() < offset + size) bytes_.resize(offset + size);
    for (int i = 0; i < size; ++i) {
      bytes_[offset + i] = static_cast<uint8_t>(value >> (8 * i));
    }
    return *this;
  }
  // Makes the first `count` bytes sum to zero by the byte at `offset`.
  TableWriter& Checksum(size_t offset, size_t count) {
    bytes_[offset] = 0;
    bytes_[offset] = static_cast<uint8_t>(
        -std::accumulate(bytes_.begin(), bytes_.begin() + count, 0));
    return *this;
  }
  size_t size() const { return bytes_.size(); }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
};

TableWriter StartTable(std::string_view signature, uint8_t revision) {
  TableWriter table;
  table.Text(signature, 4).Value(0, 4).Value(revision, 1).Value(0, 1);
  table.Text("LIBRR", 6).Text("LIBRRPC", 8).Value(1, 4);
  table.Text("LRR", 4).Value(1, 4);
  LIBRR_CHECK(table.size() == kHeaderSize);
  return table;
}

std::vector<uint8_t> FinishTable(TableWriter table) {
  table.At(4, table.size(), 4);
  table.Checksum(kChecksumOffset, table.size());
  return table.Take();
}

std::vector<uint8_t> BuildDsdt() {
  AmlBuilder aml;
  aml.NamePackage("_S5_", {AcpiPm::kSleepTypeS5, AcpiPm::kSleepTypeS5, 0, 0});
  aml.Scope("\\_SB_", [&] {
    const auto device = [&](std::string_view name, std::string_view id,
                            const ResourceList& resources) {
      aml.Device(name, [&] {
        aml.NameEisaId("_HID", id);
        aml.NameInteger("_UID", 1);
        aml.NameInteger("_STA", 0x0f);  // present, enabled, shown, working
        aml.NameResources("_CRS", resources);
      });
    };
    device("COM1", "PNP0501",
           ResourceList().Io(Uart16550::kPort, Uart16550::kPortCount).Irq(4));
    device(
        "RTC_", "PNP0B00",
        ResourceList().Io(RtcMc146818::kPort, RtcMc146818::kPortCount).Irq(8));
    device("TIMR", "PNP0100",
           ResourceList().Io(Pit8254::kPort, Pit8254::kPortCount).Irq(0));
  });
  // Revision 2: integers have 64 bits.
  return FinishTable(StartTable("DSDT", 2).Append(aml.Take()));
}

std::vector<uint8_t> BuildFacs() {
  constexpr size_t kFacsSize = 64;
  TableWriter facs;
  facs.Text("FACS", 4).Value(kFacsSize, 4);
  facs.At(32, 2, 1);             // version
  facs.At(kFacsSize - 1, 0, 1);  // no wake vector, no global lock owner
  return facs.Take();
}

// A register in I/O space, accessed in units of `access` (1: byte to 3: dword).
void IoRegister(TableWriter& table, size_t offset, uint16_t port, int bytes,
                int access) {
  constexpr uint8_t kSystemIo = 1;
  table.At(offset, kSystemIo, 1).At(offset + 1, 8 * bytes, 1);
  table.At(offset + 2, 0, 1).At(offset + 3, access, 1);
  table.At(offset + 4, port, 8);
}

std::vector<uint8_t> BuildFadt(uint64_t facs, uint64_t dsdt) {
  constexpr size_t kFadtSize = 276;
  constexpr uint8_t kProfileEnterpriseServer = 4;
  // The machine is in ACPI mode; these writes are accepted and change nothing.
  constexpr uint8_t kAcpiEnable = 0xa1;
  constexpr uint8_t kAcpiDisable = 0xa0;
  constexpr uint16_t kNoC2 = 101;
  constexpr uint16_t kNoC3 = 1001;
  // Legacy devices are present, VGA is not; no 8042.
  constexpr uint16_t kBootArch = 1u << 0 | 1u << 2;
  // WBINVD works, C1 works, no fixed power or sleep button, no fixed RTC wake
  // status, 32-bit PM timer, reset register.
  constexpr uint32_t kFlags =
      1u << 0 | 1u << 2 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 10;

  TableWriter fadt = StartTable("FACP", 6);
  fadt.At(kFadtSize - 1, 0, 1);
  fadt.At(36, facs, 4).At(40, dsdt, 4);
  fadt.At(45, kProfileEnterpriseServer, 1).At(46, AcpiPm::kSciIrq, 2);
  fadt.At(48, AcpiPm::kSmiCommandPort, 4);
  fadt.At(52, kAcpiEnable, 1).At(53, kAcpiDisable, 1);
  fadt.At(56, AcpiPm::kEventPort, 4).At(64, AcpiPm::kControlPort, 4);
  fadt.At(76, AcpiPm::kTimerPort, 4).At(80, AcpiPm::kGpe0Port, 4);
  fadt.At(88, 4, 1).At(89, 2, 1).At(91, 4, 1).At(92, 4, 1);
  fadt.At(96, kNoC2, 2).At(98, kNoC3, 2);
  fadt.At(108, RtcMc146818::kCenturyIndex, 1);
  fadt.At(109, kBootArch, 2).At(112, kFlags, 4);
  IoRegister(fadt, 116, ResetControl::kResetPort, 1, 1);
  fadt.At(128, ResetControl::kResetValue, 1);
  // The FACS is named by its 32-bit address alone: both must not be given.
  fadt.At(140, dsdt, 8);
  IoRegister(fadt, 148, AcpiPm::kEventPort, 4, 2);
  IoRegister(fadt, 172, AcpiPm::kControlPort, 2, 2);
  IoRegister(fadt, 208, AcpiPm::kTimerPort, 4, 3);
  IoRegister(fadt, 220, AcpiPm::kGpe0Port, 4, 1);
  LIBRR_CHECK(fadt.size() == kFadtSize);
  return FinishTable(std::move(fadt));
}

std::vector<uint8_t> BuildMadt(int vcpus) {
  constexpr uint8_t kLocalApicEntry = 0;
  constexpr uint8_t kIoApicEntry = 1;
  constexpr uint8_t kOverrideEntry = 2;
  constexpr uint8_t kLocalNmiEntry = 4;
  constexpr uint8_t kAllProcessors = 0xff;
  constexpr uint8_t kIsaBus = 0;
  constexpr uint16_t kConforming = 0;
  constexpr uint16_t kLevelActiveHigh = 0x000d;
  constexpr uint32_t kHas8259Pair = 1;

  TableWriter madt = StartTable("APIC", 5);
  madt.Value(LocalApic::kDefaultBase, 4).Value(kHas8259Pair, 4);
  for (int id = 0; id < vcpus; ++id) {
    const uint32_t enabled = 1;
    madt.Value(kLocalApicEntry, 1).Value(8, 1).Value(id, 1).Value(id, 1);
    madt.Value(enabled, 4);
  }
  const int io_apic_id = 0;
  const uint32_t first_gsi = 0;
  madt.Value(kIoApicEntry, 1).Value(12, 1).Value(io_apic_id, 1).Value(0, 1);
  madt.Value(IoApic::kBase, 4).Value(first_gsi, 4);
  const auto redirect = [&](int irq, int gsi, uint16_t flags) {
    madt.Value(kOverrideEntry, 1).Value(10, 1).Value(kIsaBus, 1).Value(irq, 1);
    madt.Value(gsi, 4).Value(flags, 2);
  };
  redirect(0, IsaIrqRouter::kTimerGsi, kConforming);
  redirect(AcpiPm::kSciIrq, AcpiPm::kSciIrq, kLevelActiveHigh);
  madt.Value(kLocalNmiEntry, 1).Value(6, 1).Value(kAllProcessors, 1);
  madt.Value(kConforming, 2).Value(/*LINT*/ 1, 1);
  return FinishTable(std::move(madt));
}

std::vector<uint8_t> BuildXsdt(const std::vector<uint64_t>& tables) {
  TableWriter xsdt = StartTable("XSDT", 1);
  for (const uint64_t address : tables) xsdt.Value(address, 8);
  return FinishTable(std::move(xsdt));
}

std::vector<uint8_t> BuildRsdp(uint64_t xsdt) {
  constexpr size_t kRsdpSize = 36;
  constexpr size_t kFirstPartSize = 20;
  TableWriter rsdp;
  rsdp.Text("RSD PTR ", 8).Value(0, 1).Text("LIBRR", 6).Value(2, 1);
  rsdp.Value(0, 4).Value(kRsdpSize, 4).Value(xsdt, 8).Value(0, 4);
  LIBRR_CHECK(rsdp.size() == kRsdpSize);
  rsdp.Checksum(8, kFirstPartSize);
  rsdp.Checksum(32, kRsdpSize);
  return rsdp.Take();
}

}  // namespace

AcpiTables BuildAcpiTables(int vcpus) {
  LIBRR_CHECK(vcpus >= 1 && vcpus <= 255);
  AcpiTables tables;
  uint64_t next = kAcpiRegionBase;
  const auto place = [&](std::string name, std::vector<uint8_t> bytes) {
    const uint64_t address = next;
    next = (address + bytes.size() + kAlignment - 1) & ~(kAlignment - 1);
    tables.blobs.push_back({std::move(name), address, std::move(bytes)});
    return address;
  };
  // The RSDP comes first, but its content last.
  tables.rsdp_address = place("RSDP", BuildRsdp(0));
  const uint64_t facs = place("FACS", BuildFacs());
  const uint64_t dsdt = place("DSDT", BuildDsdt());
  const uint64_t fadt = place("FACP", BuildFadt(facs, dsdt));
  const uint64_t madt = place("APIC", BuildMadt(vcpus));
  const uint64_t xsdt = place("XSDT", BuildXsdt({fadt, madt}));
  tables.blobs.front().bytes = BuildRsdp(xsdt);
  LIBRR_CHECK(next <= kAcpiRegionBase + kAcpiRegionSize);
  return tables;
}

}  // namespace librr::pc
