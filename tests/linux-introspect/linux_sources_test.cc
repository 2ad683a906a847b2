// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A stock Debian kernel whose own symbols and types are not in its memory:
// looked at with a vmlinux, a System.map and debug information, against what is
// seen with all of it.
#include "librr/linux_sources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "librr/input_script.h"
#include "librr/live_run.h"
#include "librr/machine_memory.h"
#include "librr/pc_machine.h"
#include "linux-introspect/kallsyms.h"
#include "linux-introspect/kernel_cache.h"
#include "linux-introspect/kernel_description.h"
#include "linux-introspect/kernel_image.h"
#include "linux-introspect/kernel_place.h"

namespace librr {
namespace {

namespace fs = std::filesystem;

using linux_guest::Kallsyms;
using linux_guest::KernelImage;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

const std::string kGuests = GUESTS_FOLDER;
// Where 64-bit kernels are linked to be (CONFIG_PHYSICAL_START).
constexpr uint64_t kLinkedText = 0xffffffff81000000;

constexpr const char* kTyping = R"(expect guest>
type sleep 1000 & sleep 1000 & echo re''ady\n
expect ready
)";

std::string ReadFileBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class StopWhenReady final : public OutputSink {
 public:
  void OnOutput(OutputKind, absl::Span<const uint8_t> bytes, Position,
                VirtualTime) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (run != nullptr && text.find("\nready") != std::string::npos) {
      run->RequestStop();
    }
  }
  LiveRun* run = nullptr;
  std::string text;
};

// Memory of which some ranges are all zeros.
class HidingMemory final : public MemoryReader {
 public:
  struct Range {
    uint64_t begin = 0, end = 0;
  };
  HidingMemory(const MemoryReader* memory, std::vector<Range> hidden)
      : memory_(memory), hidden_(std::move(hidden)) {}

  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    const absl::Status status = memory_->ReadPhysical(address, out);
    const uint64_t begin = address.value(), end = begin + out.size();
    for (const Range& range : hidden_) {
      const uint64_t from = std::max(begin, range.begin);
      const uint64_t to = std::min(end, range.end);
      if (from < to) std::memset(out.data() + (from - begin), 0, to - from);
    }
    return status;
  }
  std::vector<PagingRoot> PagingRoots() const override {
    return memory_->PagingRoots();
  }
  std::vector<VcpuContext> Vcpus() const override { return memory_->Vcpus(); }

 private:
  const MemoryReader* const memory_;
  const std::vector<Range> hidden_;
};

// One guest for all tests.
class GivenSources : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!fs::exists(kGuests + "/vmlinuz")) return;
    folder_ = testing::TempDir() + "/librr_sources_" + std::to_string(getpid());
    fs::create_directory(folder_);
    PcConfig config;
    config.kernel = ReadFileBytes(kGuests + "/vmlinuz");
    config.initrd = ReadFileBytes(kGuests + "/initramfs.cpio.gz");
    config.command_line = "console=ttyS0";
    ExtractKernel(config.kernel);
    auto machine = CreatePcMachine(config);
    auto typing = ParseInputScript("typing", kTyping);
    ASSERT_TRUE(machine.ok() && typing.ok());
    machine_ = *std::move(machine);
    StopWhenReady console;
    LiveRun run(machine_.get(), typing->get(), &console, nullptr,
                {.seed = 1,
                 .idle = IdlePolicy::kSkip,
                 .max_position = Position(8'000'000'000)});
    console.run = &run;
    ASSERT_TRUE(run.Run().ok());
    memory_ = std::make_unique<MachineMemory>(machine_.get());
    auto guest = LinuxGuest::Find(memory_.get());
    ASSERT_TRUE(guest.ok()) << guest.status() << console.text;
    guest_ = *std::move(guest);
    auto image = KernelImage::Find(*memory_);
    ASSERT_TRUE(image.ok()) << image.status();
    image_ = std::make_unique<KernelImage>(*std::move(image));
    auto symbols = Kallsyms::Find(*image_);
    ASSERT_TRUE(symbols.ok()) << symbols.status();
    symbols_ = std::make_unique<Kallsyms>(*std::move(symbols));
  }
  static void TearDownTestSuite() {
    guest_.reset();
    memory_.reset();
    machine_.reset();
    symbols_.reset();
    image_.reset();
    if (!folder_.empty()) fs::remove_all(folder_);
  }
  void SetUp() override {
    if (guest_ == nullptr) GTEST_SKIP() << "scripts/guests has not run";
  }

  // The payload of a bzImage (Linux, Documentation/arch/x86/boot.rst:
  // setup_sects, payload_offset, payload_length), whatever it is compressed
  // with. Its last four bytes are its size.
  static void ExtractKernel(const std::string& kernel) {
    const auto word = [&](size_t at) {
      uint32_t value = 0;
      std::memcpy(&value, kernel.data() + at, sizeof(value));
      return value;
    };
    const size_t begin =
        (static_cast<uint8_t>(kernel[0x1f1]) + 1) * 512 + word(0x248);
    WriteFile(folder_ + "/payload", kernel.substr(begin, word(0x24c) - 4));
    for (const char* command : {"lz4", "xz", "zstd", "gzip"}) {
      (void)!std::system(absl::StrCat(command, " -dc < ", folder_,
                                      "/payload > ", vmlinux(), " 2>/dev/null")
                             .c_str());
      if (ReadFileBytes(vmlinux()).starts_with("\x7f"
                                               "ELF")) {
        return;
      }
    }
    fs::remove(vmlinux());
  }
  static bool HasVmlinux() { return fs::exists(vmlinux()); }

  // As nm prints it, where the kernel was linked to be.
  static std::string SystemMap(const std::set<std::string>& left_out = {}) {
    std::string map;
    for (const Kallsyms::Symbol& symbol : symbols_->symbols()) {
      const std::string name(symbols_->name(symbol));
      if (left_out.contains(name)) continue;
      absl::StrAppendFormat(&map, "%016x %c %s\n", Linked(symbol.address),
                            symbol.type, name);
    }
    return map;
  }
  static uint64_t Linked(uint64_t address) {
    return address < kLinkedText ? address
                                 : address - (image_->text() - kLinkedText);
  }

  static HidingMemory Hide(bool symbols, bool types) {
    std::vector<HidingMemory::Range> ranges;
    const auto add = [&](uint64_t address, uint64_t size) {
      const uint64_t begin = image_->physical() + (address - image_->text());
      ranges.push_back({begin, begin + size});
    };
    if (symbols) {
      for (const auto& piece : symbols_->source().pieces) {
        add(piece.address, piece.size);
      }
    }
    if (types) {
      const uint64_t begin = *symbols_->Find("__start_BTF");
      add(begin, *symbols_->Find("__stop_BTF") - begin);
    }
    return HidingMemory(memory_.get(), std::move(ranges));
  }

  static absl::StatusOr<std::unique_ptr<LinuxGuest>> Find(
      const MemoryReader& memory, const LinuxSources::Files& files) {
    const absl::StatusOr<LinuxSources> sources = LinuxSources::Open(files);
    if (!sources.ok()) return sources.status();
    return FindLinuxGuest(&memory, *sources);
  }

  static void ExpectTasks(LinuxGuest& guest) {
    const auto ours = guest.Tasks(), all = guest_->Tasks();
    ASSERT_TRUE(ours.ok()) << ours.status();
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(ours->size(), all->size());
    for (size_t i = 0; i < all->size(); ++i) {
      const LinuxTask &is = (*ours)[i], &should = (*all)[i];
      EXPECT_EQ(is.address, should.address);
      EXPECT_EQ(is.pid, should.pid);
      EXPECT_EQ(is.ppid, should.ppid);
      EXPECT_EQ(is.comm, should.comm);
      EXPECT_EQ(is.state, should.state);
      EXPECT_EQ(is.uid, should.uid);
      EXPECT_EQ(is.start_ns, should.start_ns);
      EXPECT_EQ(is.cmdline, should.cmdline);
      const auto registers = guest.UserRegisters(is);
      const auto expected = guest_->UserRegisters(should);
      ASSERT_EQ(registers.ok(), expected.ok()) << registers.status();
      if (!expected.ok()) continue;
      EXPECT_EQ(registers->general, expected->general);
      EXPECT_EQ(registers->rip, expected->rip);
    }
    EXPECT_EQ(guest.CurrentTask(0)->pid, guest_->CurrentTask(0)->pid);
  }

  static void ExpectAll(LinuxGuest& guest) {
    ExpectTasks(guest);
    EXPECT_EQ(guest.release(), guest_->release());
    const auto log = guest.Log(), whole_log = guest_->Log();
    ASSERT_TRUE(log.ok()) << log.status();
    ASSERT_EQ(log->size(), whole_log->size());
    for (size_t i = 0; i < log->size(); ++i) {
      EXPECT_EQ((*log)[i].text, (*whole_log)[i].text);
      EXPECT_EQ((*log)[i].level, (*whole_log)[i].level);
    }
    const auto maps = guest.Maps(1), whole_maps = guest_->Maps(1);
    ASSERT_TRUE(maps.ok()) << maps.status();
    ASSERT_EQ(maps->size(), whole_maps->size());
    for (size_t i = 0; i < maps->size(); ++i) {
      EXPECT_EQ((*maps)[i].begin, (*whole_maps)[i].begin);
      EXPECT_EQ((*maps)[i].name, (*whole_maps)[i].name);
    }
    const LinuxTask init = guest_->Tasks()->at(1);
    const auto frames = guest.KernelStack(*guest.KernelRegisters(init));
    const auto expected = guest_->KernelStack(*guest_->KernelRegisters(init));
    ASSERT_TRUE(frames.ok()) << frames.status();
    ASSERT_EQ(frames->size(), expected->size());
    for (size_t i = 0; i < frames->size(); ++i) {
      EXPECT_EQ((*frames)[i].name, (*expected)[i].name);
    }
  }

  static std::string vmlinux() { return folder_ + "/vmlinux"; }
  static std::string map() { return folder_ + "/System.map"; }

  static inline std::string folder_;
  static inline std::unique_ptr<Machine> machine_;
  static inline std::unique_ptr<MachineMemory> memory_;
  static inline std::unique_ptr<LinuxGuest> guest_;
  static inline std::unique_ptr<KernelImage> image_;
  static inline std::unique_ptr<Kallsyms> symbols_;
};

TEST_F(GivenSources, TheGuestAloneSaysWhereItIsFrom) {
  EXPECT_THAT(guest_->Sources(), Contains(HasSubstr("kallsyms")));
  EXPECT_THAT(guest_->Sources(), Contains(HasSubstr("BTF")));
}

TEST_F(GivenSources, WithoutSymbolsAndTypesItIsSaidWhatHelps) {
  const auto none =
      LinuxGuest::Find(std::make_unique<HidingMemory>(Hide(true, true)).get());
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(none.status().message(),
              AllOf(HasSubstr("symbol table"), HasSubstr("System.map")));
  const HidingMemory no_types = Hide(false, true);
  EXPECT_THAT(LinuxGuest::Find(&no_types).status().message(),
              AllOf(HasSubstr("BTF"), HasSubstr("vmlinux")));
}

TEST_F(GivenSources, AStrippedVmlinuxIsEnough) {
  if (!HasVmlinux()) GTEST_SKIP() << "nothing here unpacks the kernel";
  const HidingMemory memory = Hide(true, true);
  const auto guest = Find(memory, {.vmlinux = vmlinux(), .system_map = ""});
  ASSERT_TRUE(guest.ok()) << guest.status();
  ExpectAll(**guest);
  EXPECT_THAT((*guest)->Sources(),
              Contains(HasSubstr("the BTF of " + vmlinux())));
  EXPECT_THAT((*guest)->Sources(), Contains(HasSubstr("proved")));
}

TEST_F(GivenSources, ASystemMapAndTheGuestsTypesAreEnough) {
  const HidingMemory memory = Hide(true, false);
  for (const std::set<std::string>& left_out :
       {std::set<std::string>{},
        // As a map without data has it: types are found by what they are.
        std::set<std::string>{"__start_BTF", "__stop_BTF"}}) {
    WriteFile(map(), SystemMap(left_out));
    const auto guest = Find(memory, {.vmlinux = "", .system_map = map()});
    ASSERT_TRUE(guest.ok()) << guest.status();
    ExpectAll(**guest);
    EXPECT_THAT((*guest)->Sources(), Contains(HasSubstr(map())));
  }
}

TEST_F(GivenSources, FilesOfOtherKernelsAreRefused) {
  // A symbol elsewhere: as in the map of another build.
  std::string other = SystemMap();
  const std::string line =
      absl::StrFormat("%016x", Linked(*symbols_->Find("linux_banner")));
  other.replace(other.find(line), line.size(),
                absl::StrFormat("%016x", kLinkedText + 64));
  WriteFile(map(), other);
  const auto moved = Find(*memory_, {.vmlinux = "", .system_map = map()});
  EXPECT_THAT(moved.status().message(),
              AllOf(HasSubstr(map()), HasSubstr("does not fit")));
  // The first task elsewhere: the banner is right.
  other = SystemMap({"init_task"});
  absl::StrAppendFormat(&other, "%016x D init_task\n",
                        Linked(*symbols_->Find("init_task")) + 4096);
  WriteFile(map(), other);
  const auto wrong = Find(*memory_, {.vmlinux = "", .system_map = map()});
  EXPECT_THAT(wrong.status().message(), HasSubstr("swapper"));
  EXPECT_FALSE(Find(*memory_, {.vmlinux = "", .system_map = kGuests}).ok());
  EXPECT_FALSE(
      Find(*memory_, {.vmlinux = kGuests + "/vmlinuz", .system_map = ""}).ok());
  // Another banner.
  if (!HasVmlinux()) GTEST_SKIP() << "nothing here unpacks the kernel";
  std::string bytes = ReadFileBytes(vmlinux());
  for (size_t at = bytes.find("Linux version "); at != std::string::npos;
       at = bytes.find("Linux version ", at + 1)) {
    bytes[at + 14] = '9';
  }
  WriteFile(folder_ + "/other", bytes);
  const auto banner =
      Find(*memory_, {.vmlinux = folder_ + "/other", .system_map = ""});
  EXPECT_THAT(banner.status().message(),
              AllOf(HasSubstr("does not fit"), HasSubstr("Linux version 9")));
}

// Debug information as the kernel's own compiler makes it: a program with the
// kernel's headers, as far as these have the structures.
TEST_F(GivenSources, DebugInformationAndASystemMapAreEnough) {
  std::string flavour, common;
  std::error_code ignored;
  for (const auto& entry :
       fs::directory_iterator(kGuests + "/headers", ignored)) {
    const std::string name = entry.path().filename();
    (name.ends_with("-common") ? common : flavour) = entry.path();
  }
  if (flavour.empty() || common.empty() ||
      !flavour.ends_with(guest_->release())) {
    GTEST_SKIP() << "no headers of the guest's kernel";
  }
  WriteFile(folder_ + "/types.c", R"(
#include <linux/cred.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <asm/processor.h>
#include <asm/ptrace.h>
#include <asm/switch_to.h>
union thread_union probe_stack;
)");
  std::string includes;
  for (const char* path :
       {"arch/x86/include", "arch/x86/include/generated", "include",
        "arch/x86/include/uapi", "arch/x86/include/generated/uapi",
        "include/uapi", "include/generated/uapi"}) {
    absl::StrAppend(&includes, " -I", flavour, "/", path, " -I", common, "/",
                    path);
  }
  absl::StrAppend(&includes, " -include ", common,
                  "/include/linux/compiler-version.h -include ", common,
                  "/include/linux/kconfig.h -include ", common,
                  "/include/linux/compiler_types.h");
  const std::string command = absl::StrCat(
      "gcc -m64 -w -g -O2 -std=gnu11 -fno-pie -no-pie -fno-stack-protector "
      "-fshort-wchar -funsigned-char -mno-sse -mno-red-zone "
      "-fcf-protection=none -D__KERNEL__ -DMODULE -DKBUILD_MODNAME='\"probe\"' "
      "-DKBUILD_BASENAME='\"probe\"' -fno-eliminate-unused-debug-types "
      "-nostdlib -static -Wl,--unresolved-symbols=ignore-all -Wl,-e,0",
      includes, " ", folder_, "/types.c -o ", folder_, "/types");
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  WriteFile(map(), SystemMap());
  const HidingMemory memory = Hide(true, true);
  const auto guest =
      Find(memory, {.vmlinux = folder_ + "/types", .system_map = map()});
  ASSERT_TRUE(guest.ok()) << guest.status();
  ExpectTasks(**guest);
  EXPECT_THAT((*guest)->Sources(), Contains(HasSubstr("DWARF")));

  // The same with the symbols in one file with it: a vmlinux.
  std::string symbols;
  std::set<std::string> names;
  for (const Kallsyms::Symbol& symbol : symbols_->symbols()) {
    const std::string name(symbols_->name(symbol));
    if (!names.insert(name).second) continue;
    absl::StrAppendFormat(&symbols, ".globl \"%s\"\n.set \"%s\", 0x%x\n", name,
                          name, Linked(symbol.address));
  }
  WriteFile(folder_ + "/symbols.s", symbols);
  ASSERT_EQ(
      std::system(absl::StrCat(command, "2 ", folder_, "/symbols.s").c_str()),
      0);
  const auto whole =
      Find(memory, {.vmlinux = folder_ + "/types2", .system_map = ""});
  ASSERT_TRUE(whole.ok()) << whole.status();
  ExpectTasks(**whole);
}

double MillisecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(
             std::chrono::steady_clock::now() - begin)
      .count();
}

TEST_F(GivenSources, AKernelThatIsKnownIsFoundAtOnce) {
  const LinuxSources sources;
  double first = 0, again = 1e9;
  for (int i = 0; i < 4; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto guest = FindLinuxGuest(memory_.get(), sources);
    ASSERT_TRUE(guest.ok()) << guest.status();
    ASSERT_TRUE((*guest)->Tasks().ok());
    // The quickest counts: the host may do something else in between.
    const double time = MillisecondsSince(begin);
    if (i == 0) first = time;
    if (i > 0) again = std::min(again, time);
    ExpectAll(**guest);
  }
  std::cout << "found with nothing known in " << first << " ms, again in "
            << again << " ms\n";
  EXPECT_LT(again, first / 3);
}

// The build-id is the same, and so is the banner.
TEST_F(GivenSources, WhatIsKnownIsNotBelievedOfOtherBytes) {
  const LinuxSources sources;
  ASSERT_TRUE(FindLinuxGuest(memory_.get(), sources).ok());
  for (const auto& [symbols, types] : {std::pair(true, false), {false, true}}) {
    const HidingMemory other = Hide(symbols, types);
    EXPECT_FALSE(FindLinuxGuest(&other, sources).ok());
  }
  for (const auto& piece : symbols_->source().pieces) {
    const uint64_t last =
        image_->physical() + (piece.address + piece.size - 1 - image_->text());
    // A byte that is zero anyway is no other byte.
    uint8_t byte = 0;
    for (uint64_t at = last; byte == 0; --at) {
      ASSERT_TRUE(
          memory_->ReadPhysical(GuestPhysical(at), absl::MakeSpan(&byte, 1))
              .ok());
      if (byte == 0) continue;
      const HidingMemory one(memory_.get(), {{at, at + 1}});
      linux_guest::KernelCache cache;
      const auto description = linux_guest::DescribeKernel(*image_, *symbols_);
      ASSERT_TRUE(description.ok());
      cache.Add(*image_, *description);
      const auto place = linux_guest::FindKernelPlaces(*memory_)->front();
      EXPECT_EQ(cache.Find(*memory_, place), *description);
      EXPECT_EQ(cache.Find(one, place), nullptr);
    }
  }
}

TEST_F(GivenSources, ABuildIdIsRead) {
  const auto description = linux_guest::DescribeKernel(*image_, *symbols_);
  ASSERT_TRUE(description.ok());
  // SHA-1, as ld makes it.
  EXPECT_EQ(linux_guest::FindBuildId(*image_, **description).size(), 20u);
}

// ---- with nothing but what a person types ----

void ExpectSameByOffsets(LinuxGuest& ours, LinuxGuest& all) {
  const auto tasks = all.Tasks(), by_offsets = ours.Tasks();
  ASSERT_TRUE(by_offsets.ok()) << by_offsets.status();
  ASSERT_EQ(by_offsets->size(), tasks->size());
  const auto running = all.CurrentTask(0), told = ours.CurrentTask(0);
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->address, running->address);
  size_t processes = 0;
  for (size_t i = 0; i < tasks->size(); ++i) {
    const LinuxTask &should = (*tasks)[i], &is = (*by_offsets)[i];
    EXPECT_EQ(is.address, should.address);
    EXPECT_EQ(is.comm, should.comm);
    EXPECT_EQ(is.mm, should.mm);
    // The one that executes has not been switched out.
    if (should.address != running->address) {
      const auto kernel = ours.KernelRegisters(is);
      ASSERT_TRUE(kernel.ok()) << kernel.status();
      EXPECT_EQ(kernel->rip, all.KernelRegisters(should)->rip);
      EXPECT_EQ(kernel->general, all.KernelRegisters(should)->general);
    }
    if (should.mm.value() == 0) {
      EXPECT_FALSE(ours.UserRegisters(is).ok());
      continue;
    }
    ++processes;
    const auto user = ours.UserRegisters(is),
               expected = all.UserRegisters(should);
    ASSERT_TRUE(user.ok()) << user.status();
    EXPECT_EQ(user->general, expected->general);
    EXPECT_EQ(user->rip, expected->rip);
    EXPECT_EQ(user->rflags, expected->rflags);
    EXPECT_EQ(user->cs, expected->cs);
    EXPECT_EQ(user->ss, expected->ss);
    EXPECT_EQ(user->fs_base, expected->fs_base);
    EXPECT_EQ(user->original_rax, expected->original_rax);
    const auto table = ours.UserPageTable(is);
    ASSERT_TRUE(table.ok()) << table.status();
    EXPECT_EQ(*table, *all.UserPageTable(should));
    const GuestVirtual code(expected->rip);
    for (const GuestVirtual address : {code, should.address}) {
      const auto there = all.Translate(should, address);
      EXPECT_EQ(ours.Translate(is, address).ok(), there.ok());
      if (!there.ok()) continue;
      EXPECT_EQ(*ours.Translate(is, address), *there);
    }
    EXPECT_EQ(ours.SystemCall(is)->arguments,
              all.SystemCall(should)->arguments);
  }
  EXPECT_GE(processes, 3u);
}

TEST_F(GivenSources, TypedOffsetsShowProcesses) {
  const HidingMemory memory = Hide(true, true);
  const auto found = FindLinuxOffsets(*memory_);
  ASSERT_TRUE(found.ok()) << found.status();
  for (const std::string& typed : {found->Line(), found->Named()}) {
    SCOPED_TRACE(typed);
    const auto offsets = LinuxOffsets::Parse(typed);
    ASSERT_TRUE(offsets.ok());
    const auto guest = FindLinuxGuest(&memory, LinuxSources(*offsets));
    ASSERT_TRUE(guest.ok()) << guest.status();
    ExpectSameByOffsets(**guest, *guest_);
    EXPECT_THAT((*guest)->Log().status().message(),
                HasSubstr("needs the kernel's own types"));
    EXPECT_THAT((*guest)->Maps(1).status().message(),
                HasSubstr("needs the kernel's own types"));
    EXPECT_THAT((*guest)->Sources(), Contains(HasSubstr("typed")));
  }
}

// In many moments of another boot, with page-table isolation: where the kernel
// has been moved to another place.
class ComparingLog final : public RunLog {
 public:
  ComparingLog(const LinuxOffsets& offsets, const LinuxSources& known)
      : offsets_(offsets), known_(known) {}

  absl::Status OnInput(const Input&, Position, VirtualTime) override {
    return absl::OkStatus();
  }
  absl::Status OnOutput(OutputKind, absl::Span<const uint8_t>, Position,
                        VirtualTime) override {
    return absl::OkStatus();
  }
  absl::Status OnEnd(Machine&, const EndRecord&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<Position> OnRest(Machine& machine) override {
    if (machine.position() >= next_) {
      next_ = machine.position() + (Look(machine) ? 700'001 : 20'000'000);
    }
    return next_;
  }

  size_t looks = 0, current = 0, user = 0;
  std::vector<double> times;  // to find a kernel that is known, and its tasks
  std::map<std::string, size_t> reasons;

 private:
  // Whether there are processes.
  bool Look(Machine& machine) {
    const MachineMemory memory(&machine);
    const auto begin = std::chrono::steady_clock::now();
    const auto all = FindLinuxGuest(&memory, known_);
    if (!all.ok()) return false;
    const auto tasks = (*all)->Tasks();
    if (!tasks.ok()) return false;
    const double time = MillisecondsSince(begin);
    const auto expected = (*all)->CurrentTask(0);
    if (!expected.ok() || tasks->size() < 20) return false;
    ++looks;
    times.push_back(time);
    const auto ours = FindLinuxGuest(&memory, LinuxSources(offsets_));
    const auto task = ours.ok() ? (*ours)->CurrentTask(0) : ours.status();
    if (task.ok()) {
      ++current;
      if (memory.Vcpus()[0].in_user_code) ++user;
      // Wrong is worse than nothing.
      EXPECT_EQ(task->address, expected->address)
          << machine.position().value() << ": " << task->comm << " is not "
          << expected->comm;
    } else {
      ++reasons[std::string(task.status().message().substr(0, 60))];
    }
    return std::any_of(tasks->begin(), tasks->end(),
                       [](const LinuxTask& it) { return it.mm.value() != 0; });
  }

  const LinuxOffsets offsets_;
  const LinuxSources known_;
  Position next_{200'000'000};
};

TEST_F(GivenSources, AnotherBootOfTheSameKernelIsKnownAndItsTasksAreTold) {
  const LinuxSources sources;
  ASSERT_TRUE(FindLinuxGuest(memory_.get(), sources).ok());
  const auto found = FindLinuxOffsets(*memory_);
  ASSERT_TRUE(found.ok()) << found.status();
  const auto line = LinuxOffsets::Parse(found->Line());
  ASSERT_TRUE(line.ok());
  PcConfig config;
  config.kernel = ReadFileBytes(kGuests + "/vmlinuz");
  config.initrd = ReadFileBytes(kGuests + "/initramfs.cpio.gz");
  config.command_line = "console=ttyS0 pti=on";
  auto machine = CreatePcMachine(config);
  auto typing = ParseInputScript("typing", R"(expect guest>
type workload exec 30; workload fork 10; workload sha256 1; sleep 1000 & echo re''ady\n
expect ready
)");
  ASSERT_TRUE(machine.ok() && typing.ok());
  StopWhenReady console;
  ComparingLog log(*line, sources);
  LiveRun run(machine->get(), typing->get(), &console, &log,
              {.seed = 2,
               .idle = IdlePolicy::kSkip,
               .max_position = Position(8'000'000'000)});
  console.run = &run;
  ASSERT_TRUE(run.Run().ok());
  ASSERT_FALSE(log.times.empty());
  std::sort(log.times.begin(), log.times.end());
  std::cout << log.looks << " moments: found in " << log.times[log.looks / 2]
            << " ms (median), current task told in " << log.current << ", "
            << log.user << " of them in user code\n";
  for (const auto& [reason, count] : log.reasons) {
    std::cout << "  not told in " << count << ": " << reason << "\n";
  }
  EXPECT_GT(log.looks, 50u);
  EXPECT_GT(log.current, log.looks * 9 / 10);
  EXPECT_GT(log.user, 10u);
  const MachineMemory memory(machine->get());
  const auto all = FindLinuxGuest(&memory, sources);
  ASSERT_TRUE(all.ok()) << all.status();
  const auto anew = LinuxGuest::Find(&memory);
  ASSERT_TRUE(anew.ok()) << anew.status();
  for (const char* name :
       {"_text", "init_task", "schedule", "linux_banner", "current_task"}) {
    EXPECT_EQ(*(*all)->Symbol(name), *(*anew)->Symbol(name)) << name;
  }
  EXPECT_NE(*(*all)->Symbol("_text"), *guest_->Symbol("_text"));
  const auto ours = FindLinuxGuest(&memory, LinuxSources(*line));
  ASSERT_TRUE(ours.ok()) << ours.status();
  ExpectSameByOffsets(**ours, **anew);
}

}  // namespace
}  // namespace librr
