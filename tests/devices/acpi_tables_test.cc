// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/devices/acpi_tables.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "machines/pc/devices/aml_builder.h"

namespace librr::pc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

uint64_t Get(const std::vector<uint8_t>& bytes, size_t offset, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= uint64_t{bytes.at(offset + i)} << (8 * i);
  }
  return value;
}

uint8_t Sum(const std::vector<uint8_t>& bytes, size_t count) {
  return static_cast<uint8_t>(
      std::accumulate(bytes.begin(), bytes.begin() + count, 0));
}

std::map<uint64_t, AcpiBlob> ByAddress(const AcpiTables& tables) {
  std::map<uint64_t, AcpiBlob> map;
  for (const AcpiBlob& blob : tables.blobs) map[blob.address] = blob;
  return map;
}

TEST(AmlBuilderTest, EncodesAsTheSpecificationSays) {
  AmlBuilder aml;
  aml.NamePackage("_S5_", {5, 0, 1});
  EXPECT_THAT(aml.Take(), ElementsAre(0x08, '_', 'S', '5', '_', 0x12, 0x06,
                                      0x03, 0x0a, 0x05, 0x00, 0x01));
  aml = AmlBuilder();
  aml.NameEisaId("_HID", "PNP0501");
  EXPECT_THAT(aml.Take(), ElementsAre(0x08, '_', 'H', 'I', 'D', 0x0c, 0x41,
                                      0xd0, 0x05, 0x01));
  aml = AmlBuilder();
  aml.NameResources("_CRS", ResourceList().Io(0x3f8, 8).Irq(4));
  EXPECT_THAT(aml.Take(),
              ElementsAre(0x08, '_', 'C', 'R', 'S', 0x11, 0x10, 0x0a, 13, 0x47,
                          1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x10, 0, 0x79, 0));
}

TEST(AcpiTablesTest, EveryTableIsReachableAndSumsToZero) {
  for (const int vcpus : {1, 2, 64, 255}) {
    const AcpiTables tables = BuildAcpiTables(vcpus);
    const auto by_address = ByAddress(tables);
    uint64_t end = 0;
    for (const AcpiBlob& blob : tables.blobs) {
      EXPECT_GE(blob.address, end) << blob.name;
      end = blob.address + blob.bytes.size();
    }
    EXPECT_GE(tables.blobs.front().address, 0xe0000u);
    EXPECT_LE(end, 0x100000u);

    EXPECT_EQ(tables.rsdp_address % 16, 0u);
    const AcpiBlob& rsdp = by_address.at(tables.rsdp_address);
    EXPECT_EQ(Sum(rsdp.bytes, 20), 0);
    EXPECT_EQ(Sum(rsdp.bytes, 36), 0);
    const AcpiBlob& xsdt = by_address.at(Get(rsdp.bytes, 24, 8));
    EXPECT_EQ(xsdt.name, "XSDT");
    const AcpiBlob& fadt = by_address.at(Get(xsdt.bytes, 36, 8));
    EXPECT_EQ(fadt.name, "FACP");
    const AcpiBlob& madt = by_address.at(Get(xsdt.bytes, 44, 8));
    EXPECT_EQ(madt.name, "APIC");
    const AcpiBlob& facs = by_address.at(Get(fadt.bytes, 36, 4));
    EXPECT_EQ(facs.name, "FACS");
    EXPECT_EQ(facs.address % 64, 0u);
    const AcpiBlob& dsdt = by_address.at(Get(fadt.bytes, 40, 4));
    EXPECT_EQ(dsdt.name, "DSDT");
    EXPECT_EQ(Get(fadt.bytes, 140, 8), dsdt.address);
    for (const AcpiBlob* blob : {&xsdt, &fadt, &madt, &dsdt}) {
      EXPECT_EQ(Get(blob->bytes, 4, 4), blob->bytes.size()) << blob->name;
      EXPECT_EQ(Sum(blob->bytes, blob->bytes.size()), 0) << blob->name;
      EXPECT_EQ(std::string(blob->bytes.begin(), blob->bytes.begin() + 4),
                blob->name);
    }
    EXPECT_EQ(madt.bytes.size(), 44u + 8 * vcpus + 12 + 10 + 10 + 6);
  }
}

class IaslTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("iasl -v >/dev/null 2>&1") != 0) {
      GTEST_SKIP() << "acpica-tools is not installed";
    }
    std::string pattern = ::testing::TempDir() + "acpiXXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  // Everything that a command says; its failure is a failure of the test.
  std::string Run(const std::string& arguments) {
    const std::filesystem::path log = folder_ / "log";
    const std::string command = "cd " + folder_.string() + " && iasl " +
                                arguments + " >" + log.string() + " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return Slurp(log);
  }
  static std::string Slurp(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(IaslTest, DisassemblesEveryTableAndCompilesTheDsdtAgain) {
  const AcpiTables tables = BuildAcpiTables(2);
  for (const AcpiBlob& blob : tables.blobs) {
    if (blob.name == "RSDP") continue;  // not a table with a header
    std::ofstream(folder_ / (blob.name + ".aml"), std::ios::binary)
        .write(reinterpret_cast<const char*>(blob.bytes.data()),
               static_cast<std::streamsize>(blob.bytes.size()));
    const std::string log = Run("-d " + blob.name + ".aml");
    EXPECT_THAT(log, AllOf(Not(HasSubstr("rror")), Not(HasSubstr("arning"))))
        << blob.name;
    const std::string source = Slurp(folder_ / (blob.name + ".dsl"));
    EXPECT_THAT(source,
                AllOf(Not(HasSubstr("rror")), Not(HasSubstr("nvalid")),
                      Not(HasSubstr("arning")), Not(HasSubstr("Incorrect"))))
        << blob.name;
  }
  const std::string source = Slurp(folder_ / "DSDT.dsl");
  EXPECT_THAT(source, AllOf(HasSubstr("PNP0501"), HasSubstr("PNP0B00"),
                            HasSubstr("PNP0100"), HasSubstr("_S5")));
  EXPECT_THAT(Run("-tc DSDT.dsl"), HasSubstr(" 0 Errors, 0 Warnings"));
}

}  // namespace
}  // namespace librr::pc
