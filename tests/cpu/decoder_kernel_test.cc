// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// The decoder against Capstone on the text of Debian's kernel, as it stands in
// the memory of a guest that boots.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "librr/machine_memory.h"
#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_image.h"
#include "machines/pc/cpu/decoder.h"
#include "tests/cpu/capstone_comparison.h"
#include "tests/machine/guest_runs.h"

namespace librr::pc {
namespace {

using linux_guest::Kallsyms;
using linux_guest::KernelImage;

constexpr char kKernel[] = GUESTS_FOLDER "/vmlinuz";

TEST(DecoderOnKernel, AgreesWithCapstoneOnEveryInstruction) {
  if (!std::filesystem::exists(kKernel)) {
    GTEST_SKIP() << "scripts/guests has not run";
  }
  std::ifstream file(kKernel, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  PcConfig config;
  config.kernel = bytes.str();
  const auto machine = NewGuest(config);
  const MachineMemory memory(machine.get());

  // Until the kernel has unpacked itself.
  std::optional<KernelImage> image;
  for (uint64_t steps = 0; !image && steps < 1'000'000'000;) {
    steps += 20'000'000;
    RunTo(*machine, Position(steps));
    auto found = KernelImage::Find(memory);
    if (found.ok() && Kallsyms::Find(*found).ok()) image = *std::move(found);
  }
  ASSERT_TRUE(image.has_value());
  const auto symbols = Kallsyms::Find(*image);
  ASSERT_TRUE(symbols.ok()) << symbols.status();
  const auto begin = symbols->Find("_stext"), end = symbols->Find("_etext");
  ASSERT_TRUE(begin && end && *begin < *end);
  const std::string text(image->Bytes(*begin, *end - *begin));
  ASSERT_EQ(text.size(), *end - *begin);

  Comparison result;
  CompareCode(text, kDecode64, &result);
  result.Print(image->banner());
  result.ExpectAgreement();
  EXPECT_GT(result.compared, 1'000'000u);
}

}  // namespace
}  // namespace librr::pc
