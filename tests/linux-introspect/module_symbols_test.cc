// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// A module that a Debian guest has loaded: its symbols are those that the guest
// itself prints, and gdb stops in its functions and walks their callers.
#include "linux-introspect/module_symbols.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <regex>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "librr/linux_symbols.h"
#include "librr/machine_memory.h"
#include "librr/timeline.h"
#include "tests/tools/linux_recording.h"
#include "tests/tools/vmrr_process.h"
#include "tools/trace_argument.h"

namespace librr {
namespace {

namespace fs = std::filesystem;

using linux_guest::Kernel;
using linux_guest::ModulePart;
using linux_guest::ModuleSymbols;
using linux_guest::ReadModuleSymbols;
using linux_guest::SymbolTable;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using tools::LinuxRecording;
using tools::Outcome;
using tools::RunProgram;

const std::string kGuests = GUESTS_FOLDER;

constexpr const char* kTyping = R"(expect guest>
type insmod /dummy.ko; grep -F '[dummy]' /proc/kallsyms; cat /proc/net/dev; poweroff -f\n
)";

// What some bytes of memory seem to be.
class PatchedMemory final : public MemoryReader {
 public:
  explicit PatchedMemory(const MemoryReader* memory) : memory_(memory) {}
  absl::Status ReadPhysical(GuestPhysical address,
                            absl::Span<uint8_t> out) const override {
    const absl::Status status = memory_->ReadPhysical(address, out);
    if (at >= address.value() && at - address.value() < out.size()) {
      out[at - address.value()] = byte;
    }
    return status;
  }
  std::vector<PagingRoot> PagingRoots() const override {
    return memory_->PagingRoots();
  }

  uint64_t at = 0;
  uint8_t byte = 0;

 private:
  const MemoryReader* const memory_;
};

class LoadedModule : public testing::Test {
 protected:
  static bool HasGuest() {
    return LinuxRecording::IsPossible() &&
           fs::exists(kGuests + "/modules/dummy.ko");
  }
  static void SetUpTestSuite() {
    if (!HasGuest()) return;
    const std::string initrd =
        testing::TempDir() + "/librr_modules_" + std::to_string(getpid());
    // The kernel unpacks one archive behind the other.
    ASSERT_EQ(std::system(absl::StrCat("cp ", kGuests, "/initramfs.cpio.gz ",
                                       initrd, " && cd ", kGuests,
                                       "/modules && echo dummy.ko | "
                                       "cpio --quiet -o -H newc | gzip -n >> ",
                                       initrd)
                              .c_str()),
              0);
    recording_ = std::make_unique<LinuxRecording>(
        "module_symbols", kTyping, tools::RecordedLinux{.initrd = initrd});
    fs::remove(initrd);
    ASSERT_TRUE(recording_->ok());
    auto reader = tools::OpenTraceArgument(recording_->trace());
    ASSERT_TRUE(reader.ok()) << reader.status();
    reader_ = *std::move(reader);
    auto timeline =
        Timeline::Open(reader_.get(), tools::FactoryFor(*reader_), {});
    ASSERT_TRUE(timeline.ok()) << timeline.status();
    timeline_ = *std::move(timeline);
    ASSERT_TRUE(timeline_->Seek(timeline_->end()).ok());
    memory_ = std::make_unique<MachineMemory>(&timeline_->machine());
  }
  static void TearDownTestSuite() {
    memory_.reset();
    timeline_.reset();
    reader_.reset();
    recording_.reset();
  }
  void SetUp() override {
    if (!HasGuest()) GTEST_SKIP() << LinuxRecording::kMissing;
    ASSERT_NE(memory_, nullptr);
  }

  static inline std::unique_ptr<LinuxRecording> recording_;
  static inline std::unique_ptr<TraceReader> reader_;
  static inline std::unique_ptr<Timeline> timeline_;
  static inline std::unique_ptr<MachineMemory> memory_;
};

TEST_F(LoadedModule, HasTheSymbolsThatTheGuestPrints) {
  const auto kernel = Kernel::Find(memory_.get());
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const std::vector<ModuleSymbols> modules = ReadModuleSymbols(*kernel);
  ASSERT_EQ(modules.size(), 1u);
  EXPECT_EQ(modules[0].name, "dummy");
  EXPECT_FALSE(modules[0].rows.empty());
  std::set<std::string> ours, functions;
  for (const SymbolTable::Symbol& symbol : modules[0].symbols.symbols()) {
    ours.insert(absl::StrFormat("%016x %s", symbol.address,
                                std::string(modules[0].symbols.name(symbol))));
  }
  const std::regex line("([0-9a-f]{16}) ([A-Za-z]) (\\S+)\t\\[dummy\\]");
  std::set<std::string> printed;
  for (auto it = std::sregex_iterator(recording_->console().begin(),
                                      recording_->console().end(), line);
       it != std::sregex_iterator(); ++it) {
    printed.insert(absl::StrCat((*it)[1].str(), " ", (*it)[3].str()));
  }
  EXPECT_GE(printed.size(), 10u) << recording_->console();
  EXPECT_EQ(ours, printed);
  const auto symbols = ReadLinuxSymbols(*memory_);
  ASSERT_TRUE(symbols.ok()) << symbols.status();
  EXPECT_EQ(symbols->module_count, 1u);
}

TEST_F(LoadedModule, IsBrokenInByGdb) {
  if (access("/usr/bin/gdb", X_OK) != 0) GTEST_SKIP() << "there is no gdb";
  const Outcome outcome =
      RunProgram({"gdb", recording_->trace(), "--", "-batch", "-ex",
                  "break dummy_get_stats64", "-ex", "reverse-continue", "-ex",
                  "info symbol $pc", "-ex", "bt", "-ex", "finish", "-ex",
                  "info symbol &dummy_netdev_ops"});
  EXPECT_THAT(outcome.err, HasSubstr("with those of 1 module"));
  EXPECT_THAT(
      outcome.out,
      AllOf(HasSubstr("dummy_get_stats64 in section .text.dummy"),
            ContainsRegex("#0 .*dummy_get_stats64"),
            ContainsRegex("#1 .* in dev_get_stats"), HasSubstr("seq_read"),
            HasSubstr("vfs_read"),
            ContainsRegex(
                "\\?\\? \\(\\)\n(Run till.*\n)?0x[0-9a-f]+ in dev_get_stats"),
            HasSubstr("dummy_netdev_ops in section .data.dummy")))
      << outcome.err;
}

// Whatever a guest has in its lists of modules.
TEST_F(LoadedModule, MayBeDamaged) {
  PatchedMemory memory(memory_.get());
  auto kernel = Kernel::Find(&memory);
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  const uint64_t node = *kernel->ReadPointer(*kernel->Symbol("modules"));
  const uint64_t module = node - kernel->FindField("module", "list")->offset;
  const uint64_t size = *kernel->SizeOf("module");
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    memory.at = kernel->space()
                    .Translate(GuestVirtual(module + random() % size))
                    ->value();
    memory.byte = static_cast<uint8_t>(random());
    uint64_t end = 0;
    for (const ModuleSymbols& it : ReadModuleSymbols(*kernel)) {
      ASSERT_FALSE(it.parts.empty());
      for (const ModulePart& part : it.parts) {
        ASSERT_GE(part.begin, end);
        ASSERT_LT(part.begin, part.end);
        end = part.end;
      }
      for (const SymbolTable::Symbol& symbol : it.symbols.symbols()) {
        ASSERT_GE(symbol.address, it.parts.front().begin);
        ASSERT_LT(symbol.address, end);
      }
    }
  }
}

}  // namespace
}  // namespace librr
