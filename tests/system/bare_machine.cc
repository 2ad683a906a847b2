// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/system/bare_machine.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/status_macros.h"
#include "librr/pc_machine.h"

namespace librr {
namespace {

constexpr uint64_t kMemory = 64ull << 20;
// Far more than any guest here takes.
constexpr uint64_t kMaxSteps = 200'000'000;
constexpr char kSeed[] = "12345678";

// A model with our features, as far as QEMU's TCG has them.
constexpr char kQemu[] =
    "timeout -k 5 20 qemu-system-x86_64 -machine pc -accel tcg "
    "-cpu Nehalem,+smep,+smap,+umip,+rdtscp,+pdpe1gb,+rdrand,-aes,-pclmulqdq,"
    "-monitor,-vme,-hypervisor -m 64 -nodefaults -display none -serial stdio "
    "-no-reboot -icount shift=8,sleep=off -rtc "
    "base=2023-11-14T22:13:20,clock=vm "
    "-device isa-debug-exit,iobase=0xf4,iosize=1";
constexpr uint64_t kPowerOnDate = 1'700'000'000;

class Console : public OutputSink {
 public:
  void OnOutput(OutputKind kind, absl::Span<const uint8_t> bytes, Position,
                VirtualTime) override {
    if (kind == OutputKind::kConsole)
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

}  // namespace

absl::StatusOr<std::string> RunOnLibrr(const std::string& elf_path) {
  std::ifstream file(elf_path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", elf_path));
  std::ostringstream bytes;
  bytes << file.rdbuf();
  PcConfig config;
  config.kernel = bytes.str();
  config.memory_bytes = kMemory;
  LIBRR_ASSIGN_OR_RETURN(std::unique_ptr<Machine> machine,
                         CreatePcMachine(config));
  Console console;
  machine->SetOutputSink(&console);
  std::string date(8, '\0');
  for (size_t i = 0; i < 8; ++i)
    date[i] = static_cast<char>(kPowerOnDate >> (8 * i));
  LIBRR_RETURN_IF_ERROR(machine->ApplyInput({InputKind::kPowerOnDate, date}));
  LIBRR_RETURN_IF_ERROR(machine->ApplyInput({InputKind::kSeed, kSeed}));
  const StopState stop = machine->Run({.until = Position(kMaxSteps)});
  machine->SetOutputSink(nullptr);
  if (stop.kind != StopKind::kEnded) {
    absl::StrAppend(&console.text, "[still running]\n");
  } else if (stop.end != EndReason::kExit || stop.exit_code != 0) {
    absl::StrAppend(&console.text, "[", std::string(EndReasonName(stop.end)),
                    " ", stop.exit_code, ": ", stop.detail, "]\n");
  }
  return std::move(console.text);
}

bool HaveQemu() {
  return std::system("qemu-system-x86_64 --version >/dev/null 2>&1") == 0;
}

absl::StatusOr<std::string> RunOnQemu(const std::string& elf_path) {
  const std::string command =
      absl::StrCat(kQemu, " -kernel '", elf_path, "' 2>&1 </dev/null");
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return absl::UnavailableError("cannot start QEMU");
  std::string text;
  char part[4096];
  while (const size_t got = fread(part, 1, sizeof(part), pipe))
    text.append(part, got);
  const int status = pclose(pipe);
  // The exit port's status 0 is 1 here.
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 1)
    absl::StrAppend(&text, "[QEMU ended with ", status, "]\n");
  return text;
}

}  // namespace librr
