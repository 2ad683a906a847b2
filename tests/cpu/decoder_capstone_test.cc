// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The decoder against Capstone: lengths and operands of real code and of random
// bytes.
#include <elf.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "machines/pc/cpu/decoder.h"
#include "tests/cpu/capstone_comparison.h"

namespace librr::pc {
namespace {

// The executable sections of a 64-bit ELF file.
std::vector<std::string> TextSections(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream buffer;
  buffer << file.rdbuf();
  const std::string bytes = buffer.str();
  std::vector<std::string> sections;
  Elf64_Ehdr header;
  if (bytes.size() < sizeof(header)) return sections;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (int i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    const uint64_t at =
        header.e_shoff + static_cast<uint64_t>(i) * header.e_shentsize;
    if (at + sizeof(section) > bytes.size()) break;
    std::memcpy(&section, bytes.data() + at, sizeof(section));
    if (section.sh_type != SHT_PROGBITS ||
        !(section.sh_flags & SHF_EXECINSTR) ||
        section.sh_offset + section.sh_size > bytes.size())
      continue;
    sections.push_back(bytes.substr(section.sh_offset, section.sh_size));
  }
  return sections;
}

class DecoderOnFiles : public testing::TestWithParam<const char*> {};

TEST_P(DecoderOnFiles, AgreesWithCapstoneOnEveryInstruction) {
  const auto sections = TextSections(GetParam());
  if (sections.empty()) GTEST_SKIP() << GetParam() << " is not on this host";
  Comparison result;
  for (const std::string& section : sections)
    CompareCode(section, kDecode64, &result);
  result.Print(GetParam());
  result.ExpectAgreement();
}

INSTANTIATE_TEST_SUITE_P(
    DebianFiles, DecoderOnFiles,
    testing::Values("/lib/x86_64-linux-gnu/libc.so.6",
                    "/lib/x86_64-linux-gnu/libm.so.6", "/bin/bash",
                    GUESTS_FOLDER "/packages/busybox-static/bin/busybox"));

struct RandomMode {
  const char* name;
  uint32_t mode;
};
class DecoderOnRandomBytes : public testing::TestWithParam<RandomMode> {};

TEST_P(DecoderOnRandomBytes, AgreesWithCapstone) {
  std::mt19937_64 random(20240611);
  Comparison result;
  std::string bytes(200'000 * 16, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  CompareStarts(bytes, 16, GetParam().mode, &result);
  result.Print(GetParam().name);
  EXPECT_GT(result.compared, 10'000u);
  EXPECT_TRUE(result.different.empty());
}

INSTANTIATE_TEST_SUITE_P(Modes, DecoderOnRandomBytes,
                         testing::Values(RandomMode{"random64", kDecode64},
                                         RandomMode{"random32", kDecode32},
                                         RandomMode{"random16", kDecode16}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace librr::pc
