// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/headers_probe.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/file_bytes.h"

namespace librr::tools {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxText = 16 << 20;

// The pointers make the compiler describe what they point to; the constants of
// macros become values of symbols.
constexpr const char* kProgram = R"(
#include <linux/version.h>
#include <linux/types.h>
#include <linux/sched.h>
#include <linux/mm.h>
#ifdef __has_include
#if __has_include(<linux/sched/signal.h>)
#include <linux/sched/signal.h>
#endif
#endif
#include <asm/processor.h>
#include <asm/page.h>
struct task_struct *librr_task;
struct mm_struct *librr_mm;
struct thread_struct *librr_thread;
struct signal_struct *librr_signal;
void librr_probe(void)
{
	__asm__ volatile(".globl librr_probed_version\n"
			 ".set librr_probed_version, %c0\n"
			 ".globl librr_probed_thread_size\n"
			 ".set librr_probed_thread_size, %c1\n"
			 : : "i" (LINUX_VERSION_CODE), "i" (THREAD_SIZE));
}
)";

// A folder for the time of a compilation.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Make() {
    std::string path =
        (fs::temp_directory_path() / "vmrr-offsets-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", path));
    }
    return TemporaryFolder(path);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }

  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;
};

std::string TextOf(const fs::path& path) {
  return ReadFileBytes(path.string(), kMaxText).value_or("");
}

// Debian divides a tree: what all flavours have in common is in the folder
// whose Makefile this tree's includes; others have a link to it.
std::vector<fs::path> RootsOf(const fs::path& tree) {
  std::vector<fs::path> roots = {tree};
  std::error_code ignored;
  if (fs::exists(tree / "source", ignored)) roots.push_back(tree / "source");
  const std::string makefile = TextOf(tree / "Makefile");
  for (absl::string_view line : absl::StrSplit(makefile, '\n')) {
    if (!absl::ConsumePrefix(&line, "include ")) continue;
    const fs::path included{std::string(line)};
    const fs::path folder = included.parent_path();
    if (folder.empty() || included.filename() != "Makefile") continue;
    // The package may be unpacked elsewhere.
    const fs::path beside = tree.parent_path() / folder.filename();
    if (fs::exists(beside / "include", ignored)) {
      roots.push_back(beside);
    } else if (fs::exists(folder / "include", ignored)) {
      roots.push_back(folder);
    }
  }
  return roots;
}

std::vector<std::string> IncludeOptions(const std::vector<fs::path>& roots) {
  // In the order of the kernel's Makefile; asm/mach-default is of 2.6.
  constexpr const char* kFolders[] = {
      "arch/x86/include",
      "arch/x86/include/generated",
      "include",
      "arch/x86/include/uapi",
      "arch/x86/include/generated/uapi",
      "include/uapi",
      "include/generated/uapi",
      "include/asm/mach-default",
  };
  std::vector<std::string> options;
  std::error_code ignored;
  for (const char* folder : kFolders) {
    for (const fs::path& root : roots) {
      const fs::path path = root / folder;
      if (fs::is_directory(path, ignored)) {
        options.push_back("-I" + path.string());
      }
    }
  }
  // The first that there is of each line.
  const std::vector<std::vector<const char*>> kForced = {
      {"include/linux/compiler-version.h"},
      {"include/linux/kconfig.h", "include/generated/autoconf.h",
       "include/linux/autoconf.h"},
      {"include/linux/compiler_types.h"},
  };
  for (const std::vector<const char*>& names : kForced) {
    bool is_found = false;
    for (const char* name : names) {
      for (const fs::path& root : roots) {
        if (is_found || !fs::exists(root / name, ignored)) continue;
        options.insert(options.end(), {"-include", (root / name).string()});
        is_found = true;
      }
    }
  }
  return options;
}

// nullopt if the tree says nothing of it.
std::optional<bool> Is64Bit(const std::vector<fs::path>& roots) {
  for (const fs::path& root : roots) {
    for (const char* name :
         {"include/generated/autoconf.h", "include/linux/autoconf.h"}) {
      const std::string text = TextOf(root / name);
      if (absl::StrContains(text, "#define CONFIG_X86_64 1")) return true;
      if (!text.empty()) return false;
    }
    const std::string config = TextOf(root / ".config");
    if (absl::StrContains(config, "CONFIG_X86_64=y")) return true;
    if (!config.empty()) return false;
  }
  return std::nullopt;
}

// The first line with "error" of what a compiler has said.
std::string FirstError(const std::string& said) {
  for (const absl::string_view line : absl::StrSplit(said, '\n')) {
    if (absl::StrContains(line, "error")) return std::string(line);
  }
  return said.substr(0, said.find('\n'));
}

// Runs a program with its output in a file. Unavailable if there is none such;
// InvalidArgument with the first error if it fails.
absl::Status Run(const std::vector<std::string>& words,
                 const std::string& output) {
  std::vector<char*> arguments;
  // posix_spawn does not write to them.
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &actions, nullptr,
                                 arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot run the compiler ", words[0],
                     "; install gcc, or name another one in $CC"));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(FirstError(TextOf(output)));
}

}  // namespace

absl::StatusOr<LinuxOffsets> ProbeKernelHeaders(const std::string& tree) {
  const fs::path root = fs::absolute(tree).lexically_normal();
  const std::vector<fs::path> roots =
      RootsOf(root.has_filename() ? root : root.parent_path());
  const std::optional<bool> is_64_bit = Is64Bit(roots);
  if (!is_64_bit.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat(tree,
                     " is no configured kernel tree: neither "
                     "include/generated/autoconf.h nor .config is there"));
  }
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Make();
  if (!folder.ok()) return folder.status();
  const std::string source = folder->File("probe.c");
  std::ofstream(source) << kProgram;
  const char* const compiler = std::getenv("CC");
  std::vector<std::string> words = absl::StrSplit(
      compiler == nullptr || *compiler == '\0' ? "gcc" : compiler, ' ',
      absl::SkipEmpty());
  for (const char* option :
       {*is_64_bit ? "-m64" : "-m32", "-w", "-g", "-O2", "-fno-pie", "-no-pie",
        "-fno-stack-protector", "-fshort-wchar", "-funsigned-char",
        "-fno-strict-aliasing", "-mno-sse", "-mno-mmx", "-mno-red-zone",
        "-fcf-protection=none", "-D__KERNEL__", "-DMODULE",
        "-DKBUILD_MODNAME=\"probe\"", "-DKBUILD_BASENAME=\"probe\"",
        // Linked, since relocations are in debug information too.
        "-nostdlib", "-static", "-Wl,--unresolved-symbols=ignore-all",
        "-Wl,-e,0"}) {
    words.push_back(option);
  }
  for (std::string& option : IncludeOptions(roots)) {
    words.push_back(std::move(option));
  }
  const std::string object = folder->File("probe");
  words.insert(words.end(), {source, "-o", object});
  // What C is has changed: `inline` until 5.17 is that of 1989.
  absl::Status compiled;
  for (const char* standard : {"-std=gnu11", "-std=gnu89"}) {
    std::vector<std::string> command = words;
    command.push_back(standard);
    absl::Status status = Run(command, folder->File("log"));
    if (status.ok()) return ReadLinuxOffsets(object, LinuxTypes::kDwarf);
    if (compiled.ok()) compiled = status;
    if (absl::IsUnavailable(status)) break;
  }
  return absl::Status(
      compiled.code(),
      absl::StrCat("a program for the kernel of ", tree,
                   " cannot be compiled: ", std::string(compiled.message())));
}

}  // namespace librr::tools
