// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Kernels of each ELF kind on the machine, from their entry on: they find the
// module and the command line as their protocol says, and print them.
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/boot/kernel_samples.h"
#include "tests/machine/guest_runs.h"

namespace librr::pc {
namespace {

constexpr std::string_view kModule = "the module's bytes; ";
constexpr char kCommandLine[] = "the command line";

// Prints ECX bytes at ESI, and then the text whose address is at EBX +
// `text_field`; exits with code 7.
std::string PrintAndExit(char text_field) {
  using std::string_literals::operator""s;
  return "\xfc"                    // cld
         "\xba\xf8\x03\0\0"        // mov edx, 0x3f8
         "\xf3\x6e"                // rep outsb
         "\x8b\x73"s +             // mov esi, [ebx + text_field]
         text_field +              //
         "\xac"                    // lodsb
         "\x84\xc0"                // test al, al
         "\x74\x03"                // jz out of the loop
         "\xee"                    // out dx, al
         "\xeb\xf8"                // jmp to lodsb
         "\xb0\x07\xe6\xf4\xf4"s;  // mov al, 7; out 0xf4, al; hlt
}

// EBX is the address of the start information.
std::string PvhCode() {
  return "\x8b\x73\x10"     // mov esi, [ebx + 16]: the list of modules
         "\x8b\x4e\x08"     // mov ecx, [esi + 8]: its size
         "\x8b\x36" +       // mov esi, [esi]
         PrintAndExit(24);  // the command line
}

// EBX is the address of the Multiboot information.
std::string MultibootCode() {
  return "\x8b\x73\x18"     // mov esi, [ebx + 24]: the list of modules
         "\x8b\x4e\x04"     // mov ecx, [esi + 4]: its end
         "\x8b\x36"         // mov esi, [esi]
         "\x29\xf1" +       // sub ecx, esi
         PrintAndExit(16);  // the command line
}

void ExpectPrintsModuleAndCommandLine(const std::string& kernel) {
  PcConfig config;
  config.kernel = kernel;
  config.initrd = kModule;
  config.command_line = kCommandLine;
  config.memory_bytes = kGuestMemory;
  const Trail trail = ExpectSameTrailHoweverCut(config);
  // Modules lie at the end of memory, but within reach of 32-bit code.
  config.memory_bytes = uint64_t{5} << 30;
  for (const Trail& any : {trail, RunToEnd(config, {})}) {
    EXPECT_EQ(any.end, EndReason::kExit) << any.detail;
    EXPECT_EQ(any.exit_code, 7);
    EXPECT_EQ(any.Console(), std::string(kModule) + kCommandLine);
  }
}

class ElfKernel : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Widths, ElfKernel, testing::Bool());

TEST_P(ElfKernel, RunsFromTheEntryOfItsPvhNote) {
  std::string entry;
  AppendLe(entry, uint32_t{0x100000});
  if (GetParam()) AppendLe(entry, uint32_t{0});
  ExpectPrintsModuleAndCommandLine(ElfBuilder(GetParam())
                                       .set_entry(0x100800)
                                       .AddLoad(0x100000, PvhCode(), 4096)
                                       .AddNote("Xen", 18, entry)
                                       .Build());
}

TEST_P(ElfKernel, RunsFromItsMultibootEntry) {
  const std::string code = MultibootHeader(0x3) + MultibootCode();
  ExpectPrintsModuleAndCommandLine(ElfBuilder(GetParam())
                                       .set_entry(0x100020)
                                       .AddLoad(0x100000, code, 4096)
                                       .Build());
}

}  // namespace
}  // namespace librr::pc
