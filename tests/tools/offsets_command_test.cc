// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr offsets, on small trees of headers that the tests write and, where
// scripts/guests has fetched them, on those of the guest's kernel.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "librr/linux_offsets.h"
#include "tests/tools/vmrr_process.h"

namespace librr::tools {
namespace {

namespace fs = std::filesystem;

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// As far as the program that is compiled includes them.
constexpr const char* kSched = R"(
struct list_head { struct list_head *next, *prev; };
struct thread_struct { long tls[3]; unsigned long sp; unsigned long fsbase; };
struct mm_struct { struct { long counters[5]; void *pgd; }; };
struct signal_struct { int count; struct list_head thread_head; };
struct task_struct {
	unsigned int __state;
	void *stack;
	struct list_head tasks;
	struct mm_struct *mm;
	union { struct { int pid; int tgid; }; long both; };
	int flag : 1;
	struct task_struct *group_leader;
	struct list_head thread_node;
	const char comm[16];
	struct signal_struct *signal;
	struct thread_struct thread;
};
)";

class OffsetsCommand : public testing::Test {
 protected:
  OffsetsCommand()
      : folder_(testing::TempDir() + "/offsets_" + std::to_string(getpid())) {
    fs::remove_all(folder_);
  }
  ~OffsetsCommand() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    const fs::path path = fs::path(folder_) / name;
    fs::create_directories(path.parent_path());
    WriteAll(path.string(), text);
  }
  // Two folders, as Debian divides a tree.
  void WriteTree() {
    Write("all/include/linux/types.h", "");
    Write("all/include/linux/mm.h", "");
    Write("all/include/linux/kconfig.h", "#include <generated/autoconf.h>\n");
    Write("all/include/linux/sched.h", kSched);
    Write("all/arch/x86/include/asm/processor.h", "");
    Write("all/arch/x86/include/asm/page.h", "#define THREAD_SIZE 16384\n");
    Write("all/Makefile", "");
    Write("mine/Makefile", "include /usr/src/somewhere/all/Makefile\n");
    Write("mine/include/generated/autoconf.h", "#define CONFIG_X86_64 1\n");
    Write("mine/include/generated/uapi/linux/version.h",
          "#define LINUX_VERSION_CODE 394257\n");
  }
  std::string tree() const { return folder_ + "/mine"; }

  const std::string folder_;
};

constexpr const char* kLine =
    "0x60411,0x20,0,0x10,0x50,0x28,0x68,0x28,0,0x20,0x4000,0x38,0,0x10";

TEST_F(OffsetsCommand, CompilesAgainstHeaders) {
  WriteTree();
  const Outcome outcome = RunProgram({"offsets", tree()});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              StartsWith(std::string(kLine) + "\nversion=0x60411,mm=0x20,"));
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("tgid=0x2c"), HasSubstr("thread_head=0x8"),
                    HasSubstr("thread_node=0x40"), HasSubstr("state=0,"),
                    HasSubstr("sp=0x18")));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(OffsetsCommand, SaysSourcesAsJson) {
  WriteTree();
  const Outcome outcome = RunProgram({"offsets", tree() + "/", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr(kLine), HasSubstr("\"source\": \"headers\""),
                    HasSubstr("\"required\": true")));
}

TEST_F(OffsetsCommand, AddsASystemMap) {
  WriteTree();
  Write("map", "ffffffff81000000 T _text\nffffffff82a1aa40 D init_task\n");
  const Outcome outcome =
      RunProgram({"offsets", tree(), "--system-map", folder_ + "/map"});
  EXPECT_THAT(outcome.out, HasSubstr("init_task=0xffffffff82a1aa40"));
  const Outcome none =
      RunProgram({"offsets", tree(), "--system-map", tree() + "/Makefile"});
  EXPECT_NE(none.code, 0);
  EXPECT_THAT(none.err, HasSubstr("no line has the address"));
}

TEST_F(OffsetsCommand, HeadersThatDoNotCompileAreNamed) {
  WriteTree();
  Write("all/include/linux/sched.h", "struct task_struct { nonsense; };\n");
  const Outcome outcome = RunProgram({"offsets", tree()});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("cannot be compiled"), HasSubstr("nonsense")));
  Write("all/include/linux/sched.h", "struct task_struct { int pid; };\n");
  EXPECT_THAT(RunProgram({"offsets", tree()}).err,
              HasSubstr("the offset mm (task_struct.mm) is missing"));
}

TEST_F(OffsetsCommand, WhatIsNoKernelIsRefused) {
  Write("empty/file", "nothing");
  EXPECT_THAT(RunProgram({"offsets", folder_ + "/empty"}).err,
              HasSubstr("no configured kernel tree"));
  EXPECT_THAT(RunProgram({"offsets", VMRR_PROGRAM, "--types", "btf"}).err,
              HasSubstr("no type information (BTF)"));
  EXPECT_THAT(RunProgram({"offsets", VMRR_PROGRAM, "--types", "x"}).err,
              HasSubstr("there are btf and dwarf"));
  EXPECT_THAT(RunProgram({"offsets", VMRR_PROGRAM, "--at", "end"}).err,
              HasSubstr("--at is for traces"));
  Write("cut", std::string("\x7f"
                           "ELF\2\1\1\0\0\0\0\0\0\0\0\0",
                           16));
  const Outcome cut = RunProgram({"offsets", folder_ + "/cut"});
  EXPECT_NE(cut.code, 0);
  EXPECT_EQ(RunProgram({"offsets", folder_ + "/none"}).code, 2);
}

// A program is compiled in the test's own way: with the kernel's members in
// debug information, and damaged.
TEST_F(OffsetsCommand, DamagedDebugInformationDoesNoHarm) {
  WriteTree();
  Write("probe.c", std::string(kSched) +
                       "struct task_struct t; struct mm_struct m;\n"
                       "struct thread_struct s; struct signal_struct g;\n");
  const std::string source = folder_ + "/probe.c";
  const std::string object = folder_ + "/probe.so";
  ASSERT_EQ(
      std::system(
          ("gcc -g -shared -nostdlib -o " + object + " " + source).c_str()),
      0);
  const auto good = ReadLinuxOffsets(object, LinuxTypes::kDwarf);
  ASSERT_TRUE(good.ok()) << good.status();
  EXPECT_EQ(good->value(LinuxOffsets::Field::kMm), 0x20u);
  const std::string bytes = ReadAll(object);
  uint64_t random = 1;
  const auto next = [&random] {
    random = random * 6364136223846793005 + 1442695040888963407;
    return random >> 33;
  };
  for (int i = 0; i < 200; ++i) {
    std::string damaged = bytes;
    for (uint64_t flips = 1 + next() % 8; flips > 0; --flips) {
      damaged[next() % damaged.size()] = static_cast<char>(next());
    }
    if (i % 4 == 0) damaged.resize(next() % damaged.size());
    WriteAll(object, damaged);
    const auto offsets = ReadLinuxOffsets(object);
    if (offsets.ok()) {
      EXPECT_FALSE(offsets->Line().empty());
    }
  }
}

// What scripts/guests fetches beside the kernel.
TEST(GuestHeaders, AgreeWithTheKernelsOwnTypes) {
  const fs::path guests = GUESTS_FOLDER;
  fs::path tree;
  std::error_code ignored;
  for (const auto& entry :
       fs::directory_iterator(guests / "headers", ignored)) {
    if (fs::exists(entry.path() / "include/generated", ignored)) {
      tree = entry.path();
    }
  }
  if (tree.empty() || !fs::exists(guests / "initramfs.cpio.gz")) {
    GTEST_SKIP() << "no kernel headers: scripts/guests fetches them";
  }
  const std::string trace =
      testing::TempDir() + "/offsets_" + std::to_string(getpid()) + ".vmrr";
  const Outcome recorded = RunProgram(
      {"record", "-o", trace, "--kernel", (guests / "vmlinuz").string(),
       "--initrd", (guests / "initramfs.cpio.gz").string(), "--max-position",
       "300000000"});
  ASSERT_EQ(recorded.code, 0) << recorded.err;
  const Outcome guest = RunProgram({"offsets", trace, "--at", "end"});
  EXPECT_EQ(guest.code, 0) << guest.err;
  EXPECT_THAT(guest.err, HasSubstr("proved: the guest has "));
  const Outcome headers = RunProgram({"offsets", tree.string()});
  EXPECT_EQ(headers.code, 0) << headers.err;
  // The kernel's types have addresses, too.
  EXPECT_EQ(guest.out.substr(0, guest.out.find(",init_task=")) + "\n",
            headers.out);
  // And typed.
  const std::string line = headers.out.substr(0, headers.out.find('\n'));
  const Outcome typed =
      RunProgram({"offsets", trace, "--at", "end", "--line", line});
  EXPECT_EQ(typed.code, 0) << typed.err;
  EXPECT_THAT(typed.err, HasSubstr("proved: the guest has "));
  const Outcome wrong = RunProgram(
      {"offsets", trace, "--at", "end", "--line",
       "0x20614,0x80,0,0x68,0x194,0xa4,0x1b0,0x24,0x18,0x28,0x2000,0xc4,0xec,"
       "0x10"});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("comm=0x194 (typed)"));
  fs::remove(trace);
}

}  // namespace
}  // namespace librr::tools
