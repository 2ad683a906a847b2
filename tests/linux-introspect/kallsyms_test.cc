// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "linux-introspect/kallsyms.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/linux-introspect/kallsyms_builder.h"

namespace librr::linux_guest {
namespace {

std::vector<BuiltSymbol> ToList(const Kallsyms& kallsyms) {
  std::vector<BuiltSymbol> list;
  for (const Kallsyms::Symbol& symbol : kallsyms.symbols()) {
    list.push_back(
        {symbol.address, symbol.type, std::string(kallsyms.name(symbol))});
  }
  return list;
}

absl::StatusOr<Kallsyms> Read(const std::string& bytes) {
  return Kallsyms::Find(KernelImage({{KallsymsBuilder::kText, bytes}}, 0));
}

class KallsymsFormats : public testing::TestWithParam<KallsymsFormat> {};

TEST_P(KallsymsFormats, AreDecodedExactly) {
  KallsymsBuilder builder(GetParam());
  builder.AddKernel();
  const auto kallsyms = Kallsyms::Find(builder.Build());
  ASSERT_TRUE(kallsyms.ok()) << kallsyms.status();
  EXPECT_EQ(ToList(*kallsyms), builder.symbols());
  EXPECT_EQ(kallsyms->Find("linux_banner"), KallsymsBuilder::kBanner);
  EXPECT_EQ(kallsyms->Find("no_such_symbol"), std::nullopt);
}

TEST_P(KallsymsFormats, AreDecodedWithFewerSymbolsThanAMarkerIsFor) {
  KallsymsBuilder builder(GetParam());
  builder.AddKernel(20);
  const auto kallsyms = Kallsyms::Find(builder.Build());
  ASSERT_TRUE(kallsyms.ok()) << kallsyms.status();
  EXPECT_EQ(ToList(*kallsyms), builder.symbols());
}

TEST_P(KallsymsFormats, MayBeCutOffAnywhere) {
  KallsymsBuilder builder(GetParam());
  builder.AddKernel(40);
  const std::string bytes = builder.ImageBytes();
  for (size_t size = KallsymsBuilder::kTables; size < bytes.size();
       size += 61) {
    const auto kallsyms = Read(bytes.substr(0, size));
    if (kallsyms.ok()) {
      EXPECT_EQ(ToList(*kallsyms), builder.symbols());
    }
  }
}

// What is damaged is refused, or does not matter, or is one wrong name or
// address among right ones: never a crash, and never a proof that fails.
TEST_P(KallsymsFormats, MayBeDamagedAnywhere) {
  KallsymsBuilder builder(GetParam());
  builder.AddKernel(300);
  const std::string bytes = builder.ImageBytes();
  std::mt19937_64 random(5);
  for (int i = 0; i < 400; ++i) {
    std::string damaged = bytes;
    for (int flips = 1 + static_cast<int>(random() % 4); flips > 0; --flips) {
      const size_t at = KallsymsBuilder::kTables +
                        random() % (bytes.size() - KallsymsBuilder::kTables);
      damaged[at] = static_cast<char>(random());
    }
    const auto kallsyms = Read(damaged);
    if (!kallsyms.ok()) continue;
    uint64_t before = 0;
    for (const Kallsyms::Symbol& symbol : kallsyms->symbols()) {
      EXPECT_GE(symbol.address, before);
      before = symbol.address;
      EXPECT_FALSE(kallsyms->name(symbol).empty());
    }
    const auto text = kallsyms->Find("_text");
    if (text.has_value()) {
      EXPECT_EQ(*text, KallsymsBuilder::kText);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, KallsymsFormats,
                         testing::ValuesIn(KnownFormats()),
                         [](const auto& info) { return info.param.name; });

KallsymsFormat Debian() { return {.name = "v6_1"}; }

TEST(KallsymsProof, AddressesMustAscend) {
  KallsymsBuilder builder(Debian());
  builder.AddKernel();
  builder.Add(KallsymsBuilder::kText + 5, 'T', "too_low");
  EXPECT_FALSE(Kallsyms::Find(builder.Build()).ok());
}

TEST(KallsymsProof, TextMustBeWhereTheImageBegins) {
  KallsymsBuilder builder(Debian());
  builder.AddKernel();
  KernelImage image({{KallsymsBuilder::kText - 0x200000,
                      std::string(0x200000, '\x90') + builder.ImageBytes()}},
                    0);
  const auto kallsyms = Kallsyms::Find(image);
  ASSERT_FALSE(kallsyms.ok());
  EXPECT_EQ(kallsyms.status().message(),
            "the kernel's symbol table has addresses of an unknown form");
}

TEST(KallsymsProof, TheBannerMustBeABanner) {
  KallsymsBuilder builder(Debian());
  builder.AddKernel();
  builder.set_banner("something else");
  EXPECT_FALSE(Kallsyms::Find(builder.Build()).ok());
}

TEST(KallsymsProof, ATableWithoutDataSymbolsIsEnough) {
  KallsymsBuilder builder(Debian());
  builder.Add(KallsymsBuilder::kText, 'T', "_text");
  for (int i = 1; i < 30; ++i) {
    builder.Add(KallsymsBuilder::kText + i, 't', "f" + std::to_string(i));
  }
  EXPECT_TRUE(Kallsyms::Find(builder.Build()).ok());
}

TEST(KallsymsProof, AnotherTableIsNotTaken) {
  // 64 beginnings of token tables, and no table.
  std::string bytes(4096, '\0');
  for (int i = 0; i < 100; ++i) {
    for (char c = '0'; c <= '9'; ++c) bytes += {c, '\0'};
  }
  bytes.resize(8192);
  const auto kallsyms = Read(bytes);
  ASSERT_FALSE(kallsyms.ok());
  EXPECT_NE(kallsyms.status().message().find("CONFIG_KALLSYMS"),
            absl::string_view::npos);
}

TEST(KallsymsProof, AHugeCountIsNotBelieved) {
  KallsymsBuilder builder(Debian());
  builder.AddKernel(20);
  std::string bytes = builder.ImageBytes();
  const char symbols = static_cast<char>(builder.symbols().size());
  const size_t count = bytes.find(symbols + std::string(7, '\0'));
  ASSERT_NE(count, std::string::npos);
  bytes.replace(count, 4, "\xff\xff\xff\x7f");
  EXPECT_FALSE(Read(bytes).ok());
}

}  // namespace
}  // namespace librr::linux_guest
