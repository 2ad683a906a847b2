// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// vmrr gdb: gdb inside a recording, with nothing to set up.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "librr/debug_stub.h"
#include "tools/commands.h"
#include "tools/debug_session.h"
#include "tools/exit_code.h"
#include "tools/gdb_script.h"
#include "tools/kernel_symbols.h"
#include "tools/machine_options.h"
#include "tools/message.h"
#include "tools/stop_signals.h"

extern char** environ;

namespace librr::tools {
namespace {

constexpr Option kGdbTable[] = {
    {"at", 0, "P", "begin at position P (default: `end`)"},
    {"symbols", 0, "FILE|DIR",
     "the kernel's vmlinux, whose place in memory is found, or a\n"
     "folder with files of the guest, for `process` in gdb, and\n"
     "perhaps a vmlinux (default: the kernel's own symbols)"},
};

// A folder for the socket, the script and the symbols that only this user can
// enter.
class PrivateFolder {
 public:
  static absl::StatusOr<PrivateFolder> Make() {
    const char* base = std::getenv("TMPDIR");
    std::string path =
        absl::StrCat(base != nullptr ? base : "/tmp", "/vmrr-gdb.XXXXXX");
    if (mkdtemp(path.data()) == nullptr) {
      return FromHost(absl::UnavailableError(absl::StrCat(
          "cannot make a temporary folder ", path, ": ", strerror(errno))));
    }
    return PrivateFolder(path);
  }
  PrivateFolder(PrivateFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  std::string socket() const { return path_ + "/socket"; }
  std::string script() const { return path_ + "/script.gdb"; }
  std::string kernel() const { return path_ + "/kernel"; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

absl::StatusOr<pid_t> StartGdb(const std::string& script,
                               const std::vector<std::string>& more) {
  std::vector<std::string> words = {"gdb", "-q", "-x", script};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // ^C is gdb's alone: this process ignores it, gdb must not inherit that.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP}) {
    sigaddset(&defaults, signal);
  }
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error =
      posix_spawnp(&child, "gdb", nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return child;
  return FromHost(absl::UnavailableError(absl::StrCat(
      "cannot start gdb: ", strerror(error),
      "; install it, or use `vmrr serve` and a debugger of your own")));
}

std::string WithModules(size_t count) {
  if (count == 0) return "";
  return absl::StrCat(", with those of ", count,
                      count == 1 ? " module" : " modules");
}

// Leaves the guest's own symbols in `file`; false if it has none.
absl::StatusOr<bool> WriteGuestSymbols(Timeline* timeline,
                                       const std::string& file) {
  const absl::StatusOr<LinuxSymbols> symbols = ReadKernelSymbols(timeline);
  if (absl::IsNotFound(symbols.status())) {
    Say(absl::StrCat("no kernel symbols: ", symbols.status().message(),
                     " (--symbols FILE gives others)"));
    return false;
  }
  if (!symbols.ok()) return symbols.status();
  std::ofstream out(file, std::ios::binary);
  out << symbols->elf;
  out.close();
  if (!out) {
    return FromHost(
        absl::UnavailableError(absl::StrCat("cannot write ", file)));
  }
  Say(absl::StrCat("the guest runs Linux ", symbols->release, ": ",
                   symbols->symbol_count, " symbols from its memory",
                   WithModules(symbols->module_count)));
  return true;
}

absl::StatusOr<GdbScriptOptions> ScriptOptions(const Arguments& arguments,
                                               const PrivateFolder& folder,
                                               DebugSession* session) {
  GdbScriptOptions options;
  std::string path = arguments.Text("symbols").value_or("");
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    options.files = std::filesystem::canonical(path, ignored).string();
    const absl::StatusOr<std::string> kernel = FindKernelFile(path);
    if (!kernel.ok()) return kernel.status();
    path = *kernel;
  }
  if (path.empty()) {
    const absl::StatusOr<bool> has_symbols =
        WriteGuestSymbols(&session->timeline(), folder.kernel());
    if (!has_symbols.ok()) return has_symbols.status();
    if (*has_symbols) options.symbols = folder.kernel();
    return options;
  }
  const absl::StatusOr<KernelSymbols> symbols =
      LocateKernelSymbols(path, &session->timeline());
  if (!symbols.ok()) return symbols.status();
  if (!symbols->warning.empty()) Say(symbols->warning);
  options.symbols = std::filesystem::absolute(symbols->path).string();
  options.symbol_offset = symbols->offset;
  return options;
}

// Waits for a process; what it returned.
int WaitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kExitFalse;
}

absl::StatusOr<int> Gdb(const Arguments& arguments) {
  auto session = DebugSession::Open(arguments, "at");
  if (!session.ok()) return session.status();
  const absl::StatusOr<PrivateFolder> folder = PrivateFolder::Make();
  if (!folder.ok()) return folder.status();
  absl::StatusOr<GdbScriptOptions> script =
      ScriptOptions(arguments, *folder, session->get());
  if (!script.ok()) return script.status();
  script->address = folder->socket();
  std::ofstream(folder->script()) << GdbScript(*script);

  auto stub =
      DebugStub::Listen(&(*session)->target(), {.address = folder->socket()});
  if (!stub.ok()) return FromHost(stub.status());
  const std::vector<std::string> more(arguments.words().begin() + 1,
                                      arguments.words().end());
  const absl::StatusOr<pid_t> child = StartGdb(folder->script(), more);
  if (!child.ok()) return child.status();
  const StopSignals signals([&stub] { (*stub)->Stop(); });
  signal(SIGINT, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  int code = 0;
  std::thread waiter([&] {
    code = WaitFor(*child);
    (*stub)->Stop();
  });
  const absl::Status served = (*stub)->Serve();
  // If a signal has ended it, gdb is still there.
  if (*signals.flag()) kill(*child, SIGTERM);
  waiter.join();
  if (!served.ok()) return served;
  return code;
}

}  // namespace

const Command& GdbCommand() {
  static const Command command{
      .name = "gdb",
      .words = "T.vmrr [-- GDB-ARGS]",
      .summary = "walk a recording in gdb, backwards too",
      .details =
          R"(Starts gdb at the end of the recording, or at --at. All of gdb's commands work,
reverse ones included, and these: seek, stopat, position, lastwrite, mark, marks,
scope, process (`help seek` in gdb explains). `monitor help` lists more.)",
      .examples = R"(  vmrr gdb boot.vmrr
  vmrr gdb boot.vmrr --symbols /usr/lib/debug/boot/vmlinux-6.1.0-amd64
  vmrr gdb boot.vmrr --symbols guest-files -- -ex 'process 85'
  vmrr gdb boot.vmrr --at 1000000 -- -batch -ex 'x/i $pc')",
      .min_words = 1,
      .max_words = 1000,
      .options = {kGdbTable, kThreadOption, kTimelineOptions, kHelpOption},
      .run = &Gdb};
  return command;
}

}  // namespace librr::tools
