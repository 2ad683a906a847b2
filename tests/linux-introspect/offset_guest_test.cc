// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A guest by typed offsets alone, in the memory of 32-bit kernels of 2.4 and
// 2.6.20 that the test builds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "librr/linux_sources.h"
#include "tests/linux-introspect/task_image.h"

namespace librr {
namespace {

using testing::HasSubstr;
using Field = LinuxOffsets::Field;

// As VMware's manual and articles show them.
constexpr const char* kLine24 =
    "0x20407,0x2c,0x48,0,0x236,0x6c,0x260,0xc,0,0xc,0x2000,0x0,0x0,0x10";
constexpr const char* kLine26 =
    "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,0x28,0x2000,0xc4,0xec,0x10";

// A task image with a kernel stack for each task, and a vCPU.
class StackImage final : public MemoryReader {
 public:
  static constexpr uint64_t kStacks = 3 << 20, kSize = 0x2000;

  explicit StackImage(const std::string& line)
      : offsets(*LinuxOffsets::Parse(line)), image(2, offsets) {
    image.AddProcess(1, "init", true);
    image.AddProcess(2, "keventd", false);
    image.AddProcess(3, "bash", true);
    image.Link();
    for (size_t i = 0; i < image.tasks().size(); ++i) {
      const uint64_t task = image.tasks()[i].address;
      image.PutPointer(task + offsets.value(Field::kThread) +
                           offsets.value(Field::kStackTop),
                       Top(i));
      if (image.tasks()[i].mm != 0) PutRegisters(i);
    }
    Run(3);
  }

  uint64_t Top(size_t task) const {
    return image.base() + kStacks + (task + 1) * kSize;
  }
  // In the order of struct pt_regs, counted from ten times the task's number.
  void PutRegisters(size_t task) {
    const bool is_24 = offsets.value(Field::kVersion) < 0x20600;
    std::vector<uint32_t> words;
    const auto base = static_cast<uint32_t>(0x1000 * task);
    for (uint32_t i = 0; i < 7; ++i) words.push_back(base + i);
    for (int i = 0; i < (is_24 ? 2 : 3); ++i) words.push_back(0x2b);
    // orig_eax, eip, cs, eflags, esp, ss
    for (const uint32_t word :
         {4u, 0x8048123u + base, 0x23u, 0x246u, 0xbffff000u, 0x2bu}) {
      words.push_back(word);
    }
    for (size_t i = 0; i < words.size(); ++i) {
      image.PutWord(Top(task) - 4 * (words.size() - i), words[i]);
    }
  }
  void Run(uint32_t pid) {
    image.Run(pid);
    vcpu = {.root = image.PagingRoots()[0],
            .stack_pointer = 0xbffff000,
            .in_user_code = true};
  }

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    return image.ReadPhysical(address, out);
  }
  std::vector<PagingRoot> PagingRoots() const override {
    return image.PagingRoots();
  }
  std::vector<VcpuContext> Vcpus() const override { return {vcpu}; }

  const LinuxOffsets offsets;
  TaskImage image;
  VcpuContext vcpu;
};

class OffsetGuest : public testing::TestWithParam<const char*> {
 protected:
  OffsetGuest() : memory_(GetParam()) {
    auto found = FindLinuxGuest(&memory_, LinuxSources(memory_.offsets));
    EXPECT_TRUE(found.ok()) << found.status();
    if (found.ok()) guest_ = *std::move(found);
  }
  LinuxTask Task(size_t number) { return guest_->Tasks()->at(number); }

  StackImage memory_;
  std::unique_ptr<LinuxGuest> guest_;
};

TEST_P(OffsetGuest, ShowsSavedRegisters) {
  const auto registers = guest_->UserRegisters(Task(3));
  ASSERT_TRUE(registers.ok()) << registers.status();
  // eax ecx edx ebx esp ebp esi edi
  const std::array<uint64_t, 8> expected = {0x3006,     0x3001, 0x3002, 0x3000,
                                            0xbffff000, 0x3005, 0x3003, 0x3004};
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(registers->general[i], expected[i]) << i;
  }
  EXPECT_EQ(registers->general_known, 0xff);
  EXPECT_EQ(registers->rip, 0x804b123u);
  EXPECT_EQ(registers->rflags, 0x246u);
  EXPECT_EQ(registers->cs, 0x23);
  EXPECT_EQ(guest_->SystemCall(Task(3))->number, 4);
  EXPECT_EQ(guest_->SystemCall(Task(3))->arguments[0], 0x3000u);
  EXPECT_THAT(guest_->UserRegisters(Task(2)).status().message(),
              HasSubstr("no user code"));
  EXPECT_FALSE(guest_->KernelRegisters(Task(2)).ok());
}

TEST_P(OffsetGuest, TellsTheCurrentTask) {
  EXPECT_EQ(guest_->CurrentTask(0)->pid, 3u);
  memory_.Run(1);
  EXPECT_EQ(guest_->CurrentTask(0)->pid, 1u);
  // A thread of the kernel executes with the page tables of another task.
  memory_.vcpu.in_user_code = false;
  memory_.vcpu.stack_pointer = memory_.Top(2) - 100;
  EXPECT_EQ(guest_->CurrentTask(0)->pid, 2u);
  memory_.vcpu.stack_pointer = memory_.Top(0) - 8;
  EXPECT_EQ(guest_->CurrentTask(0)->pid, 0u);
  memory_.vcpu.stack_pointer = memory_.Top(9);
  EXPECT_FALSE(guest_->CurrentTask(0).ok());
  EXPECT_FALSE(guest_->CurrentTask(1).ok());
}

TEST_P(OffsetGuest, SeesTheMemoryOfAProcess) {
  for (const size_t number : {1, 3}) {
    memory_.Run(static_cast<uint32_t>(number));
    const GuestPhysical table = memory_.image.PagingRoots()[0].table;
    memory_.Run(1);
    EXPECT_EQ(*guest_->UserPageTable(Task(number)), table);
    EXPECT_TRUE(guest_->Translate(Task(number), GuestVirtual(0x8048000)).ok());
  }
  EXPECT_NE(*guest_->Translate(Task(1), GuestVirtual(0x8048000)),
            *guest_->Translate(Task(3), GuestVirtual(0x8048000)));
  EXPECT_FALSE(guest_->UserPageTable(Task(2)).ok());
}

TEST_P(OffsetGuest, SaysWhatNeedsTypes) {
  for (const absl::Status& status :
       {guest_->Log().status(), guest_->Modules().status(),
        guest_->Maps(1).status(), guest_->OpenFiles(1).status(),
        guest_->Mounts(1).status(), guest_->System().status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(status.message(), HasSubstr("needs the kernel's own types"));
  }
}

TEST_P(OffsetGuest, IsNotFoundByWrongOffsets) {
  LinuxOffsets wrong = memory_.offsets;
  wrong.Set(Field::kPid, 0x10, LinuxOffsets::Source::kTyped);
  const auto found = FindLinuxGuest(&memory_, LinuxSources(wrong));
  EXPECT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(found.status().message(), HasSubstr("pid=0x10"));
}

TEST_P(OffsetGuest, MayBeDamaged) {
  std::mt19937 random(11);
  const std::string whole = memory_.image.bytes();
  for (int i = 0; i < 300; ++i) {
    memory_.image.bytes() = whole;
    for (int changes = 0; changes < 4; ++changes) {
      const size_t place = random() % 2 == 0
                               ? (1 << 20) + random() % (1 << 17)
                               : StackImage::kStacks + random() % 0x8000;
      memory_.image.bytes()[place] = static_cast<char>(random());
    }
    const auto tasks = guest_->Tasks();
    (void)guest_->CurrentTask(0);
    if (!tasks.ok()) continue;
    for (const LinuxTask& task : *tasks) {
      (void)guest_->UserRegisters(task);
      (void)guest_->UserPageTable(task);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, OffsetGuest,
                         testing::Values(kLine24, kLine26),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return info.param == std::string(kLine24) ? "V2_4"
                                                                     : "V2_6";
                         });

}  // namespace
}  // namespace librr
