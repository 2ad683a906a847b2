// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "machines/pc/boot/boot_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "machines/pc/boot/guest_layout.h"
#include "tests/boot/boot_memory.h"
#include "tests/boot/kernel_samples.h"

namespace librr::pc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kMemory = 64 * kMiB;

absl::StatusOr<BootImage> Load(const std::string& kernel,
                               const std::string& initrd = "",
                               uint64_t memory_bytes = kMemory) {
  return LoadKernel({.kernel = kernel,
                     .initrd = initrd,
                     .command_line = "console=ttyS0 quiet",
                     .memory_bytes = memory_bytes,
                     .acpi_rsdp_address = 0xe0000});
}

std::string Message(const absl::StatusOr<BootImage>& image) {
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(image.status().message());
}

// --- Linux ---

TEST(LinuxImage, StartsInLongModeAt512BytesIntoTheKernel) {
  const auto image = Load(LinuxSample(std::string(0x400, 'k')));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->cpu.mode, InitialCpuMode::kLong64);
  EXPECT_EQ(image->cpu.rip, 0x1000200);
  EXPECT_EQ(image->cpu.rsi, kBootParamsAddress);
  EXPECT_EQ(image->cpu.cr0, 0x80000011);
  EXPECT_EQ(image->cpu.cr4, 0x20);
  EXPECT_EQ(image->cpu.efer, 0x500);
  EXPECT_EQ(image->cpu.code_selector, 0x10);
  EXPECT_EQ(image->cpu.data_selector, 0x18);
  EXPECT_EQ(image->description, "Linux bzImage 6.1.0-test");
  EXPECT_EQ(BootMemory(*image).Bytes(0x1000000, 0x400),
            std::string(0x400, 'k'));
}

TEST(LinuxImage, PageTablesMapFourGibibytesOneToOne) {
  const auto image = Load(LinuxSample(std::string(0x400, 'k')));
  ASSERT_TRUE(image.ok());
  const BootMemory memory(*image);
  constexpr uint64_t kAddressBits = 0x000ffffffffff000;
  for (uint64_t address = 0; address < 4 * kGiB; address += 2 * kMiB) {
    const uint64_t top = memory.U64(image->cpu.cr3 + 8 * (address >> 39));
    ASSERT_EQ(top & 0x83, 0x03);
    const uint64_t pointer =
        memory.U64((top & kAddressBits) + 8 * (address >> 30));
    ASSERT_EQ(pointer & 0x83, 0x03);
    const uint64_t entry =
        memory.U64((pointer & kAddressBits) + 8 * ((address >> 21) & 511));
    ASSERT_EQ(entry, address | 0x83);
  }
}

TEST(LinuxImage, SelectorsNameFlatDescriptors) {
  const auto image = Load(LinuxSample(std::string(0x400, 'k')));
  ASSERT_TRUE(image.ok());
  const BootMemory memory(*image);
  const InitialCpu& cpu = image->cpu;
  EXPECT_EQ(memory.U64(cpu.gdt_base + cpu.code_selector), 0x00af9b000000ffff);
  EXPECT_EQ(memory.U64(cpu.gdt_base + cpu.data_selector), 0x00cf93000000ffff);
  EXPECT_GE(cpu.gdt_limit, cpu.task_selector + 15);
  const uint64_t task = memory.U64(cpu.gdt_base + cpu.task_selector);
  EXPECT_EQ((task >> 16) & 0xffffff, kTssAddress);
  EXPECT_EQ((task >> 40) & 0xff, 0x8b);
}

TEST(LinuxImage, ZeroPageHoldsHeaderCommandLineInitrdAndRsdp) {
  const std::string kernel = LinuxSample(std::string(0x400, 'k'));
  const auto image = Load(kernel, "initrd bytes");
  ASSERT_TRUE(image.ok());
  const BootMemory memory(*image);
  const uint64_t zero_page = kBootParamsAddress;
  EXPECT_EQ(memory.Bytes(zero_page + 0x202, 4), "HdrS");
  EXPECT_EQ(memory.U32(zero_page + 0x260), 0x200000);  // copied: init_size
  EXPECT_EQ(memory.Byte(zero_page + 0x210), 0xff);     // type_of_loader
  EXPECT_EQ(memory.U64(zero_page + 0x070), 0xe0000);   // acpi_rsdp_addr
  EXPECT_EQ(memory.Text(memory.U32(zero_page + 0x228)), "console=ttyS0 quiet");
  EXPECT_EQ(memory.U32(zero_page + 0x21c), 12);
  const uint64_t initrd = memory.U32(zero_page + 0x218);
  EXPECT_EQ(initrd, kMemory - 4096);
  EXPECT_EQ(memory.Bytes(initrd, 12), "initrd bytes");
}

TEST(LinuxImage, WithoutInitrdItsFieldsAreZero) {
  const auto image = Load(LinuxSample(std::string(0x400, 'k')));
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(BootMemory(*image).U64(kBootParamsAddress + 0x218), 0);
}

TEST(LinuxImage, InitrdStaysBelowTheKernelsLimit) {
  std::string kernel = LinuxSample(std::string(0x400, 'k'));
  PutLe(kernel, 0x22c, uint32_t{0x2ffffff});  // initrd_addr_max
  const auto image = Load(kernel, std::string(5000, 'i'));
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(BootMemory(*image).U32(kBootParamsAddress + 0x218),
            0x3000000 - 8192);
}

TEST(LinuxImage, MemoryBeyondThreeGibibytesIsToldAtFour) {
  const auto image = Load(LinuxSample(std::string(0x400, 'k')), "i", 5 * kGiB);
  ASSERT_TRUE(image.ok());
  const BootMemory memory(*image);
  const uint64_t table = kBootParamsAddress + 0x2d0;
  ASSERT_EQ(memory.Byte(kBootParamsAddress + 0x1e8), 5);
  const MemoryRange expected[] = {
      {0, 0x9fc00, MemoryType::kUsable},
      {0x9fc00, 0x400, MemoryType::kReserved},
      {0xe0000, 0x20000, MemoryType::kReserved},
      {kMiB, 3 * kGiB - kMiB, MemoryType::kUsable},
      {4 * kGiB, 2 * kGiB, MemoryType::kUsable},
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(memory.U64(table + 20 * i), expected[i].base);
    EXPECT_EQ(memory.U64(table + 20 * i + 8), expected[i].size);
    EXPECT_EQ(memory.U32(table + 20 * i + 16),
              static_cast<uint32_t>(expected[i].type));
  }
  EXPECT_EQ(memory.U32(kBootParamsAddress + 0x218), 0x80000000 - 4096);
}

TEST(LinuxImage, TooLittleMemorySaysHowMuchIsNeeded) {
  const std::string kernel = LinuxSample(std::string(0x400, 'k'));
  EXPECT_THAT(Message(Load(kernel, "", 16 * kMiB)),
              HasSubstr("the kernel needs at least 18 MiB"));
  EXPECT_TRUE(Load(kernel, "", 18 * kMiB).ok());
  const std::string initrd(kMiB + 1, 'i');
  EXPECT_THAT(Message(Load(kernel, initrd, 18 * kMiB)),
              HasSubstr("the kernel and its initrd need at least 20 MiB"));
  EXPECT_TRUE(Load(kernel, initrd, 20 * kMiB).ok());
}

TEST(LinuxImage, KernelsWithoutA64BitEntryAreRefused) {
  std::string old_protocol = LinuxSample(std::string(0x400, 'k'));
  PutLe(old_protocol, 0x206, uint16_t{0x020b});
  EXPECT_THAT(Message(Load(old_protocol)), HasSubstr("no 64-bit entry"));
  std::string i686 = LinuxSample(std::string(0x400, 'k'));
  PutLe(i686, 0x236, uint16_t{0});
  EXPECT_THAT(Message(Load(i686)), HasSubstr("no 64-bit entry"));
}

TEST(LinuxImage, CutOffFileIsDamaged) {
  const std::string kernel = LinuxSample(std::string(0x4000, 'k'));
  EXPECT_THAT(Message(Load(kernel.substr(0, 0x220))), HasSubstr("cut off"));
  EXPECT_THAT(Message(Load(kernel.substr(0, 0x2000))),
              HasSubstr("it has 8192 of 17408 bytes"));
}

TEST(LinuxImage, OverlongCommandLineIsRefused) {
  const std::string kernel = LinuxSample(std::string(0x400, 'k'));
  const std::string longest(2047, 'x');
  EXPECT_TRUE(
      LoadKernel(
          {.kernel = kernel, .command_line = longest, .memory_bytes = kMemory})
          .ok());
  const std::string longer(2048, 'x');
  EXPECT_THAT(
      Message(LoadKernel(
          {.kernel = kernel, .command_line = longer, .memory_bytes = kMemory})),
      HasSubstr("at most 2047"));
}

// --- Multiboot ---

class MultibootElf : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Widths, MultibootElf, testing::Bool());

TEST_P(MultibootElf, StartsInProtectedModeWithItsInformation) {
  const auto image = Load(MultibootSample(GetParam()), "module bytes");
  ASSERT_TRUE(image.ok()) << image.status();
  const InitialCpu& cpu = image->cpu;
  EXPECT_EQ(cpu.mode, InitialCpuMode::kProtected32);
  EXPECT_EQ(cpu.rip, 0x100020);
  EXPECT_EQ(cpu.rax, 0x2badb002);
  EXPECT_EQ(cpu.cr0, 0x11);
  EXPECT_EQ(cpu.efer, 0);

  const BootMemory memory(*image);
  EXPECT_EQ(memory.U64(cpu.gdt_base + cpu.code_selector), 0x00cf9b000000ffff);
  EXPECT_EQ(memory.Bytes(0x100020, 4), "code");
  EXPECT_EQ(memory.Bytes(0x200000, 4), "data");
  const uint64_t info = cpu.rbx;
  EXPECT_EQ(memory.U32(info), 0x24d);
  EXPECT_EQ(memory.U32(info + 4), 639);
  EXPECT_EQ(memory.U32(info + 8), 63 * 1024);
  EXPECT_EQ(memory.Text(memory.U32(info + 16)), "console=ttyS0 quiet");
  EXPECT_EQ(memory.U32(info + 20), 1);
  const uint64_t module = memory.U32(info + 24);
  EXPECT_EQ(memory.Bytes(memory.U32(module), 12), "module bytes");
  EXPECT_EQ(memory.U32(module + 4) - memory.U32(module), 12);
  EXPECT_EQ(memory.Text(memory.U32(module + 8)), "initrd");
  EXPECT_EQ(memory.Text(memory.U32(info + 64)), "librr");
}

TEST(Multiboot, MemoryMapCoversRam) {
  const auto image = Load(MultibootSample(false));
  ASSERT_TRUE(image.ok());
  const BootMemory memory(*image);
  const uint64_t info = image->cpu.rbx;
  const uint64_t map = memory.U32(info + 48);
  uint64_t usable = 0;
  uint64_t offset = 0;
  while (offset < memory.U32(info + 44)) {
    if (memory.U32(map + offset + 20) == 1) {
      usable += memory.U64(map + offset + 12);
    }
    offset += memory.U32(map + offset) + 4;
  }
  EXPECT_EQ(offset, memory.U32(info + 44));
  EXPECT_EQ(usable, kMemory - kMiB + 0x9fc00);
}

TEST(Multiboot, EntryGivenAsVirtualAddressIsTranslated) {
  const std::string kernel =
      ElfBuilder(false)
          .set_entry(0xc0100020)
          .AddLoad(0x100000, MultibootHeader(0) + "code", 64, 0xc0000000)
          .Build();
  const auto image = Load(kernel);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->cpu.rip, 0x100020);
}

TEST(Multiboot, FlatImageIsPlacedByItsHeader) {
  std::string header = MultibootHeader(0x10000);
  PutLe(header, 12, uint32_t{0x200010});  // header_addr
  PutLe(header, 16, uint32_t{0x200000});  // load_addr
  PutLe(header, 24, uint32_t{0x300000});  // bss_end_addr
  PutLe(header, 28, uint32_t{0x200030});  // entry_addr
  const std::string kernel = std::string(16, 'p') + header + "flat code";
  const auto image = Load(kernel);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->cpu.rip, 0x200030);
  EXPECT_EQ(BootMemory(*image).Bytes(0x200000, 16), std::string(16, 'p'));
  EXPECT_EQ(BootMemory(*image).Bytes(0x200030, 9), "flat code");
  EXPECT_THAT(Message(Load(kernel, "", 2 * kMiB)),
              HasSubstr("needs at least 3 MiB"));
}

TEST(Multiboot, UnknownRequirementsAreRefused) {
  const std::string kernel = ElfBuilder(false)
                                 .set_entry(0x100000)
                                 .AddLoad(0x100000, MultibootHeader(0x8), 64)
                                 .Build();
  EXPECT_THAT(Message(Load(kernel)), HasSubstr("unknown features"));
}

TEST(Multiboot, WrongChecksumIsNotAHeader) {
  std::string header = MultibootHeader(0);
  header[8] ^= 1;
  const std::string kernel = ElfBuilder(false)
                                 .set_entry(0x100000)
                                 .AddLoad(0x100000, header, 64)
                                 .Build();
  EXPECT_THAT(Message(Load(kernel)), StartsWith("not a kernel"));
}

TEST(Multiboot, SegmentsMustLieApartInMemoryAndAboveBootData) {
  const auto build = [](uint64_t second, uint64_t memory_size) {
    return ElfBuilder(false)
        .set_entry(0x100000)
        .AddLoad(0x100000, MultibootHeader(0), 0x1000)
        .AddLoad(second, "data", memory_size)
        .Build();
  };
  EXPECT_TRUE(Load(build(0x101000, 4)).ok());
  EXPECT_THAT(Message(Load(build(0x100800, 4))), HasSubstr("overlap"));
  EXPECT_THAT(Message(Load(build(0x8000, 4))), HasSubstr("boot data"));
  EXPECT_THAT(Message(Load(build(0x101000, 0x80000000))),
              HasSubstr("needs at least 2050 MiB"));
  EXPECT_THAT(Message(Load(build(0xffffff00, 0x80000000))),
              HasSubstr("beyond 4 GiB"));
}

// --- PVH ---

class PvhElf : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Widths, PvhElf, testing::Bool());

TEST_P(PvhElf, StartsAtTheEntryOfItsNoteWithStartInfo) {
  const auto image = Load(PvhSample(GetParam()), "module bytes");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->cpu.mode, InitialCpuMode::kProtected32);
  EXPECT_EQ(image->cpu.rip, 0x1000010);

  const BootMemory memory(*image);
  const uint64_t info = image->cpu.rbx;
  EXPECT_EQ(memory.U32(info), 0x336ec578);
  EXPECT_EQ(memory.U32(info + 4), 1);
  ASSERT_EQ(memory.U32(info + 12), 1);
  const uint64_t module = memory.U64(info + 16);
  EXPECT_EQ(memory.Bytes(memory.U64(module), memory.U64(module + 8)),
            "module bytes");
  EXPECT_EQ(memory.Text(memory.U64(info + 24)), "console=ttyS0 quiet");
  EXPECT_EQ(memory.U64(info + 32), 0xe0000);
  const uint64_t map = memory.U64(info + 40);
  ASSERT_EQ(memory.U32(info + 48), 4);
  EXPECT_EQ(memory.U64(map + 3 * 24), kMiB);
  EXPECT_EQ(memory.U64(map + 3 * 24 + 8), kMemory - kMiB);
}

TEST(Pvh, EntryOutsideOfTheSegmentsIsRefused) {
  EXPECT_THAT(Message(Load(PvhSample(true, 0x2000000))),
              HasSubstr("outside of the ELF kernel's segments"));
}

// --- anything else ---

TEST(LoadKernel, OtherFilesAreNotKernels) {
  for (const std::string& file :
       {std::string(), std::string("#!/bin/sh\n"), std::string(100000, '\0'),
        std::string("\x7f"
                    "ELF"),
        ElfBuilder(true)
            .set_entry(0x100000)
            .AddLoad(0x100000, "x", 1)
            .Build()}) {
    EXPECT_EQ(Message(Load(file)),
              "not a kernel: expected a Linux bzImage, a Multiboot 1 ELF or a "
              "PVH ELF");
  }
}

// Whatever a file says, an accepted image lies in RAM and takes no more than
// its inputs and a few pages.
void ExpectHarmless(const std::string& kernel) {
  const auto image = Load(kernel, "initrd");
  if (!image.ok()) return;
  uint64_t total = 0;
  for (const Placement& placement : image->placements) {
    total += placement.bytes.size();
    ASSERT_LE(placement.physical, kMemory);
    ASSERT_LE(placement.bytes.size(), kMemory - placement.physical);
  }
  ASSERT_LE(total, kernel.size() + 16 * kGuestPageSize);
}

class HostileKernel : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(
    Kinds, HostileKernel,
    testing::Values(LinuxSample(std::string(0x400, 'k'), kMiB, 0x1000),
                    MultibootSample(false), MultibootSample(true),
                    PvhSample(false), PvhSample(true)));

TEST_P(HostileKernel, EveryTruncationIsHarmless) {
  for (size_t size = 0; size < GetParam().size(); ++size) {
    ExpectHarmless(GetParam().substr(0, size));
  }
}

TEST_P(HostileKernel, EveryChangedByteIsHarmless) {
  for (size_t i = 0; i < GetParam().size(); ++i) {
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string kernel = GetParam();
      kernel[i] = static_cast<char>(value);
      ExpectHarmless(kernel);
    }
  }
}

}  // namespace
}  // namespace librr::pc
