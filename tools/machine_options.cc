// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/machine_options.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "librr/input_script.h"
#include "tools/exit_code.h"
#include "tools/file_bytes.h"
#include "tools/message.h"
#include "tools/raw_terminal.h"
#include "tools/sandbox.h"

namespace librr::tools {
namespace {

constexpr uint64_t kMaxImageBytes = uint64_t{1} << 30;
constexpr uint64_t kMaxScriptBytes = uint64_t{16} << 20;
constexpr uint64_t kMemoryUnit = uint64_t{1} << 20;
constexpr const char* kDefaultCommandLine = "console=ttyS0";

constexpr Option kMachineTable[] = {
    {"kernel", 'k', "FILE",
     "what to boot: a Linux bzImage (64 bits) or a Multiboot ELF"},
    {"initrd", 'i', "FILE", "the initial RAM disk (Multiboot: a module)"},
    {"append", 'a', "TEXT",
     "the kernel's command line (default: console=ttyS0)"},
    {"memory", 'm', "SIZE", "the guest's memory, in K, M or G (default: 512M)"},
    {"cpus", 0, "N", "the number of virtual CPUs (default: 1)"},
    {"engine", 0, "NAME", "what executes the guest: interp (the default)"},
};

constexpr Option kRunTable[] = {
    {"input", 0, "FILE",
     "a script that types instead of you; lines are\n"
     "`expect TEXT`, `at SECONDS`, `wait SECONDS` (of guest\n"
     "time) and `type TEXT` (with \\n \\t \\e \\xHH \\\\)"},
    {"idle", 0, "HOW",
     "an idle guest's clock: `skip` jumps to the next timer,\n"
     "`wait` follows the host's clock (default: wait while a\n"
     "terminal or pipe may still bring input)"},
    {"max-position", 0, "N", "stop after N steps (instructions, in short)"},
    {"max-time", 0, "S", "stop after S seconds of guest time"},
    {"seed", 0, "N",
     "what the guest's random numbers come from\n"
     "(default: the host's randomness)"},
    {"date", 0, "N",
     "what the guest's clock says at power-on, in seconds\n"
     "since 1970 (default: now); seed, date and script together\n"
     "decide the whole run"},
    {"exit-status", 0, "",
     "return what the guest wrote to its exit port (0xf4)"},
};

constexpr Option kHelpTable[] = {{"help", 'h', "", "show this"}};
constexpr Option kJsonTable[] = {{"json", 0, "", "write one JSON object"}};
constexpr Option kCommonTable[] = {
    {"no-sandbox", 0, "", "keep system calls that the guest's run needs not"},
    {"help", 'h', "", "show this"},
};

absl::StatusOr<uint64_t> RandomSeed() {
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
    return absl::UnavailableError(
        "the host has no random numbers for a seed; give --seed");
  }
  return seed;
}

}  // namespace

const absl::Span<const Option> kMachineOptions(kMachineTable);
const absl::Span<const Option> kRunOptions(kRunTable);
const absl::Span<const Option> kCommonOptions(kCommonTable);
const absl::Span<const Option> kHelpOption(kHelpTable);
const absl::Span<const Option> kJsonOption(kJsonTable);

absl::StatusOr<PcConfig> ConfigFromOptions(const Arguments& arguments) {
  PcConfig config;
  const std::optional<std::string> kernel = arguments.Text("kernel");
  if (!kernel.has_value()) {
    return absl::InvalidArgumentError(
        "no kernel: give one with --kernel FILE, such as /boot/vmlinuz");
  }
  const absl::StatusOr<std::optional<uint64_t>> memory =
      arguments.Size("memory");
  if (!memory.ok()) return memory.status();
  config.memory_bytes = memory->value_or(config.memory_bytes);
  if (config.memory_bytes < kPcMinMemory ||
      config.memory_bytes > kPcMaxMemory ||
      config.memory_bytes % kMemoryUnit != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--memory: ", *arguments.Text("memory"),
                     " is impossible; it is a multiple of 1M from 4M to 64G"));
  }
  const absl::StatusOr<std::optional<uint64_t>> cpus = arguments.Number("cpus");
  if (!cpus.ok()) return cpus.status();
  if (cpus->value_or(1) < 1 || cpus->value_or(1) > 255) {
    return absl::InvalidArgumentError(
        "--cpus: impossible; a machine has at least one CPU");
  }
  config.vcpus = static_cast<int>(cpus->value_or(1));
  config.engine = arguments.Text("engine").value_or(config.engine);

  absl::StatusOr<std::string> bytes = ReadFileBytes(*kernel, kMaxImageBytes);
  if (!bytes.ok()) return bytes.status();
  config.kernel = *std::move(bytes);
  if (const std::optional<std::string> initrd = arguments.Text("initrd")) {
    bytes = ReadFileBytes(*initrd, kMaxImageBytes);
    if (!bytes.ok()) return bytes.status();
    config.initrd = *std::move(bytes);
  }
  if (const std::optional<std::string> text = arguments.Text("append")) {
    config.command_line = *text;
  } else {
    config.command_line = kDefaultCommandLine;
    Say(absl::StrCat("the kernel's command line is \"", kDefaultCommandLine,
                     "\" (--append changes it)"));
  }
  return config;
}

absl::StatusOr<LiveRunOptions> RunOptionsFrom(const Arguments& arguments) {
  LiveRunOptions options;
  const auto position = arguments.Number("max-position");
  if (!position.ok()) return position.status();
  if (position->has_value()) options.max_position = Position(**position);
  const auto time = arguments.Seconds("max-time");
  if (!time.ok()) return time.status();
  if (time->has_value()) options.max_time = VirtualTime(**time);
  const auto date = arguments.Number("date");
  if (!date.ok()) return date.status();
  options.power_on_seconds =
      date->value_or(static_cast<uint64_t>(::time(nullptr)));
  const auto seed = arguments.Number("seed");
  if (!seed.ok()) return seed.status();
  if (seed->has_value()) {
    options.seed = **seed;
  } else {
    const absl::StatusOr<uint64_t> random = RandomSeed();
    if (!random.ok()) return random.status();
    options.seed = *random;
  }
  if (const std::optional<std::string> idle = arguments.Text("idle")) {
    if (*idle != "skip" && *idle != "wait") {
      return absl::InvalidArgumentError(
          absl::StrCat("--idle: '", *idle, "' is neither skip nor wait"));
    }
    options.idle = *idle == "skip" ? IdlePolicy::kSkip : IdlePolicy::kWait;
  }
  return options;
}

absl::StatusOr<std::unique_ptr<Machine>> MakeMachine(
    const PcConfig& config, const Arguments& arguments) {
  absl::StatusOr<std::unique_ptr<Machine>> machine = CreatePcMachine(config);
  if (machine.ok()) return machine;
  // The kernel file is to blame for most of what can be wrong.
  return FromInput(
      absl::Status(machine.status().code(),
                   absl::StrCat(arguments.Text("kernel").value_or("kernel"),
                                ": ", machine.status().message())));
}

absl::StatusOr<LiveInput> InputFromOptions(const Arguments& arguments) {
  LiveInput input;
  if (const std::optional<std::string> path = arguments.Text("input")) {
    absl::StatusOr<std::string> text = ReadFileBytes(*path, kMaxScriptBytes);
    if (!text.ok()) return text.status();
    absl::StatusOr<std::unique_ptr<InputSource>> script =
        ParseInputScript(*path, *text);
    if (!script.ok()) return FromInput(script.status());
    input.source = *std::move(script);
    return input;
  }
  input.from_terminal = isatty(STDIN_FILENO) != 0;
  DescriptorSourceOptions options;
  if (input.from_terminal) options.stop_byte = kStopKey;
  input.source = NewDescriptorSource(STDIN_FILENO, options);
  return input;
}

absl::Status SandboxUnlessRefused(const Arguments& arguments) {
  return arguments.Has("no-sandbox") ? absl::OkStatus() : EnterSandbox();
}

int GuestExitCode(const Arguments& arguments, const EndRecord& end) {
  if (!arguments.Has("exit-status")) return kExitDone;
  if (end.reason == EndReason::kExit) return end.exit_code;
  return end.reason == EndReason::kPowerOff ? kExitDone : kExitFalse;
}

}  // namespace librr::tools
