// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr/linux_offsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "linux-introspect/btf_types.h"
#include "linux-introspect/type_offsets.h"
#include "tests/linux-introspect/btf_builder.h"
#include "tests/linux-introspect/task_image.h"

namespace librr {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Field = LinuxOffsets::Field;
using Source = LinuxOffsets::Source;

// What VMware's manual and articles show, as they were typed.
constexpr const char* kLine24 =
    "0x20407,0x2c,0x48,0,0x236,0x6c,0x260,0xc,0 \\\n"
    "0xc,0x2000,0x0,0x0,0x10";
constexpr const char* kLine26 =
    "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0, \\ "
    "0x24,0x18,0x28,0x2000,0xc4,0xec,0x10";
// A 6.12 kernel: no sp0, no thread_group.
constexpr const char* kNamed612 =
    "version=60c00 mm=0x3d8 tasks=0x388 comm=5b0 pid=0x430 pgd=0x38 "
    "grouplead=0x470 tgid=0x434 signal=0x600 thread_node=0x4c0 "
    "thread_head=0x10";

LinuxOffsets Parsed(const std::string& typed) {
  absl::StatusOr<LinuxOffsets> offsets = LinuxOffsets::Parse(typed);
  EXPECT_TRUE(offsets.ok()) << offsets.status();
  return offsets.value_or(LinuxOffsets());
}

std::string ErrorOf(const std::string& typed) {
  const absl::StatusOr<LinuxOffsets> offsets = LinuxOffsets::Parse(typed);
  EXPECT_FALSE(offsets.ok()) << typed;
  return std::string(offsets.status().message());
}

TEST(OffsetsLine, TheDocumentedLinesMeanWhatVmwareSays) {
  const LinuxOffsets old = Parsed(kLine24);
  EXPECT_EQ(old.value(Field::kVersion), 0x20407u);
  EXPECT_EQ(old.value(Field::kNextTask), 0x48u);
  EXPECT_FALSE(old.Has(Field::kTasks));
  EXPECT_EQ(old.value(Field::kFs), 0xcu);
  EXPECT_FALSE(old.Has(Field::kGroupLead));
  // The first member of that kernel's thread_struct.
  EXPECT_TRUE(old.Has(Field::kStackTop));
  EXPECT_EQ(old.Line(),
            "0x20407,0x2c,0x48,0,0x236,0x6c,0x260,0xc,0,0xc,0x2000,0,0,0x10");
  const LinuxOffsets later = Parsed(kLine26);
  EXPECT_EQ(later.value(Field::kTasks), 0x68u);
  EXPECT_FALSE(later.Has(Field::kNextTask));
  EXPECT_EQ(later.value(Field::kThreadGroup), 0xecu);
  EXPECT_EQ(later.source(Field::kThreadGroup), Source::kTyped);
  EXPECT_EQ(later.Line(),
            "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,0x28,0x2000,0xc4,"
            "0xec,0x10");
}

TEST(OffsetsLine, BothFormsComeBack) {
  for (const char* typed : {kLine24, kLine26, kNamed612}) {
    const LinuxOffsets offsets = Parsed(typed);
    EXPECT_EQ(Parsed(offsets.Line()).Line(), offsets.Line());
    EXPECT_EQ(Parsed(offsets.Named()).Named(), offsets.Named());
    EXPECT_EQ(Parsed(offsets.Named()).Line(), offsets.Line());
  }
}

TEST(OffsetsLine, NumbersAreHexadecimalInBothForms) {
  EXPECT_EQ(
      Parsed("mm=10,tasks=20,comm=0x30,pid=40,pgd=0X50").value(Field::kMm),
      0x10u);
  EXPECT_EQ(Parsed("20614,80,0,68,194,a4,1b0,24,18,28,2000,c4,ec,10").Line(),
            Parsed(kLine26).Line());
}

TEST(OffsetsLine, LongMeans64Bits) {
  EXPECT_TRUE(Parsed(std::string("-l ") + kLine26).is_long());
  EXPECT_FALSE(Parsed(kLine26).is_long());
}

TEST(OffsetsLine, WhatIsWrongIsSaid) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("no offsets"));
  EXPECT_THAT(ErrorOf("-l"), HasSubstr("no offsets"));
  EXPECT_THAT(ErrorOf("0x20614,0x80"), HasSubstr("2 fields; it must have 14"));
  EXPECT_THAT(ErrorOf(std::string(kLine26) + ",1"), HasSubstr("15 fields"));
  EXPECT_THAT(ErrorOf("1,2,3,4,5,6,7,8,9,a,b,c,d,xyz"),
              HasSubstr("'xyz' is not a hexadecimal number"));
  EXPECT_THAT(ErrorOf("1,2,3,4,5,6,7,8,9,a,b,c,d,-1"), HasSubstr("'-1'"));
  EXPECT_THAT(ErrorOf("1,ffffffffffffffffff,3,4,5,6,7,8,9,a,b,c,d,e"),
              HasSubstr("not a hexadecimal number"));
  EXPECT_THAT(ErrorOf("1,90000000,3,4,5,6,7,8,9,a,b,c,d,e"),
              HasSubstr("mm=0x90000000 is too large"));
  EXPECT_THAT(ErrorOf("mn=1"),
              AllOf(HasSubstr("no field 'mn'"), HasSubstr("threadgroup")));
  EXPECT_THAT(ErrorOf("mm=1,mm=2"), HasSubstr("mm is there twice"));
  EXPECT_THAT(ErrorOf("mm=1,tasks=2,comm=3,pid=4"),
              HasSubstr("the offset pgd (mm_struct.pgd) is missing"));
  EXPECT_THAT(ErrorOf("mm=1,comm=3,pid=4,pgd=5"),
              HasSubstr("tasks and next_task"));
  EXPECT_THAT(ErrorOf(std::string(10000, '1')), HasSubstr("too long"));
}

TEST(OffsetsLine, AnythingMayBeTyped) {
  std::mt19937 random(3);
  const std::string letters = "0123456789abcdefx,= -l\\mptks\0\xff";
  for (int i = 0; i < 20000; ++i) {
    std::string typed(random() % 60, '0');
    for (char& c : typed) c = letters[random() % letters.size()];
    const auto offsets = LinuxOffsets::Parse(typed);
    if (offsets.ok()) {
      EXPECT_FALSE(offsets->Line().empty());
    }
  }
}

TEST(VersionCode, IsThatOfTheExactVersion) {
  using linux_guest::VersionCodeOf;
  EXPECT_EQ(VersionCodeOf("Linux version 6.1.0-56-cloud-amd64 (a@b) (gcc-12 "
                          "(Debian 12.2.0-14) 12.2.0) #1 SMP Debian 6.1.192-2 "
                          "(2026-11-16)"),
            0x601c0u);
  EXPECT_EQ(VersionCodeOf("Linux version 5.15.0-91-generic (a@b) (gcc 11.4.0) "
                          "#101-Ubuntu SMP Tue (Ubuntu 5.15.0-91.101-generic "
                          "5.15.131)"),
            0x50f83u);
  // The compiler's version is no kernel's.
  EXPECT_EQ(VersionCodeOf("Linux version 4.9.2 (a@b) (gcc 4.9.4) #1 SMP Mon"),
            0x40902u);
  EXPECT_EQ(VersionCodeOf("Linux version 4.9.337 (a@b) (gcc 9) #1 SMP"),
            0x409ffu);
  EXPECT_EQ(VersionCodeOf("Linux version 2.6.20-15-generic (a@b) #2 SMP"),
            0x20614u);
  EXPECT_EQ(VersionCodeOf("Linux version six"), std::nullopt);
  EXPECT_EQ(VersionCodeOf("FreeBSD 14.0"), std::nullopt);
}

TEST(SystemMap, GivesAddresses) {
  LinuxOffsets offsets = Parsed(kLine26);
  ASSERT_TRUE(AddSystemMap("c0100000 T _text\nc03e1280 D init_task\n"
                           "c03e1280 D init_task_union\nnonsense\n",
                           &offsets)
                  .ok());
  EXPECT_EQ(offsets.value(Field::kInitTask), 0xc03e1280u);
  EXPECT_EQ(offsets.value(Field::kText), 0xc0100000u);
  EXPECT_EQ(offsets.source(Field::kText), Source::kSymbols);
  EXPECT_FALSE(AddSystemMap("0000000000000000 D init_task\n", &offsets).ok());
  EXPECT_FALSE(AddSystemMap(std::string(1000, '\0'), &offsets).ok());
}

// Types with some members, as a kernel's BTF.
LinuxOffsets FromBtf(const std::vector<BtfBuilder::Member>& of_task,
                     const std::string& banner) {
  BtfBuilder builder;
  const uint32_t word = builder.Int("unsigned long", 8);
  builder.Struct("task_struct", 4096, of_task);
  builder.Struct("mm_struct", 64, {{"pgd", word, 0x50 * 8}});
  builder.Struct("thread_struct", 64,
                 {{"sp0", word, 8 * 8}, {"fsbase", word, 16 * 8}});
  const absl::StatusOr<linux_guest::Btf> btf =
      linux_guest::Btf::Parse(builder.Bytes());
  EXPECT_TRUE(btf.ok()) << btf.status();
  const linux_guest::BtfTypes types(&*btf);
  return linux_guest::OffsetsFromTypes(
      {.types = &types,
       .types_source = Source::kGuestBtf,
       .symbol = [](std::string_view name) -> std::optional<uint64_t> {
         if (name == "__start_init_task") return 0x1000;
         if (name == "__end_init_task") return 0x5000;
         return std::nullopt;
       },
       .banner = banner});
}

TEST(OffsetsFromTypes, MembersAreProbedFor) {
  const std::vector<BtfBuilder::Member> members = {
      {"mm", 1, 0x100 * 8},     {"tasks", 1, 0x110 * 8},
      {"comm", 1, 0x120 * 8},   {"pid", 1, 0x130 * 8},
      {"thread", 1, 0x140 * 8}, {"group_leader", 1, 0x150 * 8}};
  const LinuxOffsets offsets =
      FromBtf(members, "Linux version 6.8.3 (a@b) (gcc) #1 SMP");
  EXPECT_EQ(offsets.Line(),
            "0x60803,0x100,0,0x110,0x120,0x130,0x140,0x50,0x8,0x10,0x4000,"
            "0x150,0,0x8");
  EXPECT_EQ(offsets.source(Field::kMm), Source::kGuestBtf);
  EXPECT_EQ(offsets.source(Field::kThreadSize), Source::kSymbols);
  EXPECT_TRUE(offsets.CheckRequired().ok());
  // VMware's scripts: no groups before 2.6.17.
  EXPECT_FALSE(FromBtf(members, "Linux version 2.6.9 (a@b) (gcc) #1 SMP")
                   .Has(Field::kGroupLead));
}

TEST(OffsetsFromTypes, WhatIsMissingIsNamed) {
  const LinuxOffsets offsets = FromBtf({{"mm", 1, 64}}, "");
  EXPECT_THAT(std::string(offsets.CheckRequired().message()),
              HasSubstr("comm (task_struct.comm)"));
}

// --- views of images ---

std::vector<TaskImage::Task> Shown(const std::vector<LinuxTask>& tasks) {
  std::vector<TaskImage::Task> shown;
  for (const LinuxTask& task : tasks) {
    shown.push_back({task.address.value(), task.pid, task.tgid, task.comm,
                     task.mm.value()});
  }
  return shown;
}

TaskImage MakeImage(int levels, const LinuxOffsets& offsets) {
  TaskImage image(levels, offsets);
  image.AddProcess(1, "init", true);
  image.AddProcess(2, "kthreadd", false);
  image.AddProcess(100, "bash", true);
  image.AddThread(100, 101, "worker-1");
  image.AddThread(100, 102, "worker-2");
  image.AddProcess(103, "a name of 15 ch", true);
  image.Link();
  return image;
}

struct Kernel {
  const char* name;
  const char* typed;
  int levels;
};

class OffsetViews : public testing::TestWithParam<Kernel> {
 protected:
  OffsetViews()
      : offsets_(Parsed(GetParam().typed)),
        image_(MakeImage(GetParam().levels, offsets_)) {}

  std::string Failure() {
    const auto tasks = ReadLinuxTasks(image_, offsets_);
    EXPECT_FALSE(tasks.ok());
    return std::string(tasks.status().message());
  }
  uint64_t Link() const {
    return offsets_.value(offsets_.Has(Field::kTasks) ? Field::kTasks
                                                      : Field::kNextTask);
  }
  std::string LinkName() const {
    return offsets_.Has(Field::kTasks) ? "tasks=" : "next_task=";
  }
  uint64_t MemberOf(uint32_t pid, Field field) const {
    return image_.Find(pid).address + offsets_.value(field);
  }

  const LinuxOffsets offsets_;
  TaskImage image_;
};

TEST_P(OffsetViews, ShowAllTasks) {
  std::vector<std::string> left_out;
  for (const uint32_t running : {0u, 1u, 100u}) {
    image_.Run(running);
    const auto tasks = ReadLinuxTasks(image_, offsets_, &left_out);
    ASSERT_TRUE(tasks.ok()) << tasks.status();
    // Before there are thread groups, each thread is a process.
    std::vector<TaskImage::Task> expected = image_.Ordered();
    if (!offsets_.Has(Field::kTasks)) {
      for (TaskImage::Task& task : expected) task.tgid = task.pid;
    }
    EXPECT_EQ(Shown(*tasks), expected);
    EXPECT_THAT(left_out, IsEmpty());
  }
}

TEST_P(OffsetViews, InitTaskMayBeNamed) {
  LinuxOffsets offsets = offsets_;
  offsets.Set(Field::kInitTask, image_.Find(0).address, Source::kSymbols);
  EXPECT_TRUE(ReadLinuxTasks(image_, offsets).ok());
  offsets.Set(Field::kInitTask, image_.Find(1).address, Source::kSymbols);
  EXPECT_THAT(std::string(ReadLinuxTasks(image_, offsets).status().message()),
              HasSubstr("not named \"swapper\""));
  offsets.Set(Field::kInitTask, 0x1000, Source::kSymbols);
  EXPECT_FALSE(ReadLinuxTasks(image_, offsets).ok());
}

TEST_P(OffsetViews, CyclesAreErrors) {
  const bool is_list = offsets_.Has(Field::kTasks);
  const auto node = [&](uint32_t pid) {
    return image_.Find(pid).address + (is_list ? Link() : 0);
  };
  // 103 goes back to 2; both ways, so that only the cycle is wrong.
  image_.PutPointer(image_.Find(103).address + Link(), node(2));
  EXPECT_THAT(Failure(),
              AllOf(HasSubstr("the list of tasks is broken"),
                    HasSubstr(LinkName()), HasSubstr("a second time")));
}

TEST_P(OffsetViews, WildPointersAreErrors) {
  for (const uint64_t wild :
       {uint64_t{0}, uint64_t{0x1000}, image_.base() + TaskImage::kMemory + 64,
        image_.base() + 1, ~uint64_t{0} - 7}) {
    image_.PutPointer(image_.Find(2).address + Link(), wild);
    EXPECT_THAT(Failure(), AllOf(HasSubstr("the list of tasks is broken"),
                                 HasSubstr("behind pid 2")));
  }
}

TEST_P(OffsetViews, OneTaskInMotionIsNoError) {
  // It knows its neighbours before the second of them knows it.
  image_.PutPointer(
      image_.Find(0).address + Link() + (GetParam().levels <= 3 ? 4 : 8),
      image_.base() + 0x1000);
  EXPECT_TRUE(ReadLinuxTasks(image_, offsets_).ok());
}

TEST_P(OffsetViews, EqualPidsAreErrors) {
  image_.PutWord(MemberOf(103, Field::kPid), 2);
  EXPECT_THAT(Failure(),
              AllOf(HasSubstr("two tasks have pid 2"), HasSubstr("pid=")));
}

TEST_P(OffsetViews, WildPidsAreErrors) {
  image_.PutWord(MemberOf(103, Field::kPid), 0xffff0000);
  EXPECT_THAT(Failure(), HasSubstr("has pid 4294901760"));
}

TEST_P(OffsetViews, WildMmsAreErrors) {
  image_.PutPointer(MemberOf(1, Field::kMm), 0x12345678);
  EXPECT_THAT(Failure(), HasSubstr("mm="));
}

TEST_P(OffsetViews, WildPageTablesAreErrors) {
  image_.PutPointer(image_.Find(100).mm + offsets_.value(Field::kPgd),
                    image_.base() + 0x2000);
  EXPECT_THAT(Failure(),
              AllOf(HasSubstr("page tables of pid 100"), HasSubstr("pgd=")));
}

TEST_P(OffsetViews, NamesWithoutEndAreErrors) {
  for (uint64_t i = 0; i < 16; i += 4) {
    image_.PutWord(MemberOf(1, Field::kComm) + i, 0x41414141);
  }
  EXPECT_THAT(Failure(), HasSubstr("comm="));
}

TEST_P(OffsetViews, EachWrongOffsetIsAnErrorOrLeftOut) {
  image_.Run(1);
  for (const LinuxOffsets::Description& row : LinuxOffsets::Descriptions()) {
    if (!offsets_.Has(row.field) || row.field == Field::kVersion) continue;
    LinuxOffsets wrong = offsets_;
    wrong.Set(row.field, offsets_.value(row.field) + 0x20, Source::kTyped);
    std::vector<std::string> left_out;
    const auto tasks = ReadLinuxTasks(image_, wrong, &left_out);
    if (row.is_required || row.field == Field::kTasks ||
        row.field == Field::kNextTask) {
      EXPECT_FALSE(tasks.ok()) << row.name;
      continue;
    }
    ASSERT_TRUE(tasks.ok()) << row.name << ": " << tasks.status();
  }
}

TEST_P(OffsetViews, MemoryWithoutLinuxSaysSo) {
  std::fill(image_.bytes().begin() + (1 << 20), image_.bytes().end(), '\0');
  EXPECT_THAT(Failure(), HasSubstr("Linux has not come so far"));
}

TEST_P(OffsetViews, SurviveDamage) {
  const std::string good = image_.bytes();
  std::mt19937_64 random(7);
  for (int i = 0; i < 300; ++i) {
    image_.bytes() = good;
    for (int flips = 1 + static_cast<int>(random() % 40); flips > 0; --flips) {
      const size_t at = (1 << 20) + random() % (1 << 17);
      image_.bytes()[at] = static_cast<char>(random());
    }
    const auto tasks = ReadLinuxTasks(image_, offsets_);
    if (tasks.ok()) {
      EXPECT_LE(tasks->size(), image_.tasks().size());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, OffsetViews,
    testing::Values(Kernel{"v2_4_7", kLine24, 2}, Kernel{"v2_6_20", kLine26, 2},
                    Kernel{"v2_6_20_pae", kLine26, 3},
                    Kernel{"v6_12", kNamed612, 4},
                    Kernel{"v6_12_five_levels", kNamed612, 5}),
    [](const testing::TestParamInfo<Kernel>& info) { return info.param.name; });

TEST(OffsetThreads, ALoopBesideTheHeadIsLeftOut) {
  const LinuxOffsets offsets = Parsed(kNamed612);
  TaskImage image = MakeImage(4, offsets);
  const uint64_t node =
      image.Find(100).address + offsets.value(Field::kThreadNode);
  image.PutPointer(node, node);
  std::vector<std::string> left_out;
  const auto tasks = ReadLinuxTasks(image, offsets, &left_out);
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  EXPECT_EQ(tasks->size(), 5u);
  EXPECT_THAT(left_out, ElementsAre(AllOf(
                            HasSubstr("thread_node=0x4c0 (typed)"),
                            HasSubstr("at pid 100"), HasSubstr("goes round"))));
}

TEST(OffsetThreads, AnotherLeaderIsLeftOut) {
  const LinuxOffsets offsets = Parsed(kLine26);
  TaskImage image = MakeImage(2, offsets);
  image.PutPointer(image.Find(101).address + offsets.value(Field::kGroupLead),
                   image.Find(1).address);
  std::vector<std::string> left_out;
  const auto tasks = ReadLinuxTasks(image, offsets, &left_out);
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  EXPECT_EQ(tasks->size(), 5u);
  EXPECT_THAT(left_out, ElementsAre(HasSubstr("another leader")));
}

TEST(OffsetWidth, LongRefuses32BitGuests) {
  const LinuxOffsets offsets = Parsed(std::string("-l ") + kLine26);
  const TaskImage image = MakeImage(2, offsets);
  EXPECT_THAT(std::string(ReadLinuxTasks(image, offsets).status().message()),
              HasSubstr("-l"));
}

TEST(OffsetWidth, ACopyOfTheFirstTaskIsNotTaken) {
  const LinuxOffsets offsets = Parsed(kNamed612);
  TaskImage image(4, offsets);
  // A task that was made from the first one and has been freed again.
  image.AddProcess(1, "init", true);
  image.Link();
  const uint64_t first = image.Find(0).address - image.base();
  std::string copy = image.bytes().substr(first, 0x1800);
  image.bytes().replace(0x1000, copy.size(), copy);
  const auto tasks = ReadLinuxTasks(image, offsets);
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  EXPECT_EQ(Shown(*tasks), image.Ordered());
}

}  // namespace
}  // namespace librr
